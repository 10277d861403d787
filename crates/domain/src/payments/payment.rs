use chrono::TimeDelta;

use crate::{
    money::Money,
    orders::{OrderState, OrderStatus},
    payments::PaymentFailure,
    time::Instant,
};

/// How long a checkout can be paid.
pub const CHECKOUT_LIFETIME: TimeDelta = TimeDelta::minutes(60);

/// The name of a payment's state in the API and in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaymentStatus {
    /// The checkout is open, or is being opened.
    Pending,
    /// The checkout is complete, but the money has not arrived yet.
    Processing,
    /// The money arrived.
    Successful,
    /// The checkout could not be opened or ended unpaid after a decline, the money did not arrive, or its amount or
    /// currency was wrong.
    Failed,
    /// The checkout ended unpaid, without a decline.
    Canceled,
    /// The payment was partially refunded.
    PartiallyRefunded,
    /// The payment was fully refunded.
    Refunded,
}

impl PaymentStatus {
    /// All values of the enum.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Processing,
        Self::Successful,
        Self::Failed,
        Self::Canceled,
        Self::PartiallyRefunded,
        Self::Refunded,
    ];

    /// The name in the API and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Successful => "successful",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
        }
    }
}

/// The state of a payment, with the data of that state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentState {
    /// The checkout is open, or is being opened.
    Pending {
        /// The last decline; the buyer may try again.
        failure: Option<PaymentFailure>,
    },
    /// The checkout is complete, but the money has not arrived yet. This may take days, and may fail.
    Processing {
        /// The last decline before the checkout was completed.
        failure: Option<PaymentFailure>,
    },
    /// The checkout ended unpaid, without a decline.
    Canceled {
        /// When the payment ended.
        completed_at: Instant,
    },
    /// The checkout could not be opened or ended unpaid after a decline, or the money did not arrive.
    Failed {
        /// The last failure.
        failure: PaymentFailure,
        /// When the payment ended.
        completed_at: Instant,
    },
    /// The money arrived.
    Successful {
        /// When the money arrived.
        completed_at: Instant,
    },
    /// Money arrived, but with a wrong amount or currency, so it pays nothing.
    Mismatched {
        /// The received money.
        received: Money,
        /// When the money arrived.
        completed_at: Instant,
    },
}

/// The provider's report about a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckoutReport {
    /// The checkout is open.
    Open,
    /// An attempt was declined; the checkout stays open.
    Declined(PaymentFailure),
    /// The checkout is complete, but the money has not arrived yet.
    Processing,
    /// The checkout is complete, and the money arrived.
    Paid {
        /// The received money.
        amount: Money,
        /// When the money arrived.
        at: Instant,
    },
    /// The checkout was complete, but the money did not arrive.
    Bounced(PaymentFailure),
    /// The checkout ended unpaid.
    Expired {
        /// When the checkout ended.
        at: Instant,
    },
}

/// What a report changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentChange {
    /// Nothing.
    Nothing,
    /// A detail, such as the last decline.
    Detail,
    /// The payment became `Processing`.
    BecameProcessing,
    /// The checkout ended unpaid, or the money did not arrive.
    Ended {
        /// Whether the payment was `Processing` before.
        was_processing: bool,
    },
    /// The money arrived: this is reported once.
    BecameSuccessful,
    /// Money with a wrong amount or currency arrived: this is reported once.
    BecameMismatched,
}

/// How received money is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// The money pays the order.
    PaysOrder,
    /// The money is returned to the buyer, because the order was canceled.
    ReturnedOrderCanceled,
    /// The money is returned to the buyer, because another payment had paid the order.
    ReturnedOrderPaid,
}

impl Settlement {
    /// Decides how to use money that arrived for an order in this state. The money is returned only if the order was
    /// canceled, or if another payment has paid the order.
    #[must_use]
    pub const fn of(order: OrderState) -> Self {
        match order.status() {
            OrderStatus::Pending => Self::PaysOrder,
            OrderStatus::Canceled => Self::ReturnedOrderCanceled,
            OrderStatus::Paid | OrderStatus::PartiallyRefunded | OrderStatus::Refunded => {
                Self::ReturnedOrderPaid
            }
        }
    }
}

