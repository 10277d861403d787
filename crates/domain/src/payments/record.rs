use crate::{
    id::{OrderId, OrderItemId, PaymentId, PaymentItemId, UserId},
    money::Money,
    orders::{Buyer, OrderedMovie, RefundedPart},
    payments::{CheckoutRequest, PaymentFailure, PaymentState, PaymentStatus, Settlement},
    time::Instant,
};

/// The provider of payments of 0, for which nobody is asked.
pub const NO_PROVIDER: &str = "none";

/// A movie that a payment pays, at its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentItem {
    /// Its identifier.
    pub id: PaymentItemId,
    /// The order's item.
    pub order_item_id: OrderItemId,
    /// What is paid for it.
    pub price: Money,
}

/// A checkout that was opened at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedCheckout {
    /// Its identifier at the provider.
    pub id: String,
    /// Where it is paid; `None` once it cannot be.
    pub url: Option<String>,
    /// When it ends unless it is paid.
    pub expires_at: Instant,
}

/// An attempt to pay an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Its identifier.
    pub id: PaymentId,
    /// The order that is to be paid.
    pub order_id: OrderId,
    /// Who pays.
    pub user_id: UserId,
    /// The provider's name, or [`NO_PROVIDER`].
    pub provider: String,
    /// How far it got.
    pub state: PaymentState,
    /// What is asked for: the order's total when the attempt began.
    pub amount: Money,
    /// How much of it went back to the buyer.
    pub refunded: Money,
    /// How much of it is in disputes that are open or lost.
    pub disputed: Money,
    /// How much of a payment of 0 is refunded; of others their money tells.
    pub free_refund: RefundedPart,
    /// What is paid; empty when it was loaded to be changed.
    pub items: Vec<PaymentItem>,
    /// What the provider is told, until it is known whether it opened the checkout: a retry sends exactly this.
    pub request: Option<CheckoutRequest>,
    /// The checkout, once it was opened.
    pub checkout: Option<OpenedCheckout>,
    /// The provider's identifier of the money, once there is some.
    pub charge: Option<String>,
    /// What was done with money that arrived.
    pub settlement: Option<Settlement>,
    /// When it was begun.
    pub created_at: Instant,
    /// When the provider is asked next; `None` when it has nothing more to say.
    pub next_check_at: Option<Instant>,
    /// How often the provider was asked without news.
    pub checks: u32,
}

impl Payment {
    /// The name of its state.
    #[must_use]
    pub fn status(&self) -> PaymentStatus {
        match (self.state.status(self.amount, self.refunded), self.free_refund) {
            (PaymentStatus::Successful, RefundedPart::Some) => PaymentStatus::PartiallyRefunded,
            (PaymentStatus::Successful, RefundedPart::All) => PaymentStatus::Refunded,
            (status, _) => status,
        }
    }
}

/// A payment as its buyer and moderators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentView {
    /// Its identifier.
    pub id: PaymentId,
    /// The order that is paid.
    pub order_id: OrderId,
    /// Who pays; `None` once the account was deleted.
    pub buyer: Option<Buyer>,
    /// The provider's name.
    pub provider: String,
    /// How far it got.
    pub status: PaymentStatus,
    /// What is asked for.
    pub amount: Money,
    /// How much of it went back to the buyer.
    pub refunded: Money,
    /// How much of it is in disputes that are open or lost.
    pub disputed: Money,
    /// What is paid.
    pub items: Vec<OrderedMovie>,
    /// Where it is paid; `None` once it cannot be.
    pub checkout_url: Option<String>,
    /// Why it failed, or why its last try was declined.
    pub failure: Option<PaymentFailure>,
    /// When it was begun.
    pub created_at: Instant,
    /// When it ended.
    pub completed_at: Option<Instant>,
}

/// Selects payments: those that meet every condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaymentFilter {
    /// Payments of this user.
    pub user_id: Option<UserId>,
    /// A part of the buyer's address.
    pub email: Option<String>,
    /// The status.
    pub status: Option<PaymentStatus>,
    /// Payments that were begun at this moment or later.
    pub from: Option<Instant>,
    /// Payments that were begun before this moment.
    pub to: Option<Instant>,
}
