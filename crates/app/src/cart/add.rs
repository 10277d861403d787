use domain::{
    accounts::{AccessError, Actor},
    cart::{CartAddition, CartItem, CartRefusal, CartUnit, CartView},
    id::{CartId, MovieId, UserId},
    store::{Attempt, StoreError, retried},
    time::Instant,
};

use super::Carts;

/// Why a movie was not added to the cart.
#[derive(Debug, thiserror::Error)]
pub enum AddToCartError {
    /// The movie cannot be added, for the given reason.
    #[error(transparent)]
    Refused(#[from] CartRefusal),
    /// The actor may not change the cart.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Carts {
    /// Adds a movie to the user's cart and returns the cart.
    ///
    /// # Errors
    /// See [`AddToCartError`].
    pub async fn add(&self, actor: Actor, movie_id: MovieId) -> Result<CartView, AddToCartError> {
        retried(&*self.backoff, |attempt| self.try_add(attempt, actor, movie_id)).await?;
        Ok(self.view(actor.user_id).await?)
    }

    async fn try_add(&self, attempt: Attempt, actor: Actor, movie_id: MovieId) -> Result<(), AddToCartError> {
        let now = self.clock.now();
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let cart_id = unit.open_cart_for_update(actor.user_id, self.ids.next()).await?;
        if let Some(refusal) = self.put(&mut *unit, actor.user_id, cart_id, movie_id, now).await? {
            return Err(refusal.into());
        }
        unit.commit().await?;
        Ok(())
    }

    /// Adds a movie to a locked cart. Returns the reason when the movie is refused, and `None` when it was added.
    pub(super) async fn put(
        &self,
        unit: &mut dyn CartUnit,
        user_id: UserId,
        cart_id: CartId,
        movie_id: MovieId,
        now: Instant,
    ) -> Result<Option<CartRefusal>, StoreError> {
        let movies = unit.cart_movies(cart_id).await?;
        let addition = CartAddition {
            offer: unit.find_offer(movie_id).await?,
            is_purchased: unit.is_purchased(user_id, movie_id).await?,
            is_in_cart: movies.contains(&movie_id),
            item_count: movies.len(),
        };
        if let Err(refusal) = addition.check(self.currency) {
            return Ok(Some(refusal));
        }
        let item = CartItem { id: self.ids.next(), movie_id, added_at: now };
        let is_added = unit.add_cart_item(cart_id, &item).await?;
        Ok((!is_added).then_some(CartRefusal::AlreadyInCart))
    }
}

#[cfg(test)]
mod tests {
    use domain::{money::Money, purchases::PurchaseRefusal};

    use super::*;
    use crate::{
        cart::doubles::carts_with_movies,
        doubles::{
            fixtures::{ANN, movie, price},
            storage::TestStorage,
        },
    };

    /// Checks that Ann cannot add the movie and that nothing changes. Returns the refusal.
    async fn refusal((carts, store): (&Carts, &TestStorage), movie_id: MovieId) -> AddToCartError {
        let before = store.rows().await;
        let refusal = carts.add(ANN, movie_id).await.unwrap_err();
        assert_eq!(store.rows().await, before);
        refusal
    }

    #[tokio::test]
    async fn an_added_movie_is_in_the_cart_with_the_total() {
        let (carts, store) = carts_with_movies(2).await;
        carts.add(ANN, movie(1)).await.unwrap();
        let cart = carts.add(ANN, movie(2)).await.unwrap();
        assert_eq!(cart.items.len(), 2);
        assert_eq!(cart.total, price("19.98"));
        assert_eq!(store.rows().await.carts, [ANN.user_id]);
    }

    #[tokio::test]
    async fn a_movie_that_cannot_be_added_is_refused_with_the_reason() {
        let (carts, store) = carts_with_movies(4).await;
        carts.add(ANN, movie(1)).await.unwrap();
        store.withdraw(movie(2)).await;
        store.sell(ANN, movie(3)).await;
        assert!(matches!(
            refusal((&carts, &store), movie(99)).await,
            AddToCartError::Refused(CartRefusal::NotFound)
        ));
        assert!(matches!(
            refusal((&carts, &store), movie(1)).await,
            AddToCartError::Refused(CartRefusal::AlreadyInCart)
        ));
        assert!(matches!(
            refusal((&carts, &store), movie(2)).await,
            AddToCartError::Refused(CartRefusal::CannotBuy(PurchaseRefusal::MovieUnavailable))
        ));
        assert!(matches!(
            refusal((&carts, &store), movie(3)).await,
            AddToCartError::Refused(CartRefusal::CannotBuy(PurchaseRefusal::AlreadyPurchased))
        ));
        store.withdraw(movie(3)).await;
        assert!(matches!(
            refusal((&carts, &store), movie(3)).await,
            AddToCartError::Refused(CartRefusal::CannotBuy(PurchaseRefusal::AlreadyPurchased))
        ));
    }

    #[tokio::test]
    async fn a_movie_priced_in_another_currency_cannot_be_added() {
        let (carts, store) = carts_with_movies(1).await;
        let euro = Money::parse_major("1", "EUR".parse().unwrap()).unwrap();
        store.change_movie(movie(1), |movie| movie.price = euro).await;
        assert!(matches!(
            refusal((&carts, &store), movie(1)).await,
            AddToCartError::Refused(CartRefusal::CannotBuy(PurchaseRefusal::MovieUnavailable))
        ));
    }

    #[tokio::test]
    async fn a_cart_holds_a_hundred_movies() {
        let (carts, store) = carts_with_movies(101).await;
        for number in 1..=100 {
            carts.add(ANN, movie(number)).await.unwrap();
        }
        assert!(matches!(
            refusal((&carts, &store), movie(101)).await,
            AddToCartError::Refused(CartRefusal::CartFull)
        ));
        assert!(matches!(
            refusal((&carts, &store), movie(100)).await,
            AddToCartError::Refused(CartRefusal::AlreadyInCart)
        ));
        carts.remove(ANN, movie(1)).await.unwrap();
        carts.add(ANN, movie(101)).await.unwrap();
    }

    #[tokio::test]
    async fn a_failed_commit_adds_nothing() {
        let (carts, store) = carts_with_movies(1).await;
        store.fail_commits();
        assert!(matches!(
            refusal((&carts, &store), movie(1)).await,
            AddToCartError::Store(StoreError::Failed(_))
        ));
    }
}
