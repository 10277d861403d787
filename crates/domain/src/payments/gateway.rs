use std::error::Error;

use async_trait::async_trait;

use crate::{
    id::{OrderId, PaymentId, RefundId, ShopId},
    money::Money,
    payments::{CheckoutReport, DisputeReport, RefundReport},
    time::Instant,
};

/// A line of a checkout, as shown to the buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutLine {
    /// The movie's name and year.
    pub name: String,
    /// The price of the movie.
    pub price: Money,
}

/// The request to a provider to open a checkout. It is stored before the provider is called, so that a retry sends the
/// same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutRequest {
    /// The payment that the checkout belongs to.
    pub payment_id: PaymentId,
    /// The order to pay.
    pub order_id: OrderId,
    /// The selling shop, since other shops may use the same account at the provider.
    pub shop_id: ShopId,
    /// The order's number, for human readers.
    pub order_number: String,
    /// The amount to pay: the sum of the lines.
    pub amount: Money,
    /// The movies to buy.
    pub lines: Vec<CheckoutLine>,
    /// The buyer's email address, which is filled in on the provider's form.
    pub email: Option<String>,
    /// The URL that the buyer returns to after the checkout, paid or not.
    pub return_url: String,
    /// When the checkout ends.
    pub expires_at: Instant,
    /// Identifies the request: the provider executes it only once, no matter how often it is sent.
    pub idempotency_key: String,
}

/// A checkout at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderCheckout {
    /// The identifier of the checkout at the provider.
    pub id: String,
    /// The shop of the request; `None` when the checkout was not created by this program.
    pub shop_id: Option<ShopId>,
    /// The order of the request.
    pub order_id: Option<OrderId>,
    /// The payment of the request.
    pub payment_id: Option<PaymentId>,
    /// The URL where the buyer can pay; `None` when the checkout can no longer be paid.
    pub url: Option<String>,
    /// The requested amount.
    pub amount: Money,
    /// The provider's identifier of the received money, if any. Refunds and disputes refer to it.
    pub charge: Option<String>,
    /// The provider's report about the checkout. If the checkout is open and an attempt to pay was declined, this is
    /// the report of the last declined attempt.
    pub report: CheckoutReport,
    /// When the checkout was opened.
    pub created_at: Instant,
    /// When the checkout ends unless it is paid.
    pub expires_at: Instant,
}

/// The request to a provider to make a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundOrder {
    /// The shop's identifier of the refund.
    pub refund_id: RefundId,
    /// The requesting shop.
    pub shop_id: ShopId,
    /// The provider's identifier of the received money.
    pub charge: String,
    /// The amount of the refund.
    pub amount: Money,
    /// Identifies the request: the provider executes it only once, no matter how often it is sent.
    pub idempotency_key: String,
}

/// A refund at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderRefund {
    /// The identifier of the refund at the provider.
    pub id: String,
    /// The provider's identifier of the received money.
    pub charge: String,
    /// The shop's identifier of the refund, from the request; `None` when the refund was made outside the shop.
    pub refund_id: Option<RefundId>,
    /// The amount of the refund.
    pub amount: Money,
    /// The provider's report about the refund.
    pub report: RefundReport,
    /// When the refund was created.
    pub created_at: Instant,
}

/// A dispute at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderDispute {
    /// The identifier of the dispute at the provider.
    pub id: String,
    /// The provider's identifier of the received money.
    pub charge: String,
    /// The disputed amount, which may differ from the payment's.
    pub amount: Money,
    /// The money that the provider withdrew for the dispute; zero for an inquiry.
    pub withdrawn: Money,
    /// Why the buyer disputes the payment, as reported by the provider.
    pub reason: String,
    /// The provider's report about the dispute.
    pub report: DisputeReport,
    /// The deadline for the shop to respond.
    pub due_by: Option<Instant>,
    /// When the dispute was opened.
    pub created_at: Instant,
}

/// The subject of an event. The shop reads the subject again from the provider before it acts on the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventSubject {
    /// A checkout, by its identifier at the provider.
    Checkout(String),
    /// The refunds of a payment.
    Refunds {
        /// The provider's identifier of the received money.
        charge: String,
    },
    /// A dispute, by its identifier at the provider.
    Dispute(String),
    /// Another subject: the event is stored without effect.
    Other,
}

/// An event of the provider: a hint that something changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderEvent {
    /// The identifier of the event at the provider. Repeated deliveries of an event have the same identifier.
    pub id: String,
    /// The type of the event, as reported by the provider.
    pub kind: String,
    /// When the event was created.
    pub created_at: Instant,
    /// The subject of the event.
    pub subject: EventSubject,
    /// The event as it was received.
    pub payload: Vec<u8>,
}

/// A page of the provider's events, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events.
    pub events: Vec<ProviderEvent>,
    /// Whether there are more events after the last one.
    pub has_more: bool,
}

