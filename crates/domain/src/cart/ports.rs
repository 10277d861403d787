use async_trait::async_trait;

use crate::{
    cart::CartRefusal,
    catalog::{MovieSummary, OfferRepository},
    id::{CartId, CartItemId, MovieId, UserId},
    money::{Currency, Money, MoneyError},
    purchases::PurchaseRepository,
    store::{Attempt, StoreError, Unit, UnitsOfWork, gathered},
    time::Instant,
};

gathered! {
    /// A unit of work about a cart.
    pub trait CartUnit: Unit + CartRepository + OfferRepository + PurchaseRepository;
}

/// Begins units of work about carts.
#[async_trait]
pub trait CartStore: Send + Sync {
    /// Begins one.
    async fn begin(&self, attempt: Attempt) -> Result<Box<dyn CartUnit>, StoreError>;
}

#[async_trait]
impl<D: UnitsOfWork<Unit: CartUnit>> CartStore for D {
    async fn begin(&self, attempt: Attempt) -> Result<Box<dyn CartUnit>, StoreError> {
        Ok(Box::new(UnitsOfWork::begin(self, attempt).await?))
    }
}

/// A movie in a cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CartItem {
    /// Its identifier.
    pub id: CartItemId,
    /// The movie.
    pub movie_id: MovieId,
    /// When it was put there.
    pub added_at: Instant,
}

/// Keeps carts.
#[async_trait]
pub trait CartRepository: Send {
    /// The user's cart, locked until the unit ends. MUST make it under the proposed identifier when there is none, and
    /// MUST leave a user with one cart when two units do so at once.
    async fn open_cart_for_update(&mut self, user_id: UserId, proposed: CartId)
    -> Result<CartId, StoreError>;
    /// Whether it holds the movie.
    async fn cart_contains(&mut self, cart_id: CartId, movie_id: MovieId) -> Result<bool, StoreError>;
    /// How many movies it holds.
    async fn count_cart_items(&mut self, cart_id: CartId) -> Result<u64, StoreError>;
    /// Puts a movie in; `false` when it is there already. MUST NOT hold a movie twice, even when two units add it at once.
    async fn add_cart_item(&mut self, cart_id: CartId, item: &CartItem) -> Result<bool, StoreError>;
    /// Takes a movie out; `false` when it is not there.
    async fn remove_cart_item(&mut self, user_id: UserId, movie_id: MovieId) -> Result<bool, StoreError>;
    /// Takes everything out.
    async fn clear_cart(&mut self, user_id: UserId) -> Result<(), StoreError>;
}

/// A movie in a cart, to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct CartLine {
    /// The movie, with its price of now.
    pub movie: MovieSummary,
    /// When it was put there.
    pub added_at: Instant,
}

/// A movie in a cart that cannot be bought any more.
#[derive(Debug, Clone, PartialEq)]
pub struct UnavailableItem {
    /// The movie.
    pub movie: MovieSummary,
    /// [`CartRefusal::AlreadyPurchased`] or [`CartRefusal::MovieUnavailable`].
    pub reason: CartRefusal,
}

/// A cart, to look at: newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CartView {
    /// What can be bought.
    pub items: Vec<CartLine>,
    /// What cannot any more.
    pub unavailable: Vec<UnavailableItem>,
}

impl CartView {
    /// What the items cost together, now.
    ///
    /// # Errors
    /// When an item is priced in another currency, or the sum does not fit.
    pub fn total(&self, currency: Currency) -> Result<Money, MoneyError> {
        Money::total(currency, self.items.iter().map(|line| line.movie.price))
    }
}

/// Reads carts outside a unit of work.
#[async_trait]
pub trait CartQueries: Send + Sync {
    /// The user's cart; empty when there is none. What was bought MUST stand under `unavailable` as such, else what was
    /// withdrawn.
    async fn cart_view(&self, user_id: UserId) -> Result<CartView, StoreError>;
}
