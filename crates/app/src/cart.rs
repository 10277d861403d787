//! The cart: viewing it, adding and removing movies, and merging the cart that a visitor filled before signing in.

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
    /// Waits before a transaction is retried after a conflict with a concurrent one.
    pub backoff: Arc<dyn Backoff>,
    /// Generates identifiers.
    pub ids: Arc<dyn IdGenerator>,
    /// The shop's currency.
    pub currency: Currency,
}
