use async_trait::async_trait;

use crate::{
    accounts::{KnownDevice, LinkKind, RefreshToken, Session, UserDetails},
    audit::AuditRecord,
    catalog::MovieReaction,
    engagement::CommentReport,
    id::{CommentId, MovieId, UserId},
    library::Progress,
    notifications::{Notification, NotificationKind, NotificationSettings},
    orders::OrderView,
    payments::{PaymentView, RefundRequest},
    store::StoreError,
    time::Instant,
};

/// A movie that a user has in the cart or the favourites, has reacted to, or has rated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldMovie {
    /// The movie.
    pub id: MovieId,
    /// The title of the movie.
    pub name: String,
    /// When the movie was added, reacted to or rated.
    pub since: Instant,
}

/// A movie that a user bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldPurchase {
    /// The movie.
    pub movie_id: MovieId,
    /// The title of the movie.
    pub name: String,
    /// When the movie was bought.
    pub purchased_at: Instant,
    /// When the purchase was suspended because its payment is disputed.
    pub suspended_at: Option<Instant>,
    /// When the purchase was revoked.
    pub revoked_at: Option<Instant>,
}

/// How far a user has watched a bought movie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedMovie {
    /// The movie.
    pub movie_id: MovieId,
    /// The title of the movie.
    pub name: String,
    /// How far the user has watched the movie.
    pub progress: Progress,
}

/// A comment that the user wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenComment {
    /// The identifier of the comment.
    pub id: CommentId,
    /// The movie that the comment is about.
    pub movie_id: MovieId,
    /// The text.
    pub text: String,
    /// When the comment was written.
    pub created_at: Instant,
    /// When the text was last changed.
    pub edited_at: Option<Instant>,
}

/// The reactions, ratings and favourites of a user, and what the user did with comments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opinions {
    /// The reactions, oldest first.
    pub reactions: Vec<(HeldMovie, MovieReaction)>,
    /// The ratings with their scores, oldest first.
    pub ratings: Vec<(HeldMovie, i16)>,
    /// The favourites, oldest first.
    pub favorites: Vec<HeldMovie>,
    /// The comments that the user likes, and the times of the likes; oldest first.
    pub liked_comments: Vec<(CommentId, Instant)>,
    /// The comments that the user reported, oldest first.
    pub reports: Vec<(CommentId, CommentReport)>,
}

/// A link in a mail that was not used yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenLink {
    /// The purpose of the link.
    pub kind: LinkKind,
    /// When the link expires.
    pub expires_at: Instant,
}

/// An action of the user that other users were notified about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotifiedAct {
    /// The kind of the notification.
    pub kind: NotificationKind,
    /// The comment that the user liked, or the reply that the user wrote.
    pub comment_id: Option<CommentId>,
    /// When the user acted.
    pub at: Instant,
}

/// The data that is stored about a user, except the comments that the user wrote, the hash of the password, and the
/// digests of link tokens and of stream tickets. Pending mails, and requests with idempotency keys, are only counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalData {
    /// The account with its profile.
    pub user: UserDetails,
    /// The sessions, including ended ones, oldest first.
    pub sessions: Vec<Session>,
    /// The refresh tokens of the sessions, oldest first.
    pub refresh_tokens: Vec<RefreshToken>,
    /// The devices that the user signed in from.
    pub devices: Vec<KnownDevice>,
    /// Mailed links that have not been used yet.
    pub links: Vec<OpenLink>,
    /// The movies in the cart.
    pub cart: Vec<HeldMovie>,
    /// The movies that were bought.
    pub purchases: Vec<HeldPurchase>,
    /// How far bought movies were watched, the least recently watched movie first.
    pub watched: Vec<WatchedMovie>,
    /// Reactions, ratings, favourites, and likes and reports of comments.
    pub opinions: Opinions,
    /// The orders, oldest first.
    pub orders: Vec<OrderView>,
    /// The payments of the orders, including failed ones, oldest first.
    pub payments: Vec<PaymentView>,
    /// The requests for refunds, oldest first.
    pub refund_requests: Vec<RefundRequest>,
    /// How many requests with idempotency keys are stored.
    pub remembered_requests: u64,
    /// The entries of the audit log that name the user as actor or object, oldest first.
    pub audit: Vec<AuditRecord>,
    /// How many mails have not been sent yet.
    pub pending_mails: u64,
    /// The notifications, oldest first. They name other users, whose names must not be part of an export.
    pub notifications: Vec<Notification>,
    /// Which notifications are also sent by mail.
    pub notification_settings: NotificationSettings,
    /// The user's actions that other users were notified about, oldest first.
    pub notified_acts: Vec<NotifiedAct>,
    /// The expiry times of unused tickets for live streams of notifications.
    pub stream_tickets: Vec<Instant>,
}

/// Reads everything that is stored about one user, outside a unit of work (transaction).
#[async_trait]
pub trait PersonalDataQueries: Send + Sync {
    /// Returns all data except the written comments; `None` when there is no such user. MUST NOT contain data of other
    /// users, except in entries of the audit log and in notifications.
    async fn personal_data(&self, user_id: UserId) -> Result<Option<PersonalData>, StoreError>;
    /// Returns up to `most` comments that the user wrote, oldest first; comments of the same time are ordered by
    /// identifier. Begins after the comment with the time and identifier in `behind`, or with the first comment for
    /// `None`.
    async fn written_comments(
        &self,
        user_id: UserId,
        behind: Option<(Instant, CommentId)>,
        most: u32,
    ) -> Result<Vec<WrittenComment>, StoreError>;
}

/// Erases users. Callers hold the lock of the user.
#[async_trait]
pub trait PersonalDataRepository: Send {
    /// Whether an order of the user is pending. MUST see the orders that were committed before the lock of the user was
    /// acquired.
    async fn has_pending_order(&mut self, user_id: UserId) -> Result<bool, StoreError>;
    /// Anonymizes the user's row, which is kept because purchases may refer to it. The email address MUST be
    /// available to other users immediately, and no other method of any port may find the user again. Profile,
    /// sessions, refresh tokens, link tokens, stream tickets, known devices, idempotency keys, cart, watch progress,
    /// reactions, ratings, favourites, likes, comments, reports, pending mails and notifications MUST be removed,
    /// every counter MUST be updated, and the user's actions MUST be removed from the notifications of other users.
    /// Comments with replies MUST be kept without text and author, and requests for refunds without their texts.
    /// Purchases, orders, payments and the audit log MUST be kept.
    async fn erase_user(&mut self, user_id: UserId, at: Instant) -> Result<(), StoreError>;
}
