use crate::{
    id::{DisputeId, MovieId, OrderItemId, PaymentId, PaymentItemId, RefundId},
    money::Money,
    orders::RefundedPart,
    payments::{DisputeState, Payment, PaymentState, RefundState, RefundStatus, Settlement},
    purchases::Entitlement,
    time::Instant,
};

/// A movie that was paid with a payment, with its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaidItem {
    /// The payment's item.
    pub id: PaymentItemId,
    /// The order's item.
    pub order_item_id: OrderItemId,
    /// The movie.
    pub movie_id: MovieId,
    /// The paid price.
    pub price: Money,
}

/// Who made a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundOrigin {
    /// An administrator of the shop.
    Administrator,
    /// The server automatically, because the money paid no order, or paid for movies that the buyer already had.
    Automatic,
    /// A person outside the shop, for example in the provider's dashboard.
    Provider,
}

impl RefundOrigin {
    /// All values of the enum.
    pub const ALL: [Self; 3] = [Self::Administrator, Self::Automatic, Self::Provider];

    /// The name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Automatic => "automatic",
            Self::Provider => "provider",
        }
    }
}

/// An item of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefundItem {
    /// The payment's item.
    pub id: PaymentItemId,
    /// The movie.
    pub movie_id: MovieId,
}

/// A refund of a payment to the buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// The identifier of the refund.
    pub id: RefundId,
    /// The refunded payment.
    pub payment_id: PaymentId,
    /// Who made the refund.
    pub origin: RefundOrigin,
    /// The state of the refund.
    pub state: RefundState,
    /// The amount.
    pub amount: Money,
    /// The refunded items. Empty when it is not known which items were refunded, or when the refund returns only
    /// money.
    pub items: Vec<RefundItem>,
    /// Why the refund was made, for human readers.
    pub reason: String,
    /// The identifier of the refund at the provider, if it has one.
    pub external_id: Option<String>,
    /// When the refund was created.
    pub created_at: Instant,
    /// When the state is next checked at the provider; `None` when the refund is no longer pending.
    pub next_check_at: Option<Instant>,
    /// How often the provider was queried.
    pub checks: u32,
}

impl Refund {
    /// Whether the refund succeeded or is pending, so that its amount is refunded or reserved.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state.status() != RefundStatus::Failed
    }

    fn is_done(&self) -> bool {
        self.state.status() == RefundStatus::Succeeded
    }
}

/// A dispute of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// The identifier of the dispute.
    pub id: DisputeId,
    /// The payment whose money is disputed.
    pub payment_id: PaymentId,
    /// The identifier of the dispute at the provider.
    pub external_id: String,
    /// The disputed amount, which may differ from the payment's.
    pub amount: Money,
    /// The money that the provider withdrew for the dispute: nothing for an inquiry, and nothing after the provider
    /// returned the money.
    pub withdrawn: Money,
    /// Why the buyer disputes the payment, as reported by the provider.
    pub reason: String,
    /// The state of the dispute.
    pub state: DisputeState,
    /// The deadline for the shop to respond.
    pub due_by: Option<Instant>,
    /// When the dispute was opened.
    pub created_at: Instant,
    /// When the state is next checked at the provider; `None` when the dispute is no longer open.
    pub next_check_at: Option<Instant>,
    /// How often the provider was queried.
    pub checks: u32,
}

impl Dispute {
    fn is_open(&self) -> bool {
        matches!(self.state, DisputeState::Open)
    }

    fn is_lost(&self) -> bool {
        matches!(self.state, DisputeState::Lost { .. })
    }
}

/// A payment with its paid items, refunds and disputes. Together, they determine how much money goes back to the buyer.
#[derive(Debug, Clone, Copy)]
pub struct MoneyBack<'a> {
    /// The payment.
    pub payment: &'a Payment,
    /// The paid items.
    pub items: &'a [PaidItem],
    /// The refunds of the payment.
    pub refunds: &'a [Refund],
    /// The disputes of the payment.
    pub disputes: &'a [Dispute],
}

