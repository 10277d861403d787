//! Buying movies: the rule that decides whether a user can buy a movie, and the entitlement that a purchase gives.

use async_trait::async_trait;

use crate::{
    catalog::Offer,
    id::{MovieId, PurchaseId, UserId},
    money::{Currency, Money},
    store::StoreError,
    time::Instant,
};

/// Why a user cannot buy a movie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PurchaseRefusal {
    /// The user has already bought the movie.
    #[error("the movie was already bought and cannot be bought again")]
    AlreadyPurchased,
    /// The movie is no longer on sale, or its price has another currency than the shop's.
    #[error("the movie is no longer on sale")]
    MovieUnavailable,
}

impl PurchaseRefusal {
    /// The name of the refusal, such as `already_purchased`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AlreadyPurchased => "already_purchased",
            Self::MovieUnavailable => "movie_unavailable",
        }
    }
}

/// Decides whether a user can buy a movie in a shop with this currency, and for which price.
///
/// ```
/// use domain::{
///     catalog::Offer,
///     money::{Currency, Money},
///     purchases::{PurchaseRefusal, check_purchase},
/// };
///
/// let price = Money::parse_major("9.99", Currency::USD)?;
/// let offer = Offer { price, is_available: true };
/// assert_eq!(check_purchase(offer, false, Currency::USD), Ok(price));
/// assert_eq!(check_purchase(offer, true, Currency::USD), Err(PurchaseRefusal::AlreadyPurchased));
/// assert_eq!(check_purchase(offer, false, "EUR".parse()?), Err(PurchaseRefusal::MovieUnavailable));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The reason why the user cannot buy the movie. `AlreadyPurchased` takes precedence over `MovieUnavailable`.
pub fn check_purchase(
    offer: Offer,
    is_purchased: bool,
    currency: Currency,
) -> Result<Money, PurchaseRefusal> {
    if is_purchased {
        return Err(PurchaseRefusal::AlreadyPurchased);
    }
    if !offer.is_available || offer.price.currency() != currency {
        return Err(PurchaseRefusal::MovieUnavailable);
    }
    Ok(offer.price)
}

/// A purchase of a movie, which entitles the buyer to watch the movie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purchase {
    /// The identifier of the purchase. It has the same UUID as the order's item, so that an item gives only one
    /// purchase.
    pub id: PurchaseId,
    /// The buyer.
    pub user_id: UserId,
    /// The movie.
    pub movie_id: MovieId,
    /// When the movie was bought.
    pub purchased_at: Instant,
}

/// The state of a buyer's entitlement to a paid movie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entitlement {
    /// The buyer has the movie.
    Live,
    /// The buyer has the movie, but it cannot be watched while its payment is disputed.
    Suspended,
    /// The buyer no longer has the movie: the money was refunded, or lost in a dispute.
    Revoked,
}

/// Stores purchases. A purchase is active until it is revoked, even while it is suspended.
#[async_trait]
pub trait PurchaseRepository: Send {
    /// Whether the user has an active purchase of the movie.
    async fn is_purchased(&mut self, user_id: UserId, movie_id: MovieId) -> Result<bool, StoreError>;
    /// Returns those of the given movies for which the user has an active purchase.
    async fn purchased_among(
        &mut self,
        user_id: UserId,
        movies: &[MovieId],
    ) -> Result<Vec<MovieId>, StoreError>;
    /// Adds a purchase; `false` when the user already has an active purchase of the movie. MUST NOT allow two active
    /// purchases per user and movie, even when two transactions add them concurrently.
    async fn insert_purchase(&mut self, purchase: &Purchase) -> Result<bool, StoreError>;
    /// Changes the purchase to this entitlement. For [`Entitlement::Live`] and [`Entitlement::Suspended`], returns
    /// `false` when no purchase has this identifier, or when a revoked purchase cannot be restored because the buyer
    /// has another active purchase of the movie. Otherwise, returns `true`. Callers hold the lock of the buyer. When
    /// the purchase already has this entitlement, MUST keep the stored time of its revocation or suspension.
    async fn put_entitlement(
        &mut self,
        id: PurchaseId,
        entitlement: Entitlement,
        now: Instant,
    ) -> Result<bool, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_movie_can_be_bought_once_while_it_is_on_sale_in_the_currency_of_the_shop() {
        let euro: Currency = "EUR".parse().unwrap();
        let offer = |is_available| Offer { price: Money::from_minor(999, euro), is_available };
        for (is_available, is_purchased, currency, expected) in [
            (true, false, euro, Ok(Money::from_minor(999, euro))),
            (false, false, euro, Err(PurchaseRefusal::MovieUnavailable)),
            (true, false, Currency::USD, Err(PurchaseRefusal::MovieUnavailable)),
            (true, true, euro, Err(PurchaseRefusal::AlreadyPurchased)),
            (false, true, Currency::USD, Err(PurchaseRefusal::AlreadyPurchased)),
        ] {
            assert_eq!(check_purchase(offer(is_available), is_purchased, currency), expected);
        }
    }
}
