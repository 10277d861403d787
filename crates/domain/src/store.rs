//! What every storage port shares: its error, units of work, and the retry of those that lost a race.

mod error;
mod retry;

use async_trait::async_trait;

pub use self::{
    error::{LostRace, StoreError},
    retry::{Attempt, retried},
};

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
