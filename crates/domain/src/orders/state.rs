use chrono::TimeDelta;

use crate::time::Instant;

/// How long a pending order waits for its payment before it expires. A checkout can postpone the expiry, and a
/// payment that is being processed suspends it.
pub const ORDER_LIFETIME: TimeDelta = TimeDelta::minutes(30);

/// The minimum time between the end of an order's last checkout and the expiry of the order, so that the provider's
/// last report arrives before the order expires.
pub const EXPIRY_AFTER_CHECKOUT: TimeDelta = TimeDelta::minutes(5);

/// The name of an order's state in the API and in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderStatus {
    /// Not paid yet.
    Pending,
    /// Paid; the buyer owns the movies.
    Paid,
    /// Canceled or expired before it was paid.
    Canceled,
    /// Paid and partially refunded.
    PartiallyRefunded,
    /// Paid and fully refunded.
    Refunded,
}

impl OrderStatus {
    /// All values of the enum.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Paid, Self::Canceled, Self::PartiallyRefunded, Self::Refunded];

    /// The name in the API and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Canceled => "canceled",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
        }
    }
}

/// Why an order was canceled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CancelReason {
    /// The buyer canceled the order.
    ByUser,
    /// The order was not paid in time.
    Expired,
}

impl CancelReason {
    /// The name in the API and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ByUser => "by_user",
            Self::Expired => "expired",
        }
    }
}

/// The state of an order, with the data of that state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderState {
    /// Not paid yet.
    Pending {
        /// When the order expires; `None` while a payment is being processed, which may take days.
        expires_at: Option<Instant>,
    },
    /// Paid; the buyer owns the movies.
    Paid {
        /// When the order was paid.
        paid_at: Instant,
    },
    /// Canceled or expired before it was paid.
    Canceled {
        /// When the order was canceled.
        canceled_at: Instant,
        /// The reason.
        reason: CancelReason,
    },
    /// Paid and partially refunded.
    PartiallyRefunded {
        /// When the order was paid.
        paid_at: Instant,
    },
    /// Paid and fully refunded.
    Refunded {
        /// When the order was paid.
        paid_at: Instant,
    },
}

/// An event in the life of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderEvent {
    /// A checkout was opened at the payment provider.
    CheckoutOpened {
        /// When the checkout ends.
        ends_at: Instant,
    },
    /// The buyer completed a checkout, and the money has not arrived yet.
    PaymentProcessing,
    /// The money did not arrive after all, or arrived with a wrong amount or currency.
    PaymentBounced {
        /// When the shop detected that the payment bounced.
        at: Instant,
    },
    /// A payment succeeded, or the total was 0.
    Paid {
        /// When the payment succeeded.
        at: Instant,
    },
    /// The order is canceled.
    Canceled {
        /// When the order is canceled.
        at: Instant,
        /// The reason.
        reason: CancelReason,
    },
    /// The refunds or disputes of the payment that paid the order were updated. The refunded part may be unchanged.
    RefundsChanged {
        /// The refunded part of the order.
        refunded: RefundedPart,
    },
}

/// How much of an order is refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundedPart {
    /// Nothing.
    Nothing,
    /// Some items, or some of the money.
    Some,
    /// Every item, or all the money.
    All,
}

/// The event cannot happen to an order in this state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{event:?} cannot happen to an order that is {}", .status.as_str())]
pub struct InvalidTransition {
    /// The state of the order.
    pub status: OrderStatus,
    /// The event.
    pub event: OrderEvent,
}

impl OrderState {
    /// The state of a new order.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self::Pending { expires_at: Some(later(now, ORDER_LIFETIME)) }
    }

    /// The name of the state.
    #[must_use]
    pub const fn status(self) -> OrderStatus {
        match self {
            Self::Pending { .. } => OrderStatus::Pending,
            Self::Paid { .. } => OrderStatus::Paid,
            Self::Canceled { .. } => OrderStatus::Canceled,
            Self::PartiallyRefunded { .. } => OrderStatus::PartiallyRefunded,
            Self::Refunded { .. } => OrderStatus::Refunded,
        }
    }

    /// When the order was paid, if it was.
    #[must_use]
    pub const fn paid_at(self) -> Option<Instant> {
        match self {
            Self::Paid { paid_at } | Self::PartiallyRefunded { paid_at } | Self::Refunded { paid_at } => {
                Some(paid_at)
            }
            Self::Pending { .. } | Self::Canceled { .. } => None,
        }
    }

    /// When the order expires unless it is paid.
    #[must_use]
    pub const fn expires_at(self) -> Option<Instant> {
        match self {
            Self::Pending { expires_at } => expires_at,
            _ => None,
        }
    }

    /// Whether the order is pending and expired.
    #[must_use]
    pub fn is_expired(self, now: Instant) -> bool {
        self.expires_at().is_some_and(|expires_at| expires_at <= now)
    }

    /// Returns the state after an event. All transitions between the states of an order are defined here.
    ///
    /// A repeated event never changes the state again, but may be refused with an error. A paid order never becomes
    /// pending or canceled again. A canceled order stays canceled, and money that arrives for it is returned.
    ///
    /// # Errors
    /// When the event cannot happen in this state.
    pub fn apply(self, event: OrderEvent) -> Result<Self, InvalidTransition> {
        let invalid = Err(InvalidTransition { status: self.status(), event });
        match (self, event) {
            (Self::Pending { expires_at: Some(expires_at) }, OrderEvent::CheckoutOpened { ends_at }) => {
                let expires_at = expires_at.max(later(ends_at, EXPIRY_AFTER_CHECKOUT));
                Ok(Self::Pending { expires_at: Some(expires_at) })
            }
            (Self::Pending { .. }, OrderEvent::PaymentProcessing) => Ok(Self::Pending { expires_at: None }),
            (Self::Pending { expires_at: None }, OrderEvent::PaymentBounced { at }) => Ok(Self::new(at)),
            (Self::Pending { expires_at: Some(_) }, OrderEvent::PaymentBounced { .. })
            | (Self::Canceled { .. }, OrderEvent::Canceled { .. }) => Ok(self),
            (Self::Pending { .. }, OrderEvent::Paid { at }) => Ok(Self::Paid { paid_at: at }),
            (Self::Pending { expires_at: Some(_) }, OrderEvent::Canceled { at, reason }) => {
                Ok(Self::Canceled { canceled_at: at, reason })
            }
            (
                Self::Paid { paid_at } | Self::PartiallyRefunded { paid_at } | Self::Refunded { paid_at },
                OrderEvent::RefundsChanged { refunded },
            ) => Ok(match refunded {
                RefundedPart::Nothing => Self::Paid { paid_at },
                RefundedPart::Some => Self::PartiallyRefunded { paid_at },
                RefundedPart::All => Self::Refunded { paid_at },
            }),
            _ => invalid,
        }
    }
}

