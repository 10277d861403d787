use chrono::TimeDelta;
use domain::{
    accounts::SessionState,
    id::{SessionId, UserId},
    time::Instant,
};
use moka::sync::Cache;

/// How long a node caches the state of a session. A session that ends on another node is refused after this time at the
/// latest.
const TRUST: TimeDelta = TimeDelta::seconds(3);

/// The maximum number of sessions that a node caches.
const REMEMBERED: u64 = 100_000;

/// A cache of session states on this node, so that most requests are authenticated without a database statement. Clones
/// share the cache. Only reads rely on the cache; units of work check the actor again.
#[derive(Clone)]
pub struct SeenSessions(Cache<SessionId, (Instant, SessionState)>);

impl Default for SeenSessions {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(REMEMBERED).support_invalidation_closures().build())
    }
}

impl SeenSessions {
    /// Returns the cached state of the session, if it is recent.
    pub(super) fn get(&self, id: SessionId, now: Instant) -> Option<SessionState> {
        let (seen_at, state) = self.0.get(&id)?;
        let age = now.signed_duration_since(seen_at);
        (TimeDelta::zero() <= age && age <= TRUST).then_some(state)
    }

    /// Caches the state of the session.
    pub(super) fn remember(&self, id: SessionId, read_at: Instant, state: SessionState) {
        self.0.insert(id, (read_at, state));
    }

    /// Removes a session that has ended.
    pub(super) fn forget(&self, id: SessionId) {
        self.0.invalidate(&id);
    }

    /// Removes every session of a user whose account or sessions were changed.
    pub(super) fn forget_user(&self, user_id: UserId) {
        if self.0.invalidate_entries_if(move |_, (_, state)| state.user_id == user_id).is_err() {
            self.0.invalidate_all();
        }
    }
}
