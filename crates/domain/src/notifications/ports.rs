use async_trait::async_trait;

use super::{NewNotification, Notification, NotificationMail, NotificationSettings, UnreadCounts};
use crate::{
    accounts::{AccessError, Actor, Authority, SessionRepository, UserRepository, begin_as},
    entropy::TokenDigest,
    id::{CommentId, NotificationId, SessionId, TokenId, UserId},
    page::{Page, PageRequest},
    store::{Attempt, StoreError, Unit, UnitsOfWork, gathered},
    time::Instant,
};

gathered! {
    /// A unit of work (one transaction) about notifications.
    pub trait NotificationUnit: Unit + NotificationRepository + StreamTicketRepository;
}

/// Begins units of work about notifications.
#[async_trait]
pub trait NotificationStore: Send + Sync {
    /// Begins a unit of work for a user who changes their own notifications.
    async fn begin_own(
        &self,
        attempt: Attempt,
        owner: &Actor,
    ) -> Result<Box<dyn NotificationUnit>, AccessError>;
    /// Begins a unit of work without a signed-in user: to follow a link in a mail or to use a ticket.
    async fn begin_notifications(&self, attempt: Attempt) -> Result<Box<dyn NotificationUnit>, StoreError>;
}

#[async_trait]
impl<D> NotificationStore for D
where
    D: UnitsOfWork<Unit: NotificationUnit + UserRepository + SessionRepository>,
{
    async fn begin_own(
        &self,
        attempt: Attempt,
        owner: &Actor,
    ) -> Result<Box<dyn NotificationUnit>, AccessError> {
        Ok(Box::new(begin_as(self, attempt, &Authority::own(owner)).await?))
    }

    async fn begin_notifications(&self, attempt: Attempt) -> Result<Box<dyn NotificationUnit>, StoreError> {
        Ok(Box::new(UnitsOfWork::begin(self, attempt).await?))
    }
}

/// A notification that was created, or that a further like was added to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedNotification {
    /// The notification that the receiver sees: an earlier notification if the new notification was merged into it.
    pub id: NotificationId,
    /// The content of the mail about the notification; `None` when its kind is not mailed, or its receiver has switched
    /// off such mails or is not active.
    pub mail: Option<NotificationMail>,
}

/// Which notifications are marked as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadSelection {
    /// All notifications.
    All,
    /// The notifications with these identifiers.
    Ids(Vec<NotificationId>),
}

/// Stores notifications.
///
/// Each user has an inbox, which contains the user's notifications and settings. A transaction that changes
/// notifications locks the inbox until the transaction ends. Therefore, the notifications of an inbox become visible to
/// readers in the order of their positions. A transaction locks inboxes as late as possible, and several inboxes in the
/// order of the users' identifiers.
#[async_trait]
pub trait NotificationRepository: Send {
    /// Notifies the receiver. Returns `None` when the receiver was already notified of this cause, or is unknown or
    /// erased.
    ///
    /// Likes of one comment MUST be merged into one notification, in which each user counts once. A further like makes
    /// the notification unread again and moves it to the beginning of the list.
    async fn push_notification(
        &mut self,
        new: &NewNotification,
    ) -> Result<Option<PushedNotification>, StoreError>;
    /// Records that the notification was mailed. MUST count the mail among the receiver's mails about replies and
    /// likes. A mail that is sent [`MAILED_EVERY`](super::MAILED_EVERY) or more after the first counted one starts
    /// the count again at 1.
    async fn mark_notification_mailed(&mut self, id: NotificationId, at: Instant) -> Result<(), StoreError>;
    /// Removes the user's like of the comment from the notification about its likes. MUST hide the notification when no
    /// like is left, but MUST keep the time when it was mailed, in case the comment is liked again. MUST NOT change the
    /// notification when it does not contain the user's like.
    async fn withdraw_like_notification(
        &mut self,
        comment_id: CommentId,
        actor: UserId,
    ) -> Result<(), StoreError>;
    /// Removes the notifications about a comment that is being deleted: the notification about its likes, and, if the
    /// comment is a reply, the notification about the reply.
    async fn remove_comment_notifications(&mut self, comment_id: CommentId) -> Result<(), StoreError>;
    /// Marks unread notifications of the receiver as read. MUST NOT change notifications of other users.
    async fn mark_notifications_read(
        &mut self,
        receiver: UserId,
        selection: &ReadSelection,
        at: Instant,
    ) -> Result<(), StoreError>;
    /// The user's settings, locked until the transaction ends; the default settings if the user has not changed them,
    /// and `None` for an unknown or erased user.
    async fn notification_settings_for_update(
        &mut self,
        user_id: UserId,
    ) -> Result<Option<NotificationSettings>, StoreError>;
    /// Writes the user's settings.
    async fn put_notification_settings(
        &mut self,
        user_id: UserId,
        settings: NotificationSettings,
    ) -> Result<(), StoreError>;
}

/// A ticket with which a client opens one live stream of the user's notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamTicket {
    /// The identifier of the ticket.
    pub id: TokenId,
    /// The user of the ticket.
    pub user_id: UserId,
    /// The session that requested the ticket; the stream ends with this session.
    pub session_id: SessionId,
    /// The digest of the ticket.
    pub digest: TokenDigest,
    /// When the ticket expires.
    pub expires_at: Instant,
}

/// Stores tickets for live streams of notifications.
#[async_trait]
pub trait StreamTicketRepository: Send {
    /// Stores the ticket, and removes tickets of the same user that expired before `now`.
    async fn insert_stream_ticket(&mut self, ticket: &StreamTicket, now: Instant) -> Result<(), StoreError>;
    /// Removes and returns the ticket, expired or not. MUST return it to at most one of several concurrent callers.
    async fn take_stream_ticket(&mut self, digest: &TokenDigest) -> Result<Option<StreamTicket>, StoreError>;
}

/// A position among the changes to a user's notifications: the latest position, or the position that a live stream has
/// reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserPosition {
    /// The user.
    pub user_id: UserId,
    /// The position of a change to the user's notifications; 0 before the first change.
    pub position: i64,
}

/// Reads notifications outside a unit of work (transaction).
#[async_trait]
pub trait NotificationQueries: Send + Sync {
    /// The user's notifications, the newest first; optionally only unread ones.
    async fn notification_page(
        &self,
        user_id: UserId,
        unread_only: bool,
        request: &PageRequest,
    ) -> Result<Page<Notification>, StoreError>;
    /// How many of the user's notifications are unread.
    async fn unread_counts(&self, user_id: UserId) -> Result<UnreadCounts, StoreError>;
    /// The user's settings.
    async fn notification_settings(&self, user_id: UserId) -> Result<NotificationSettings, StoreError>;
    /// The latest positions of these users, in any order; users who never had a notification may be omitted. After this
    /// method has returned a position, a change with a smaller position MUST NOT become visible.
    async fn notification_positions(&self, user_ids: &[UserId]) -> Result<Vec<UserPosition>, StoreError>;
    /// Up to `limit` notifications of the user after the position, in the order of their positions.
    async fn notifications_behind(
        &self,
        behind: UserPosition,
        limit: u32,
    ) -> Result<Vec<Notification>, StoreError>;
    /// Returns which of the given sessions are active at `now`: neither ended nor expired, and of an active user.
    async fn live_sessions_among(
        &self,
        ids: &[SessionId],
        now: Instant,
    ) -> Result<Vec<SessionId>, StoreError>;
}
