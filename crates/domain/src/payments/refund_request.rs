use async_trait::async_trait;

use crate::{
    id::{MovieId, OrderId, OrderItemId, PaymentId, RefundId, RefundRequestId, UserId},
    money::Money,
    orders::Buyer,
    page::{Page, PageRequest},
    store::StoreError,
    time::Instant,
};

/// How far a request for a refund got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundRequestStatus {
    /// Nobody has decided it.
    Open,
    /// An administrator approved it, which made a refund.
    Approved,
    /// An administrator rejected it.
    Rejected,
}

impl RefundRequestStatus {
    /// Every status there is.
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

/// A movie whose price somebody wants back.
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
    /// Its identifier.
    pub id: RefundRequestId,
    /// The order that was paid.
    pub order_id: OrderId,
    /// The order's buyer.
    pub user_id: UserId,
    /// Of which movies, at least one.
    pub items: Vec<RequestedItem>,
    /// How much would go back.
    pub amount: Money,
    /// Why; `None` once the account was deleted.
    pub reason: Option<String>,
    /// How far it got.
    pub status: RefundRequestStatus,
    /// What the administrator wrote to the decision.
    pub note: Option<String>,
    /// The refund that the approval made.
    pub refund_id: Option<RefundId>,
    /// When it was made.
    pub created_at: Instant,
    /// When it was decided.
    pub decided_at: Option<Instant>,
}

/// A request for a refund with its buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRequestView {
    /// The request.
    pub request: RefundRequest,
    /// Who made it; `None` once the account was deleted.
    pub buyer: Option<Buyer>,
}

/// Selects requests for refunds: those that meet every condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefundRequestFilter {
    /// Requests about this order.
    pub order_id: Option<OrderId>,
    /// Requests of this user.
    pub user_id: Option<UserId>,
    /// A part of the buyer's address.
    pub email: Option<String>,
    /// The status.
    pub status: Option<RefundRequestStatus>,
    /// Requests that were made at this moment or later.
    pub from: Option<Instant>,
    /// Requests that were made before this moment.
    pub to: Option<Instant>,
}

/// Keeps requests for refunds. Callers hold the lock of the order.
#[async_trait]
pub trait RefundRequestRepository: Send {
    /// The payment that pays the order.
    async fn paying_payment(&mut self, id: OrderId) -> Result<Option<PaymentId>, StoreError>;
    /// Adds a request; `false` when another open one is about one of its items: the unit MUST then be dropped. MUST NOT let an
    /// item be in two open requests, even when two units add them at once.
    async fn insert_refund_request(&mut self, request: &RefundRequest) -> Result<bool, StoreError>;
    /// The request.
    async fn find_refund_request(&mut self, id: RefundRequestId)
    -> Result<Option<RefundRequest>, StoreError>;
    /// Writes the decision. MUST free the items for other requests.
    async fn decide_refund_request(&mut self, request: &RefundRequest) -> Result<(), StoreError>;
}

/// Reads requests for refunds outside a unit of work.
#[async_trait]
pub trait RefundRequestQueries: Send + Sync {
    /// A page of the requests that meet the filter, the newest first. The part of the address MUST be matched literally.
    async fn refund_request_page(
        &self,
        filter: &RefundRequestFilter,
        request: &PageRequest,
    ) -> Result<Page<RefundRequestView>, StoreError>;
    /// The request, or `None`.
    async fn refund_request(&self, id: RefundRequestId) -> Result<Option<RefundRequestView>, StoreError>;
    /// All requests of a user, oldest first.
    async fn refund_requests_of(&self, user_id: UserId) -> Result<Vec<RefundRequest>, StoreError>;
}
