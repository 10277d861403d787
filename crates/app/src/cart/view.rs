use domain::{cart::CartView, id::UserId, store::StoreError};

use super::Carts;

impl Carts {
    /// The user's cart with the current prices.
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
    use std::sync::Arc;

    use domain::{money::Money, purchases::PurchaseRefusal};

    use super::*;
    use crate::{
        cart::doubles::{ANN, MemoryCarts, carts_on, movie},
        catalog::doubles::price,
    };

    #[tokio::test]
    async fn a_cart_that_was_never_opened_is_empty_and_costs_nothing() {
        let store = Arc::new(MemoryCarts::with_movies(0));
        let cart = carts_on(&store).view(ANN.user_id).await.unwrap();
        assert_eq!(cart, CartView { items: Vec::new(), unavailable: Vec::new(), total: price("0") });
        assert!(store.rows().carts.is_empty());
    }

    #[tokio::test]
    async fn the_total_is_of_the_prices_of_now_and_of_what_can_be_bought() {
        let store = Arc::new(MemoryCarts::with_movies(4));
        let carts = carts_on(&store);
        for number in 1..=4 {
            carts.add(ANN, movie(number)).await.unwrap();
        }
        store.rows().shelf.movies[0].price = price("0.01");
        store.withdraw(movie(2));
        store.sell(ANN, movie(3));
        let cart = carts.view(ANN.user_id).await.unwrap();
        assert_eq!(cart.total, price("10.00"));
        assert_eq!((cart.items.len(), cart.unavailable.len()), (2, 2));
    }

    #[tokio::test]
    async fn what_is_priced_in_another_currency_cannot_be_bought_and_holds_nothing_up() {
        let store = Arc::new(MemoryCarts::with_movies(2));
        let carts = carts_on(&store);
        for number in 1..=2 {
            carts.add(ANN, movie(number)).await.unwrap();
        }
        store.rows().shelf.movies[0].price = Money::parse_major("1", "EUR".parse().unwrap()).unwrap();
        let cart = carts.view(ANN.user_id).await.unwrap();
        assert_eq!(cart.total, price("9.99"));
        let ids: Vec<_> = cart.items.iter().map(|line| line.movie.id).collect();
        assert_eq!(ids, [movie(2)]);
        let [foreign] = &cart.unavailable[..] else { panic!("one is foreign") };
        assert_eq!((foreign.movie.id, foreign.reason), (movie(1), PurchaseRefusal::MovieUnavailable));
    }
}
