//! Tracks the requests with idempotency keys that this process is executing, so that a second request with the same key
//! is refused until the first request has ended.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use domain::idempotency::IdempotencyKey;

/// The keys of the requests that this process is executing. Clones share the keys.
#[derive(Clone, Default)]
pub(crate) struct RunningRequests(Arc<Mutex<HashSet<IdempotencyKey>>>);

/// A registered request. Dropping the value unregisters the request.
pub(crate) struct RunningRequest {
    requests: RunningRequests,
    key: IdempotencyKey,
}

impl RunningRequests {
    /// Registers a request; `None` when a request with this key is being executed.
    pub(crate) fn begin(&self, key: &IdempotencyKey) -> Option<RunningRequest> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.insert(key.clone()).then(|| RunningRequest { requests: self.clone(), key: key.clone() })
    }
}

impl Drop for RunningRequest {
    fn drop(&mut self) {
        self.requests.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use domain::id::Id;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_second_request_with_a_key_cannot_begin_until_the_first_has_ended() {
        let requests = RunningRequests::default();
        let key = IdempotencyKey {
            user_id: Id::from_uuid(Uuid::nil()),
            method: "POST".to_owned(),
            path: "/api/v1/orders".to_owned(),
            key: "one".to_owned(),
        };
        let running = requests.begin(&key);
        assert!(running.is_some() && requests.begin(&key).is_none());
        assert!(requests.begin(&IdempotencyKey { key: "two".to_owned(), ..key.clone() }).is_some());
        drop(running);
        assert!(requests.begin(&key).is_some());
    }
}
