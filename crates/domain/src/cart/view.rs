use crate::{
    catalog::{MovieSummary, Offer},
    money::{Currency, Money, MoneyError},
    purchases::{PurchaseRefusal, check_purchase},
    time::Instant,
};

/// A movie in a cart as it is stored, with the facts that decide whether it can be bought.
#[derive(Debug, Clone, PartialEq)]
pub struct CartEntry {
    /// The movie, with its current price.
    pub movie: MovieSummary,
    /// Whether the movie is on sale.
    pub is_available: bool,
    /// Whether the user has an active purchase of the movie.
    pub is_purchased: bool,
    /// When the movie was added to the cart.
    pub added_at: Instant,
}

/// A movie in a cart that can be bought.
#[derive(Debug, Clone, PartialEq)]
pub struct CartLine {
    /// The movie, with its current price.
    pub movie: MovieSummary,
    /// When the movie was added to the cart.
    pub added_at: Instant,
}

/// A movie in a cart that can no longer be bought.
#[derive(Debug, Clone, PartialEq)]
pub struct UnavailableItem {
    /// The movie.
    pub movie: MovieSummary,
    /// Why the movie cannot be bought.
    pub reason: PurchaseRefusal,
}

/// A cart with its current prices, in the order of its entries.
#[derive(Debug, Clone, PartialEq)]
pub struct CartView {
    /// The movies that can be bought.
    pub items: Vec<CartLine>,
    /// The movies that can no longer be bought.
    pub unavailable: Vec<UnavailableItem>,
    /// The sum of the items' prices.
    pub total: Money,
}

impl CartView {
    /// Separates the movies in a cart that can be bought in a shop with this currency from the movies that cannot be
    /// bought.
    ///
    /// # Errors
    /// When the total is too large to be represented.
    pub fn of(entries: impl IntoIterator<Item = CartEntry>, currency: Currency) -> Result<Self, MoneyError> {
        let mut view = Self { items: Vec::new(), unavailable: Vec::new(), total: Money::zero(currency) };
        for CartEntry { movie, is_available, is_purchased, added_at } in entries {
            let offer = Offer { price: movie.price, is_available };
            match check_purchase(offer, is_purchased, currency) {
                Ok(price) => {
                    view.total = view.total.checked_add(price)?;
                    view.items.push(CartLine { movie, added_at });
                }
                Err(reason) => view.unavailable.push(UnavailableItem { movie, reason }),
            }
        }
        Ok(view)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        catalog::{Named, RatingSummary},
        id::Id,
    };

    fn entry(number: u128, price: Money) -> CartEntry {
        let movie = MovieSummary {
            id: Id::from_uuid(Uuid::from_u128(number)),
            name: number.to_string(),
            year: 2000,
            duration_minutes: 100,
            imdb: 7.0,
            votes: 1,
            price,
            certification: Named { id: Id::from_uuid(Uuid::nil()), name: "R".to_owned() },
            genres: Vec::new(),
            poster: None,
            rating: RatingSummary { average: None, count: 0 },
            likes: 0,
            dislikes: 0,
            me: None,
        };
        CartEntry { movie, is_available: true, is_purchased: false, added_at: Instant::UNIX_EPOCH }
    }

    #[test]
    fn the_total_counts_only_movies_that_can_be_bought_and_the_order_is_unchanged() {
        let dollars = |minor| Money::from_minor(minor, Currency::USD);
        let euros = Money::from_minor(1, "EUR".parse().unwrap());
        let entries = [
            entry(1, dollars(999)),
            CartEntry { is_available: false, ..entry(2, dollars(1)) },
            entry(3, euros),
            CartEntry { is_purchased: true, ..entry(4, dollars(1)) },
            entry(5, dollars(1)),
        ];
        let view = CartView::of(entries, Currency::USD).unwrap();
        assert_eq!(view.total, dollars(1000));
        let names: Vec<&str> = view.items.iter().map(|line| line.movie.name.as_str()).collect();
        assert_eq!(names, ["1", "5"]);
        let unavailable: Vec<_> =
            view.unavailable.iter().map(|item| (item.movie.name.as_str(), item.reason.as_str())).collect();
        assert_eq!(
            unavailable,
            [("2", "movie_unavailable"), ("3", "movie_unavailable"), ("4", "already_purchased")]
        );
    }

    #[test]
    fn an_empty_cart_costs_nothing_and_a_total_that_does_not_fit_is_refused() {
        assert_eq!(CartView::of([], Currency::USD).map(|view| view.total), Ok(Money::zero(Currency::USD)));
        let most = Money::from_minor(i64::MAX, Currency::USD);
        assert_eq!(CartView::of([entry(1, most), entry(2, most)], Currency::USD), Err(MoneyError::Overflow));
    }
}
