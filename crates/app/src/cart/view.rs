use domain::{
    cart::{CartLine, CartRefusal, CartView, UnavailableItem},
    id::UserId,
    money::Money,
    store::StoreError,
};

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
    /// The user's cart with the prices of now (R58, R59). What is priced in another currency, because the shop's was changed,
    /// cannot be bought.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn view(&self, user_id: UserId) -> Result<PricedCart, StoreError> {
        let mut cart = self.queries.cart_view(user_id).await?;
        let is_payable = |line: &CartLine| line.movie.price.currency() == self.currency;
        let (payable, foreign): (Vec<_>, Vec<_>) = cart.items.into_iter().partition(is_payable);
        cart.items = payable;
        let unavailable =
            |line: CartLine| UnavailableItem { movie: line.movie, reason: CartRefusal::MovieUnavailable };
        cart.unavailable.extend(foreign.into_iter().map(unavailable));
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
    async fn what_is_priced_in_another_currency_cannot_be_bought_and_holds_nothing_up() {
        let store = Arc::new(MemoryCarts::with_movies(2));
        let carts = carts_on(&store);
        for number in 1..=2 {
            carts.add(ANN, movie(number)).await.unwrap();
        }
        store.rows().shelf.movies[0].price = Money::parse_major("1", "EUR".parse().unwrap()).unwrap();
        let priced = carts.view(ANN).await.unwrap();
        assert_eq!(priced.total, price("9.99"));
        let ids: Vec<_> = priced.cart.items.iter().map(|line| line.movie.id).collect();
        assert_eq!(ids, [movie(2)]);
        let [foreign] = &priced.cart.unavailable[..] else { panic!("one is foreign") };
        assert_eq!((foreign.movie.id, foreign.reason), (movie(1), CartRefusal::MovieUnavailable));
    }
}
