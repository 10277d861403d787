use domain::{
    id::{Id, OrderId, OrderItemId, PaymentId, RefundId},
    money::Money,
    orders::OrderUnit,
    payments::{GatewayError, PaidItem, Payment, Refund, RefundItem, RefundOrder, RefundOrigin, RefundState},
    store::{Attempt, StoreError, retried},
    time::Instant,
};

use super::{
    CloseError, Payments,
    check::{BATCH, is_to_be_returned, log_provider_failure},
    money_back::{Held, RefundChange},
    next_check,
};

/// The reason of an automatic refund of a payment that paid no order.
const PAID_NO_ORDER: &str = "The order had been canceled or paid before the money arrived.";

/// The reason of a refund of movies that the buyer already had.
const OWNED_ALREADY: &str = "The movies were in the library already.";

/// Whether a reserved refund may be requested from the provider.
enum Permission {
    /// The refund may be requested.
    Given,
    /// The refund must not be requested now: a dispute is open, or the refund is no longer pending or does not exist.
    Awaited,
    /// The refund can never be requested: its money is no longer available.
    Refused,
}

/// A pending refund whose state is to be read from the provider now.
struct Due {
    payment: Payment,
    /// The refund to request from the provider; `None` if the provider already has the refund, or if the payment has
    /// no `charge` (the provider's identifier of the received money).
    order: Option<RefundOrder>,
}

impl Payments {
    /// Queries the provider for every pending refund whose check is due; returns the number of checks.
    pub(super) async fn check_refunds(&self) -> Result<u64, StoreError> {
        let mut checked = 0_u64;
        loop {
            let due = self.refunds.refunds_to_check(self.clock.now(), BATCH).await?;
            if due.is_empty() {
                return Ok(checked);
            }
            for (id, payment_id, order_id) in due {
                log_provider_failure(self.sync_refund(id, payment_id, order_id, true).await)?;
                checked = checked.saturating_add(1);
            }
        }
    }

    /// Requests a refund from the provider, just after the refund was reserved.
    pub(super) async fn make_refund(
        &self,
        id: RefundId,
        payment_id: PaymentId,
        order_id: OrderId,
    ) -> Result<(), CloseError> {
        self.sync_refund(id, payment_id, order_id, false).await
    }

