use domain::{
    cart::{CartItem, CartRefusal, CartUnit, MAX_CART_ITEMS},
    id::{CartId, MovieId, UserId},
    store::StoreError,
    time::Instant,
};

use super::{Carts, PricedCart};

/// A movie was not put in the cart.
#[derive(Debug, thiserror::Error)]
pub enum AddToCartError {
    /// There is no such movie.
    #[error("there is no such movie")]
    NotFound,
    /// It is not on sale any more.
    #[error("the movie is not on sale any more")]
    MovieUnavailable,
    /// The user has bought it.
    #[error("the movie was bought already; it cannot be bought again")]
    AlreadyPurchased,
    /// It is in the cart.
    #[error("the movie is in the cart already")]
    AlreadyInCart,
    /// The cart is full.
    #[error("the cart holds 100 movies already")]
    CartFull,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CartRefusal> for AddToCartError {
    fn from(refusal: CartRefusal) -> Self {
        match refusal {
            CartRefusal::NotFound => Self::NotFound,
            CartRefusal::MovieUnavailable => Self::MovieUnavailable,
            CartRefusal::AlreadyPurchased => Self::AlreadyPurchased,
            CartRefusal::AlreadyInCart => Self::AlreadyInCart,
            CartRefusal::CartFull => Self::CartFull,
        }
    }
}

impl Carts {
    /// Puts a movie in the cart (R55, R56, R66).
    ///
    /// # Errors
    /// See [`AddToCartError`].
    pub async fn add(&self, user_id: UserId, movie_id: MovieId) -> Result<PricedCart, AddToCartError> {
        let now = self.clock.now();
        let mut unit = self.store.begin().await?;
        let cart_id = unit.carts().open_for_update(user_id, self.ids.next()).await?;
        if let Some(refusal) = self.put(&mut *unit, user_id, cart_id, movie_id, now).await? {
            return Err(refusal.into());
        }
        unit.commit().await?;
        Ok(self.view(user_id).await?)
    }

    /// Puts a movie in an open cart, or says why not.
    pub(super) async fn put(
        &self,
        unit: &mut dyn CartUnit,
        user_id: UserId,
        cart_id: CartId,
        movie_id: MovieId,
        now: Instant,
    ) -> Result<Option<CartRefusal>, StoreError> {
        let Some(is_available) = unit.movies().availability(movie_id).await? else {
            return Ok(Some(CartRefusal::NotFound));
        };
        if unit.purchases().is_purchased(user_id, movie_id).await? {
            return Ok(Some(CartRefusal::AlreadyPurchased));
        }
        if !is_available {
            return Ok(Some(CartRefusal::MovieUnavailable));
        }
        if unit.carts().contains(cart_id, movie_id).await? {
            return Ok(Some(CartRefusal::AlreadyInCart));
        }
        if unit.carts().count(cart_id).await? >= MAX_CART_ITEMS {
            return Ok(Some(CartRefusal::CartFull));
        }
        let item = CartItem { id: self.ids.next(), movie_id, added_at: now };
        let is_added = unit.carts().add(cart_id, &item).await?;
        Ok((!is_added).then_some(CartRefusal::AlreadyInCart))
    }
}
