use domain::{
    failure::error_chain,
    id::OrderId,
    orders::{CancelReason, OrderEvent},
    payments::Payment,
    store::{Attempt, StoreError, retried},
};

use super::Orders;
use crate::payments::CloseError;

/// How many orders are read at once.
const BATCH: u32 = 100;

/// The maximum number of tries to cancel an expired order. After an open checkout was ended, the cancellation is tried
/// again. By then, a new payment may have been started.
const ROUNDS: u32 = 3;

/// The outcome of one try to cancel an expired order.
enum Step {
    /// The order does not exist, is not pending (any longer), or has not expired.
    Skipped,
    /// This try canceled the order.
    Expired,
    /// The open checkout of the order must be ended first.
    Close(Box<Payment>),
}

impl Orders {
    /// Cancels the expired pending orders, and puts their movies back into the carts; returns the number of canceled
    /// orders. If the open checkout of an order cannot be ended at the provider, the next run tries again.
    ///
    /// # Errors
    /// When the store fails. A failure for one order does not prevent the other orders from being processed.
    pub async fn expire_due(&self) -> Result<u64, StoreError> {
        let (mut expired, mut after, mut failure) = (0_u64, None, None);
        let now = self.clock.now();
        loop {
            let due = self.queries.expired_orders(now, after, BATCH).await?;
            let Some(last) = due.last() else { break };
            after = Some(*last);
            for (_, id) in due {
                // An order that cannot expire does not prevent other orders from expiring.
                match self.expire(id).await {
                    Ok(is_expired) => expired = expired.saturating_add(is_expired.into()),
                    Err(error) => failure = Some(error),
                }
            }
        }
        failure.map_or(Ok(expired), Err)
    }

    async fn expire(&self, id: OrderId) -> Result<bool, StoreError> {
        for _ in 0..ROUNDS {
            match retried(&*self.backoff, |attempt| self.try_expire(attempt, id)).await? {
                Step::Skipped => return Ok(false),
                Step::Expired => return Ok(true),
                Step::Close(payment) => match self.payments.close_checkout(&payment).await {
                    Ok(()) => {}
                    Err(CloseError::Store(error)) => return Err(error),
                    Err(CloseError::Provider(error)) => {
                        let error = error_chain(&error);
                        tracing::warn!(order = ?id, error, "cannot cancel an expired order: the provider failed");
                        return Ok(false);
                    }
                },
            }
        }
        Ok(false)
    }

    async fn try_expire(&self, attempt: Attempt, id: OrderId) -> Result<Step, StoreError> {
        let now = self.clock.now();
        let Some((mut unit, mut order)) = self.store.begin_order(attempt, id).await? else {
            return Ok(Step::Skipped);
        };
        if !order.state.is_expired(now) {
            return Ok(Step::Skipped);
        }
        if let Some(payment) = unit.find_open_payment(id).await? {
            return Ok(Step::Close(Box::new(payment)));
        }
        let expired = OrderEvent::Canceled { at: now, reason: CancelReason::Expired };
        order.state = order.state.apply(expired).map_err(StoreError::failed)?;
        unit.update_order_state(&order).await?;
        self.return_to_cart(&mut *unit, &order, now).await?;
        unit.commit().await?;
        Ok(Step::Expired)
    }
}
