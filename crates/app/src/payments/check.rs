use domain::{
    failure::error_chain,
    id::{OrderId, PaymentId},
    payments::{NO_PROVIDER, Payment, PaymentState, Settlement},
    store::{Attempt, StoreError, retried},
};

use super::{CloseError, Payments, next_check};

/// How many payments, refunds or disputes are read at once.
pub(super) const BATCH: u32 = 50;

impl Payments {
    /// Queries the provider for every payment, dispute and refund whose check is due, and refunds money that paid no
    /// order. Payments therefore do not stay undecided after a lost webhook, a crash or an outage. Returns the number
    /// of checks.
    ///
    /// # Errors
    /// When the store fails. If the provider fails, the check is repeated later.
    pub async fn check_due(&self) -> Result<u64, StoreError> {
        let mut checked = 0_u64;
        loop {
            let due = self.queries.payments_to_check(self.clock.now(), BATCH).await?;
            if due.is_empty() {
                break;
            }
            for (id, order_id) in due {
                log_provider_failure(self.check(id, order_id).await)?;
                checked = checked.saturating_add(1);
            }
        }
        let disputes = self.check_disputes().await?;
        Ok(checked.saturating_add(disputes).saturating_add(self.check_refunds().await?))
    }

    async fn check(&self, id: PaymentId, order_id: OrderId) -> Result<(), CloseError> {
        // The time of the next check is written before the provider is called, so that an unavailable provider is
        // not called continuously.
        let postponed = retried(&*self.backoff, |attempt| self.try_postpone(attempt, id, order_id)).await?;
        let Some(payment) = postponed else { return Ok(()) };
        if payment.provider != NO_PROVIDER {
            self.check_provider(&payment)?;
        }
        if !payment.state.is_open() {
            return if is_to_be_returned(&payment) { self.return_payment(&payment).await } else { Ok(()) };
        }
        let checkout = match (&payment.checkout, &payment.request) {
            (Some(checkout), _) => self.gateway.checkout(&checkout.id).await?,
            (None, Some(request)) => {
                let found = self.gateway.look_up_checkout(request).await?;
                if found.is_none() && self.is_past_opening(&payment) {
                    self.fail_opening(&payment).await?;
                }
                found
            }
            (None, None) => None,
        };
        match (checkout, &payment.checkout) {
            (Some(checkout), _) => self.apply_checkout(id, order_id, &checkout).await?,
            (None, Some(checkout)) => {
                tracing::error!(payment = ?id, checkout = checkout.id, "the payment provider does not know a checkout");
            }
            (None, None) => {}
        }
        Ok(())
    }

    async fn try_postpone(
        &self,
        attempt: Attempt,
        id: PaymentId,
        order_id: OrderId,
    ) -> Result<Option<Payment>, StoreError> {
        let now = self.clock.now();
        let Some((mut unit, _)) = self.store.begin_order(attempt, order_id).await? else { return Ok(None) };
        let Some(mut payment) = unit.find_payment_for_update(id).await? else { return Ok(None) };
        // Another worker may have begun this check in the meantime.
        if payment.next_check_at.is_none_or(|due| due > now) {
            return Ok(None);
        }
        payment.checks = payment.checks.saturating_add(1);
        payment.next_check_at = Some(next_check(now, payment.checks));
        unit.update_payment(&payment).await?;
        unit.commit().await?;
        Ok(Some(payment))
    }
}

/// Logs a failure of the provider instead of returning it, since the check is repeated later.
pub(super) fn log_provider_failure(done: Result<(), CloseError>) -> Result<(), StoreError> {
    match done {
        Err(CloseError::Store(error)) => Err(error),
        Err(CloseError::Provider(error)) => {
            let error = error_chain(&error);
            tracing::warn!(error, "the payment provider failed");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Returns whether the money of the payment must be returned automatically, because it paid no order.
pub(super) fn is_to_be_returned(payment: &Payment) -> bool {
    payment.provider != NO_PROVIDER
        && matches!(payment.state, PaymentState::Successful { .. })
        && payment.settlement.is_some_and(|settlement| settlement != Settlement::PaysOrder)
}
