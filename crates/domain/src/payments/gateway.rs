use std::error::Error;

use async_trait::async_trait;

use crate::{
    id::{OrderId, PaymentId, RefundId, ShopId},
    money::Money,
    payments::{CheckoutReport, DisputeReport, RefundReport},
    time::Instant,
};

/// A line of a checkout, as the buyer reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutLine {
    /// The movie's name and year.
    pub name: String,
    /// Its price.
    pub price: Money,
}

/// All that a provider is told to open a checkout. It is stored before the provider is called, so that a retry sends the
/// same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutRequest {
    /// The attempt that the checkout belongs to.
    pub payment_id: PaymentId,
    /// The order that is to be paid.
    pub order_id: OrderId,
    /// The shop that sells: other shops may use the same account at the provider.
    pub shop_id: ShopId,
    /// What people call the order.
    pub order_number: String,
    /// What is to be paid: the sum of the lines.
    pub amount: Money,
    /// What is bought.
    pub lines: Vec<CheckoutLine>,
    /// The buyer's e-mail address, to fill the provider's form.
    pub email: Option<String>,
    /// Where the buyer is sent after the checkout, paid or not.
    pub return_url: String,
    /// When the checkout ends.
    pub expires_at: Instant,
    /// Names the request: the provider does it once however often it is sent.
    pub idempotency_key: String,
}

/// A checkout as the provider has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderCheckout {
    /// Its identifier at the provider.
    pub id: String,
    /// Whose it is, as the provider was told; `None` when it is not one of ours.
    pub shop_id: Option<ShopId>,
    /// The order that it pays, as the provider was told.
    pub order_id: Option<OrderId>,
    /// The attempt that it belongs to, as the provider was told.
    pub payment_id: Option<PaymentId>,
    /// Where it is paid; `None` once it cannot be.
    pub url: Option<String>,
    /// What is asked for.
    pub amount: Money,
    /// The identifier under which the provider keeps its money, once there is some: refunds and disputes name it.
    pub charge: Option<String>,
    /// What the provider says of it, as far as it got: of an open one the last decline, if there was one.
    pub report: CheckoutReport,
    /// When it was opened.
    pub created_at: Instant,
    /// When it ends unless it is paid.
    pub expires_at: Instant,
}

/// All that a provider is told to send money back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundOrder {
    /// Our identifier of the refund.
    pub refund_id: RefundId,
    /// The shop that asks.
    pub shop_id: ShopId,
    /// The provider's identifier of the money.
    pub charge: String,
    /// How much goes back.
    pub amount: Money,
    /// Names the request: the provider does it once however often it is sent.
    pub idempotency_key: String,
}

/// A refund as the provider has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderRefund {
    /// Its identifier at the provider.
    pub id: String,
    /// The provider's identifier of the money.
    pub charge: String,
    /// Our identifier, as the provider was told; `None` when it was made at the provider itself.
    pub refund_id: Option<RefundId>,
    /// How much goes back.
    pub amount: Money,
    /// What the provider says of it.
    pub report: RefundReport,
    /// When it was made.
    pub created_at: Instant,
}

/// A dispute as the provider has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderDispute {
    /// Its identifier at the provider.
    pub id: String,
    /// The provider's identifier of the money.
    pub charge: String,
    /// The disputed amount, which may differ from the payment's.
    pub amount: Money,
    /// The money that the provider took for it; zero for an inquiry.
    pub withdrawn: Money,
    /// Why the buyer disputes the payment, in the provider's words.
    pub reason: String,
    /// What the provider says of it.
    pub report: DisputeReport,
    /// Until when the shop can answer.
    pub due_by: Option<Instant>,
    /// When it was opened.
    pub created_at: Instant,
}

/// What an event is about: the object is read again from the provider before anything is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventSubject {
    /// A checkout, by its identifier at the provider.
    Checkout(String),
    /// The refunds of this money.
    Refunds {
        /// The provider's identifier of the money.
        charge: String,
    },
    /// A dispute, by its identifier at the provider.
    Dispute(String),
    /// Nothing that matters here: the event is stored without effect.
    Other,
}

/// An event of the provider: a hint that something changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderEvent {
    /// Its identifier at the provider: repeats have the same.
    pub id: String,
    /// Its type, in the provider's words.
    pub kind: String,
    /// When it was made.
    pub created_at: Instant,
    /// What it is about.
    pub subject: EventSubject,
    /// The event as it was received.
    pub payload: Vec<u8>,
}

