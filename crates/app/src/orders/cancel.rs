use domain::{
    accounts::{AccessError, Actor},
    id::OrderId,
    orders::{CancelReason, OrderEvent, OrderStatus, OrderView},
    payments::{GatewayError, Payment, PaymentState},
    store::{Attempt, StoreError, retried},
};

use super::Orders;
use crate::payments::CloseError;

/// The maximum number of tries of a cancellation. After an open checkout was ended, the cancellation is tried again. By
/// then, a new payment may have been started.
const ROUNDS: u32 = 4;

/// Why an order was not canceled.
#[derive(Debug, thiserror::Error)]
pub enum CancelOrderError {
    /// The order was paid.
    #[error("the order was paid")]
    Paid,
    /// A payment of the order is being processed.
    #[error("a payment of the order is being processed")]
    Processing,
    /// The open checkout of the order could not be ended at the payment provider. `None` when each of the allowed tries
    /// found another open checkout.
    #[error("the open checkout could not be ended at the payment provider")]
    Provider(#[source] Option<GatewayError>),
    /// The actor may not cancel the order.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CloseError> for CancelOrderError {
    fn from(error: CloseError) -> Self {
        match error {
            CloseError::Provider(error) => Self::Provider(Some(error)),
            CloseError::Store(error) => Self::Store(error),
        }
    }
}

/// The next step of the cancellation.
enum Step {
    /// The user has no such order.
    NotFound,
    /// The order is canceled.
    Canceled,
    /// The open checkout of the order must be ended first.
    Close(Box<Payment>),
}

impl Orders {
    /// Cancels a pending order of the user, and puts its movies back into the cart. An open checkout is ended at the
    /// provider first. If the checkout was already paid, the order becomes paid, and [`CancelOrderError::Paid`] is
    /// returned. Returns `None` when the user has no such order. An order that is already canceled is not changed.
    ///
    /// # Errors
    /// See [`CancelOrderError`].
    pub async fn cancel(&self, actor: Actor, id: OrderId) -> Result<Option<OrderView>, CancelOrderError> {
        for _ in 0..ROUNDS {
            match retried(&*self.backoff, |attempt| self.try_cancel(attempt, actor, id)).await? {
                Step::NotFound => return Ok(None),
                Step::Canceled => return Ok(self.queries.order_view(id).await?),
                Step::Close(payment) => self.payments.close_checkout(&payment).await?,
            }
        }
        Err(CancelOrderError::Provider(None))
    }

    async fn try_cancel(
        &self,
        attempt: Attempt,
        actor: Actor,
        id: OrderId,
    ) -> Result<Step, CancelOrderError> {
        let now = self.clock.now();
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let order = unit.find_order_for_update(id).await?.filter(|order| order.user_id == actor.user_id);
        let Some(mut order) = order else { return Ok(Step::NotFound) };
        if let Some(payment) = unit.find_open_payment(id).await?
            && matches!(payment.state, PaymentState::Pending { .. })
        {
            return Ok(Step::Close(Box::new(payment)));
        }
        let canceled = OrderEvent::Canceled { at: now, reason: CancelReason::ByUser };
        let next = order.state.apply(canceled).map_err(|refused| match refused.status {
            OrderStatus::Pending => CancelOrderError::Processing,
            _ => CancelOrderError::Paid,
        })?;
        if next == order.state {
            return Ok(Step::Canceled);
        }
        order.state = next;
        unit.update_order_state(&order).await?;
        self.return_to_cart(&mut *unit, &order, now).await?;
        unit.commit().await?;
        Ok(Step::Canceled)
    }
}
