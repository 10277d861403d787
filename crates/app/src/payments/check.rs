use domain::{
    failure::error_chain,
    id::{Id, OrderId, PaymentId, ShopId},
    money::Money,
    payments::{GatewayError, NO_PROVIDER, Payment, PaymentState, RefundOrder, RefundReport, Settlement},
    store::{Attempt, StoreError, retried},
};

use super::{CloseError, Payments, next_check};

/// How many payments are looked for at once.
const BATCH: u32 = 50;

impl Payments {
    /// Asks the provider about every payment that it should have told of, and returns the money that is nobody's: so that a
    /// lost webhook, a crash or an outage leaves no payment undecided. Says how many were looked at.
    ///
    /// # Errors
    /// When the store fails. What the provider fails at is done later.
    pub async fn check_due(&self) -> Result<u64, StoreError> {
        let mut checked = 0_u64;
        loop {
            let due = self.queries.payments_to_check(self.clock.now(), BATCH).await?;
            if due.is_empty() {
                return Ok(checked);
            }
            for (id, order_id) in due {
                if let Err(error) = self.check(id, order_id).await {
                    match error {
                        CloseError::Store(error) => return Err(error),
                        CloseError::Provider(error) => {
                            let error = error_chain(&error);
                            tracing::warn!(payment = ?id, error, "the payment provider failed");
                        }
                    }
                }
                checked = checked.saturating_add(1);
            }
        }
    }

    async fn check(&self, id: PaymentId, order_id: OrderId) -> Result<(), CloseError> {
        // The next check is written before the provider is asked: a provider that is away is not asked all the time.
        let postponed = retried(&*self.backoff, |attempt| self.try_postpone(attempt, id, order_id)).await?;
        let Some(payment) = postponed else { return Ok(()) };
        if payment.provider != NO_PROVIDER {
            self.check_provider(&payment)?;
        }
        if !payment.state.is_open() {
            return if is_to_be_returned(&payment) { self.return_money(&payment).await } else { Ok(()) };
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
        // Another worker may have been faster.
        if payment.next_check_at.is_none_or(|due| due > now) {
            return Ok(None);
        }
        payment.checks = payment.checks.saturating_add(1);
        payment.next_check_at = Some(next_check(now, payment.checks));
        unit.update_payment(&payment).await?;
        unit.commit().await?;
        Ok(Some(payment))
    }

    /// Sends money back that arrived for a canceled order or for one that was paid before.
    async fn return_money(&self, payment: &Payment) -> Result<(), CloseError> {
        let shop_id = match &payment.charge {
            Some(_) => self.shop(payment.order_id).await?,
            None => None,
        };
        let (Some(charge), Some(shop_id)) = (&payment.charge, shop_id) else { return Ok(()) };
        // A payment is returned once: its refund has the payment's own UUID.
        let refund_id = Id::from_uuid(payment.id.as_uuid());
        let refunds = self.gateway.refunds(charge).await?;
        let refund = match refunds.iter().find(|refund| refund.refund_id == Some(refund_id)) {
            Some(refund) => refund.clone(),
            None => {
                // What was refunded at the provider itself is not sent back again.
                let others =
                    refunds.iter().filter(|refund| !matches!(refund.report, RefundReport::Failed { .. }));
                let refunded = others.fold(0, |sum: i64, refund| sum.saturating_add(refund.amount.minor()));
                let rest = payment.amount.minor().saturating_sub(refunded);
                if rest <= 0 {
                    return Ok(self.close_return(payment).await?);
                }
                let order = RefundOrder {
                    refund_id,
                    shop_id,
                    charge: charge.clone(),
                    amount: Money::from_minor(rest, payment.amount.currency()),
                    idempotency_key: format!("return:{}", payment.id),
                };
                self.gateway.refund(&order).await?
            }
        };
        match refund.report {
            RefundReport::Succeeded { .. } => self.close_return(payment).await?,
            RefundReport::Pending => {}
            RefundReport::Failed { .. } => {
                return Err(GatewayError::Refused { code: "refund_failed".to_owned() }.into());
            }
        }
        Ok(())
    }

    async fn shop(&self, order_id: OrderId) -> Result<Option<ShopId>, StoreError> {
        retried(&*self.backoff, |attempt| async move {
            let begun = self.store.begin_order(attempt, order_id).await?;
            let Some((mut unit, _)) = begun else { return Ok(None) };
            let shop_id = unit.shop_id(self.ids.next()).await?;
            unit.commit().await?;
            Ok(Some(shop_id))
        })
        .await
    }

    /// Stores that the money went back, and tells the buyer and the administrators.
    async fn close_return(&self, payment: &Payment) -> Result<(), StoreError> {
        let Some(shown) = self.orders.order_view(payment.order_id).await? else { return Ok(()) };
        let admins = self.administrators().await?;
        retried(&*self.backoff, |attempt| async {
            let now = self.clock.now();
            let Some((mut unit, _)) = self.store.begin_order(attempt, payment.order_id).await? else {
                return Ok(());
            };
            let Some(mut payment) = unit.find_payment_for_update(payment.id).await? else { return Ok(()) };
            if payment.refunded == payment.amount {
                return Ok(());
            }
            payment.refunded = payment.amount;
            payment.next_check_at = None;
            unit.update_payment(&payment).await?;
            self.announce_return(&mut *unit, &payment, &shown, &admins, now).await?;
            unit.commit().await
        })
        .await
    }
}

/// Whether the payment's money is to go back by itself.
pub(super) fn is_to_be_returned(payment: &Payment) -> bool {
    payment.provider != NO_PROVIDER
        && matches!(payment.state, PaymentState::Successful { .. })
        && payment.settlement.is_some_and(|settlement| settlement != Settlement::PaysOrder)
}
