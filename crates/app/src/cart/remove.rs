use domain::{
    id::{MovieId, UserId},
    store::{Attempt, StoreError, retried},
};

use super::Carts;

impl Carts {
    /// Takes a movie out of the cart (R57); `false` when it is not there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove(&self, user_id: UserId, movie_id: MovieId) -> Result<bool, StoreError> {
        retried(&*self.backoff, |attempt| self.try_remove(attempt, user_id, movie_id)).await
    }

    async fn try_remove(
        &self,
        attempt: Attempt,
        user_id: UserId,
        movie_id: MovieId,
    ) -> Result<bool, StoreError> {
        let mut unit = self.store.begin(attempt).await?;
        let is_removed = unit.remove_cart_item(user_id, movie_id).await?;
        unit.commit().await?;
        Ok(is_removed)
    }

    /// Takes everything out of the cart (R62).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clear(&self, user_id: UserId) -> Result<(), StoreError> {
        retried(&*self.backoff, |attempt| self.try_clear(attempt, user_id)).await
    }

    async fn try_clear(&self, attempt: Attempt, user_id: UserId) -> Result<(), StoreError> {
        let mut unit = self.store.begin(attempt).await?;
        unit.clear_cart(user_id).await?;
        unit.commit().await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::id::{Id, UserId};
    use uuid::Uuid;

    use crate::cart::doubles::{ANN, MemoryCarts, carts_on, movie};

    const BOB: UserId = Id::from_uuid(Uuid::from_u128(0xB));

    #[tokio::test]
    async fn a_movie_is_taken_out_once_and_of_ones_own_cart_only() {
        let store = Arc::new(MemoryCarts::with_movies(2));
        let carts = carts_on(&store);
        carts.add(ANN, movie(1)).await.unwrap();
        carts.add(BOB, movie(1)).await.unwrap();
        assert!(carts.remove(ANN, movie(1)).await.unwrap());
        assert!(!carts.remove(ANN, movie(1)).await.unwrap());
        assert!(!carts.remove(BOB, movie(2)).await.unwrap());
        assert_eq!(carts.view(BOB).await.unwrap().cart.items.len(), 1);
    }

    #[tokio::test]
    async fn what_cannot_be_bought_any_more_can_be_taken_out() {
        let store = Arc::new(MemoryCarts::with_movies(1));
        let carts = carts_on(&store);
        carts.add(ANN, movie(1)).await.unwrap();
        store.withdraw(movie(1));
        assert!(carts.remove(ANN, movie(1)).await.unwrap());
    }

    #[tokio::test]
    async fn a_cart_is_emptied_alone_and_again() {
        let store = Arc::new(MemoryCarts::with_movies(2));
        let carts = carts_on(&store);
        for number in [1, 2] {
            carts.add(ANN, movie(number)).await.unwrap();
            carts.add(BOB, movie(number)).await.unwrap();
        }
        for _ in 0..2 {
            carts.clear(ANN).await.unwrap();
            assert!(carts.view(ANN).await.unwrap().cart.items.is_empty());
        }
        assert_eq!(carts.view(BOB).await.unwrap().cart.items.len(), 2);
    }
}
