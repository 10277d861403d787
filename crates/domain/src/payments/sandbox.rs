use async_trait::async_trait;

use crate::{money::Money, payments::CheckoutLine, store::StoreError};

/// What a buyer lets happen at a checkout of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SandboxOutcome {
    /// The money arrives at once.
    Pay,
    /// The card is declined; the checkout stays open.
    Decline,
    /// The checkout ends unpaid.
    Expire,
    /// The checkout is complete, and the money arrives half a minute later.
    Delay,
}

/// A checkout of the sandbox as its page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxCheckout {
    /// What people call the order.
    pub order_number: String,
    /// What is bought.
    pub lines: Vec<CheckoutLine>,
    /// The sum.
    pub amount: Money,
    /// Whether it can still be paid.
    pub is_open: bool,
    /// Whether the last try was declined.
    pub was_declined: bool,
    /// Where the buyer goes afterwards.
    pub return_url: String,
}

/// The buyer's side of the sandbox: what its checkout page shows and does.
#[async_trait]
pub trait SandboxCheckouts: Send + Sync {
    /// The checkout, or `None`.
    async fn show_checkout(&self, id: &str) -> Result<Option<SandboxCheckout>, StoreError>;
    /// Lets the outcome happen, and tells the shop by a webhook. A checkout that is over stays as it is. Gives the checkout
    /// as it is afterwards; `None` when there is none such.
    async fn choose_outcome(
        &self,
        id: &str,
        outcome: SandboxOutcome,
    ) -> Result<Option<SandboxCheckout>, StoreError>;
}
