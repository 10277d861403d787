use crate::time::Instant;

/// The name of a dispute's state in the API and in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DisputeStatus {
    /// The buyer's bank has not decided yet; the movies are suspended.
    Open,
    /// The dispute ended in the shop's favour, or was closed without a decision; the movies are available again.
    Won,
    /// The shop lost the money, and the buyer lost the movies.
    Lost,
}

impl DisputeStatus {
    /// All values of the enum.
    pub const ALL: [Self; 3] = [Self::Open, Self::Won, Self::Lost];

    /// The name in the API and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }
}

/// The state of a dispute, with the data of that state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeState {
    /// The buyer's bank has not decided yet.
    Open,
    /// The dispute ended in the shop's favour, or was closed without a decision.
    Won {
        /// When the dispute was closed.
        closed_at: Instant,
    },
    /// The money is lost.
    Lost {
        /// When the dispute was closed.
        closed_at: Instant,
    },
}

/// The provider's report about a dispute.
pub type DisputeReport = DisputeState;

impl DisputeState {
    /// The name of the state.
    #[must_use]
    pub const fn status(self) -> DisputeStatus {
        match self {
            Self::Open => DisputeStatus::Open,
            Self::Won { .. } => DisputeStatus::Won,
            Self::Lost { .. } => DisputeStatus::Lost,
        }
    }

    /// Returns the state after a report of the provider. All transitions between the states of a dispute are
    /// defined here. A closed dispute is never reopened, but a won dispute can still become lost.
    #[must_use]
    pub fn apply(self, report: DisputeReport) -> Self {
        match (self, report) {
            (Self::Lost { closed_at: known }, Self::Lost { closed_at }) => {
                Self::Lost { closed_at: known.min(closed_at) }
            }
            (Self::Lost { .. }, _) | (_, Self::Open) => self,
            (_, Self::Lost { closed_at }) => Self::Lost { closed_at },
            (Self::Won { closed_at: known }, Self::Won { closed_at }) => {
                Self::Won { closed_at: known.min(closed_at) }
            }
            (Self::Open, Self::Won { closed_at }) => Self::Won { closed_at },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_order_of_reports_with_repeats_ends_in_the_same_state(
            is_lost in any::<bool>(), closings in 1_usize..4, order in any::<prop::sample::Index>()
        ) {
            let closed_at = Instant::UNIX_EPOCH;
            let closed = if is_lost { DisputeState::Lost { closed_at } } else { DisputeState::Won { closed_at } };
            let mut reports = vec![closed; closings];
            reports.insert(order.index(closings), DisputeState::Open);
            let state = reports.into_iter().fold(DisputeState::Open, DisputeState::apply);
            prop_assert_eq!(state, closed);
        }
    }
}
