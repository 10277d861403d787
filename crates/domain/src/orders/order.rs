use crate::{
    id::{IdGenerator, MovieId, OrderId, OrderItemId, UserId},
    money::{Currency, Money, MoneyError},
    orders::{ExcludedMovie, OrderState, Selection, order_number},
    time::Instant,
};

/// A movie in an order, with its price in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderItem {
    /// The identifier of the item.
    pub id: OrderItemId,
    /// The movie.
    pub movie_id: MovieId,
    /// The price when the order was created, or the changed price that the buyer accepted later.
    pub price: Money,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The identifier of the order.
    pub id: OrderId,
    /// A short, unique number for human readers.
    pub number: String,
    /// The buyer, who may have deleted the account in the meantime.
    pub user_id: UserId,
    /// The state of the order, with the data of that state.
    pub state: OrderState,
    /// The ordered movies: at least one, without repetition.
    pub items: Vec<OrderItem>,
    /// The sum of the prices.
    pub total: Money,
    /// The movies of the cart that were excluded when the order was created.
    pub excluded: Vec<ExcludedMovie>,
    /// When the order was created.
    pub created_at: Instant,
}

/// The prices of an order cannot be summed up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the sum of an order's prices is too large")]
pub struct OrderTotalError(#[from] MoneyError);

impl Order {
    /// Creates an order of the movies that were selected from the user's cart.
    ///
    /// # Errors
    /// When a price is in another currency, or the sum of the prices is too large to be stored.
    pub fn place(
        id: OrderId,
        user_id: UserId,
        selection: Selection,
        ids: &dyn IdGenerator,
        currency: Currency,
        now: Instant,
    ) -> Result<Self, OrderTotalError> {
        let item = |(movie_id, price)| OrderItem { id: ids.next(), movie_id, price };
        let items: Vec<_> = selection.movies.into_iter().map(item).collect();
        let total = Self::sum(&items, currency)?;
        let (number, state, excluded) = (order_number(id), OrderState::new(now), selection.excluded);
        Ok(Self { id, number, user_id, state, items, total, excluded, created_at: now })
    }

    /// The sum of the prices, in the shop's currency.
    ///
    /// # Errors
    /// When a price is in another currency, or the sum is too large to be stored.
    pub fn sum(items: &[OrderItem], currency: Currency) -> Result<Money, OrderTotalError> {
        let mut total = Money::zero(currency);
        for item in items {
            total = total.checked_add(item.price)?;
        }
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::Id;

    fn item(minor: i64, currency: &str) -> OrderItem {
        OrderItem {
            id: Id::from_uuid(Uuid::nil()),
            movie_id: Id::from_uuid(Uuid::nil()),
            price: Money::from_minor(minor, currency.parse().unwrap()),
        }
    }

    #[test]
    fn the_total_is_the_exact_sum_of_the_prices() {
        let usd = "USD".parse().unwrap();
        let total = Order::sum(&[item(999, "USD"), item(1, "USD")], usd);
        assert_eq!(total, Ok(Money::from_minor(1_000, usd)));
        assert_eq!(Order::sum(&[], usd), Ok(Money::zero(usd)));
    }

    #[test]
    fn prices_of_two_currencies_have_no_total() {
        assert!(Order::sum(&[item(999, "EUR")], "USD".parse().unwrap()).is_err());
    }
}
