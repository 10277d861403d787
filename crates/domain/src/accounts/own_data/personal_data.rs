use async_trait::async_trait;

use crate::{
    accounts::{KnownDevice, LinkKind, RefreshToken, Session, UserDetails},
    audit::AuditRecord,
    catalog::MovieReaction,
    engagement::CommentReport,
    id::{CommentId, MovieId, UserId},
    notifications::{Notification, NotificationKind, NotificationSettings},
    orders::OrderView,
    payments::{PaymentView, RefundRequest},
    store::StoreError,
    time::Instant,
};

/// A movie that a user has, for example in the cart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldMovie {
    /// The movie.
    pub id: MovieId,
    /// Its title.
    pub name: String,
    /// Since when.
    pub since: Instant,
}

/// A movie that a user bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldPurchase {
    /// The movie.
    pub movie_id: MovieId,
    /// Its title.
    pub name: String,
    /// When it was bought.
    pub purchased_at: Instant,
    /// Since when it cannot be watched because its payment is disputed.
    pub suspended_at: Option<Instant>,
    /// When the purchase ended.
    pub revoked_at: Option<Instant>,
}

/// A comment that the user wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenComment {
    /// Its identifier.
    pub id: CommentId,
    /// The movie that it is about.
    pub movie_id: MovieId,
    /// The text.
    pub text: String,
    /// When it was written.
    pub created_at: Instant,
    /// When the text was last changed.
    pub edited_at: Option<Instant>,
}

/// The reactions, ratings, favourites and comments of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opinions {
    /// The reactions, oldest first.
    pub reactions: Vec<(HeldMovie, MovieReaction)>,
    /// The ratings with their scores, oldest first.
    pub ratings: Vec<(HeldMovie, i16)>,
    /// The favourites, oldest first.
    pub favorites: Vec<HeldMovie>,
    /// The comments, oldest first.
    pub comments: Vec<WrittenComment>,
    /// The comments that the user likes, and the times of the likes; oldest first.
    pub liked_comments: Vec<(CommentId, Instant)>,
    /// The comments that the user reported, oldest first.
    pub reports: Vec<(CommentId, CommentReport)>,
}

/// A link in a mail that was not used yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenLink {
    /// Its purpose.
    pub kind: LinkKind,
    /// When it expires.
    pub expires_at: Instant,
}

/// What a user did that others were notified about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotifiedAct {
    /// The kind of the notification.
    pub kind: NotificationKind,
    /// The comment that the user liked, or the reply.
    pub comment_id: Option<CommentId>,
    /// When the user did it.
    pub at: Instant,
}

/// Everything that is stored about a user, except hashes of passwords and tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalData {
    /// The account with its profile.
    pub user: UserDetails,
    /// The sign-ins, ended ones too, oldest first.
    pub sessions: Vec<Session>,
    /// Their refresh tokens, oldest first.
    pub refresh_tokens: Vec<RefreshToken>,
    /// The devices that the user signed in from.
    pub devices: Vec<KnownDevice>,
    /// Links that were mailed and not used yet.
    pub links: Vec<OpenLink>,
    /// The movies in the cart.
    pub cart: Vec<HeldMovie>,
    /// The movies that were bought.
    pub purchases: Vec<HeldPurchase>,
    /// Reactions, ratings, favourites and comments.
    pub opinions: Opinions,
    /// The orders, oldest first.
    pub orders: Vec<OrderView>,
    /// The attempts to pay them, oldest first.
    pub payments: Vec<PaymentView>,
    /// The requests for refunds, oldest first.
    pub refund_requests: Vec<RefundRequest>,
    /// How many requests with idempotency keys are remembered.
    pub remembered_requests: u64,
    /// The entries of the audit log that name the user as actor or object, oldest first.
    pub audit: Vec<AuditRecord>,
    /// How many mails wait to be sent.
    pub pending_mails: u64,
    /// The notifications, oldest first. They name other users, who are not to be told of in a copy.
    pub notifications: Vec<Notification>,
    /// Which of them come by mail too.
    pub notification_settings: NotificationSettings,
    /// What others were notified about, oldest first.
    pub notified_acts: Vec<NotifiedAct>,
    /// When tickets for live streams that were not used yet expire.
    pub stream_tickets: Vec<Instant>,
}

/// Reads everything that is stored about one user, outside a unit of work.
#[async_trait]
pub trait PersonalDataQueries: Send + Sync {
    /// All of it, or `None` when there is no such user. MUST hold nothing of another user but what the audit log says.
    async fn personal_data(&self, user_id: UserId) -> Result<Option<PersonalData>, StoreError>;
}

/// Erases users. Callers hold the lock of the user.
#[async_trait]
pub trait PersonalDataRepository: Send {
    /// Whether an order of the user is pending. MUST see orders that units of work of the same user made before.
    async fn has_pending_order(&mut self, user_id: UserId) -> Result<bool, StoreError>;
    /// Makes a nameless row of the user, which purchases may refer to for ever: its address MUST be free for others at
    /// once, and no other method of any port MUST find the user again. Profile, sign-ins, tokens, cart, reactions,
    /// ratings, favourites, likes, comments, reports, mails that wait and notifications MUST go, every counter MUST follow,
    /// and what the user did MUST leave the notifications of others; purchases, orders and the audit log MUST stay.
    async fn erase_user(&mut self, user_id: UserId, at: Instant) -> Result<(), StoreError>;
}
