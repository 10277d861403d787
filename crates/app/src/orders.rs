//! Orders: creating them from the cart, showing, canceling and expiring them.

mod cancel;
mod expire;
mod list;
mod place;

use std::sync::Arc;

use domain::{
    cart::{CartItem, MAX_CART_ITEMS},
    id::IdGenerator,
    money::Currency,
    orders::{Order, OrderQueries, OrderStore, OrderUnit},
    store::StoreError,
    time::{Backoff, Clock, Instant},
};

pub use cancel::CancelOrderError;
pub use list::ListOrders;
pub use place::PlaceOrderError;

use crate::{paging::CursorCodec, payments::Payments};

/// The use cases of orders.
pub struct Orders {
    /// Stores orders.
    pub store: Arc<dyn OrderStore>,
    /// Reads orders.
    pub queries: Arc<dyn OrderQueries>,
    /// Ends open checkouts before their orders are canceled.
    pub payments: Arc<Payments>,
    /// Writes and reads cursors.
    pub cursors: CursorCodec,
    /// Provides the current time.
    pub clock: Arc<dyn Clock>,
    /// Waits before a transaction is retried after a conflict with a concurrent one.
    pub backoff: Arc<dyn Backoff>,
    /// Generates identifiers.
    pub ids: Arc<dyn IdGenerator>,
    /// The shop's currency.
    pub currency: Currency,
}

impl Orders {
    /// Puts the movies of a canceled order back into the buyer's cart, up to the limit of the cart. Movies that are
    /// already in the cart or were bought are omitted.
    async fn return_to_cart(
        &self,
        unit: &mut dyn OrderUnit,
        order: &Order,
        now: Instant,
    ) -> Result<(), StoreError> {
        let buyer = order.user_id;
        let cart_id = unit.open_cart_for_update(buyer, self.ids.next()).await?;
        let in_cart = unit.cart_movies(cart_id).await?;
        let movies: Vec<_> = order.items.iter().map(|item| item.movie_id).collect();
        let bought = unit.purchased_among(buyer, &movies).await?;
        let room = MAX_CART_ITEMS.saturating_sub(in_cart.len());
        let returning: Vec<_> = movies
            .into_iter()
            .filter(|id| !in_cart.contains(id) && !bought.contains(id))
            .take(room)
            .collect();
        // The movies are added in reverse order, so that the first movie of the order becomes the newest movie in the
        // cart again.
        for movie_id in returning.into_iter().rev() {
            let item = CartItem { id: self.ids.next(), movie_id, added_at: now };
            unit.add_cart_item(cart_id, &item).await?;
        }
        Ok(())
    }
}
