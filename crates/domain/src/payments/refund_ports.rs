use async_trait::async_trait;

use crate::{
    id::{MovieId, OrderId, PaymentId, RefundId, UserId},
    page::{Page, PageRequest},
    payments::{PaidItem, Refund},
    store::StoreError,
    time::Instant,
};

/// Stores refunds. Callers must hold the lock of the payment that they pass. Only `payments_of_movie` may be called
/// without a lock; the payments that it returns are not locked.
#[async_trait]
pub trait RefundRepository: Send {
    /// The paid items of the payment, in the order of their identifiers.
    async fn paid_items(&mut self, id: PaymentId) -> Result<Vec<PaidItem>, StoreError>;
    /// The payments with which the user paid orders that contain this movie, oldest first.
    async fn payments_of_movie(
        &mut self,
        user_id: UserId,
        movie_id: MovieId,
    ) -> Result<Vec<PaymentId>, StoreError>;
    /// All refunds of the payment with their items, oldest first.
    async fn refunds_of_payment(&mut self, id: PaymentId) -> Result<Vec<Refund>, StoreError>;
    /// Adds a refund with its items. MUST fail when another refund of an item is pending or succeeded, or when the new
    /// refund is automatic and the payment already has an automatic refund.
    async fn insert_refund(&mut self, refund: &Refund) -> Result<(), StoreError>;
    /// Writes the refund's state, its identifier at the provider, the time of the next check and the number of checks.
    /// Other refunds MUST be allowed to contain the items of a failed refund.
    async fn update_refund(&mut self, refund: &Refund) -> Result<(), StoreError>;
}

/// Reads refunds outside a unit of work (transaction).
#[async_trait]
pub trait RefundQueries: Send + Sync {
    /// A page of the refunds of a payment, the newest first.
    async fn refund_page(&self, id: PaymentId, request: &PageRequest) -> Result<Page<Refund>, StoreError>;
    /// The refund; `None` when there is no such refund.
    async fn refund(&self, id: RefundId) -> Result<Option<Refund>, StoreError>;
    /// The payment whose charge (the received money) has the identifier `charge` at the provider, and the order of the
    /// payment; `None` when there is no such payment.
    async fn payment_of_charge(
        &self,
        provider: &str,
        charge: &str,
    ) -> Result<Option<(PaymentId, OrderId)>, StoreError>;
    /// Up to `limit` refunds that must be checked at the provider at `now`, with their payments and orders, the longest
    /// overdue first.
    async fn refunds_to_check(
        &self,
        now: Instant,
        limit: u32,
    ) -> Result<Vec<(RefundId, PaymentId, OrderId)>, StoreError>;
}
