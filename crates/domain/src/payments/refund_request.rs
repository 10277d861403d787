use async_trait::async_trait;

use crate::{
    id::{MovieId, OrderId, OrderItemId, PaymentId, RefundId, RefundRequestId, UserId},
    money::Money,
    orders::Buyer,
    page::{Page, PageRequest},
    store::StoreError,
    time::Instant,
};

/// The status of a request for a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundRequestStatus {
    /// The request has not been decided yet.
    Open,
    /// An administrator approved the request, which created a refund.
    Approved,
    /// An administrator rejected the request.
    Rejected,
}

impl RefundRequestStatus {
    /// All values of the enum.
    pub const ALL: [Self; 3] = [Self::Open, Self::Approved, Self::Rejected];

    /// The name in the API and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

/// A movie in a request for a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestedItem {
    /// The order's item.
    pub order_item_id: OrderItemId,
    /// The movie.
    pub movie_id: MovieId,
}

/// A buyer's request for a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRequest {
    /// The identifier of the request.
    pub id: RefundRequestId,
    /// The order that was paid.
    pub order_id: OrderId,
    /// The order's buyer.
    pub user_id: UserId,
    /// The movies to refund, at least one.
    pub items: Vec<RequestedItem>,
    /// The amount to refund.
    pub amount: Money,
    /// The buyer's reason; `None` if the account was deleted.
    pub reason: Option<String>,
    /// The state of the request.
    pub status: RefundRequestStatus,
    /// The administrator's note on the decision.
    pub note: Option<String>,
    /// The refund that the approval created.
    pub refund_id: Option<RefundId>,
    /// When the request was created.
    pub created_at: Instant,
    /// When the request was decided.
    pub decided_at: Option<Instant>,
}

/// A request for a refund with its buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRequestView {
    /// The request.
    pub request: RefundRequest,
    /// The buyer; `None` if the account was deleted.
    pub buyer: Option<Buyer>,
}

/// A filter of requests for refunds. A match must meet every condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefundRequestFilter {
    /// Requests about this order.
    pub order_id: Option<OrderId>,
    /// Requests of this user.
    pub user_id: Option<UserId>,
    /// A part of the buyer's email address.
    pub email: Option<String>,
    /// The status.
    pub status: Option<RefundRequestStatus>,
    /// Requests that were created at this moment or later.
    pub from: Option<Instant>,
    /// Requests that were created before this moment.
    pub to: Option<Instant>,
}

/// Stores requests for refunds. Callers hold the lock of the order.
#[async_trait]
pub trait RefundRequestRepository: Send {
    /// The payment that pays the order.
    async fn paying_payment(&mut self, id: OrderId) -> Result<Option<PaymentId>, StoreError>;
    /// Adds a request; `false` when another open request contains one of its items, in which case the caller MUST drop
    /// the unit of work, which rolls the transaction back. MUST NOT allow an item in two open requests, even when two
    /// transactions add them concurrently.
    async fn insert_refund_request(&mut self, request: &RefundRequest) -> Result<bool, StoreError>;
    /// The request; `None` when there is no such request.
    async fn find_refund_request(&mut self, id: RefundRequestId)
    -> Result<Option<RefundRequest>, StoreError>;
    /// Writes the decision. Other requests MUST then be allowed to contain the items.
    async fn decide_refund_request(&mut self, request: &RefundRequest) -> Result<(), StoreError>;
}

/// Reads requests for refunds outside a unit of work (transaction).
#[async_trait]
pub trait RefundRequestQueries: Send + Sync {
    /// A page of the requests that match the filter, the newest first.
    /// The text in [`RefundRequestFilter::email`] MUST be matched literally, without wildcards.
    async fn refund_request_page(
        &self,
        filter: &RefundRequestFilter,
        request: &PageRequest,
    ) -> Result<Page<RefundRequestView>, StoreError>;
    /// The request; `None` when there is no such request.
    async fn refund_request(&self, id: RefundRequestId) -> Result<Option<RefundRequestView>, StoreError>;
    /// All requests of a user, oldest first.
    async fn refund_requests_of(&self, user_id: UserId) -> Result<Vec<RefundRequest>, StoreError>;
}
