//! Common parts of the storage ports: the error, units of work, and retries after a lost race.

mod error;
mod retry;

use async_trait::async_trait;

pub use self::{
    error::{LostRace, StoreError},
    retry::{Attempt, retried},
};

/// A unit of work: one transaction on the store. When it is dropped without [`Unit::commit`], it MUST be rolled back,
/// and its locks MUST be released immediately.
///
/// The use cases of an area, such as the cart, work on a unit of work that has only the repositories that they need,
/// such as `trait CartUnit: Unit + CartRepository + OfferRepository + PurchaseRepository {}`. An adapter implements all
/// repositories on one struct, which is therefore the unit of work of every area.
///
/// To avoid deadlocks, rows are locked in this order: users by identifier, movies by identifier, then rows that
/// belong to a user (link token, session, cart). Locks that only prevent the deletion of movies may be taken later.
#[async_trait]
pub trait Unit: Send {
    /// Commits the transaction.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// Begins units of work. An adapter implements this trait once for all areas. Each area has a store trait, such as
/// `CartStore`, with a blanket implementation for every type that implements this trait and whose unit of work has
/// the repositories of the area.
#[async_trait]
pub trait UnitsOfWork: Send + Sync {
    /// The adapter's unit of work.
    type Unit: Unit + 'static;

    /// Begins a unit of work.
    async fn begin(&self, attempt: Attempt) -> Result<Self::Unit, StoreError>;
}

/// Declares a trait that combines other traits, with a blanket implementation for all types that implement them.
macro_rules! gathered {
    ($(#[$attribute:meta])* pub trait $name:ident: $first:ident $(+ $port:ident)*;) => {
        $(#[$attribute])*
        pub trait $name: $first $(+ $port)* {}

        impl<T> $name for T where T: $first $(+ $port)* {}
    };
}
pub(crate) use gathered;
