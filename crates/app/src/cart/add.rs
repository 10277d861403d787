use domain::{
    cart::{CartItem, CartRefusal, CartUnit, MAX_CART_ITEMS},
    id::{CartId, MovieId, UserId},
    store::{Attempt, StoreError, retried},
    time::Instant,
};

use super::{Carts, PricedCart};

/// A movie was not put in the cart.
#[derive(Debug, thiserror::Error)]
pub enum AddToCartError {
    /// There is no such movie.
    #[error("there is no such movie")]
    NotFound,
    /// It is not on sale any more.
    #[error("the movie is not on sale any more")]
    MovieUnavailable,
    /// The user has bought it.
    #[error("the movie was bought already; it cannot be bought again")]
    AlreadyPurchased,
    /// It is in the cart.
    #[error("the movie is in the cart already")]
    AlreadyInCart,
    /// The cart is full.
    #[error("the cart holds 100 movies already")]
    CartFull,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CartRefusal> for AddToCartError {
    fn from(refusal: CartRefusal) -> Self {
        match refusal {
            CartRefusal::NotFound => Self::NotFound,
            CartRefusal::MovieUnavailable => Self::MovieUnavailable,
            CartRefusal::AlreadyPurchased => Self::AlreadyPurchased,
            CartRefusal::AlreadyInCart => Self::AlreadyInCart,
            CartRefusal::CartFull => Self::CartFull,
        }
    }
}

impl Carts {
    /// Puts a movie in the cart (R55, R56, R66).
    ///
    /// # Errors
    /// See [`AddToCartError`].
    pub async fn add(&self, user_id: UserId, movie_id: MovieId) -> Result<PricedCart, AddToCartError> {
        retried(&*self.backoff, |attempt| self.try_add(attempt, user_id, movie_id)).await?;
        Ok(self.view(user_id).await?)
    }

    async fn try_add(
        &self,
        attempt: Attempt,
        user_id: UserId,
        movie_id: MovieId,
    ) -> Result<(), AddToCartError> {
        let now = self.clock.now();
        let mut unit = self.store.begin(attempt).await?;
        let cart_id = unit.open_cart_for_update(user_id, self.ids.next()).await?;
        if let Some(refusal) = self.put(&mut *unit, user_id, cart_id, movie_id, now).await? {
            return Err(refusal.into());
        }
        unit.commit().await?;
        Ok(())
    }

    /// Puts a movie in an open cart, or says why not.
    pub(super) async fn put(
        &self,
        unit: &mut dyn CartUnit,
        user_id: UserId,
        cart_id: CartId,
        movie_id: MovieId,
        now: Instant,
    ) -> Result<Option<CartRefusal>, StoreError> {
        let Some(is_available) = unit.movie_availability(movie_id).await? else {
            return Ok(Some(CartRefusal::NotFound));
        };
        if unit.is_purchased(user_id, movie_id).await? {
            return Ok(Some(CartRefusal::AlreadyPurchased));
        }
        if !is_available {
            return Ok(Some(CartRefusal::MovieUnavailable));
        }
        if unit.cart_contains(cart_id, movie_id).await? {
            return Ok(Some(CartRefusal::AlreadyInCart));
        }
        if unit.count_cart_items(cart_id).await? >= MAX_CART_ITEMS {
            return Ok(Some(CartRefusal::CartFull));
        }
        let item = CartItem { id: self.ids.next(), movie_id, added_at: now };
        let is_added = unit.add_cart_item(cart_id, &item).await?;
        Ok((!is_added).then_some(CartRefusal::AlreadyInCart))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, atomic::Ordering};

    use super::*;
    use crate::{
        cart::doubles::{ANN, MemoryCarts, Rows, carts_on, movie},
        catalog::doubles::price,
    };

    async fn refusal(store: &Arc<MemoryCarts>, movie_id: MovieId) -> AddToCartError {
        let before: Rows = store.rows().clone();
        let refusal = carts_on(store).add(ANN, movie_id).await.unwrap_err();
        assert_eq!(*store.rows(), before);
        refusal
    }

    #[tokio::test]
    async fn what_is_added_stands_in_the_cart_with_the_total() {
        let store = Arc::new(MemoryCarts::with_movies(2));
        let carts = carts_on(&store);
        carts.add(ANN, movie(1)).await.unwrap();
        let priced = carts.add(ANN, movie(2)).await.unwrap();
        assert_eq!(priced.cart.items.len(), 2);
        assert_eq!(priced.total, price("19.98"));
        assert_eq!(store.rows().carts.len(), 1);
    }

    #[tokio::test]
    async fn what_cannot_be_added_says_why_and_changes_nothing() {
        let store = Arc::new(MemoryCarts::with_movies(4));
        carts_on(&store).add(ANN, movie(1)).await.unwrap();
        store.withdraw(movie(2));
        store.sell(ANN, movie(3));
        assert!(matches!(refusal(&store, movie(99)).await, AddToCartError::NotFound));
        assert!(matches!(refusal(&store, movie(1)).await, AddToCartError::AlreadyInCart));
        assert!(matches!(refusal(&store, movie(2)).await, AddToCartError::MovieUnavailable));
        assert!(matches!(refusal(&store, movie(3)).await, AddToCartError::AlreadyPurchased));
        store.withdraw(movie(3));
        assert!(matches!(refusal(&store, movie(3)).await, AddToCartError::AlreadyPurchased));
    }

    #[tokio::test]
    async fn a_cart_holds_a_hundred_movies() {
        let store = Arc::new(MemoryCarts::with_movies(101));
        let carts = carts_on(&store);
        for number in 1..=100 {
            carts.add(ANN, movie(number)).await.unwrap();
        }
        assert!(matches!(refusal(&store, movie(101)).await, AddToCartError::CartFull));
        assert!(matches!(refusal(&store, movie(100)).await, AddToCartError::AlreadyInCart));
        carts.remove(ANN, movie(1)).await.unwrap();
        carts.add(ANN, movie(101)).await.unwrap();
    }

    #[tokio::test]
    async fn a_failed_commit_adds_nothing() {
        let store = Arc::new(MemoryCarts::with_movies(1));
        store.fails_on_commit.store(true, Ordering::Relaxed);
        assert!(matches!(refusal(&store, movie(1)).await, AddToCartError::Store(StoreError::Failed(_))));
    }
}