impl PaymentState {
    /// The state of a new payment.
    pub const NEW: Self = Self::Pending { failure: None };

    /// The name of the state, given the sum of the succeeded refunds.
    #[must_use]
    pub fn status(&self, amount: Money, refunded: Money) -> PaymentStatus {
        match self {
            Self::Pending { .. } => PaymentStatus::Pending,
            Self::Processing { .. } => PaymentStatus::Processing,
            Self::Canceled { .. } => PaymentStatus::Canceled,
            Self::Failed { .. } | Self::Mismatched { .. } => PaymentStatus::Failed,
            Self::Successful { .. } if refunded.minor() <= 0 => PaymentStatus::Successful,
            Self::Successful { .. } if refunded.minor() < amount.minor() => PaymentStatus::PartiallyRefunded,
            Self::Successful { .. } => PaymentStatus::Refunded,
        }
    }

    /// Whether the payment has not ended yet, so that further reports of the provider are expected.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Pending { .. } | Self::Processing { .. })
    }

    /// When the payment ended, if it did.
    #[must_use]
    pub const fn completed_at(&self) -> Option<Instant> {
        match self {
            Self::Pending { .. } | Self::Processing { .. } => None,
            Self::Canceled { completed_at }
            | Self::Failed { completed_at, .. }
            | Self::Successful { completed_at }
            | Self::Mismatched { completed_at, .. } => Some(*completed_at),
        }
    }

    /// Why the payment failed, or why its last attempt was declined.
    #[must_use]
    pub fn failure(&self) -> Option<PaymentFailure> {
        match self {
            Self::Pending { failure } | Self::Processing { failure } => failure.clone(),
            Self::Failed { failure, .. } => Some(failure.clone()),
            Self::Mismatched { completed_at, .. } => {
                Some(PaymentFailure { at: *completed_at, code: PaymentFailure::AMOUNT_MISMATCH.to_owned() })
            }
            Self::Canceled { .. } | Self::Successful { .. } => None,
        }
    }

    /// Returns the state after a report of the provider, and what the report changed. `asked` is the requested amount.
    /// All transitions between the states of a payment are defined here.
    ///
    /// Reports may arrive twice, late and in any order, and lead to the same state. A report of received money takes
    /// effect regardless of earlier reports, and no later report reverses it.
    #[must_use]
    pub fn apply(&self, asked: Money, report: &CheckoutReport) -> (Self, PaymentChange) {
        let next = match self {
            Self::Successful { .. } | Self::Mismatched { .. } => self.clone(),
            _ => self.advanced(asked, report),
        };
        let change = self.change_to(&next);
        (next, change)
    }

    /// The state after a report, if no money had arrived before.
    fn advanced(&self, asked: Money, report: &CheckoutReport) -> Self {
        match report {
            CheckoutReport::Open => self.clone(),
            CheckoutReport::Declined(failure) => self.declined(failure),
            CheckoutReport::Processing => match self {
                Self::Pending { failure } => Self::Processing { failure: failure.clone() },
                _ => self.clone(),
            },
            CheckoutReport::Paid { amount, at } if *amount == asked => Self::Successful { completed_at: *at },
            CheckoutReport::Paid { amount, at } => Self::Mismatched { received: *amount, completed_at: *at },
            CheckoutReport::Bounced(failure) => self.declined(failure).ended(failure.at),
            CheckoutReport::Expired { at } => self.ended(*at),
        }
    }

    /// The state after a reported failure. The later one of the known and the reported failure is kept.
    fn declined(&self, failure: &PaymentFailure) -> Self {
        let latest = |known: Option<&PaymentFailure>| known.max(Some(failure)).cloned();
        match self {
            Self::Pending { failure: known } => Self::Pending { failure: latest(known.as_ref()) },
            Self::Processing { failure: known } => Self::Processing { failure: latest(known.as_ref()) },
            Self::Canceled { completed_at } => {
                Self::Failed { failure: failure.clone(), completed_at: *completed_at }
            }
            Self::Failed { failure: known, completed_at } => {
                Self::Failed { failure: known.max(failure).clone(), completed_at: *completed_at }
            }
            Self::Successful { .. } | Self::Mismatched { .. } => self.clone(),
        }
    }

    /// The state after the checkout has ended. If the end is reported twice, the earlier time is kept.
    fn ended(&self, at: Instant) -> Self {
        match self {
            Self::Pending { failure: Some(failure) } | Self::Processing { failure: Some(failure) } => {
                Self::Failed { failure: failure.clone(), completed_at: at }
            }
            Self::Pending { failure: None } | Self::Processing { failure: None } => {
                Self::Canceled { completed_at: at }
            }
            Self::Canceled { completed_at } => Self::Canceled { completed_at: at.min(*completed_at) },
            Self::Failed { failure, completed_at } => {
                Self::Failed { failure: failure.clone(), completed_at: at.min(*completed_at) }
            }
            Self::Successful { .. } | Self::Mismatched { .. } => self.clone(),
        }
    }

    fn change_to(&self, next: &Self) -> PaymentChange {
        match next {
            _ if next == self => PaymentChange::Nothing,
            Self::Successful { .. } => PaymentChange::BecameSuccessful,
            Self::Mismatched { .. } => PaymentChange::BecameMismatched,
            Self::Processing { .. } if matches!(self, Self::Pending { .. }) => {
                PaymentChange::BecameProcessing
            }
            Self::Canceled { .. } | Self::Failed { .. } if self.is_open() => {
                PaymentChange::Ended { was_processing: matches!(self, Self::Processing { .. }) }
            }
            _ => PaymentChange::Detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::subsequence};

    use super::*;

    fn at(minutes: i64) -> Instant {
        Instant::from_timestamp(minutes.saturating_mul(60), 0).unwrap()
    }

    fn usd(minor: i64) -> Money {
        Money::from_minor(minor, "USD".parse().unwrap())
    }

    fn failure(minutes: i64, code: &str) -> PaymentFailure {
        PaymentFailure { at: at(minutes), code: code.to_owned() }
    }

    fn after<'a>(
        reports: impl IntoIterator<Item = &'a CheckoutReport>,
    ) -> (PaymentState, Vec<PaymentChange>) {
        let (mut state, mut changes) = (PaymentState::NEW, Vec::new());
        for report in reports {
            let (next, change) = state.apply(usd(999), report);
            changes.push(change);
            state = next;
        }
        (state, changes)
    }

    /// The provider's reports about four checkouts, some of which are paid in the end.
    fn stories() -> [Vec<CheckoutReport>; 4] {
        let declined = || CheckoutReport::Declined(failure(1, "insufficient_funds"));
        let begun =
            || vec![CheckoutReport::Open, declined(), CheckoutReport::Declined(failure(2, "do_not_honor"))];
        let paid = CheckoutReport::Paid { amount: usd(999), at: at(9) };
        let bounced = CheckoutReport::Bounced(failure(8, "debit_not_authorized"));
        [
            [begun(), vec![CheckoutReport::Processing, paid.clone()]].concat(),
            [begun(), vec![CheckoutReport::Processing, bounced]].concat(),
            [begun(), vec![CheckoutReport::Expired { at: at(60) }]].concat(),
            vec![CheckoutReport::Open, CheckoutReport::Expired { at: at(60) }, paid],
        ]
    }

    #[test]
    fn a_checkout_that_is_complete_but_not_paid_is_no_success() {
        let (state, changes) = after(&[CheckoutReport::Processing]);
        assert_eq!(state.status(usd(999), usd(0)), PaymentStatus::Processing);
        assert_eq!(changes, [PaymentChange::BecameProcessing]);
    }

    #[test]
    fn an_expired_checkout_is_canceled_or_failed_after_a_decline() {
        let expired = CheckoutReport::Expired { at: at(60) };
        assert_eq!(after(std::slice::from_ref(&expired)).0.status(usd(999), usd(0)), PaymentStatus::Canceled);
        let declined = CheckoutReport::Declined(failure(1, "expired_card"));
        let (state, changes) = after(&[declined, expired]);
        assert_eq!(state.status(usd(999), usd(0)), PaymentStatus::Failed);
        assert_eq!(state.failure().map(|failure| failure.code).as_deref(), Some("expired_card"));
        assert_eq!(changes, [PaymentChange::Detail, PaymentChange::Ended { was_processing: false }]);
    }

    #[test]
    fn received_money_takes_effect_once_regardless_of_earlier_reports() {
        let paid = CheckoutReport::Paid { amount: usd(999), at: at(61) };
        let (state, changes) = after(&[CheckoutReport::Expired { at: at(60) }, paid.clone(), paid]);
        assert_eq!(state, PaymentState::Successful { completed_at: at(61) });
        assert_eq!(changes.last_chunk(), Some(&[PaymentChange::BecameSuccessful, PaymentChange::Nothing]));
    }

    #[test]
    fn a_wrong_amount_or_currency_pays_nothing() {
        for received in [usd(998), usd(1_000), Money::from_minor(999, "EUR".parse().unwrap())] {
            let (state, changes) = after(&[CheckoutReport::Paid { amount: received, at: at(1) }]);
            assert_eq!(state, PaymentState::Mismatched { received, completed_at: at(1) });
            assert_eq!(state.status(usd(999), usd(0)), PaymentStatus::Failed);
            assert_eq!(state.failure().map(|failure| failure.code).as_deref(), Some("amount_mismatch"));
            assert_eq!(changes, [PaymentChange::BecameMismatched]);
        }
    }

    #[test]
    fn the_status_follows_the_refunds() {
        let (state, _) = after(&[CheckoutReport::Paid { amount: usd(999), at: at(1) }]);
        let statuses = [0, 1, 999].map(|refunded| state.status(usd(999), usd(refunded)));
        let wanted = [PaymentStatus::Successful, PaymentStatus::PartiallyRefunded, PaymentStatus::Refunded];
        assert_eq!(statuses, wanted);
    }

    #[test]
    fn money_is_returned_only_for_a_canceled_or_paid_order() {
        let pending = OrderState::Pending { expires_at: None };
        assert_eq!(Settlement::of(pending), Settlement::PaysOrder);
        assert_eq!(Settlement::of(OrderState::Paid { paid_at: at(0) }), Settlement::ReturnedOrderPaid);
        let canceled =
            OrderState::Canceled { canceled_at: at(0), reason: crate::orders::CancelReason::Expired };
        assert_eq!(Settlement::of(canceled), Settlement::ReturnedOrderCanceled);
    }

    fn shuffled_with_repeats(story: Vec<CheckoutReport>) -> impl Strategy<Value = Vec<CheckoutReport>> {
        let len = story.len();
        (subsequence(story.clone(), 0..=len), Just(story))
            .prop_map(|(repeated, story)| [story, repeated].concat())
            .prop_shuffle()
    }

    proptest! {
        #[test]
        fn any_order_of_reports_with_repeats_ends_in_the_same_state(
            reports in prop_oneof![
                shuffled_with_repeats(stories()[0].clone()).prop_map(|reports| (0, reports)),
                shuffled_with_repeats(stories()[1].clone()).prop_map(|reports| (1, reports)),
                shuffled_with_repeats(stories()[2].clone()).prop_map(|reports| (2, reports)),
                shuffled_with_repeats(stories()[3].clone()).prop_map(|reports| (3, reports)),
            ]
        ) {
            let (story, reports) = reports;
            let (state, changes) = after(&reports);
            prop_assert_eq!(state, after(&stories()[story]).0);
            let successes = changes.iter().filter(|change| **change == PaymentChange::BecameSuccessful).count();
            prop_assert!(successes <= 1);
        }

        #[test]
        fn a_report_of_received_money_takes_effect_even_if_all_earlier_reports_were_lost(at_minute in 0_i64..100) {
            let paid = CheckoutReport::Paid { amount: usd(999), at: at(at_minute) };
            prop_assert_eq!(after(&[paid]).0, PaymentState::Successful { completed_at: at(at_minute) });
        }
    }
}
