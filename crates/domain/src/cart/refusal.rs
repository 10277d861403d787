use crate::{
    catalog::Offer,
    money::Currency,
    purchases::{PurchaseRefusal, check_purchase},
};

/// The maximum number of movies in a cart.
pub const MAX_CART_ITEMS: usize = 100;

/// Why a movie cannot be put in a cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CartRefusal {
    /// There is no such movie.
    #[error("there is no such movie")]
    NotFound,
    /// The user cannot buy the movie.
    #[error(transparent)]
    CannotBuy(#[from] PurchaseRefusal),
    /// The movie is already in the cart.
    #[error("the movie is already in the cart")]
    AlreadyInCart,
    /// The cart already contains [`MAX_CART_ITEMS`] movies.
    #[error("the cart already has {MAX_CART_ITEMS} movies")]
    CartFull,
}

impl CartRefusal {
    /// The name of the refusal, such as `already_in_cart`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::CannotBuy(refusal) => refusal.as_str(),
            Self::AlreadyInCart => "already_in_cart",
            Self::CartFull => "cart_full",
        }
    }
}

/// The facts that decide whether a movie can be added to a cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CartAddition {
    /// The movie's offer; `None` when there is no such movie.
    pub offer: Option<Offer>,
    /// Whether the user has an active purchase of the movie.
    pub is_purchased: bool,
    /// Whether the cart contains the movie.
    pub is_in_cart: bool,
    /// How many movies the cart contains.
    pub item_count: usize,
}

impl CartAddition {
    /// Decides whether the movie can be put in the cart of a shop with this currency.
    ///
    /// # Errors
    /// The reason why the movie cannot be put in the cart.
    pub fn check(self, currency: Currency) -> Result<(), CartRefusal> {
        let offer = self.offer.ok_or(CartRefusal::NotFound)?;
        check_purchase(offer, self.is_purchased, currency)?;
        if self.is_in_cart {
            return Err(CartRefusal::AlreadyInCart);
        }
        if self.item_count >= MAX_CART_ITEMS {
            return Err(CartRefusal::CartFull);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Money;

    fn addition() -> CartAddition {
        let price = Money::from_minor(999, Currency::USD);
        let offer = Some(Offer { price, is_available: true });
        CartAddition { offer, is_purchased: false, is_in_cart: false, item_count: 0 }
    }

    #[test]
    fn a_cart_accepts_each_movie_on_sale_once_up_to_a_hundred() {
        let dear = CartAddition { item_count: 99, ..addition() };
        assert_eq!((addition().check(Currency::USD), dear.check(Currency::USD)), (Ok(()), Ok(())));
        for (refused, name) in [
            (CartAddition { offer: None, ..addition() }, "not_found"),
            (CartAddition { is_purchased: true, is_in_cart: true, ..addition() }, "already_purchased"),
            (CartAddition { is_in_cart: true, item_count: 100, ..addition() }, "already_in_cart"),
            (CartAddition { item_count: 100, ..addition() }, "cart_full"),
        ] {
            assert_eq!(refused.check(Currency::USD).map_err(CartRefusal::as_str), Err(name));
        }
    }

    #[test]
    fn a_movie_that_is_priced_in_another_currency_is_unavailable() {
        let refused = addition().check("EUR".parse().unwrap());
        assert_eq!(refused, Err(CartRefusal::CannotBuy(PurchaseRefusal::MovieUnavailable)));
    }
}
