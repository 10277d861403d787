use crate::time::Instant;

/// The name of a refund's state in the API and in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefundStatus {
    /// Requested from the provider, or about to be requested.
    Pending,
    /// The money was refunded.
    Succeeded,
    /// The refund failed.
    Failed,
}

impl RefundStatus {
    /// The name in the API and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// The state of a refund, with the data of that state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundState {
    /// Requested from the provider, or about to be requested; its amount is reserved.
    Pending,
    /// The money was refunded.
    Succeeded {
        /// When the money was refunded.
        at: Instant,
    },
    /// The refund failed, or the buyer's bank returned the money.
    Failed {
        /// When the refund failed or the money was returned.
        at: Instant,
    },
}

/// The provider's report about a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundReport {
    /// The refund has not been completed yet.
    Pending,
    /// The money was refunded.
    Succeeded {
        /// When the money was refunded.
        at: Instant,
    },
    /// The refund failed, or the buyer's bank returned the money.
    Failed {
        /// When the refund failed or the money was returned.
        at: Instant,
    },
}

impl RefundState {
    /// The name of the state.
    #[must_use]
    pub const fn status(self) -> RefundStatus {
        match self {
            Self::Pending => RefundStatus::Pending,
            Self::Succeeded { .. } => RefundStatus::Succeeded,
            Self::Failed { .. } => RefundStatus::Failed,
        }
    }

    /// Returns the state after a report of the provider. All transitions between the states of a refund are defined
    /// here. Reports may arrive twice, late and in any order. A failure is final, even after a success, since the
    /// buyer's bank may return the money days later.
    #[must_use]
    pub fn apply(self, report: RefundReport) -> Self {
        match (self, report) {
            (Self::Failed { at: known }, RefundReport::Failed { at }) => Self::Failed { at: known.min(at) },
            (Self::Failed { .. }, _) | (_, RefundReport::Pending) => self,
            (_, RefundReport::Failed { at }) => Self::Failed { at },
            (Self::Succeeded { at: known }, RefundReport::Succeeded { at }) => {
                Self::Succeeded { at: known.min(at) }
            }
            (Self::Pending, RefundReport::Succeeded { at }) => Self::Succeeded { at },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Instant {
        Instant::from_timestamp(seconds, 0).unwrap()
    }

    fn after(reports: &[RefundReport]) -> RefundState {
        reports.iter().fold(RefundState::Pending, |state, report| state.apply(*report))
    }

    proptest! {
        #[test]
        fn any_order_of_reports_with_repeats_ends_in_the_same_state(
            reports in Just(vec![
                RefundReport::Pending,
                RefundReport::Pending,
                RefundReport::Succeeded { at: at(1) },
                RefundReport::Succeeded { at: at(1) },
                RefundReport::Failed { at: at(2) },
                RefundReport::Failed { at: at(2) },
            ]).prop_shuffle()
        ) {
            prop_assert_eq!(after(&reports), RefundState::Failed { at: at(2) });
            let without_failure: Vec<_> =
                reports.into_iter().filter(|report| !matches!(report, RefundReport::Failed { .. })).collect();
            prop_assert_eq!(after(&without_failure), RefundState::Succeeded { at: at(1) });
        }
    }
}