impl MoneyBack<'_> {
    /// The received money, if any.
    #[must_use]
    pub const fn received(&self) -> Option<Money> {
        match self.payment.state {
            PaymentState::Successful { .. } => Some(self.payment.amount),
            PaymentState::Mismatched { received, .. } => Some(received),
            _ => None,
        }
    }

    fn sum<'m>(amounts: impl Iterator<Item = &'m Money>) -> i64 {
        amounts.fold(0, |sum, amount| sum.saturating_add(amount.minor()))
    }

    /// The refunded amount in minor units: the sum of succeeded refunds.
    #[must_use]
    pub fn refunded_minor(&self) -> i64 {
        Self::sum(self.refunds.iter().filter(|refund| refund.is_done()).map(|refund| &refund.amount))
    }

    /// The sum of the amounts of open and lost disputes, in minor units.
    #[must_use]
    pub fn disputed_minor(&self) -> i64 {
        let counts = |dispute: &&Dispute| dispute.is_open() || dispute.is_lost();
        Self::sum(self.disputes.iter().filter(counts).map(|dispute| &dispute.amount))
    }

    /// How much was lost in disputes, in minor units.
    fn lost_minor(&self) -> i64 {
        Self::sum(self.disputes.iter().filter(|dispute| dispute.is_lost()).map(|dispute| &dispute.amount))
    }

    /// The amount that can still be refunded, in minor units: the received money without the amounts of pending and
    /// succeeded refunds and of lost disputes.
    #[must_use]
    pub fn left_minor(&self) -> i64 {
        let active = self.refunds.iter().filter(|refund| refund.is_active()).map(|refund| &refund.amount);
        let gone = Self::sum(active).saturating_add(self.lost_minor());
        self.received().map_or(0, Money::minor).saturating_sub(gone).max(0)
    }

    /// Whether the money still covers a pending refund. A dispute that was lost in the meantime may have taken the
    /// money.
    #[must_use]
    pub fn covers(&self, refund: &Refund) -> bool {
        let others = self.refunds.iter().filter(|other| other.is_active() && other.id != refund.id);
        let gone = Self::sum(others.map(|other| &other.amount)).saturating_add(self.lost_minor());
        refund.amount.minor() <= self.received().map_or(0, Money::minor).saturating_sub(gone)
    }

    /// Whether a dispute is open.
    #[must_use]
    pub fn is_disputed(&self) -> bool {
        self.disputes.iter().any(Dispute::is_open)
    }

    /// Whether money was lost in a dispute.
    #[must_use]
    pub fn has_lost(&self) -> bool {
        self.disputes.iter().any(Dispute::is_lost)
    }

    /// Whether a pending or succeeded refund includes the item.
    #[must_use]
    pub fn is_returning(&self, item: PaymentItemId) -> bool {
        self.refunds.iter().filter(|refund| refund.is_active()).any(|refund| has(refund, item))
    }

    fn is_returned(&self, item: PaymentItemId) -> bool {
        self.refunds.iter().filter(|refund| refund.is_done()).any(|refund| has(refund, item))
    }

    /// Whether all the money was refunded, and at least one of the refunds was made outside the shop without
    /// naming items. The buyer then loses all movies.
    pub(super) fn is_emptied_at_provider(&self) -> bool {
        let by_provider = |refund: &Refund| {
            refund.origin == RefundOrigin::Provider && refund.is_done() && refund.items.is_empty()
        };
        self.refunds.iter().any(by_provider)
            && self.received().is_some_and(|received| self.refunded_minor() >= received.minor())
    }

    /// How much of the order is refunded, when this payment pays it.
    #[must_use]
    pub fn refunded_part(&self) -> RefundedPart {
        let is_returned = |item: &PaidItem| self.is_returned(item.id);
        if self.is_emptied_at_provider() || (!self.items.is_empty() && self.items.iter().all(is_returned)) {
            RefundedPart::All
        } else if self.refunded_minor() > 0 || self.items.iter().any(is_returned) {
            RefundedPart::Some
        } else {
            RefundedPart::Nothing
        }
    }

    /// The buyer's entitlement to each item of the payment. A payment that does not pay its order gives no
    /// entitlements.
    #[must_use]
    pub fn entitlements(&self) -> Vec<(PaidItem, Entitlement)> {
        if self.payment.settlement != Some(Settlement::PaysOrder) {
            return Vec::new();
        }
        let all_lost = self.has_lost() || self.is_emptied_at_provider();
        let of = |item: &PaidItem| {
            let entitlement = if all_lost || self.is_returned(item.id) {
                Entitlement::Revoked
            } else if self.is_disputed() {
                Entitlement::Suspended
            } else {
                Entitlement::Live
            };
            (*item, entitlement)
        };
        self.items.iter().map(of).collect()
    }
}

fn has(refund: &Refund, item: PaymentItemId) -> bool {
    refund.items.iter().any(|returned| returned.id == item)
}
