use chrono::TimeDelta;
use domain::{
    accounts::{AccessError, Actor},
    cart::{CartRefusal, CartView},
    id::MovieId,
    store::{Attempt, retried},
};

use super::Carts;

/// A movie of a visitor's cart that was not added to the user's cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkippedMovie {
    /// The movie.
    pub movie_id: MovieId,
    /// The reason.
    pub reason: CartRefusal,
}

/// A cart after a visitor's cart was merged into it.
#[derive(Debug, Clone, PartialEq)]
pub struct MergedCart {
    /// The resulting cart.
    pub cart: CartView,
    /// The movies that were not added, in the order of the visitor's cart.
    pub skipped: Vec<SkippedMovie>,
}

impl Carts {
    /// Merges the cart that a visitor filled before signing in into the user's cart. `movie_ids` has the order of the
    /// visitor's cart: the first movie that is added becomes the newest movie in the user's cart. Repeating the call
    /// changes nothing more.
    ///
    /// # Errors
    /// See [`AccessError`]. After an error nothing was added, unless only reading the merged cart failed.
    pub async fn merge(&self, actor: Actor, movie_ids: &[MovieId]) -> Result<MergedCart, AccessError> {
        let skipped = retried(&*self.backoff, |attempt| self.try_merge(attempt, actor, movie_ids)).await?;
        Ok(MergedCart { cart: self.view(actor.user_id).await?, skipped })
    }

    async fn try_merge(
        &self,
        attempt: Attempt,
        actor: Actor,
        movie_ids: &[MovieId],
    ) -> Result<Vec<SkippedMovie>, AccessError> {
        let now = self.clock.now();
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let cart_id = unit.open_cart_for_update(actor.user_id, self.ids.next()).await?;
        let mut skipped = Vec::new();
        let mut added_at = now;
        for &movie_id in movie_ids {
            match self.put(&mut *unit, actor.user_id, cart_id, movie_id, added_at).await? {
                Some(reason) => skipped.push(SkippedMovie { movie_id, reason }),
                // The addition time of the next movie is one microsecond before the time of this movie, because carts
                // list the movie with the latest time first.
                None => {
                    added_at = added_at.checked_sub_signed(TimeDelta::microseconds(1)).unwrap_or(added_at);
                }
            }
        }
        unit.commit().await?;
        Ok(skipped)
    }
}

#[cfg(test)]
mod tests {
    use domain::{purchases::PurchaseRefusal, store::StoreError};

    use super::*;
    use crate::{
        cart::{AddToCartError, doubles::carts_with_movies},
        doubles::fixtures::{ANN, movie},
    };

    fn movies(cart: &CartView) -> Vec<MovieId> {
        cart.items.iter().map(|line| line.movie.id).collect()
    }

    #[tokio::test]
    async fn a_visitors_cart_is_merged_in_its_order() {
        let (carts, _) = carts_with_movies(3).await;
        let merged = carts.merge(ANN, &[movie(3), movie(1), movie(2)]).await.unwrap();
        assert_eq!(movies(&merged.cart), [movie(3), movie(1), movie(2)]);
        assert_eq!(merged.skipped, []);
    }

    #[tokio::test]
    async fn movies_that_cannot_be_merged_are_skipped_with_the_reason() {
        let (carts, store) = carts_with_movies(5).await;
        carts.add(ANN, movie(1)).await.unwrap();
        store.withdraw(movie(2)).await;
        store.sell(ANN, movie(3)).await;
        let wanted = [movie(1), movie(2), movie(3), movie(99), movie(4), movie(4), movie(5)];
        let merged = carts.merge(ANN, &wanted).await.unwrap();
        let skipped: Vec<_> = merged.skipped.iter().map(|skip| (skip.movie_id, skip.reason)).collect();
        assert_eq!(
            skipped,
            [
                (movie(1), CartRefusal::AlreadyInCart),
                (movie(2), PurchaseRefusal::MovieUnavailable.into()),
                (movie(3), PurchaseRefusal::AlreadyPurchased.into()),
                (movie(99), CartRefusal::NotFound),
                (movie(4), CartRefusal::AlreadyInCart),
            ]
        );
        assert_eq!(merged.cart.items.len(), 3);
    }

    #[tokio::test]
    async fn repeating_a_merge_changes_nothing_more() {
        let (carts, _) = carts_with_movies(2).await;
        let first = carts.merge(ANN, &[movie(1), movie(2)]).await.unwrap();
        let again = carts.merge(ANN, &[movie(1), movie(2)]).await.unwrap();
        assert_eq!(again.cart, first.cart);
        assert_eq!(again.skipped.len(), 2);
    }

    #[tokio::test]
    async fn movies_beyond_the_limit_are_skipped() {
        let (carts, _) = carts_with_movies(101).await;
        carts.add(ANN, movie(101)).await.unwrap();
        let merged = carts.merge(ANN, &(1..=100).map(movie).collect::<Vec<_>>()).await.unwrap();
        assert_eq!(merged.cart.items.len(), 100);
        assert_eq!(merged.skipped, [SkippedMovie { movie_id: movie(100), reason: CartRefusal::CartFull }]);
    }

    #[tokio::test]
    async fn a_cart_is_changed_once_after_lost_races_and_not_at_all_if_all_attempts_lose() {
        let (carts, store) = carts_with_movies(3).await;
        store.lose_commits(4);
        assert_eq!(carts.merge(ANN, &[movie(1), movie(2)]).await.unwrap().skipped, []);
        store.lose_commits(4);
        carts.add(ANN, movie(3)).await.unwrap();
        assert_eq!(store.rows().await.cart_items.len(), 3);
        store.lose_commits(4);
        assert!(carts.remove(ANN, movie(3)).await.unwrap());

        let before = store.rows().await;
        for deed in 0..4 {
            store.take_commits();
            store.lose_commits(6);
            let lost = match deed {
                0 => carts.merge(ANN, &[movie(3)]).await.map(|_| ()),
                1 => carts.remove(ANN, movie(1)).await.map(|_| ()),
                2 => carts.clear(ANN).await,
                _ => match carts.add(ANN, movie(3)).await {
                    Err(AddToCartError::Store(error)) => Err(AccessError::Store(error)),
                    answer => panic!("{answer:?}"),
                },
            };
            assert!(matches!(lost, Err(AccessError::Store(StoreError::Conflict(_)))));
            assert_eq!(store.take_commits(), 5);
            assert_eq!(store.rows().await, before);
        }
        store.lose_commits(4);
        carts.clear(ANN).await.unwrap();
        assert!(store.rows().await.cart_items.is_empty());
    }

    #[tokio::test]
    async fn after_a_failed_commit_nothing_was_merged() {
        let (carts, store) = carts_with_movies(2).await;
        store.fail_commits();
        assert!(carts.merge(ANN, &[movie(1), movie(2)]).await.is_err());
        assert!(store.rows().await.cart_items.is_empty());
    }
}