    /// Queries the provider for a pending refund, and requests the refund if it does not exist there, unless a
    /// dispute prevents this. With `only_if_due`, does nothing before the time of the next check.
    async fn sync_refund(
        &self,
        id: RefundId,
        payment_id: PaymentId,
        order_id: OrderId,
        only_if_due: bool,
    ) -> Result<(), CloseError> {
        let postponed = retried(&*self.backoff, |attempt| {
            self.try_postpone_refund(attempt, id, payment_id, order_id, only_if_due)
        })
        .await?;
        let Some(due) = postponed else { return Ok(()) };
        self.check_provider(&due.payment)?;
        let Some(charge) = &due.payment.charge else { return Ok(()) };
        let seen = self.gateway.refunds(charge).await?;
        self.apply_refunds(payment_id, order_id, RefundChange::Seen(&seen)).await?;
        let is_known = seen.iter().any(|refund| refund.refund_id == Some(id));
        let Some(order) = due.order.filter(|_| !is_known) else { return Ok(()) };
        // Disputed money is not refunded, because the buyer could get the money twice.
        self.sync_disputes(payment_id, order_id, charge).await?;
        match self.permission(id, payment_id, order_id).await? {
            Permission::Given => {}
            Permission::Awaited => return Ok(()),
            Permission::Refused => {
                tracing::warn!(refund = ?id, "the money of a refund was lost in a dispute");
                return Ok(self.apply_refunds(payment_id, order_id, RefundChange::Refused(id)).await?);
            }
        }
        match self.gateway.refund(&order).await {
            Ok(made) => self.apply_refunds(payment_id, order_id, RefundChange::Seen(&[made])).await?,
            Err(GatewayError::Refused { code }) => {
                tracing::warn!(refund = ?id, code, "the payment provider refused a refund");
                self.apply_refunds(payment_id, order_id, RefundChange::Refused(id)).await?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Decides whether a reserved refund may be requested now. Its payment may have been disputed after the refund
    /// was reserved.
    async fn permission(
        &self,
        id: RefundId,
        payment_id: PaymentId,
        order_id: OrderId,
    ) -> Result<Permission, StoreError> {
        retried(&*self.backoff, |attempt| async move {
            let begun = self.store.begin_order(attempt, order_id).await?;
            let Some((mut unit, order)) = begun else { return Ok(Permission::Awaited) };
            let held = self.hold(&mut *unit, &order, payment_id).await?;
            let Some(held) = held else { return Ok(Permission::Awaited) };
            let money = held.money();
            Ok(match held.refunds.iter().find(|refund| refund.id == id) {
                Some(refund) if refund.state == RefundState::Pending && !money.is_disputed() => {
                    if money.covers(refund) { Permission::Given } else { Permission::Refused }
                }
                _ => Permission::Awaited,
            })
        })
        .await
    }

    /// Writes the time of the next check, before the provider is called. Returns `None` when there is no such pending
    /// refund or, with `only_if_due`, when its check is not due.
    async fn try_postpone_refund(
        &self,
        attempt: Attempt,
        id: RefundId,
        payment_id: PaymentId,
        order_id: OrderId,
        only_if_due: bool,
    ) -> Result<Option<Due>, StoreError> {
        let now = self.clock.now();
        let Some((mut unit, order)) = self.store.begin_order(attempt, order_id).await? else {
            return Ok(None);
        };
        let Some(mut held) = self.hold(&mut *unit, &order, payment_id).await? else { return Ok(None) };
        let Some(refund) = held.refunds.iter_mut().find(|refund| refund.id == id) else { return Ok(None) };
        let is_due = refund.next_check_at.is_some_and(|due| due <= now);
        if refund.state != RefundState::Pending || (only_if_due && !is_due) {
            return Ok(None);
        }
        refund.checks = refund.checks.saturating_add(1);
        refund.next_check_at = Some(next_check(now, refund.checks));
        unit.update_refund(refund).await?;
        let shop_id = unit.shop_id(self.ids.next()).await?;
        unit.commit().await?;
        let was_sent = refund.external_id.is_some();
        let order = held.payment.charge.clone().filter(|_| !was_sent).map(|charge| RefundOrder {
            refund_id: id,
            shop_id,
            charge,
            amount: refund.amount,
            idempotency_key: format!("refund:{id}"),
        });
        Ok(Some(Due { payment: held.payment, order }))
    }

    /// Reserves the refund of paid items whose movies the buyer already had, unless there is no money to refund. The
    /// next check requests the refund from the provider.
    pub(super) async fn reserve_refund_of_owned(
        &self,
        unit: &mut dyn OrderUnit,
        held: &mut Held,
        owned: &[OrderItemId],
        now: Instant,
    ) -> Result<(), StoreError> {
        let money = held.money();
        let is_due = |item: &&PaidItem| owned.contains(&item.order_item_id) && !money.is_returning(item.id);
        let items: Vec<PaidItem> = held.items.iter().filter(is_due).copied().collect();
        let price = items.iter().fold(0_i64, |sum, item| sum.saturating_add(item.price.minor()));
        let amount = price.min(money.left_minor());
        if amount == 0 {
            return Ok(());
        }
        let refund = Refund {
            id: self.ids.next(),
            payment_id: held.payment.id,
            origin: RefundOrigin::Automatic,
            state: RefundState::Pending,
            amount: Money::from_minor(amount, held.payment.amount.currency()),
            items: items.iter().map(|item| RefundItem { id: item.id, movie_id: item.movie_id }).collect(),
            reason: OWNED_ALREADY.to_owned(),
            external_id: None,
            created_at: now,
            next_check_at: Some(now),
            checks: 0,
        };
        unit.insert_refund(&refund).await?;
        held.refunds.push(refund);
        Ok(())
    }

    /// Returns the money of a payment whose order was canceled or had already been paid. Only the remaining amount
    /// is returned, because a part may have been refunded outside the shop.
    pub(super) async fn return_payment(&self, payment: &Payment) -> Result<(), CloseError> {
        let Some(charge) = &payment.charge else { return Ok(()) };
        self.sync_refunds(payment.id, payment.order_id, charge).await?;
        self.sync_disputes(payment.id, payment.order_id, charge).await?;
        let begun = retried(&*self.backoff, |attempt| self.try_begin_return(attempt, payment)).await?;
        match begun {
            Some(id) => self.make_refund(id, payment.id, payment.order_id).await,
            None => Ok(()),
        }
    }

    async fn try_begin_return(
        &self,
        attempt: Attempt,
        payment: &Payment,
    ) -> Result<Option<RefundId>, StoreError> {
        let now = self.clock.now();
        let begun = self.store.begin_order(attempt, payment.order_id).await?;
        let Some((mut unit, order)) = begun else { return Ok(None) };
        let Some(mut held) = self.hold(&mut *unit, &order, payment.id).await? else { return Ok(None) };
        let is_begun = held.refunds.iter().any(|refund| refund.origin == RefundOrigin::Automatic);
        let left = held.money().left_minor();
        let is_disputed = held.money().is_disputed();
        if is_disputed && !is_begun {
            // The buyer's bank may withdraw the money, so the next check decides again.
            return Ok(None);
        }
        held.payment.next_check_at = None;
        unit.update_payment(&held.payment).await?;
        if is_begun || left == 0 || !is_to_be_returned(&held.payment) {
            unit.commit().await?;
            return Ok(None);
        }
        let money = held.money();
        let items = held.items.iter().filter(|item| !money.is_returning(item.id));
        let refund = Refund {
            // A payment is returned only once, since its refund has the same UUID as the payment.
            id: Id::from_uuid(payment.id.as_uuid()),
            payment_id: payment.id,
            origin: RefundOrigin::Automatic,
            state: RefundState::Pending,
            amount: Money::from_minor(left, payment.amount.currency()),
            items: items.map(|item| RefundItem { id: item.id, movie_id: item.movie_id }).collect(),
            reason: PAID_NO_ORDER.to_owned(),
            external_id: None,
            created_at: now,
            next_check_at: Some(next_check(now, 0)),
            checks: 0,
        };
        unit.insert_refund(&refund).await?;
        unit.commit().await?;
        Ok(Some(refund.id))
    }
}
