use std::{error::Error, ops::Deref, sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::{
    id::OutboxId,
    outbox::ClaimedOutboxMessage,
    storage::{Storage, WholeUnit},
    store::{Attempt, StoreError, retried},
    time::{Backoff, Instant},
};

/// A database under test: created for one case, with empty tables, and removed when this is dropped.
#[async_trait]
pub trait Subject: Send + Sync {
    /// Opens the database with separate connections, like each node of the service.
    async fn open(&self) -> Arc<dyn Storage>;
    /// The stored payload of a message of the outbox, which no port returns; `None` when there is no such message.
    async fn outbox_payload(&self, id: OutboxId) -> Option<Vec<u8>>;
}

/// A node of the service that works on the database under test.
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
    pub(crate) async fn first(subject: Arc<dyn Subject>) -> Self {
        Self { storage: subject.open().await, subject }
    }

    /// Another node on the same database.
    pub(crate) async fn another(&self) -> Self {
        Self::first(Arc::clone(&self.subject)).await
    }

    /// Claims every message of the outbox that is due.
    pub(crate) async fn claim_all(&self, now: Instant) -> Vec<ClaimedOutboxMessage> {
        let mut claimed = Vec::new();
        while let Some(message) = patiently(|| self.claim_message(now)).await {
            claimed.push(message);
        }
        claimed
    }

    /// A unit of work with all repositories.
    pub(crate) async fn unit(&self) -> Box<dyn WholeUnit> {
        patiently(|| begin_unit(|attempt| self.begin_whole(attempt))).await
    }
}

/// Retries while the store reports that it is overloaded, which is not a fault when a case begins hundreds of units at
/// once.
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

/// Begins a unit of work that a test drives step by step: only its beginning is inside the retry.
///
/// # Errors
/// The error of `begin`.
pub async fn begin_unit<U, E, Fut>(begin: impl FnMut(Attempt) -> Fut) -> Result<U, E>
where
    E: Error + 'static,
    Fut: Future<Output = Result<U, E>>,
{
    retried(&NoWait, begin).await
}

/// Does not wait, since beginning a unit of work cannot lose a race.
struct NoWait;

#[async_trait]
impl Backoff for NoWait {
    async fn wait(&self, _longest: Duration) {}
}
