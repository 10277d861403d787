use std::{error::Error, ops::Deref, sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::{
    id::OutboxId,
    outbox::ClaimedOutboxMessage,
    storage::{Storage, WholeUnit},
    store::{Attempt, StoreError, retried},
    time::{Backoff, Instant},
};

/// A database under test. It is created for one case, with empty tables, and must be deleted when this value is
/// dropped.
#[async_trait]
pub trait Subject: Send + Sync {
    /// Opens the database with new connections, as each node of the service does.
    async fn open(&self) -> Arc<dyn Storage>;
    /// The stored payload of an outbox message; `None` when the message does not exist. No port returns it, so the
    /// adapter must read it directly from the database.
    async fn outbox_payload(&self, id: OutboxId) -> Option<Vec<u8>>;
}

/// A node of the service, which uses the database under test. Several nodes can use the same database.
#[derive(Clone)]
pub(crate) struct Node {
    storage: Arc<dyn Storage>,
    pub(crate) subject: Arc<dyn Subject>,
}

impl Deref for Node {
    type Target = dyn Storage;

    fn deref(&self) -> &Self::Target {
        &*self.storage
    }
}

impl Node {
    /// Opens a node on the database.
    pub(crate) async fn first(subject: Arc<dyn Subject>) -> Self {
        Self { storage: subject.open().await, subject }
    }

    /// Opens another node on the same database.
    pub(crate) async fn another(&self) -> Self {
        Self::first(Arc::clone(&self.subject)).await
    }

    /// Claims all outbox messages that are due at `now`.
    pub(crate) async fn claim_all(&self, now: Instant) -> Vec<ClaimedOutboxMessage> {
        let mut claimed = Vec::new();
        while let Some(message) = patiently(|| self.claim_message(now)).await {
            claimed.push(message);
        }
        claimed
    }

    /// Begins a unit of work (a transaction) with all repositories.
    pub(crate) async fn unit(&self) -> Box<dyn WholeUnit> {
        patiently(|| begin_unit(|attempt| self.begin_whole(attempt))).await
    }
}

/// Calls `ask` until the store is not overloaded (`Unavailable`), and returns its result. Panics on any other error.
/// Overload is expected when a case begins hundreds of units of work at once.
pub(crate) async fn patiently<T, Fut>(mut ask: impl FnMut() -> Fut) -> T
where
    Fut: Future<Output = Result<T, StoreError>>,
{
    loop {
        match ask().await {
            Err(StoreError::Unavailable(_)) => tokio::task::yield_now().await,
            answer => return answer.unwrap(),
        }
    }
}

/// Begins a unit of work for a test that then uses it step by step. Only `begin` is retried after a conflict, unlike in
/// the application, which retries the whole unit of work.
///
/// # Errors
/// The error of `begin`, if it is not a conflict, or if the retries are exhausted.
pub async fn begin_unit<U, E, Fut>(begin: impl FnMut(Attempt) -> Fut) -> Result<U, E>
where
    E: Error + 'static,
    Fut: Future<Output = Result<U, E>>,
{
    retried(&NoWait, begin).await
}

/// A backoff that does not wait, because `begin` is not expected to conflict.
struct NoWait;

#[async_trait]
impl Backoff for NoWait {
    async fn wait(&self, _longest: Duration) {}
}
