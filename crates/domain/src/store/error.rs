use std::error::Error;

/// The store failed. The source is for the log only: callers tell no more apart than the variants.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store is away, overloaded or full for now; the same call may succeed later.
    #[error("the store is not available")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The transaction lost a race against another one, by a deadlock, a serialization failure, or a row that the other one
    /// added or deleted after this one had looked for it, and was rolled back: the same work, begun anew, may succeed. [`retried`](super::retried) does that; when every attempt lost, callers treat it as
    /// [`StoreError::Unavailable`].
    #[error("the transaction lost a race against another one")]
    Conflict(#[source] LostRace),
    /// Anything else.
    #[error("the store failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

/// The database's message about the race that a transaction lost.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct LostRace(Box<dyn Error + Send + Sync>);

impl LostRace {
    /// Whether a lost race is the error or among its sources.
    #[must_use]
    pub fn is_behind(error: &(dyn Error + 'static)) -> bool {
        std::iter::successors(Some(error), |error| (*error).source()).any(<dyn Error>::is::<Self>)
    }
}

impl StoreError {
    /// The store is away, overloaded or full for now.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }

    /// The transaction lost a race against another one.
    pub fn conflict(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Conflict(LostRace(source.into()))
    }

    /// The store failed, or holds what it must not.
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
    fn a_lost_race_is_found_behind_any_error() {
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
    fn the_message_of_the_database_stays_in_the_chain() {
        let error = StoreError::conflict("deadlock detected");
        assert_eq!(Error::source(&error).map(ToString::to_string).as_deref(), Some("deadlock detected"));
    }
}