/// The provider cannot take exactly this amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// The amount is below the provider's minimum.
    #[error("the provider accepts no less than {minimum}")]
    TooSmall {
        /// The minimum amount.
        minimum: Money,
    },
    /// The amount is too large for the provider, or needs more digits than the provider supports; amounts are not
    /// rounded.
    #[error("the provider cannot charge exactly this amount")]
    Unsupported,
}

/// Why a call to the provider failed.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The provider refused the call: nothing was done, and the same call would be refused again.
    #[error("the payment provider refused: {code}")]
    Refused {
        /// The provider's code.
        code: String,
    },
    /// The provider was not reached: nothing was done, and the same call may succeed later.
    #[error("the payment provider was not reached")]
    NotReached(#[source] Box<dyn Error + Send + Sync>),
    /// The response was lost, or was an ambiguous error: the call may have taken effect or not. Query the provider's
    /// state before acting.
    #[error("it is unknown whether the call to the payment provider took effect")]
    Unknown(#[source] Box<dyn Error + Send + Sync>),
}

/// Why a webhook is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The signature is missing, wrong or too old.
    #[error("the signature of the webhook is not valid")]
    Signature,
    /// The signature is valid, but the body is not an event.
    #[error("the body of the webhook is not an event")]
    Malformed,
}

/// Takes payments and makes refunds. Every call MUST end within the adapter's time limit.
#[async_trait]
pub trait PaymentGateway: Send + Sync {
    /// The name of the provider in the API, in the database and in the URL of its webhooks.
    fn provider(&self) -> &'static str;

    /// Checks that the provider can take exactly this amount.
    ///
    /// # Errors
    /// When the provider cannot take the amount.
    fn check_amount(&self, amount: Money) -> Result<(), AmountError>;

    /// Opens a checkout. MUST open only one checkout, no matter how often the same request is sent, and MUST send the
    /// identifiers of shop, order and payment to the provider.
    async fn open_checkout(&self, request: &CheckoutRequest) -> Result<ProviderCheckout, GatewayError>;

    /// Looks up the checkout of a request whose response was lost. MUST find the checkout if it exists at the provider.
    async fn look_up_checkout(
        &self,
        request: &CheckoutRequest,
    ) -> Result<Option<ProviderCheckout>, GatewayError>;

    /// The current state of the checkout; `None` when it does not exist at the provider.
    async fn checkout(&self, id: &str) -> Result<Option<ProviderCheckout>, GatewayError>;

    /// Ends an open checkout. MUST return the state of the checkout afterwards: a checkout that was completed in the
    /// meantime is not expired.
    async fn expire_checkout(&self, id: &str) -> Result<ProviderCheckout, GatewayError>;

    /// Makes a refund. MUST make only one refund, no matter how often the same request is sent.
    async fn refund(&self, order: &RefundOrder) -> Result<ProviderRefund, GatewayError>;

    /// All refunds of the money with this identifier, including those that were made outside the shop.
    async fn refunds(&self, charge: &str) -> Result<Vec<ProviderRefund>, GatewayError>;

    /// The current state of the dispute; `None` when it does not exist at the provider.
    async fn dispute(&self, id: &str) -> Result<Option<ProviderDispute>, GatewayError>;

    /// All disputes of the money with this identifier.
    async fn disputes(&self, charge: &str) -> Result<Vec<ProviderDispute>, GatewayError>;

    /// Checkouts that were opened at `since` or later, oldest first, after the checkout with the identifier `after`,
    /// and whether there are more.
    async fn checkouts_since(
        &self,
        since: Instant,
        after: Option<&str>,
    ) -> Result<(Vec<ProviderCheckout>, bool), GatewayError>;

    /// Events that were created at `since` or later, oldest first, after the event with the identifier `after`.
    async fn events_since(&self, since: Instant, after: Option<&str>) -> Result<EventPage, GatewayError>;

    /// Checks the header with the signature before the body is received. MUST refuse a header that is missing or
    /// malformed, or whose time differs from `now` by more than 300 seconds. The signature itself is not verified.
    ///
    /// # Errors
    /// When the header is missing or malformed, or its time differs too much from `now`.
    /// [`read_webhook`](Self::read_webhook) refuses such a header, whatever the body is.
    fn check_signature_header(&self, signature: Option<&str>, now: Instant) -> Result<(), WebhookError>;

    /// Reads a webhook. MUST verify the signature over the body as it was received, in constant time, and refuse a
    /// signature whose time differs from `now` by more than 300 seconds.
    ///
    /// # Errors
    /// When the signature is not valid, or the body cannot be read.
    fn read_webhook(
        &self,
        signature: Option<&str>,
        body: &[u8],
        now: Instant,
    ) -> Result<ProviderEvent, WebhookError>;
}
