use crate::{
    catalog::Offer,
    id::MovieId,
    money::{Currency, Money},
    orders::{Order, OrderItem, OrderTotalError},
    purchases::check_purchase,
};

/// A movie whose current price differs from its price in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangedPrice {
    /// The movie.
    pub movie_id: MovieId,
    /// The price of the movie in the order.
    pub old: Money,
    /// The current price of the movie.
    pub new: Money,
}

/// A difference between the current prices and the prices of the order, or between the current total and the total that
/// the buyer accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceChange {
    /// The order's total.
    pub old_total: Money,
    /// The current total.
    pub new_total: Money,
    /// The movies whose prices changed.
    pub items: Vec<ChangedPrice>,
}

/// The result of comparing an order with the current catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revalidation {
    /// Every movie is on sale at the order's price. If the buyer gave a total, it is the order's total.
    Unchanged,
    /// Prices changed, and the buyer accepts the new total: the order gets these items and this total.
    Accepted {
        /// The items with the current prices.
        items: Vec<OrderItem>,
        /// The sum of the current prices.
        total: Money,
    },
    /// Prices changed and the buyer gave no total, or the buyer gave a total that is not the current total.
    Changed(PriceChange),
    /// A movie is no longer on sale.
    Unavailable,
}

impl Order {
    /// Compares the order with the current offers, before it is paid. `accepted` is the total that the buyer agrees to,
    /// if one was given.
    ///
    /// # Errors
    /// When the sum of the current prices cannot be computed.
    pub fn revalidate(
        &self,
        offers: &[(MovieId, Offer)],
        accepted: Option<Money>,
        currency: Currency,
    ) -> Result<Revalidation, OrderTotalError> {
        let mut items = self.items.clone();
        let mut changed = Vec::new();
        for item in &mut items {
            let offer = offers.iter().find(|(id, _)| *id == item.movie_id).map(|(_, offer)| *offer);
            let Some(Ok(price)) = offer.map(|offer| check_purchase(offer, false, currency)) else {
                return Ok(Revalidation::Unavailable);
            };
            if price != item.price {
                changed.push(ChangedPrice { movie_id: item.movie_id, old: item.price, new: price });
                item.price = price;
            }
        }
        let total = Self::sum(&items, currency)?;
        let is_accepted = accepted.map_or(changed.is_empty(), |accepted| accepted == total);
        Ok(match (is_accepted, changed.is_empty()) {
            (true, true) => Revalidation::Unchanged,
            (true, false) => Revalidation::Accepted { items, total },
            (false, _) => {
                Revalidation::Changed(PriceChange { old_total: self.total, new_total: total, items: changed })
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        id::Id,
        orders::{OrderState, Selection},
        time::Instant,
    };

    struct Ids;

    impl crate::id::IdGenerator for Ids {
        fn uuid(&self) -> Uuid {
            Uuid::nil()
        }
    }

    fn usd(minor: i64) -> Money {
        Money::from_minor(minor, Currency::USD)
    }

    fn movie(number: u128) -> MovieId {
        Id::from_uuid(Uuid::from_u128(number))
    }

    fn order() -> Order {
        let movies = vec![(movie(1), usd(100)), (movie(2), usd(200))];
        let selection = Selection { movies, excluded: Vec::new() };
        let order = Order::place(
            Id::from_uuid(Uuid::nil()),
            Id::from_uuid(Uuid::nil()),
            selection,
            &Ids,
            Currency::USD,
            Instant::UNIX_EPOCH,
        );
        let order = order.unwrap();
        assert_eq!(order.state, OrderState::new(Instant::UNIX_EPOCH));
        order
    }

    fn offers(prices: [i64; 2]) -> Vec<(MovieId, Offer)> {
        let offer = |(number, minor)| (movie(number), Offer { price: usd(minor), is_available: true });
        (1..).zip(prices).map(offer).collect()
    }

    fn check(prices: [i64; 2], accepted: Option<i64>) -> Revalidation {
        order().revalidate(&offers(prices), accepted.map(usd), Currency::USD).unwrap()
    }

    #[test]
    fn an_order_at_current_prices_can_be_paid() {
        assert_eq!(check([100, 200], None), Revalidation::Unchanged);
        assert_eq!(check([100, 200], Some(300)), Revalidation::Unchanged);
    }

    #[test]
    fn a_changed_price_is_reported_until_the_new_total_is_accepted() {
        let items = vec![ChangedPrice { movie_id: movie(2), old: usd(200), new: usd(250) }];
        let change = PriceChange { old_total: usd(300), new_total: usd(350), items };
        assert_eq!(check([100, 250], None), Revalidation::Changed(change.clone()));
        assert_eq!(check([100, 250], Some(300)), Revalidation::Changed(change));
        let Revalidation::Accepted { items, total } = check([100, 250], Some(350)) else { panic!() };
        assert_eq!((total, items[1].price), (usd(350), usd(250)));
    }

    #[test]
    fn price_changes_with_the_same_total_are_also_reported() {
        let Revalidation::Changed(change) = check([150, 150], None) else { panic!() };
        assert_eq!((change.old_total, change.new_total, change.items.len()), (usd(300), usd(300), 2));
        assert!(matches!(check([150, 150], Some(300)), Revalidation::Accepted { .. }));
    }

    #[test]
    fn an_accepted_total_other_than_the_current_one_is_refused_even_without_a_price_change() {
        let Revalidation::Changed(change) = check([100, 200], Some(299)) else { panic!() };
        assert_eq!((change.old_total, change.new_total, change.items.len()), (usd(300), usd(300), 0));
    }

    #[test]
    fn a_movie_that_is_no_longer_on_sale_cannot_be_paid() {
        let mut withdrawn = offers([100, 200]);
        withdrawn[0].1.is_available = false;
        for offers in [withdrawn, offers([100, 200])[..1].to_vec()] {
            let checked = order().revalidate(&offers, Some(usd(300)), Currency::USD);
            assert_eq!(checked, Ok(Revalidation::Unavailable));
        }
    }
}
