use domain::{
    accounts::{AccessError, Actor},
    orders::{Candidate, Order, OrderRefusal, OrderView, Selection},
    store::{Attempt, StoreError, retried},
};

use super::Orders;

/// No order was made.
#[derive(Debug, thiserror::Error)]
pub enum PlaceOrderError {
    /// The cart cannot be ordered.
    #[error(transparent)]
    Refused(#[from] OrderRefusal),
    /// The actor may not order.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Orders {
    /// Makes a pending order of the user's cart with the prices of now, and empties the cart.
    ///
    /// # Errors
    /// See [`PlaceOrderError`].
    pub async fn place(&self, actor: Actor) -> Result<OrderView, PlaceOrderError> {
        let order = retried(&*self.backoff, |attempt| self.try_place(attempt, actor)).await?;
        let view = self.queries.order_view(order.id).await?;
        view.ok_or_else(|| StoreError::failed("an order is gone that was just made").into())
    }

    async fn try_place(&self, attempt: Attempt, actor: Actor) -> Result<Order, PlaceOrderError> {
        let now = self.clock.now();
        let buyer = actor.user_id;
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let cart_id = unit.open_cart_for_update(buyer, self.ids.next()).await?;
        let movies = unit.cart_movies(cart_id).await?;
        let offers = unit.find_offers(&movies).await?;
        let bought = unit.purchased_among(buyer, &movies).await?;
        let pending = unit.movies_in_pending_orders(buyer).await?;
        let candidates: Vec<_> = movies
            .into_iter()
            .map(|movie_id| Candidate {
                movie_id,
                offer: offers.iter().find(|(id, _)| *id == movie_id).map(|(_, offer)| *offer),
                is_purchased: bought.contains(&movie_id),
                is_in_pending_order: pending.contains(&movie_id),
            })
            .collect();
        let selection = Selection::of(&candidates, self.currency)?;
        let order =
            Order::place(buyer, selection, &*self.ids, self.currency, now).map_err(StoreError::failed)?;
        if !unit.insert_order(&order).await? {
            return Err(OrderRefusal::OrderPending.into());
        }
        unit.clear_cart(buyer).await?;
        unit.commit().await?;
        Ok(order)
    }
}
