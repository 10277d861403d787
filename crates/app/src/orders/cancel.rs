use domain::{
    accounts::{AccessError, Actor},
    id::OrderId,
    orders::{CancelReason, OrderEvent, OrderStatus, OrderView},
    store::{Attempt, StoreError, retried},
};

use super::Orders;

/// An order was not canceled.
#[derive(Debug, thiserror::Error)]
pub enum CancelOrderError {
    /// It was paid.
    #[error("the order was paid")]
    Paid,
    /// Its money is on its way.
    #[error("a payment of the order is being processed")]
    Processing,
    /// The actor may not cancel.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Orders {
    /// Cancels a pending order of the user, and puts its movies back into the cart. `None` when the user has no such order;
    /// one that was canceled before stays as it is.
    ///
    /// # Errors
    /// See [`CancelOrderError`].
    pub async fn cancel(&self, actor: Actor, id: OrderId) -> Result<Option<OrderView>, CancelOrderError> {
        if !retried(&*self.backoff, |attempt| self.try_cancel(attempt, actor, id)).await? {
            return Ok(None);
        }
        Ok(self.queries.order_view(id).await?)
    }

    async fn try_cancel(
        &self,
        attempt: Attempt,
        actor: Actor,
        id: OrderId,
    ) -> Result<bool, CancelOrderError> {
        let now = self.clock.now();
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let order = unit.find_order_for_update(id).await?.filter(|order| order.user_id == actor.user_id);
        let Some(mut order) = order else { return Ok(false) };
        let canceled = OrderEvent::Canceled { at: now, reason: CancelReason::ByUser };
        let next = order.state.apply(canceled).map_err(|refused| match refused.status {
            OrderStatus::Pending => CancelOrderError::Processing,
            _ => CancelOrderError::Paid,
        })?;
        if next == order.state {
            return Ok(true);
        }
        order.state = next;
        unit.update_order_state(&order).await?;
        self.return_to_cart(&mut *unit, &order, now).await?;
        unit.commit().await?;
        Ok(true)
    }
}
