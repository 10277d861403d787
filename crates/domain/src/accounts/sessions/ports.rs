use async_trait::async_trait;

use crate::{
    accounts::{RefreshToken, Role, Session},
    entropy::TokenDigest,
    id::{SessionId, UserId},
    store::StoreError,
    time::Instant,
};

/// Stores sessions and their refresh tokens.
#[async_trait]
pub trait SessionRepository: Send {
    /// The session, without locking it.
    async fn find_session(&mut self, id: SessionId) -> Result<Option<Session>, StoreError>;
    /// Adds a session.
    async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError>;
    /// The session, locked until the transaction ends.
    async fn find_session_for_update(&mut self, id: SessionId) -> Result<Option<Session>, StoreError>;
    /// The active sessions of the user, the most recently used first, locked until the transaction ends.
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
    /// Ends the given sessions, except the ones that have been ended before, and removes the refresh tokens of all
    /// given sessions.
    async fn end_sessions(&mut self, ids: &[SessionId], at: Instant) -> Result<(), StoreError>;
    /// Ends every session of the user that has not been ended before, and removes all refresh tokens of the user.
    async fn end_all_sessions(&mut self, user_id: UserId, at: Instant) -> Result<(), StoreError>;
}

/// The state of the session of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionState {
    /// The user of the session.
    pub user_id: UserId,
    /// The user's current role.
    pub role: Role,
    /// Whether the user is active, and the session neither ended nor expired.
    pub is_live: bool,
}

/// Reads sessions outside a unit of work (transaction).
#[async_trait]
pub trait SessionQueries: Send + Sync {
    /// The state of the session at `now`; `None` when there is no such session.
    async fn session_state(&self, id: SessionId, now: Instant) -> Result<Option<SessionState>, StoreError>;
    /// The sessions of the user that are neither ended nor expired at `now`, the most recently used first.
    async fn live_sessions(&self, user_id: UserId, now: Instant) -> Result<Vec<Session>, StoreError>;
}

/// Removes rows that are no longer needed.
#[async_trait]
pub trait AccountMaintenance: Send + Sync {
    /// Removes up to `limit` rows of each kind: link tokens that expired before `links_before`, refresh tokens and
    /// stream tickets that expired before `now`, sessions that ended or expired before `links_before`, notifications
    /// whose likes were all withdrawn and whose latest like was before `links_before`, and carts and notifications of
    /// users who were erased at `links_before` or later. A request that ran during the erasure may have created such a
    /// cart or notification.
    ///
    /// Skips rows that other transactions have locked. Returns the number of removed rows. MUST be safe to run on
    /// several nodes concurrently.
    async fn purge_expired(&self, now: Instant, links_before: Instant, limit: u32)
    -> Result<u64, StoreError>;
}
