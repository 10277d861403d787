//! Requests with an idempotency key: one that is repeated is done once and answered again.

use async_trait::async_trait;
use chrono::TimeDelta;
use uuid::Uuid;

use crate::{
    id::{KeyedRequestId, UserId},
    store::StoreError,
    time::Instant,
};

/// How long a key is remembered.
pub const KEPT_FOR: TimeDelta = TimeDelta::hours(24);

/// Names a request: a key belongs to one user, method and path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    /// Who sent it.
    pub user_id: UserId,
    /// The HTTP method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The key that the client chose.
    pub key: String,
}

/// A request with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// The identifier of its row, should it be new.
    pub id: KeyedRequestId,
    /// Its name.
    pub key: IdempotencyKey,
    /// The digest of its body.
    pub fingerprint: String,
    /// When it was sent.
    pub at: Instant,
}

/// An answer that is given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// What is needed to write its body again.
    pub body: String,
}

/// What is known of a request that was sent before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRequest {
    /// The digest of its body.
    pub fingerprint: String,
    /// What it made, if anything: answers can be made of it when the answer was not kept.
    pub object_id: Option<Uuid>,
    /// Its answer, unless it was not kept: the process may have stopped before.
    pub answer: Option<KeptAnswer>,
}

/// Claims keys in the transaction that does what their requests ask for.
#[async_trait]
pub trait IdempotencyRepository: Send {
    /// Claims the key for what the unit makes. MUST answer `false` when another request has the key, and the unit must then be
    /// dropped; of several units that claim a key at once one MUST get it. The same request may claim again, for another
    /// object. A claim older than [`KEPT_FOR`] MUST be ignored.
    ///
    /// To be called before the unit looks at what the request changes: a repeat then finds the key claimed, and not the
    /// consequences of the first request.
    async fn claim_key(&mut self, request: &KeyedRequest, object_id: Uuid) -> Result<bool, StoreError>;
}

/// Keeps the answers to requests with keys. Each call is a transaction of its own.
#[async_trait]
pub trait IdempotencyKeys: Send + Sync {
    /// The request that has this key, unless it is older than [`KEPT_FOR`].
    async fn find_request(
        &self,
        key: &IdempotencyKey,
        now: Instant,
    ) -> Result<Option<KnownRequest>, StoreError>;
    /// Keeps the answer, also of a request that claimed nothing. MUST keep the first answer, MUST NOT change what another body
    /// was answered with, and MUST NOT keep a refusal (a status from 400 on) for a key that is claimed.
    async fn keep_answer(&self, request: &KeyedRequest, answer: &KeptAnswer) -> Result<(), StoreError>;
    /// Removes up to `limit` requests that were sent before `before`; returns how many.
    async fn purge_requests(&self, before: Instant, limit: u32) -> Result<u64, StoreError>;
}
