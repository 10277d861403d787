use domain::{cart::CartView, id::UserId, store::StoreError};

use super::Carts;

impl Carts {
    /// Returns the user's cart with the current prices.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn view(&self, user_id: UserId) -> Result<CartView, StoreError> {
        let entries = self.queries.cart_entries(user_id).await?;
        CartView::of(entries, self.currency).map_err(StoreError::failed)
    }
}

#[cfg(test)]
mod tests {
    use domain::{money::Money, purchases::PurchaseRefusal};

    use super::*;
    use crate::{
        cart::doubles::carts_with_movies,
        doubles::fixtures::{ANN, movie, price},
    };

    #[tokio::test]
    async fn a_cart_that_was_never_opened_is_empty_and_viewing_creates_none() {
        let (carts, store) = carts_with_movies(0).await;
        let cart = carts.view(ANN.user_id).await.unwrap();
        assert_eq!(cart, CartView { items: Vec::new(), unavailable: Vec::new(), total: price("0") });
        assert!(store.rows().await.carts.is_empty());
    }

    #[tokio::test]
    async fn the_total_is_of_current_prices_of_movies_that_can_be_bought() {
        let (carts, store) = carts_with_movies(4).await;
        for number in 1..=4 {
            carts.add(ANN, movie(number)).await.unwrap();
        }
        store.change_movie(movie(1), |movie| movie.price = price("0.01")).await;
        store.withdraw(movie(2)).await;
        store.sell(ANN, movie(3)).await;
        let cart = carts.view(ANN.user_id).await.unwrap();
        assert_eq!(cart.total, price("10.00"));
        assert_eq!((cart.items.len(), cart.unavailable.len()), (2, 2));
    }

    #[tokio::test]
    async fn movies_priced_in_another_currency_cannot_be_bought_and_do_not_affect_others() {
        let (carts, store) = carts_with_movies(2).await;
        for number in 1..=2 {
            carts.add(ANN, movie(number)).await.unwrap();
        }
        let euro = Money::parse_major("1", "EUR".parse().unwrap()).unwrap();
        store.change_movie(movie(1), |movie| movie.price = euro).await;
        let cart = carts.view(ANN.user_id).await.unwrap();
        assert_eq!(cart.total, price("9.99"));
        let ids: Vec<_> = cart.items.iter().map(|line| line.movie.id).collect();
        assert_eq!(ids, [movie(2)]);
        let [foreign] = &cart.unavailable[..] else { panic!("one movie has a foreign currency") };
        assert_eq!((foreign.movie.id, foreign.reason), (movie(1), PurchaseRefusal::MovieUnavailable));
    }
}
