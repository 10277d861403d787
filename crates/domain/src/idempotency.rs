//! Requests with an idempotency key: a request that is sent again is executed only once, and its first response is
//! returned again.

use async_trait::async_trait;
use chrono::TimeDelta;
use uuid::Uuid;

use crate::{
    id::{KeyedRequestId, UserId},
    store::StoreError,
    time::Instant,
};

/// How long a key is valid. An older claim of a key is ignored, and removed later.
pub const KEPT_FOR: TimeDelta = TimeDelta::hours(24);

/// Identifies a request: a key belongs to one user, method and path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    /// The user who sent the request.
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
    /// The identifier that the row of the request gets if the request is new.
    pub id: KeyedRequestId,
    /// The key that identifies the request.
    pub key: IdempotencyKey,
    /// The digest of the request's body.
    pub fingerprint: String,
    /// When the request was received.
    pub at: Instant,
}

/// A stored response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The response body, in the form in which it is stored.
    pub body: String,
}

/// The stored data about an earlier request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRequest {
    /// The digest of the request's body.
    pub fingerprint: String,
    /// The object that the request created, if any. A response that was not stored can be built from this object.
    pub object_id: Option<Uuid>,
    /// The response; `None` if it was not stored, for example because the process crashed before it could store the
    /// response.
    pub answer: Option<KeptAnswer>,
}

/// Claims keys in the transaction that executes their requests.
#[async_trait]
pub trait IdempotencyRepository: Send {
    /// Claims the key for the object that the transaction creates. MUST return `false` when another request has claimed
    /// the key; the caller must then drop the unit of work, which rolls the transaction back. When several transactions
    /// claim a key concurrently, exactly one transaction MUST get the key. The same request may claim the key again for
    /// another object. A claim older than [`KEPT_FOR`] MUST be ignored.
    ///
    /// Callers must claim the key before the transaction checks the state that the request changes. A repeated request
    /// then finds the claimed key, and is not refused because of the changes that the first request made.
    async fn claim_key(&mut self, request: &KeyedRequest, object_id: Uuid) -> Result<bool, StoreError>;
    /// Releases the keys that were claimed for an object, so that a repeated request is executed again, for example
    /// after a payment has ended without ever having a checkout. Keys of requests that have a stored response are not
    /// released.
    async fn release_keys(&mut self, object_id: Uuid) -> Result<(), StoreError>;
}

/// Stores the responses to requests with keys. Each method call is a separate transaction.
#[async_trait]
pub trait IdempotencyKeys: Send + Sync {
    /// The request with this key, unless it is older than [`KEPT_FOR`].
    async fn find_request(
        &self,
        key: &IdempotencyKey,
        now: Instant,
    ) -> Result<Option<KnownRequest>, StoreError>;
    /// Stores the response, even if the request has not claimed its key. MUST keep the first response, MUST NOT change
    /// the response to a request with another body, MUST NOT store a refusal (status 400 or higher) for a key that
    /// another copy of the request has claimed, and MUST NOT store anything for an erased user.
    async fn keep_answer(&self, request: &KeyedRequest, answer: &KeptAnswer) -> Result<(), StoreError>;
    /// Removes up to `limit` requests that were received before `before`; returns how many.
    async fn purge_requests(&self, before: Instant, limit: u32) -> Result<u64, StoreError>;
}
