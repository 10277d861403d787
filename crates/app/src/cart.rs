//! The cart: viewing it, adding and removing movies, and merging a visitor's cart.

mod add;
#[cfg(test)]
mod doubles;
mod merge;
mod remove;
mod view;

use std::sync::Arc;

use domain::{
    cart::{CartQueries, CartStore},
    id::IdGenerator,
    money::Currency,
    time::{Backoff, Clock},
};

pub use add::AddToCartError;
pub use merge::{MergedCart, SkippedMovie};

/// The use cases of the cart.
pub struct Carts {
    /// Stores carts.
    pub store: Arc<dyn CartStore>,
    /// Reads carts.
    pub queries: Arc<dyn CartQueries>,
    /// Provides the current time.
    pub clock: Arc<dyn Clock>,
    /// Waits before a unit of work that lost a race is retried.
    pub backoff: Arc<dyn Backoff>,
    /// Generates identifiers.
    pub ids: Arc<dyn IdGenerator>,
    /// The shop's currency.
    pub currency: Currency,
}
