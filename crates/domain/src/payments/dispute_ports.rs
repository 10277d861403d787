use async_trait::async_trait;

use crate::{
    id::{DisputeId, OrderId, PaymentId, UserId},
    orders::Buyer,
    page::{Page, PageRequest},
    payments::{Dispute, DisputeStatus},
    store::StoreError,
    time::Instant,
};

/// A dispute as moderators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeView {
    /// The dispute.
    pub dispute: Dispute,
    /// The order of the payment.
    pub order_id: OrderId,
    /// The buyer; `None` if the account was deleted.
    pub buyer: Option<Buyer>,
}

/// A filter of disputes. A match must meet every condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DisputeFilter {
    /// Disputes of this user.
    pub user_id: Option<UserId>,
    /// A part of the buyer's email address.
    pub email: Option<String>,
    /// The status.
    pub status: Option<DisputeStatus>,
    /// Disputes that were opened at this moment or later.
    pub from: Option<Instant>,
    /// Disputes that were opened before this moment.
    pub to: Option<Instant>,
}

/// A dispute that must be checked at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDispute {
    /// The dispute.
    pub id: DisputeId,
    /// The identifier of the dispute at the provider.
    pub external_id: String,
    /// The payment of the dispute.
    pub payment_id: PaymentId,
    /// The order of the payment.
    pub order_id: OrderId,
}

/// Stores disputes. Callers hold the lock of the payment.
#[async_trait]
pub trait DisputeRepository: Send {
    /// All disputes of the payment, oldest first.
    async fn disputes_of_payment(&mut self, id: PaymentId) -> Result<Vec<Dispute>, StoreError>;
    /// Adds a dispute. MUST fail when the payment already has a dispute with this identifier at the provider.
    async fn insert_dispute(&mut self, dispute: &Dispute) -> Result<(), StoreError>;
    /// Writes all fields of the dispute except its identifiers and the time when it was opened.
    async fn update_dispute(&mut self, dispute: &Dispute) -> Result<(), StoreError>;
}

/// Reads disputes outside a unit of work (transaction).
#[async_trait]
pub trait DisputeQueries: Send + Sync {
    /// A page of the disputes that match the filter, the newest first.
    /// The text in [`DisputeFilter::email`] MUST be matched literally, without wildcards.
    async fn dispute_page(
        &self,
        filter: &DisputeFilter,
        request: &PageRequest,
    ) -> Result<Page<DisputeView>, StoreError>;
    /// Up to `limit` disputes that must be checked at the provider at `now`, the longest overdue first.
    async fn disputes_to_check(&self, now: Instant, limit: u32) -> Result<Vec<DueDispute>, StoreError>;
}
