use crate::{
    catalog::Offer,
    id::MovieId,
    money::{Currency, Money},
    purchases::{PurchaseRefusal, check_purchase},
};

/// A movie of a cart, with the facts that decide whether it can be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The movie.
    pub movie_id: MovieId,
    /// The offer of the movie; `None` when the movie no longer exists.
    pub offer: Option<Offer>,
    /// Whether the user has an active purchase of the movie.
    pub is_purchased: bool,
    /// Whether a pending order of the user contains the movie.
    pub is_in_pending_order: bool,
}

/// A movie of the cart that was excluded from the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExcludedMovie {
    /// The movie.
    pub movie_id: MovieId,
    /// The reason.
    pub reason: PurchaseRefusal,
}

/// Why no order can be created from a cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum OrderRefusal {
    /// The cart is empty.
    #[error("the cart is empty")]
    CartEmpty,
    /// Nothing in the cart can be bought.
    #[error("nothing in the cart can be bought")]
    NothingToOrder,
    /// A pending order of the user contains one of the movies that can be bought.
    #[error("one of the movies is already in a pending order")]
    OrderPending,
}

/// The movies of a cart, divided into those to buy and those that are excluded. Both lists keep the sequence of the
/// cart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The movies to order, with their current prices; at least one.
    pub movies: Vec<(MovieId, Money)>,
    /// The movies that cannot be bought.
    pub excluded: Vec<ExcludedMovie>,
}

impl Selection {
    /// Selects the movies of a cart that can be ordered in a shop with this currency.
    ///
    /// # Errors
    /// Why nothing can be ordered. If one of the movies that can be bought is in a pending order, the whole cart is
    /// refused, so that the movie is not paid twice.
    pub fn of(candidates: &[Candidate], currency: Currency) -> Result<Self, OrderRefusal> {
        if candidates.is_empty() {
            return Err(OrderRefusal::CartEmpty);
        }
        let mut selection = Self { movies: Vec::new(), excluded: Vec::new() };
        let mut is_pending = false;
        for candidate in candidates {
            let movie_id = candidate.movie_id;
            let checked = match candidate.offer {
                Some(offer) => check_purchase(offer, candidate.is_purchased, currency),
                None => Err(PurchaseRefusal::MovieUnavailable),
            };
            match checked {
                Ok(price) => {
                    is_pending |= candidate.is_in_pending_order;
                    selection.movies.push((movie_id, price));
                }
                Err(reason) => selection.excluded.push(ExcludedMovie { movie_id, reason }),
            }
        }
        if selection.movies.is_empty() {
            return Err(OrderRefusal::NothingToOrder);
        }
        if is_pending { Err(OrderRefusal::OrderPending) } else { Ok(selection) }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::Id;

    fn candidate(number: u128) -> Candidate {
        let price = Money::from_minor(999, Currency::USD);
        Candidate {
            movie_id: Id::from_uuid(Uuid::from_u128(number)),
            offer: Some(Offer { price, is_available: true }),
            is_purchased: false,
            is_in_pending_order: false,
        }
    }

    fn select(candidates: &[Candidate]) -> Result<Selection, OrderRefusal> {
        Selection::of(candidates, Currency::USD)
    }

    #[test]
    fn movies_that_cannot_be_bought_are_excluded_with_the_reason() {
        let withdrawn = Offer { price: Money::from_minor(1, Currency::USD), is_available: false };
        let euros = Offer { price: Money::from_minor(1, "EUR".parse().unwrap()), is_available: true };
        let selection = select(&[
            candidate(1),
            Candidate { is_purchased: true, ..candidate(2) },
            Candidate { offer: Some(withdrawn), ..candidate(3) },
            Candidate { offer: None, ..candidate(4) },
            Candidate { offer: Some(euros), ..candidate(5) },
            candidate(6),
        ])
        .unwrap();
        let ids = |numbers: &[u128]| -> Vec<MovieId> {
            numbers.iter().map(|number| Id::from_uuid(Uuid::from_u128(*number))).collect()
        };
        assert_eq!(selection.movies.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids(&[1, 6]));
        assert_eq!(
            selection.excluded.iter().map(|movie| movie.movie_id).collect::<Vec<_>>(),
            ids(&[2, 3, 4, 5])
        );
        let reasons: Vec<_> = selection.excluded.iter().map(|movie| movie.reason.as_str()).collect();
        assert_eq!(
            reasons,
            ["already_purchased", "movie_unavailable", "movie_unavailable", "movie_unavailable"]
        );
    }

    #[test]
    fn a_cart_with_nothing_to_buy_makes_no_order() {
        assert_eq!(select(&[]), Err(OrderRefusal::CartEmpty));
        let bought = Candidate { is_purchased: true, is_in_pending_order: true, ..candidate(1) };
        assert_eq!(select(&[bought]), Err(OrderRefusal::NothingToOrder));
    }

    #[test]
    fn a_movie_in_a_pending_order_refuses_the_whole_cart() {
        let pending = Candidate { is_in_pending_order: true, ..candidate(2) };
        assert_eq!(select(&[candidate(1), pending]), Err(OrderRefusal::OrderPending));
        // A movie that can no longer be bought cannot be paid twice.
        let withdrawn = Candidate { offer: None, ..pending };
        assert_eq!(select(&[candidate(1), withdrawn]).map(|selection| selection.movies.len()), Ok(1));
    }
}
