use domain::{
    accounts::{AccessError, Actor},
    id::OrderId,
    idempotency::KeyedRequest,
    orders::{Candidate, Order, OrderRefusal, OrderView, Selection},
    store::{Attempt, StoreError, retried},
};
use uuid::Uuid;

use super::Orders;

/// Why no order was created.
#[derive(Debug, thiserror::Error)]
pub enum PlaceOrderError {
    /// The cart cannot be ordered.
    #[error(transparent)]
    Refused(#[from] OrderRefusal),
    /// Another request has already claimed (stored) the same idempotency key. That request may still be running.
    #[error("a request with this idempotency key is being processed")]
    KeyTaken,
    /// The actor may not create an order.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Orders {
    /// Creates a pending order from the user's cart at current prices, and empties the cart. If the request has an
    /// idempotency key, the key is claimed in the same unit of work.
    ///
    /// # Errors
    /// See [`PlaceOrderError`].
    pub async fn place(
        &self,
        actor: Actor,
        request: Option<&KeyedRequest>,
    ) -> Result<OrderView, PlaceOrderError> {
        let order = retried(&*self.backoff, |attempt| self.try_place(attempt, actor, request)).await?;
        let view = self.queries.order_view(order.id).await?;
        view.ok_or_else(|| StoreError::failed("an order that was just created does not exist").into())
    }

    /// Returns the order that an earlier request of the user created.
    ///
    /// # Errors
    /// When the store fails, or there is no such order.
    pub async fn show_created(&self, actor: Actor, id: Uuid) -> Result<OrderView, PlaceOrderError> {
        let order = self.show_own(actor, OrderId::from_uuid(id)).await?;
        order.ok_or_else(|| {
            StoreError::failed("the order created with this idempotency key does not exist").into()
        })
    }

    async fn try_place(
        &self,
        attempt: Attempt,
        actor: Actor,
        request: Option<&KeyedRequest>,
    ) -> Result<Order, PlaceOrderError> {
        let now = self.clock.now();
        let buyer = actor.user_id;
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let id: OrderId = self.ids.next();
        // The key is claimed before the cart is read: an earlier run of the same request may have emptied the cart.
        if let Some(request) = request
            && !unit.claim_key(request, id.as_uuid()).await?
        {
            return Err(PlaceOrderError::KeyTaken);
        }
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
            Order::place(id, buyer, selection, &*self.ids, self.currency, now).map_err(StoreError::failed)?;
        if !unit.insert_order(&order).await? {
            return Err(OrderRefusal::OrderPending.into());
        }
        unit.clear_cart(buyer).await?;
        unit.commit().await?;
        Ok(order)
    }
}
