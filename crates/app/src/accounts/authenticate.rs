use chrono::TimeDelta;
use domain::{
    accounts::{AccessTokenError, Role, SessionState},
    id::{SessionId, UserId},
    store::StoreError,
    time::Instant,
};
use moka::sync::Cache;

use super::Accounts;

/// How long a node trusts what it read of a sign-in. An end made elsewhere shows after it, within the 5 s of quality B8.
const TRUST: TimeDelta = TimeDelta::seconds(3);

/// How many sign-ins a node remembers.
const REMEMBERED: u64 = 100_000;

/// Who makes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// The user.
    pub user_id: UserId,
    /// The sign-in.
    pub session_id: SessionId,
    /// What the user may do now, whatever the token says.
    pub role: Role,
}

/// A request's token does not let it in.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticateError {
    /// It is not ours, was altered, or its user or sign-in is not live any more.
    #[error("the access token is not valid")]
    Invalid,
    /// Its time is over.
    #[error("the access token has expired")]
    Expired,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What this node read lately of sign-ins, so that authorising costs no statement in the common case.
pub(super) struct SeenSessions(Cache<SessionId, (Instant, SessionState)>);

impl Default for SeenSessions {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(REMEMBERED).support_invalidation_closures().build())
    }
}

impl SeenSessions {
    fn get(&self, id: SessionId, now: Instant) -> Option<SessionState> {
        let (seen_at, state) = self.0.get(&id)?;
        let age = now.signed_duration_since(seen_at);
        (TimeDelta::zero() <= age && age <= TRUST).then_some(state)
    }

    fn remember(&self, id: SessionId, read_at: Instant, state: SessionState) {
        self.0.insert(id, (read_at, state));
    }

    pub(super) fn forget(&self, id: SessionId) {
        self.0.invalidate(&id);
    }

    /// Forgets every sign-in of a user.
    pub(super) fn forget_user(&self, user_id: UserId) {
        if self.0.invalidate_entries_if(move |_, (_, state)| state.user_id == user_id).is_err() {
            self.0.invalidate_all();
        }
    }
}

impl Accounts {
    /// Says who holds the access token. Ended sign-ins, deactivated users and changed roles show within 5 s on every node.
    ///
    /// # Errors
    /// See [`AuthenticateError`].
    pub async fn authenticate(&self, token: &str) -> Result<Actor, AuthenticateError> {
        let now = self.now();
        let claims = self.ports.session_tokens.verify_access(token, now).map_err(|error| match error {
            AccessTokenError::Invalid => AuthenticateError::Invalid,
            AccessTokenError::Expired => AuthenticateError::Expired,
        })?;
        let state = if let Some(state) = self.seen_sessions.get(claims.session_id, now) {
            state
        } else {
            let state = self.ports.queries.session_state(claims.session_id, now).await?;
            let state = state.ok_or(AuthenticateError::Invalid)?;
            self.seen_sessions.remember(claims.session_id, now, state);
            state
        };
        if !state.is_live || state.user_id != claims.user_id {
            return Err(AuthenticateError::Invalid);
        }
        Ok(Actor { user_id: state.user_id, session_id: claims.session_id, role: state.role })
    }
}