/// Some of the provider's events, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events.
    pub events: Vec<ProviderEvent>,
    /// Whether there are more behind the last one.
    pub has_more: bool,
}

/// The provider cannot take exactly this amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// It takes no less than the minimum.
    #[error("the provider takes no less than {minimum}")]
    TooSmall {
        /// The least amount that it takes.
        minimum: Money,
    },
    /// It takes more than the provider can, or needs digits that the provider does not have: nothing is rounded.
    #[error("the provider cannot take exactly this amount")]
    Unsupported,
}

/// A call of the provider did not work.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The provider refused: nothing happened, and the same call would be refused again.
    #[error("the payment provider refused: {code}")]
    Refused {
        /// The provider's code.
        code: String,
    },
    /// The provider was not reached: nothing happened, and the same call may work later.
    #[error("the payment provider was not reached")]
    NotReached(#[source] Box<dyn Error + Send + Sync>),
    /// The answer was lost, or was an error that does not tell: it may have happened or not. Look first, then act.
    #[error("whether the payment provider did it is not known")]
    Unknown(#[source] Box<dyn Error + Send + Sync>),
}

/// A webhook is not to be trusted, or cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The signature is missing, wrong or too old.
    #[error("the signature of the webhook is not valid")]
    Signature,
    /// The signature is right, but the body is not an event.
    #[error("the body of the webhook is not an event")]
    Malformed,
}

/// Takes money and sends it back. Every call MUST end within the adapter's time limit.
#[async_trait]
pub trait PaymentGateway: Send + Sync {
    /// The name of the provider in the API, in the database and in the address of its webhooks.
    fn provider(&self) -> &'static str;

    /// Whether the provider can take exactly this amount.
    ///
    /// # Errors
    /// When it takes no such amount.
    fn check_amount(&self, amount: Money) -> Result<(), AmountError>;

    /// Opens a checkout. MUST open one however often the same request is sent, and MUST tell the provider the identifiers of
    /// shop, order and payment.
    async fn open_checkout(&self, request: &CheckoutRequest) -> Result<ProviderCheckout, GatewayError>;

    /// Looks for the checkout of a request whose answer was lost. MUST find it whenever the provider has it.
    async fn look_up_checkout(
        &self,
        request: &CheckoutRequest,
    ) -> Result<Option<ProviderCheckout>, GatewayError>;

    /// The checkout, as it is now; `None` when the provider has none such.
    async fn checkout(&self, id: &str) -> Result<Option<ProviderCheckout>, GatewayError>;

    /// Ends an open checkout. MUST give it as it is afterwards: one that was completed meanwhile is not expired.
    async fn expire_checkout(&self, id: &str) -> Result<ProviderCheckout, GatewayError>;

    /// Sends money back. MUST do it once however often the same order is sent.
    async fn refund(&self, order: &RefundOrder) -> Result<ProviderRefund, GatewayError>;

    /// Every refund of this money, whoever made it.
    async fn refunds(&self, charge: &str) -> Result<Vec<ProviderRefund>, GatewayError>;

    /// The dispute, as it is now; `None` when the provider has none such.
    async fn dispute(&self, id: &str) -> Result<Option<ProviderDispute>, GatewayError>;

    /// Every dispute of this money.
    async fn disputes(&self, charge: &str) -> Result<Vec<ProviderDispute>, GatewayError>;

    /// Checkouts that were opened at `since` or later, oldest first, behind the one named `after`; with whether there are more.
    async fn checkouts_since(
        &self,
        since: Instant,
        after: Option<&str>,
    ) -> Result<(Vec<ProviderCheckout>, bool), GatewayError>;

    /// Events that were made at `since` or later, oldest first, behind the one named `after`.
    async fn events_since(&self, since: Instant, after: Option<&str>) -> Result<EventPage, GatewayError>;

    /// Reads a webhook. MUST verify the signature over the body as it was received, in constant time, and refuse a time that
    /// is more than 300 seconds off.
    ///
    /// # Errors
    /// When it is not to be trusted, or cannot be read.
    fn read_webhook(
        &self,
        signature: Option<&str>,
        body: &[u8],
        now: Instant,
    ) -> Result<ProviderEvent, WebhookError>;
}
