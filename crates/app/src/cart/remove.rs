use domain::{
    accounts::{AccessError, Actor},
    id::MovieId,
    store::{Attempt, retried},
};

use super::Carts;

impl Carts {
    /// Removes a movie from the cart; `false` when it is not in the cart.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn remove(&self, actor: Actor, movie_id: MovieId) -> Result<bool, AccessError> {
        retried(&*self.backoff, |attempt| self.try_remove(attempt, actor, movie_id)).await
    }

    async fn try_remove(
        &self,
        attempt: Attempt,
        actor: Actor,
        movie_id: MovieId,
    ) -> Result<bool, AccessError> {
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let is_removed = unit.remove_cart_item(actor.user_id, movie_id).await?;
        unit.commit().await?;
        Ok(is_removed)
    }

    /// Removes all movies from the cart.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn clear(&self, actor: Actor) -> Result<(), AccessError> {
        retried(&*self.backoff, |attempt| self.try_clear(attempt, actor)).await
    }

    async fn try_clear(&self, attempt: Attempt, actor: Actor) -> Result<(), AccessError> {
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        unit.clear_cart(actor.user_id).await?;
        unit.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        cart::doubles::carts_with_movies,
        doubles::fixtures::{ANN, BOB, movie},
    };

    #[tokio::test]
    async fn a_movie_is_removed_once_and_only_from_the_own_cart() {
        let (carts, _) = carts_with_movies(2).await;
        carts.add(ANN, movie(1)).await.unwrap();
        carts.add(BOB, movie(1)).await.unwrap();
        assert!(carts.remove(ANN, movie(1)).await.unwrap());
        assert!(!carts.remove(ANN, movie(1)).await.unwrap());
        assert!(!carts.remove(BOB, movie(2)).await.unwrap());
        assert_eq!(carts.view(BOB.user_id).await.unwrap().items.len(), 1);
    }

    #[tokio::test]
    async fn movies_that_can_no_longer_be_bought_can_be_removed() {
        let (carts, store) = carts_with_movies(1).await;
        carts.add(ANN, movie(1)).await.unwrap();
        store.withdraw(movie(1)).await;
        assert!(carts.remove(ANN, movie(1)).await.unwrap());
    }

    #[tokio::test]
    async fn clearing_a_cart_affects_no_other_cart_and_can_be_repeated() {
        let (carts, _) = carts_with_movies(2).await;
        for number in [1, 2] {
            carts.add(ANN, movie(number)).await.unwrap();
            carts.add(BOB, movie(number)).await.unwrap();
        }
        for _ in 0..2 {
            carts.clear(ANN).await.unwrap();
            assert!(carts.view(ANN.user_id).await.unwrap().items.is_empty());
        }
        assert_eq!(carts.view(BOB.user_id).await.unwrap().items.len(), 2);
    }
}
