//! What every storage port shares: its error, units of work, and the retry of those that lost a race.

mod retry;

use std::error::Error;

use async_trait::async_trait;

pub use self::retry::{Attempt, retried};

/// A transaction on the store. Dropped without [`Unit::commit`] it never happened, and what it locked MUST be free at once.
///
/// An area's use cases work on a unit that shows what they touch and no more, such as
/// `trait CartUnit: Unit + CartRepository + PurchaseRepository {}`. An adapter implements every repository on one struct,
/// which thereby is every area's unit.
///
/// Rows are locked in this order: users by identifier, movies by identifier, then what belongs to a user (link, session,
/// cart).
#[async_trait]
pub trait Unit: Send {
    /// Makes everything that was written since the beginning visible to others.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// Begins units of work: the one thing that an adapter implements for all areas together. Every area's store is
/// implemented by whatever implements this with a unit that has the area's repositories.
#[async_trait]
pub trait UnitsOfWork: Send + Sync {
    /// The adapter's unit of work.
    type Unit: Unit + 'static;

    /// Begins one.
    async fn begin(&self, attempt: Attempt) -> Result<Self::Unit, StoreError>;
}

/// Declares a trait that gathers others and that whatever implements all of them implements.
macro_rules! gathered {
    ($(#[$attribute:meta])* pub trait $name:ident: $first:ident $(+ $port:ident)*;) => {
        $(#[$attribute])*
        pub trait $name: $first $(+ $port)* {}

        impl<T> $name for T where T: $first $(+ $port)* {}
    };
}
pub(crate) use gathered;

/// The store failed: opaque on purpose, kept whole for the log.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store is away, overloaded or full for now; the same call may succeed later (503 at the edge).
    #[error("the store is not available")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The transaction lost a race against another one, by a deadlock or a serialization failure, and was rolled back: the
    /// same work, begun anew, may succeed. [`retried`] does that; when every attempt lost, callers treat it as
    /// [`StoreError::Unavailable`].
    #[error("the transaction lost a race against another one")]
    Conflict(#[source] LostRace),
    /// Anything else (500 at the edge).
    #[error("the store failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

/// What the database said of the race that a transaction lost.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct LostRace(Box<dyn Error + Send + Sync>);

impl LostRace {
    /// Whether that is what an error comes from, through however many layers.
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
    fn a_lost_race_is_known_behind_any_error() {
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
    fn what_the_database_said_stays_in_the_chain() {
        let error = StoreError::conflict("deadlock detected");
        assert_eq!(Error::source(&error).map(ToString::to_string).as_deref(), Some("deadlock detected"));
    }
}
