use domain::{
    id::{OrderId, OrderItemId, PaymentId},
    orders::{Order, OrderEvent, OrderUnit, OrderView},
    payments::{CheckoutReport, OpenedCheckout, Payment, PaymentChange, ProviderCheckout, Settlement},
    store::{Attempt, StoreError, retried},
    time::Instant,
};

use super::{Payments, check::is_to_be_returned, next_check, settle::Administrator};

impl Payments {
    /// Stores the provider's report about a payment's checkout, and applies its consequences exactly once, no matter
    /// how often and in which order reports arrive.
    pub(super) async fn apply_checkout(
        &self,
        id: PaymentId,
        order_id: OrderId,
        checkout: &ProviderCheckout,
    ) -> Result<(), StoreError> {
        self.apply(id, order_id, Some(checkout), &checkout.report).await
    }

    /// Applies a report like [`Self::apply_checkout`], for a payment without a checkout.
    pub(super) async fn apply_report(
        &self,
        id: PaymentId,
        order_id: OrderId,
        report: &CheckoutReport,
    ) -> Result<(), StoreError> {
        self.apply(id, order_id, None, report).await
    }

    async fn apply(
        &self,
        id: PaymentId,
        order_id: OrderId,
        checkout: Option<&ProviderCheckout>,
        report: &CheckoutReport,
    ) -> Result<(), StoreError> {
        let Some(shown) = self.orders.order_view(order_id).await? else { return Ok(()) };
        // Administrators get a mail only if money arrived with a wrong amount or currency.
        let admins = match report {
            CheckoutReport::Paid { .. } => self.administrators().await?,
            _ => Vec::new(),
        };
        retried(&*self.backoff, |attempt| self.try_apply(attempt, id, &shown, checkout, report, &admins))
            .await
    }

    async fn try_apply(
        &self,
        attempt: Attempt,
        id: PaymentId,
        shown: &OrderView,
        checkout: Option<&ProviderCheckout>,
        report: &CheckoutReport,
        admins: &[Administrator],
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let Some((mut unit, mut order)) = self.store.begin_order(attempt, shown.id).await? else {
            return Ok(());
        };
        let found = unit.find_payment_for_update(id).await?.filter(|payment| payment.order_id == order.id);
        let Some(mut payment) = found else { return Ok(()) };
        match checkout {
            // A report about a payment that was started at another provider is ignored.
            Some(_) if payment.provider != self.gateway.provider() => return Ok(()),
            Some(checkout) => copy_checkout(&mut payment, checkout),
            // A checkout was opened in the meantime, so only the provider can report that this checkout has ended.
            None if payment.checkout.is_some() => return Ok(()),
            None => {}
        }
        let (state, change) = payment.state.apply(payment.amount, report);
        payment.state = state;
        if !payment.state.is_open() {
            payment.request = None;
            match &mut payment.checkout {
                Some(checkout) => checkout.url = None,
                // The payment never had a checkout. Its idempotency keys are released, so that repeating a request with
                // such a key starts another payment.
                None => unit.release_keys(payment.id.as_uuid()).await?,
            }
        }
        schedule(&mut payment, change, now);
        let owned =
            self.update_order(&mut *unit, &mut order, &mut payment, change, shown, admins, now).await?;
        unit.update_payment(&payment).await?;
        if matches!(change, PaymentChange::BecameSuccessful | PaymentChange::BecameMismatched)
            && let Some(mut held) = self.hold(&mut *unit, &order, id).await?
        {
            self.reserve_refund_of_owned(&mut *unit, &mut held, &owned, now).await?;
            if held.refunds.is_empty() && held.disputes.is_empty() {
                self.book(&mut *unit, &held, now).await?;
            } else {
                // The provider has reported refunds or disputes before the arrival of the money, or a refund of
                // movies that the buyer already had was just reserved.
                self.write_consequences(&mut *unit, &mut order, &mut held, now).await?;
            }
        }
        unit.commit().await
    }

    /// Applies the change of a payment to its order. If the payment pays the order, returns the items whose movies
    /// the buyer already has; otherwise, the list is empty.
    #[expect(clippy::too_many_arguments, reason = "one transaction needs all these values")]
    async fn update_order(
        &self,
        unit: &mut dyn OrderUnit,
        order: &mut Order,
        payment: &mut Payment,
        change: PaymentChange,
        shown: &OrderView,
        admins: &[Administrator],
        now: Instant,
    ) -> Result<Vec<OrderItemId>, StoreError> {
        let event = match change {
            PaymentChange::BecameSuccessful => {
                let settlement = Settlement::of(order.state);
                payment.settlement = Some(settlement);
                if settlement == Settlement::PaysOrder {
                    let paid_at = payment.state.completed_at().unwrap_or(now);
                    return self.pay_order(unit, order, shown, paid_at, now).await;
                }
                // The money of a payment that paid no order is returned at the next check, which is due immediately.
                payment.next_check_at = is_to_be_returned(payment).then_some(now);
                return Ok(Vec::new());
            }
            PaymentChange::BecameMismatched => {
                self.announce_mismatch(unit, payment, shown, admins, now).await?;
                // If the payment was being processed, the order can be paid again.
                OrderEvent::PaymentBounced { at: now }
            }
            PaymentChange::BecameProcessing => OrderEvent::PaymentProcessing,
            PaymentChange::Ended { was_processing: true } => OrderEvent::PaymentBounced { at: now },
            PaymentChange::Ended { was_processing: false }
            | PaymentChange::Detail
            | PaymentChange::Nothing => {
                return Ok(Vec::new());
            }
        };
        // An order that is no longer pending is not affected.
        if let Ok(state) = order.state.apply(event) {
            order.state = state;
            unit.update_order_state(order).await?;
        }
        Ok(Vec::new())
    }
}

/// Copies the identifier, URL, expiry time and charge of the checkout to the payment, and removes the stored request.
fn copy_checkout(payment: &mut Payment, checkout: &ProviderCheckout) {
    payment.checkout = Some(OpenedCheckout {
        id: checkout.id.clone(),
        url: checkout.url.clone(),
        expires_at: checkout.expires_at,
    });
    payment.request = None;
    if checkout.charge.is_some() {
        payment.charge.clone_from(&checkout.charge);
    }
}

/// Schedules the next check of an open payment: one minute from now if the payment has changed or no check was
/// scheduled, otherwise as scheduled before. A payment that is no longer open is not checked, with one
/// exception: if its money must be returned, [`Payments::update_order`] schedules a check that begins the return. Later
/// reports must not remove this check.
fn schedule(payment: &mut Payment, change: PaymentChange, now: Instant) {
    if !payment.state.is_open() {
        let is_repeated = matches!(change, PaymentChange::Nothing | PaymentChange::Detail);
        if !(is_repeated && is_to_be_returned(payment)) {
            payment.next_check_at = None;
        }
        return;
    }
    if change != PaymentChange::Nothing || payment.next_check_at.is_none() {
        payment.checks = 0;
        payment.next_check_at = Some(next_check(now, 0));
    }
}
