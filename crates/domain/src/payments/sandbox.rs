use async_trait::async_trait;

use crate::{
    money::Money,
    payments::{CheckoutLine, PaymentFailure},
    store::StoreError,
};

/// The outcome that a buyer chooses at a checkout of the sandbox, a payment provider for development that moves no
/// money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SandboxOutcome {
    /// The money arrives immediately.
    Pay,
    /// The card is declined; the checkout stays open.
    Decline,
    /// The checkout ends unpaid.
    Expire,
    /// The checkout is complete, and the money arrives 30 seconds later.
    Delay,
}

/// Whether a checkout of the sandbox can be paid, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SandboxCheckoutState {
    /// The checkout can be paid.
    Open,
    /// The checkout was paid.
    Paid,
    /// The checkout is complete, and its money arrives later.
    Processing,
    /// The checkout ended unpaid.
    Expired,
}

/// A checkout of the sandbox, as shown on its page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxCheckout {
    /// The order's number, for human readers.
    pub order_number: String,
    /// The movies to buy.
    pub lines: Vec<CheckoutLine>,
    /// The sum of the prices.
    pub amount: Money,
    /// Whether the checkout can be paid, or how it ended.
    pub state: SandboxCheckoutState,
    /// Why the last card was declined, if one was.
    pub decline: Option<PaymentFailure>,
    /// The URL that the buyer returns to afterwards.
    pub return_url: String,
}

/// The buyer's side of the sandbox: the functions of its checkout page.
#[async_trait]
pub trait SandboxCheckouts: Send + Sync {
    /// The checkout; `None` when there is no such checkout.
    async fn show_checkout(&self, id: &str) -> Result<Option<SandboxCheckout>, StoreError>;
    /// Applies the outcome, and sends a webhook to the shop. Does nothing when the checkout is not open. Returns the
    /// current checkout; `None` when there is no such checkout.
    async fn choose_outcome(
        &self,
        id: &str,
        outcome: SandboxOutcome,
    ) -> Result<Option<SandboxCheckout>, StoreError>;
}
