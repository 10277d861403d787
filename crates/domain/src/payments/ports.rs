use async_trait::async_trait;

use crate::{
    id::{OrderId, PaymentId, ShopId, UserId, WebhookEventId},
    page::{Page, PageRequest},
    payments::{EventSubject, Payment, PaymentFilter, PaymentView},
    store::StoreError,
    time::Instant,
};

/// Stores payments.
#[async_trait]
pub trait PaymentRepository: Send {
    /// The identifier of this shop at payment providers. MUST store `proposed` when there is none yet, and MUST return
    /// the stored identifier to all later callers.
    async fn shop_id(&mut self, proposed: ShopId) -> Result<ShopId, StoreError>;
    /// Adds a payment with its items; `false` when another payment of the order is open, in which case the caller MUST
    /// drop the unit of work, which rolls the transaction back. MUST NOT allow two open payments of an order, even when
    /// two transactions add them concurrently.
    async fn insert_payment(&mut self, payment: &Payment) -> Result<bool, StoreError>;
    /// The payment without its items, locked until the transaction ends.
    async fn find_payment_for_update(&mut self, id: PaymentId) -> Result<Option<Payment>, StoreError>;
    /// The order's payment that is pending or being processed, if there is one; without its items, locked until the
    /// transaction ends.
    async fn find_open_payment(&mut self, order_id: OrderId) -> Result<Option<Payment>, StoreError>;
    /// Writes all fields of the payment except its identifiers, provider, amount, items and creation time.
    async fn update_payment(&mut self, payment: &Payment) -> Result<(), StoreError>;
}

/// Reads payments outside a unit of work (transaction).
#[async_trait]
pub trait PaymentQueries: Send + Sync {
    /// A page of the payments that match the filter, the newest first. The text in [`PaymentFilter::email`] MUST be
    /// matched literally, without wildcards.
    async fn payment_page(
        &self,
        filter: &PaymentFilter,
        request: &PageRequest,
    ) -> Result<Page<PaymentView>, StoreError>;
    /// The payment; `None` when there is no such payment.
    async fn payment_view(&self, id: PaymentId) -> Result<Option<PaymentView>, StoreError>;
    /// All payments of a user, oldest first.
    async fn payments_of(&self, user_id: UserId) -> Result<Vec<PaymentView>, StoreError>;
    /// The order of the payment; `None` when there is no such payment.
    async fn order_of_payment(&self, id: PaymentId) -> Result<Option<OrderId>, StoreError>;
    /// The payment whose checkout has this identifier at the provider, and its order.
    async fn payment_of_checkout(
        &self,
        provider: &str,
        checkout_id: &str,
    ) -> Result<Option<(PaymentId, OrderId)>, StoreError>;
    /// The identifier of this shop at its payment providers; `None` before the first payment at a provider.
    async fn shop_id(&self) -> Result<Option<ShopId>, StoreError>;
    /// Up to `limit` payments that must be checked at the provider at `now`, with their orders, the longest overdue
    /// first.
    async fn payments_to_check(
        &self,
        now: Instant,
        limit: u32,
    ) -> Result<Vec<(PaymentId, OrderId)>, StoreError>;
}

/// A verified event of a provider. The body of the event is not stored: it contains personal data of the buyer, and it
/// is not needed, because the shop reads the subject of the event again from the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEvent {
    /// The identifier of the event in this shop.
    pub id: WebhookEventId,
    /// The provider.
    pub provider: String,
    /// The identifier of the event at the provider. Repeated deliveries of an event have the same identifier.
    pub event_id: String,
    /// The type of the event, as reported by the provider.
    pub kind: String,
    /// The subject of the event.
    pub subject: EventSubject,
    /// When the event was received.
    pub received_at: Instant,
}

/// An event that one worker holds until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedEvent {
    /// The event.
    pub event: WebhookEvent,
    /// How often the event was claimed, including this claim. The number identifies the claim.
    pub attempts: u32,
}

/// Stores the events of providers until they have been processed. Each call is a separate transaction.
#[async_trait]
pub trait WebhookEvents: Send + Sync {
    /// Stores an event; `false` when the provider has sent it before. MUST store one row for each provider and event,
    /// even when copies arrive concurrently.
    async fn store_event(&self, event: &WebhookEvent) -> Result<bool, StoreError>;
    /// Claims for one minute the event that has been due for the longest time. An event MUST never be claimed by two
    /// workers at once, and MUST become claimable again when its lease ends.
    async fn claim_event(&self, now: Instant) -> Result<Option<ClaimedEvent>, StoreError>;
    /// Marks the event as done. MUST be harmless when repeated.
    async fn complete_event(&self, id: WebhookEventId, now: Instant) -> Result<(), StoreError>;
    /// Releases the event after a failed attempt. It can be claimed again at `retry_at`. MUST change nothing when
    /// another worker has claimed or completed the event after this claim.
    async fn fail_event(
        &self,
        claimed: &ClaimedEvent,
        error: &str,
        retry_at: Instant,
    ) -> Result<(), StoreError>;
    /// The time up to which the provider's list of events was read, by the provider's clock; `None` if it was never
    /// read.
    async fn events_read_until(&self, provider: &str) -> Result<Option<Instant>, StoreError>;
    /// Records that the list was read up to this time. MUST NOT decrease the stored time.
    async fn note_events_read(&self, provider: &str, until: Instant) -> Result<(), StoreError>;
}
