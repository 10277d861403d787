use domain::{cart::CartView, id::UserId, money::Money, store::StoreError};

use super::Carts;

/// A cart with its total of now.
#[derive(Debug, Clone, PartialEq)]
pub struct PricedCart {
    /// What is in it.
    pub cart: CartView,
    /// What the available items cost together.
    pub total: Money,
}

impl Carts {
    /// The user's cart with the prices of now (R58, R59).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn view(&self, user_id: UserId) -> Result<PricedCart, StoreError> {
        let cart = self.queries.view(user_id).await?;
        let total = cart.total(self.currency).map_err(StoreError::failed)?;
        Ok(PricedCart { cart, total })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        cart::doubles::{ANN, MemoryCarts, carts_on, movie},
        catalog::doubles::price,
    };

    #[tokio::test]
    async fn a_cart_that_was_never_opened_is_empty_and_costs_nothing() {
        let store = Arc::new(MemoryCarts::with_movies(0));
        let priced = carts_on(&store).view(ANN).await.unwrap();
        assert_eq!(priced, PricedCart { cart: CartView::default(), total: price("0") });
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
        let priced = carts.view(ANN).await.unwrap();
        assert_eq!(priced.total, price("10.00"));
        assert_eq!((priced.cart.items.len(), priced.cart.unavailable.len()), (2, 2));
    }

    #[tokio::test]
    async fn a_price_in_another_currency_is_a_failure_and_no_wrong_total() {
        let store = Arc::new(MemoryCarts::with_movies(1));
        let carts = carts_on(&store);
        carts.add(ANN, movie(1)).await.unwrap();
        store.rows().shelf.movies[0].price = Money::parse_major("1", "EUR".parse().unwrap()).unwrap();
        assert!(matches!(carts.view(ANN).await, Err(StoreError::Failed(_))));
    }
}
