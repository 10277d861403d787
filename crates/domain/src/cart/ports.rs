use async_trait::async_trait;

use crate::{
    accounts::{AccessError, Actor, Authority, SessionRepository, UserRepository, begin_as},
    cart::CartEntry,
    catalog::OfferRepository,
    id::{CartId, CartItemId, MovieId, UserId},
    purchases::PurchaseRepository,
    store::{Attempt, StoreError, Unit, UnitsOfWork, gathered},
    time::Instant,
};

gathered! {
    /// A unit of work (one transaction) about a cart.
    pub trait CartUnit: Unit + CartRepository + OfferRepository + PurchaseRepository;
}

/// Begins units of work about carts.
#[async_trait]
pub trait CartStore: Send + Sync {
    /// Begins a unit of work for a user who changes their own cart.
    async fn begin_own(&self, attempt: Attempt, owner: &Actor) -> Result<Box<dyn CartUnit>, AccessError>;
}

#[async_trait]
impl<D> CartStore for D
where
    D: UnitsOfWork<Unit: CartUnit + UserRepository + SessionRepository>,
{
    async fn begin_own(&self, attempt: Attempt, owner: &Actor) -> Result<Box<dyn CartUnit>, AccessError> {
        Ok(Box::new(begin_as(self, attempt, &Authority::own(owner)).await?))
    }
}

/// A movie in a cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CartItem {
    /// The identifier of the item.
    pub id: CartItemId,
    /// The movie.
    pub movie_id: MovieId,
    /// When the movie was added.
    pub added_at: Instant,
}

/// Stores carts.
#[async_trait]
pub trait CartRepository: Send {
    /// The user's cart, locked until the transaction ends. MUST create a cart with the proposed identifier when the
    /// user has none, and MUST NOT create two carts when two transactions call this method concurrently.
    async fn open_cart_for_update(&mut self, user_id: UserId, proposed: CartId)
    -> Result<CartId, StoreError>;
    /// The movies in the cart, the most recently added first.
    async fn cart_movies(&mut self, cart_id: CartId) -> Result<Vec<MovieId>, StoreError>;
    /// Adds a movie; `false` when it is already in the cart. MUST NOT add a movie twice, even when two transactions add
    /// it concurrently.
    async fn add_cart_item(&mut self, cart_id: CartId, item: &CartItem) -> Result<bool, StoreError>;
    /// Removes a movie; `false` when it is not in the cart.
    async fn remove_cart_item(&mut self, user_id: UserId, movie_id: MovieId) -> Result<bool, StoreError>;
    /// Removes all movies.
    async fn clear_cart(&mut self, user_id: UserId) -> Result<(), StoreError>;
}

/// Reads carts outside a unit of work (transaction).
#[async_trait]
pub trait CartQueries: Send + Sync {
    /// The movies in the user's cart, the most recently added first; empty when there is no cart. MUST return for each
    /// movie whether it is on sale, and whether the user has an active purchase of it.
    async fn cart_entries(&self, user_id: UserId) -> Result<Vec<CartEntry>, StoreError>;
}
