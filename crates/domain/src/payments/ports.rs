use async_trait::async_trait;

use crate::{
    id::{OrderId, PaymentId, ShopId, UserId, WebhookEventId},
    page::{Page, PageRequest},
    payments::{EventSubject, Payment, PaymentFilter, PaymentView},
    store::StoreError,
    time::Instant,
};

/// Keeps payments.
#[async_trait]
pub trait PaymentRepository: Send {
    /// The identifier of this shop at payment providers. MUST keep the proposed one when there is none, and MUST give every
    /// unit the same for ever.
    async fn shop_id(&mut self, proposed: ShopId) -> Result<ShopId, StoreError>;
    /// Adds a payment with its items; `false` when another payment of the order is open: the unit MUST then be dropped. MUST
    /// NOT let an order have two open payments, even when two units add them at once.
    async fn insert_payment(&mut self, payment: &Payment) -> Result<bool, StoreError>;
    /// The payment without its items, locked until the unit ends.
    async fn find_payment_for_update(&mut self, id: PaymentId) -> Result<Option<Payment>, StoreError>;
    /// The payment of the order that is pending or being processed, without its items, locked until the unit ends.
    async fn find_open_payment(&mut self, order_id: OrderId) -> Result<Option<Payment>, StoreError>;
    /// Writes all of the payment but its identifiers, amount, items and the moment it was begun.
    async fn update_payment(&mut self, payment: &Payment) -> Result<(), StoreError>;
}

/// Reads payments outside a unit of work.
#[async_trait]
pub trait PaymentQueries: Send + Sync {
    /// A page of the payments that meet the filter, the newest first. The part of the address MUST be matched literally.
    async fn payment_page(
        &self,
        filter: &PaymentFilter,
        request: &PageRequest,
    ) -> Result<Page<PaymentView>, StoreError>;
    /// The payment, or `None`.
    async fn payment_view(&self, id: PaymentId) -> Result<Option<PaymentView>, StoreError>;
    /// All payments of a user, oldest first.
    async fn payments_of(&self, user_id: UserId) -> Result<Vec<PaymentView>, StoreError>;
    /// The order that the payment pays.
    async fn order_of_payment(&self, id: PaymentId) -> Result<Option<OrderId>, StoreError>;
    /// The payment whose checkout has this identifier at the provider, and its order.
    async fn payment_of_checkout(
        &self,
        provider: &str,
        checkout_id: &str,
    ) -> Result<Option<(PaymentId, OrderId)>, StoreError>;
    /// The identifier of this shop at its payment providers; `None` before the first payment.
    async fn shop_id(&self) -> Result<Option<ShopId>, StoreError>;
    /// Up to `limit` payments that the provider is to be asked about at `now`, with their orders, the longest overdue first.
    async fn payments_to_check(
        &self,
        now: Instant,
        limit: u32,
    ) -> Result<Vec<(PaymentId, OrderId)>, StoreError>;
}

/// A verified event of a provider. What it is about is read again from the provider, so its body is not kept: it has personal
/// data of the buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEvent {
    /// Our identifier.
    pub id: WebhookEventId,
    /// The provider.
    pub provider: String,
    /// Its identifier at the provider: repeats have the same.
    pub event_id: String,
    /// Its type, in the provider's words.
    pub kind: String,
    /// What it is about.
    pub subject: EventSubject,
    /// When it was received.
    pub received_at: Instant,
}

/// An event that one worker holds until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedEvent {
    /// The event.
    pub event: WebhookEvent,
    /// How often it was claimed, this claim included: identifies the claim.
    pub attempts: u32,
}

/// Keeps the events of providers until they have taken effect. Each call is a transaction of its own.
#[async_trait]
pub trait WebhookEvents: Send + Sync {
    /// Stores an event; `false` when the provider sent it before. MUST keep one row for each provider and event, even when
    /// copies arrive at once.
    async fn store_event(&self, event: &WebhookEvent) -> Result<bool, StoreError>;
    /// Claims the event that has been due for longest, for a minute. An event MUST never be claimed by two workers at once,
    /// and MUST become claimable again when its lease ends.
    async fn claim_event(&self, now: Instant) -> Result<Option<ClaimedEvent>, StoreError>;
    /// Marks it done. MUST be harmless when repeated.
    async fn complete_event(&self, id: WebhookEventId, now: Instant) -> Result<(), StoreError>;
    /// Gives it back until `retry_at` after a failed attempt. MUST change nothing when another worker has claimed or completed
    /// it in the meantime.
    async fn fail_event(
        &self,
        claimed: &ClaimedEvent,
        error: &str,
        retry_at: Instant,
    ) -> Result<(), StoreError>;
    /// Up to which moment the provider's list of events was read, by the provider's clock; `None` when it never was.
    async fn events_read_until(&self, provider: &str) -> Result<Option<Instant>, StoreError>;
    /// Notes that the list was read up to this moment. MUST NOT go back.
    async fn note_events_read(&self, provider: &str, until: Instant) -> Result<(), StoreError>;
}