fn later(instant: Instant, by: TimeDelta) -> Instant {
    instant.checked_add_signed(by).unwrap_or(instant)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(minutes: i64) -> Instant {
        Instant::from_timestamp(minutes.saturating_mul(60), 0).unwrap()
    }

    fn events() -> impl Strategy<Value = OrderEvent> {
        let minutes = 0_i64..10_000;
        prop_oneof![
            minutes.clone().prop_map(|m| OrderEvent::CheckoutOpened { ends_at: at(m) }),
            Just(OrderEvent::PaymentProcessing),
            minutes.clone().prop_map(|m| OrderEvent::PaymentBounced { at: at(m) }),
            minutes.clone().prop_map(|m| OrderEvent::Paid { at: at(m) }),
            minutes.clone().prop_map(|m| OrderEvent::Canceled { at: at(m), reason: CancelReason::ByUser }),
            minutes.prop_map(|m| OrderEvent::Canceled { at: at(m), reason: CancelReason::Expired }),
            prop_oneof![Just(RefundedPart::Nothing), Just(RefundedPart::Some), Just(RefundedPart::All)]
                .prop_map(|refunded| OrderEvent::RefundsChanged { refunded }),
        ]
    }

    #[test]
    fn a_new_order_expires_after_half_an_hour() {
        let order = OrderState::new(at(0));
        assert_eq!(order.expires_at(), Some(at(30)));
        assert!(!order.is_expired(at(29)) && order.is_expired(at(30)));
    }

    #[test]
    fn a_checkout_postpones_the_expiry_to_five_minutes_after_its_end_and_never_brings_it_forward() {
        let order = OrderState::new(at(0)).apply(OrderEvent::CheckoutOpened { ends_at: at(60) }).unwrap();
        assert_eq!(order.expires_at(), Some(at(65)));
        let again = order.apply(OrderEvent::CheckoutOpened { ends_at: at(10) }).unwrap();
        assert_eq!(again.expires_at(), Some(at(65)));
    }

    #[test]
    fn a_payment_in_progress_suspends_the_expiry_and_its_failure_restarts_it() {
        let order = OrderState::new(at(0)).apply(OrderEvent::PaymentProcessing).unwrap();
        assert_eq!((order.expires_at(), order.is_expired(at(9_999))), (None, false));
        let canceled = order.apply(OrderEvent::Canceled { at: at(1), reason: CancelReason::ByUser });
        assert!(canceled.is_err());
        let bounced = order.apply(OrderEvent::PaymentBounced { at: at(500) }).unwrap();
        assert_eq!(bounced.expires_at(), Some(at(530)));
    }

    #[test]
    fn a_canceled_order_cannot_be_paid() {
        let canceled = OrderEvent::Canceled { at: at(1), reason: CancelReason::ByUser };
        let order = OrderState::new(at(0)).apply(canceled).unwrap();
        assert!(order.apply(OrderEvent::Paid { at: at(2) }).is_err());
        assert_eq!(order.apply(OrderEvent::Canceled { at: at(3), reason: CancelReason::Expired }), Ok(order));
    }

    #[test]
    fn a_refund_that_fails_after_its_success_makes_the_order_paid_again() {
        let paid = OrderState::new(at(0)).apply(OrderEvent::Paid { at: at(1) }).unwrap();
        let refunded = paid.apply(OrderEvent::RefundsChanged { refunded: RefundedPart::All }).unwrap();
        assert_eq!(refunded.status(), OrderStatus::Refunded);
        assert_eq!(refunded.apply(OrderEvent::RefundsChanged { refunded: RefundedPart::Nothing }), Ok(paid));
    }

    proptest! {
        #[test]
        fn no_event_reverts_a_paid_order_or_revives_a_canceled_one(events in proptest::collection::vec(events(), 0..12)) {
            let mut order = OrderState::new(at(0));
            for event in events {
                let next = order.apply(event).unwrap_or(order);
                if order.paid_at().is_some() {
                    prop_assert_eq!(next.paid_at(), order.paid_at());
                }
                if order.status() == OrderStatus::Canceled {
                    prop_assert_eq!(next, order);
                }
                order = next;
            }
        }

        #[test]
        fn a_repeated_event_changes_nothing_more(events in proptest::collection::vec(events(), 0..8)) {
            let mut order = OrderState::new(at(0));
            for event in events {
                let next = order.apply(event).unwrap_or(order);
                // Only the first report of a failed payment restarts the expiry time. A second one changes nothing,
                // because the order then has an expiry time.
                prop_assert_eq!(next.apply(event).unwrap_or(next), next);
                order = next;
            }
        }
    }
}
