use domain::{
    id::OrderId,
    orders::{CancelReason, OrderEvent},
    store::{Attempt, StoreError, retried},
};

use super::Orders;

/// How many orders are looked for at once.
const BATCH: u32 = 100;

impl Orders {
    /// Cancels the pending orders whose time is over, and puts their movies back into the carts; says how many.
    ///
    /// # Errors
    /// When the store fails; what expired before stays so.
    pub async fn expire_due(&self) -> Result<u64, StoreError> {
        let mut expired = 0_u64;
        loop {
            let due = self.queries.expired_orders(self.clock.now(), BATCH).await?;
            let mut count = 0_u64;
            for id in &due {
                let is_expired = retried(&*self.backoff, |attempt| self.try_expire(attempt, *id)).await?;
                count = count.saturating_add(is_expired.into());
            }
            expired = expired.saturating_add(count);
            // None means that others were faster, or that the same orders would come again.
            if count == 0 {
                return Ok(expired);
            }
        }
    }

    async fn try_expire(&self, attempt: Attempt, id: OrderId) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let Some((mut unit, mut order)) = self.store.begin_order(attempt, id).await? else {
            return Ok(false);
        };
        if !order.state.is_expired(now) {
            return Ok(false);
        }
        let expired = OrderEvent::Canceled { at: now, reason: CancelReason::Expired };
        order.state = order.state.apply(expired).map_err(StoreError::failed)?;
        unit.update_order_state(&order).await?;
        self.return_to_cart(&mut *unit, &order, now).await?;
        unit.commit().await?;
        Ok(true)
    }
}
