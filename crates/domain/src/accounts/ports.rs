use async_trait::async_trait;

use crate::{
    accounts::{
        EmailAddress, LinkKind, LinkToken, PasswordHash, Profile, RefreshToken, Role, Session, User,
        UserLocks,
    },
    entropy::TokenDigest,
    id::{SessionId, UserId},
    store::StoreError,
    time::Instant,
};

/// A user cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum InsertUserError {
    /// An account has this address already, in whatever spelling.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps accounts.
#[async_trait]
pub trait UserRepository: Send {
    /// The user, or `None`.
    async fn find_user(&mut self, id: UserId) -> Result<Option<User>, StoreError>;
    /// The user, locked until the unit ends.
    async fn find_user_for_update(&mut self, id: UserId) -> Result<Option<User>, StoreError>;
    /// The user with this address (by its key), locked until the unit ends.
    async fn find_user_by_email_for_update(
        &mut self,
        email: &EmailAddress,
    ) -> Result<Option<User>, StoreError>;
    /// These users, in the order of their identifiers: MUST lock them in that order until the unit ends, and MUST give them as
    /// the units that locked them before have left them.
    async fn find_users_for_update(&mut self, wanted: &UserLocks) -> Result<Vec<User>, StoreError>;
    /// Adds a user. MUST answer [`InsertUserError::EmailTaken`] when the address key is there, even when another unit
    /// adds it at the same moment, and MUST leave the unit usable then.
    async fn insert_user(&mut self, user: &User) -> Result<(), InsertUserError>;
    /// Writes all of the user but its identifier, the key of its address and its creation time.
    async fn update_user(&mut self, user: &User) -> Result<(), StoreError>;
}

/// Keeps the stored side of links in mails.
#[async_trait]
pub trait LinkTokenRepository: Send {
    /// Keeps the token. MUST replace the user's earlier one of the same kind.
    async fn put_link(&mut self, token: &LinkToken) -> Result<(), StoreError>;
    /// The token, expired or not, without locking or removing it: so that its user can be locked first.
    async fn find_link(
        &mut self,
        kind: LinkKind,
        digest: &TokenDigest,
    ) -> Result<Option<LinkToken>, StoreError>;
    /// Removes the token and gives it, expired or not. MUST give it to one of several callers at most.
    async fn take_link(
        &mut self,
        kind: LinkKind,
        digest: &TokenDigest,
    ) -> Result<Option<LinkToken>, StoreError>;
    /// Removes the user's token of the kind, if there is one.
    async fn remove_link(&mut self, kind: LinkKind, user_id: UserId) -> Result<(), StoreError>;
}

/// Keeps profiles. Callers hold the lock of the user.
#[async_trait]
pub trait ProfileRepository: Send {
    /// The user's profile, or `None` while nothing was ever said.
    async fn find_profile(&mut self, user_id: UserId) -> Result<Option<Profile>, StoreError>;
    /// Writes all of the profile, in place of the user's earlier one.
    async fn put_profile(&mut self, profile: &Profile) -> Result<(), StoreError>;
}

/// Keeps sessions and their refresh tokens.
#[async_trait]
pub trait SessionRepository: Send {
    /// The session, not locked.
    async fn find_session(&mut self, id: SessionId) -> Result<Option<Session>, StoreError>;
    /// Adds a session.
    async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError>;
    /// The session, locked until the unit ends.
    async fn find_session_for_update(&mut self, id: SessionId) -> Result<Option<Session>, StoreError>;
    /// The live sessions of the user, the one used last first, locked until the unit ends.
    async fn find_live_sessions_for_update(
        &mut self,
        user_id: UserId,
        now: Instant,
    ) -> Result<Vec<SessionId>, StoreError>;
    /// Writes `last_used_at` and `ended_at`.
    async fn update_session(&mut self, session: &Session) -> Result<(), StoreError>;
    /// Adds a refresh token.
    async fn insert_refresh_token(&mut self, token: &RefreshToken) -> Result<(), StoreError>;
    /// The refresh token with this digest.
    async fn find_refresh_token(&mut self, digest: &TokenDigest) -> Result<Option<RefreshToken>, StoreError>;
    /// Records when the refresh token with this digest was rotated.
    async fn mark_refresh_token_rotated(
        &mut self,
        digest: &TokenDigest,
        at: Instant,
    ) -> Result<(), StoreError>;
    /// Removes every refresh token of the session.
    async fn remove_refresh_tokens(&mut self, session_id: SessionId) -> Result<(), StoreError>;
    /// Ends those of these sessions that have not ended at `at` and removes their refresh tokens.
    async fn end_sessions(&mut self, ids: &[SessionId], at: Instant) -> Result<(), StoreError>;
    /// Ends every live session of the user at `at` and removes their refresh tokens.
    async fn end_all_sessions(&mut self, user_id: UserId, at: Instant) -> Result<(), StoreError>;
}

/// What a log-in needs to know before the password is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Whose they are.
    pub user_id: UserId,
    /// The hash of the password.
    pub password: PasswordHash,
    /// Whether the account waits for its activation.
    pub is_awaiting_activation: bool,
    /// The user's version when this was read.
    pub version: i64,
}

/// What a request needs to know of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionState {
    /// Whose it is.
    pub user_id: UserId,
    /// The user's role now.
    pub role: Role,
    /// Whether the user is active, and the session neither ended nor expired.
    pub is_live: bool,
}

/// Reads accounts outside a unit of work.
#[async_trait]
pub trait AccountQueries: Send + Sync {
    /// The credentials of the address (by its key).
    async fn credentials(&self, email: &EmailAddress) -> Result<Option<Credentials>, StoreError>;
    /// The address and the credentials of the user.
    async fn credentials_of(
        &self,
        user_id: UserId,
    ) -> Result<Option<(EmailAddress, Credentials)>, StoreError>;
    /// The link with this digest, expired or not.
    async fn find_link(&self, kind: LinkKind, digest: &TokenDigest) -> Result<Option<LinkToken>, StoreError>;
    /// The state of the session at `now`.
    async fn session_state(&self, id: SessionId, now: Instant) -> Result<Option<SessionState>, StoreError>;
    /// The sessions of the user that are neither ended nor expired at `now`, the one used last first.
    async fn live_sessions(&self, user_id: UserId, now: Instant) -> Result<Vec<Session>, StoreError>;
}

/// Removes what has expired.
#[async_trait]
pub trait AccountMaintenance: Send + Sync {
    /// Removes up to `limit` rows of each kind: link tokens that expired before `links_before`, refresh tokens and stream
    /// tickets that expired before `now`, sessions that ended or expired before `links_before`, notifications that were
    /// withdrawn before that, and carts and notifications of users who were erased since. Rows that others have locked are left
    /// out. Returns the number of removed rows. MUST be safe on several nodes at once.
    async fn purge_expired(&self, now: Instant, links_before: Instant, limit: u32)
    -> Result<u64, StoreError>;
}
