use std::error::Error;

/// A failure of the store. The source is only for the log; callers distinguish only the variants.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store is temporarily unavailable, overloaded or full; the same call may succeed later.
    #[error("the store is not available")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The transaction lost a race against another one and was rolled back, because of a deadlock, a serialization
    /// failure, or a row that the other transaction added or deleted after this transaction had looked for it. The same
    /// work may succeed when it is retried, which [`retried`](super::retried) does. When all attempts fail, callers
    /// treat the error as [`StoreError::Unavailable`].
    #[error("the transaction lost a race against another one")]
    Conflict(#[source] LostRace),
    /// Any other failure.
    #[error("the store failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

/// The database's message about the race that a transaction lost.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct LostRace(Box<dyn Error + Send + Sync>);

impl LostRace {
    /// Whether the error or one of its sources is a lost race.
    #[must_use]
    pub fn is_behind(error: &(dyn Error + 'static)) -> bool {
        std::iter::successors(Some(error), |error| (*error).source()).any(<dyn Error>::is::<Self>)
    }
}

impl StoreError {
    /// Creates the error of a store that is temporarily unavailable, overloaded or full.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }

    /// Creates the error of a transaction that lost a race against another one.
    pub fn conflict(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Conflict(LostRace(source.into()))
    }

    /// Creates the error of a store that failed or contains invalid data.
    pub fn failed(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(source.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error of a use case.
    #[derive(Debug, thiserror::Error)]
    enum UseCaseError {
        #[error("refused")]
        Refused,
        #[error(transparent)]
        Store(#[from] StoreError),
    }

    #[test]
    fn a_lost_race_is_found_among_the_sources_of_any_error() {
        for error in [StoreError::conflict("deadlock"), StoreError::conflict(StoreError::failed("x"))] {
            assert!(LostRace::is_behind(&error));
            assert!(LostRace::is_behind(&UseCaseError::from(error)));
        }
        for error in [StoreError::unavailable("away"), StoreError::failed("broken")] {
            assert!(!LostRace::is_behind(&error));
            assert!(!LostRace::is_behind(&UseCaseError::from(error)));
        }
        assert!(!LostRace::is_behind(&UseCaseError::Refused));
    }

    #[test]
    fn the_message_of_the_database_stays_in_the_chain_of_sources() {
        let error = StoreError::conflict("deadlock detected");
        assert_eq!(Error::source(&error).map(ToString::to_string).as_deref(), Some("deadlock detected"));
    }
}
