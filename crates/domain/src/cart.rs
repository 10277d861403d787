//! The cart: what a user means to buy. One a user, each movie in it once.

mod ports;

pub use ports::{
    CartItem, CartLine, CartQueries, CartRepository, CartStore, CartUnit, CartView, UnavailableItem,
};

/// The most movies that a cart may hold.
pub const MAX_CART_ITEMS: u64 = 100;

/// Why a movie cannot be in a cart, or be bought from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CartRefusal {
    /// It is there already (R66).
    AlreadyInCart,
    /// The user has bought it (R56).
    AlreadyPurchased,
    /// It is not on sale any more.
    MovieUnavailable,
    /// The cart holds [`MAX_CART_ITEMS`] already.
    CartFull,
    /// There is no such movie.
    NotFound,
}

impl CartRefusal {
    /// The code in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::AlreadyInCart => "already_in_cart",
            Self::AlreadyPurchased => "already_purchased",
            Self::MovieUnavailable => "movie_unavailable",
            Self::CartFull => "cart_full",
            Self::NotFound => "not_found",
        }
    }
}
