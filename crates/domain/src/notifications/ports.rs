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
    /// A unit of work about notifications.
    pub trait NotificationUnit: Unit + NotificationRepository + StreamTicketRepository;
}

/// Begins units of work about notifications.
#[async_trait]
pub trait NotificationStore: Send + Sync {
    /// Begins one for a user who changes their own notifications.
    async fn begin_own(
        &self,
        attempt: Attempt,
        owner: &Actor,
    ) -> Result<Box<dyn NotificationUnit>, AccessError>;
    /// Begins one without a signed-in user: to follow a link in a mail or to take a ticket.
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

/// A notification that was made, or became unread again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedNotification {
    /// The notification that the receiver sees: an earlier one when it was folded into it.
    pub id: NotificationId,
    /// What the mail about it says; `None` when its kind is not mailed, or its receiver does not want that or is not active.
    pub mail: Option<NotificationMail>,
}

/// Which notifications are marked as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadSelection {
    /// Every one.
    All,
    /// Those with these identifiers.
    Ids(Vec<NotificationId>),
}

/// Keeps notifications.
///
/// Whoever changes a user's notifications locks that user's inbox until the unit ends, so that the changes of a user become
/// visible in the order of their positions. Inboxes are locked last, and several in the order of their users.
#[async_trait]
pub trait NotificationRepository: Send {
    /// Notifies the receiver. `None` when this cause was notified before.
    ///
    /// Likes of one comment MUST be folded into one notification: one more like counts once for each user, makes it unread
    /// again, and moves it to the beginning of the list.
    async fn push_notification(
        &mut self,
        new: &NewNotification,
    ) -> Result<Option<PushedNotification>, StoreError>;
    /// Notes that the notification was mailed. One about a reply MUST count among the receiver's mails about replies, which
    /// are counted anew [`MAILED_EVERY`](super::MAILED_EVERY) after the first of them.
    async fn mark_notification_mailed(&mut self, id: NotificationId, at: Instant) -> Result<(), StoreError>;
    /// Takes the user's like of the comment out of its notification, which MUST disappear with the last one. MUST NOT forget
    /// when it was mailed, should it be liked again, and MUST change nothing when the user's like is not in it.
    async fn withdraw_like_notification(
        &mut self,
        comment_id: CommentId,
        actor: UserId,
    ) -> Result<(), StoreError>;
    /// Removes the notifications about a comment that is being deleted: that it was liked, and that it is a reply.
    async fn remove_comment_notifications(&mut self, comment_id: CommentId) -> Result<(), StoreError>;
    /// Marks unread notifications of the receiver as read. MUST NOT touch those of others.
    async fn mark_notifications_read(
        &mut self,
        receiver: UserId,
        selection: &ReadSelection,
        at: Instant,
    ) -> Result<(), StoreError>;
    /// The user's settings, locked until the unit ends; the default ones while nothing was decided, `None` for a user who is
    /// unknown or erased.
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

/// A ticket that opens one live stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamTicket {
    /// Its identifier.
    pub id: TokenId,
    /// Whose it is.
    pub user_id: UserId,
    /// The session that asked for it, with which the stream ends.
    pub session_id: SessionId,
    /// The digest of the ticket.
    pub digest: TokenDigest,
    /// When it can no longer be used.
    pub expires_at: Instant,
}

/// Keeps tickets for live streams.
#[async_trait]
pub trait StreamTicketRepository: Send {
    /// Keeps the ticket, and removes those of its user that expired before `now`.
    async fn insert_stream_ticket(&mut self, ticket: &StreamTicket, now: Instant) -> Result<(), StoreError>;
    /// Removes the ticket and gives it, expired or not. MUST give it to one of several callers at most.
    async fn take_stream_ticket(&mut self, digest: &TokenDigest) -> Result<Option<StreamTicket>, StoreError>;
}

/// How far the notifications of a user have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserPosition {
    /// The user.
    pub user_id: UserId,
    /// The position of the last change to their notifications; 0 before the first.
    pub position: i64,
}

/// Reads notifications outside a unit of work.
#[async_trait]
pub trait NotificationQueries: Send + Sync {
    /// The user's notifications, the newest first; the unread ones alone if so wanted.
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
    /// How far the notifications of these users have come, in any order; users who were never notified are left out. A
    /// position that was read here MUST NOT be passed by a change that becomes visible later with a smaller one.
    async fn notification_positions(&self, user_ids: &[UserId]) -> Result<Vec<UserPosition>, StoreError>;
    /// The user's notifications behind the position, in the order of their positions: `limit` at most.
    async fn notifications_behind(
        &self,
        behind: UserPosition,
        limit: u32,
    ) -> Result<Vec<Notification>, StoreError>;
    /// Which of these sessions are live at `now`: neither ended nor expired, and of an active user.
    async fn live_sessions_among(
        &self,
        ids: &[SessionId],
        now: Instant,
    ) -> Result<Vec<SessionId>, StoreError>;
}
