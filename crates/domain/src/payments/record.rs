use crate::{
    id::{OrderId, OrderItemId, PaymentId, PaymentItemId, UserId},
    money::Money,
    orders::{Buyer, Order, OrderedMovie, RefundedPart},
    payments::{CheckoutRequest, PaymentFailure, PaymentState, PaymentStatus, Settlement},
    time::Instant,
};

/// The provider name for payments of 0, which need no provider.
pub const NO_PROVIDER: &str = "none";

/// A movie that is paid with a payment, with its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentItem {
    /// The identifier of the item.
    pub id: PaymentItemId,
    /// The order's item.
    pub order_item_id: OrderItemId,
    /// The price of the item.
    pub price: Money,
}

/// A checkout that was opened at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedCheckout {
    /// The identifier of the checkout at the provider.
    pub id: String,
    /// The URL where the checkout is paid; `None` when it can no longer be paid.
    pub url: Option<String>,
    /// When the checkout ends unless it is paid.
    pub expires_at: Instant,
}

/// A payment: an attempt to pay an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The identifier of the payment.
    pub id: PaymentId,
    /// The order to pay.
    pub order_id: OrderId,
    /// The buyer.
    pub user_id: UserId,
    /// The provider's name, or [`NO_PROVIDER`].
    pub provider: String,
    /// The state of the payment.
    pub state: PaymentState,
    /// The requested amount: the order's total when the payment was created.
    pub amount: Money,
    /// The refunded part of the amount.
    pub refunded: Money,
    /// The amount of disputes that are open or lost.
    pub disputed: Money,
    /// For a payment with the amount 0: whether none, some or all of its items are refunded. For other payments this
    /// is always [`RefundedPart::Nothing`], because `amount` and `refunded` show how much is refunded.
    pub free_refund: RefundedPart,
    /// The paid items; empty when the payment was loaded for an update.
    pub items: Vec<PaymentItem>,
    /// The request to the provider, until it is known whether the checkout was opened. A retry sends exactly this
    /// request.
    pub request: Option<CheckoutRequest>,
    /// The checkout, if it was opened.
    pub checkout: Option<OpenedCheckout>,
    /// The provider's identifier of the received money, if any.
    pub charge: Option<String>,
    /// How received money was used.
    pub settlement: Option<Settlement>,
    /// When the payment was created.
    pub created_at: Instant,
    /// When the payment is next checked; `None` when no check is scheduled. An ended payment is checked only if its
    /// money must be returned.
    pub next_check_at: Option<Instant>,
    /// How often the provider was queried since the last change.
    pub checks: u32,
}

impl Payment {
    /// Creates a payment of all items of an order, in the initial state, in which the provider does not know the
    /// payment yet.
    ///
    /// `next_item_id` returns a new identifier for each item of the payment.
    #[must_use]
    pub fn of_order(
        order: &Order,
        id: PaymentId,
        provider: String,
        created_at: Instant,
        mut next_item_id: impl FnMut() -> PaymentItemId,
    ) -> Self {
        let items = order.items.iter().map(|item| PaymentItem {
            id: next_item_id(),
            order_item_id: item.id,
            price: item.price,
        });
        let zero = Money::zero(order.total.currency());
        Self {
            id,
            order_id: order.id,
            user_id: order.user_id,
            provider,
            state: PaymentState::NEW,
            amount: order.total,
            refunded: zero,
            disputed: zero,
            free_refund: RefundedPart::Nothing,
            items: items.collect(),
            request: None,
            checkout: None,
            charge: None,
            settlement: None,
            created_at,
            next_check_at: None,
            checks: 0,
        }
    }

    /// The name of the payment's state.
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
    /// The identifier of the payment.
    pub id: PaymentId,
    /// The order.
    pub order_id: OrderId,
    /// The buyer; `None` if the account was deleted.
    pub buyer: Option<Buyer>,
    /// The provider's name.
    pub provider: String,
    /// The state of the payment.
    pub status: PaymentStatus,
    /// The requested amount.
    pub amount: Money,
    /// The refunded part of the amount.
    pub refunded: Money,
    /// The amount of disputes that are open or lost.
    pub disputed: Money,
    /// The paid movies.
    pub items: Vec<OrderedMovie>,
    /// The URL of the checkout, where the buyer pays; `None` when the checkout is not open yet or can no longer be
    /// paid.
    pub checkout_url: Option<String>,
    /// Why the payment failed, or why its last attempt was declined.
    pub failure: Option<PaymentFailure>,
    /// When the payment was created.
    pub created_at: Instant,
    /// When the payment ended.
    pub completed_at: Option<Instant>,
}

/// A filter of payments. A match must meet every condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaymentFilter {
    /// Payments of this user.
    pub user_id: Option<UserId>,
    /// A part of the buyer's email address.
    pub email: Option<String>,
    /// The status.
    pub status: Option<PaymentStatus>,
    /// Payments that were created at this moment or later.
    pub from: Option<Instant>,
    /// Payments that were created before this moment.
    pub to: Option<Instant>,
}
