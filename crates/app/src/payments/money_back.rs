use domain::{
    id::{MovieId, OrderId, PaymentId, RefundId, UserId},
    money::Money,
    orders::{Order, OrderEvent, OrderUnit, OrderView, RefundedPart},
    payments::{
        Dispute, MoneyBack, PaidItem, Payment, ProviderRefund, Refund, RefundOrigin, RefundReport,
        RefundState, RefundStatus, missing_postings,
    },
    purchases::Entitlement,
    store::{Attempt, StoreError, retried},
    time::Instant,
};

use super::{
    CloseError, Payments, next_check,
    settle::{Administrator, purchase_of},
};

/// The reason of a refund that was made outside the shop.
const MADE_AT_PROVIDER: &str = "Refunded at the payment provider.";

/// A change of the refunds of a payment.
pub(super) enum RefundChange<'a> {
    /// The provider reported these refunds.
    Seen(&'a [ProviderRefund]),
    /// The provider refused this refund, or its money was lost in a dispute.
    Refused(RefundId),
}

/// A payment with its paid items, refunds and disputes. The unit of work that read these rows has locked the payment.
pub(super) struct Held {
    pub(super) payment: Payment,
    pub(super) items: Vec<PaidItem>,
    pub(super) refunds: Vec<Refund>,
    pub(super) disputes: Vec<Dispute>,
}

impl Held {
    /// Reads the items, refunds and disputes of a payment that is locked.
    async fn of(unit: &mut dyn OrderUnit, payment: Payment) -> Result<Self, StoreError> {
        let items = unit.paid_items(payment.id).await?;
        let refunds = unit.refunds_of_payment(payment.id).await?;
        let disputes = unit.disputes_of_payment(payment.id).await?;
        Ok(Self { payment, items, refunds, disputes })
    }

    pub(super) fn money(&self) -> MoneyBack<'_> {
        MoneyBack {
            payment: &self.payment,
            items: &self.items,
            refunds: &self.refunds,
            disputes: &self.disputes,
        }
    }
}

impl Payments {
    /// Locks a payment of the order, and reads its items, refunds and disputes; `None` when the order has no such
    /// payment.
    pub(super) async fn hold(
        &self,
        unit: &mut dyn OrderUnit,
        order: &Order,
        id: PaymentId,
    ) -> Result<Option<Held>, StoreError> {
        let found = unit.find_payment_for_update(id).await?.filter(|payment| payment.order_id == order.id);
        match found {
            Some(payment) => Held::of(unit, payment).await.map(Some),
            None => Ok(None),
        }
    }

    /// Reads the refunds of this charge from the provider and stores their new states.
    pub(super) async fn sync_refunds(
        &self,
        id: PaymentId,
        order_id: OrderId,
        charge: &str,
    ) -> Result<(), CloseError> {
        let seen = self.gateway.refunds(charge).await?;
        Ok(self.apply_refunds(id, order_id, RefundChange::Seen(&seen)).await?)
    }

    /// Stores changes of refunds, and applies the consequences exactly once, no matter how often and in which
    /// order the changes are reported. Refunds that were made outside the shop are added.
    pub(super) async fn apply_refunds(
        &self,
        id: PaymentId,
        order_id: OrderId,
        change: RefundChange<'_>,
    ) -> Result<(), StoreError> {
        let Some(shown) = self.orders.order_view(order_id).await? else { return Ok(()) };
        let admins = self.administrators().await?;
        retried(&*self.backoff, |attempt| self.try_apply_refunds(attempt, id, &shown, &change, &admins)).await
    }

    async fn try_apply_refunds(
        &self,
        attempt: Attempt,
        id: PaymentId,
        shown: &OrderView,
        change: &RefundChange<'_>,
        admins: &[Administrator],
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let Some((mut unit, mut order)) = self.store.begin_order(attempt, shown.id).await? else {
            return Ok(());
        };
        let Some(mut held) = self.hold(&mut *unit, &order, id).await? else { return Ok(()) };
        let mut changed = Vec::new();
        match change {
            RefundChange::Seen(seen) => {
                for refund in *seen {
                    changed.extend(self.apply_seen(&mut *unit, &mut held, refund, now).await?);
                }
            }
            RefundChange::Refused(refused) => {
                // If another worker has found the refund at the provider in the meantime, the provider did not refuse
                // the refund.
                let is_unknown = |refund: &&mut Refund| {
                    refund.id == *refused
                        && refund.state == RefundState::Pending
                        && refund.external_id.is_none()
                };
                if let Some(refund) = held.refunds.iter_mut().find(is_unknown) {
                    changed
                        .extend(advance(&mut *unit, refund, RefundReport::Failed { at: now }, None).await?);
                }
            }
        }
        let not_restored = self.write_consequences(&mut *unit, &mut order, &mut held, now).await?;
        for refund in &changed {
            match (refund.state.status(), refund.origin) {
                (RefundStatus::Pending, _) => {}
                (RefundStatus::Succeeded, RefundOrigin::Automatic) => {
                    self.announce_return(&mut *unit, &held.payment, refund, shown, admins, now).await?;
                }
                (RefundStatus::Succeeded, _) => {
                    self.announce_refund(&mut *unit, &held.payment, refund, shown, now).await?;
                }
                (RefundStatus::Failed, _) => {
                    let bought_again = not_restored
                        .iter()
                        .filter(|item| refund.items.iter().any(|returned| returned.id == item.id));
                    let movies = shown.items.iter();
                    let names = bought_again.filter_map(|item| {
                        let movie = movies.clone().find(|movie| movie.id == item.movie_id)?;
                        Some(format!("{} ({})", movie.name, movie.year))
                    });
                    let names = names.collect();
                    self.announce_failed_refund(&mut *unit, refund, names, shown, admins, now).await?;
                }
            }
        }
        unit.commit().await
    }

    /// Applies the provider's state of a refund; returns the refund when its status has changed, or when it is new
    /// and has not failed.
    async fn apply_seen(
        &self,
        unit: &mut dyn OrderUnit,
        held: &mut Held,
        seen: &ProviderRefund,
        now: Instant,
    ) -> Result<Option<Refund>, StoreError> {
        let is_known = |refund: &&mut Refund| {
            seen.refund_id == Some(refund.id) || refund.external_id.as_deref() == Some(seen.id.as_str())
        };
        if let Some(refund) = held.refunds.iter_mut().find(is_known) {
            return advance(unit, refund, seen.report, Some(&seen.id)).await;
        }
        let state = RefundState::Pending.apply(seen.report);
        let refund = Refund {
            id: self.ids.next(),
            payment_id: held.payment.id,
            origin: RefundOrigin::Provider,
            state,
            amount: seen.amount,
            items: Vec::new(),
            reason: MADE_AT_PROVIDER.to_owned(),
            external_id: Some(seen.id.clone()),
            created_at: seen.created_at,
            next_check_at: (state == RefundState::Pending).then(|| next_check(now, 0)),
            checks: 0,
        };
        unit.insert_refund(&refund).await?;
        held.refunds.push(refund.clone());
        // A refund that had already failed when it was first reported has no effect.
        Ok(Some(refund).filter(Refund::is_active))
    }

    /// Writes the consequences of the refunds and disputes of a payment: the refunded and disputed amounts, the
    /// ledger, the state of the order, and the entitlements of the buyer. Does nothing if the payment has received no
    /// money. The order and the entitlements change only if the payment pays the order. Returns the items whose
    /// purchases should be restored but cannot be, because the buyer has bought the movies again.
    pub(super) async fn write_consequences(
        &self,
        unit: &mut dyn OrderUnit,
        order: &mut Order,
        held: &mut Held,
        now: Instant,
    ) -> Result<Vec<PaidItem>, StoreError> {
        let money = held.money();
        let Some(received) = money.received() else { return Ok(Vec::new()) };
        let refunded = Money::from_minor(money.refunded_minor().min(received.minor()), received.currency());
        let disputed = Money::from_minor(money.disputed_minor(), received.currency());
        let (part, entitlements) = (money.refunded_part(), money.entitlements());
        held.payment.refunded = refunded;
        held.payment.disputed = disputed;
        if held.payment.amount.minor() == 0 {
            held.payment.free_refund = part;
        }
        unit.update_payment(&held.payment).await?;
        self.book(unit, held, now).await?;
        if entitlements.is_empty() {
            return Ok(Vec::new());
        }
        self.apply_refunded_part(unit, order, part).await?;
        let mut not_restored = Vec::new();
        for (item, entitlement) in entitlements {
            let is_put = unit.put_entitlement(purchase_of(item.order_item_id), entitlement, now).await?;
            if entitlement == Entitlement::Revoked {
                let (user_id, ended) = (order.user_id, held.payment.id);
                // The future is boxed, because it contains a second payment and would otherwise be too large.
                Box::pin(self.restore_other_purchase(unit, user_id, item.movie_id, ended, now)).await?;
            } else if !is_put {
                not_restored.push(item);
            }
        }
        Ok(not_restored)
    }

    /// Restores a purchase of the movie that another payment still pays for. Such a purchase exists, for example, if
    /// the buyer bought the movie again while a refund of the first purchase was in progress, that refund failed, and
    /// now the second purchase has ended.
    async fn restore_other_purchase(
        &self,
        unit: &mut dyn OrderUnit,
        user_id: UserId,
        movie_id: MovieId,
        ended: PaymentId,
        now: Instant,
    ) -> Result<(), StoreError> {
        let payments = unit.payments_of_movie(user_id, movie_id).await?;
        for id in payments.into_iter().filter(|id| *id != ended) {
            let Some(payment) = unit.find_payment_for_update(id).await? else { continue };
            for (item, entitlement) in Held::of(unit, payment).await?.money().entitlements() {
                if item.movie_id == movie_id
                    && entitlement != Entitlement::Revoked
                    && unit.put_entitlement(purchase_of(item.order_item_id), entitlement, now).await?
                {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Adds the missing entries of the payment to the ledger.
    pub(super) async fn book(
        &self,
        unit: &mut dyn OrderUnit,
        held: &Held,
        now: Instant,
    ) -> Result<(), StoreError> {
        let booked = unit.booked(held.payment.id).await?;
        let missing = missing_postings(&held.money().postings(), &booked);
        let entries: Vec<_> = missing.into_iter().map(|posting| (self.ids.next(), posting)).collect();
        unit.book(held.payment.id, &entries, now).await
    }

    async fn apply_refunded_part(
        &self,
        unit: &mut dyn OrderUnit,
        order: &mut Order,
        refunded: RefundedPart,
    ) -> Result<(), StoreError> {
        let state = order.state.apply(OrderEvent::RefundsChanged { refunded }).map_err(StoreError::failed)?;
        if state != order.state {
            order.state = state;
            unit.update_order_state(order).await?;
        }
        Ok(())
    }
}

/// Applies a report to a refund and stores the refund if it has changed; returns the refund when its status has
/// changed.
async fn advance(
    unit: &mut dyn OrderUnit,
    refund: &mut Refund,
    report: RefundReport,
    external_id: Option<&str>,
) -> Result<Option<Refund>, StoreError> {
    let before = refund.clone();
    refund.state = refund.state.apply(report);
    if let Some(id) = external_id {
        refund.external_id = Some(id.to_owned());
    }
    if refund.state != RefundState::Pending {
        refund.next_check_at = None;
    }
    if *refund != before {
        unit.update_refund(refund).await?;
    }
    Ok((refund.state.status() != before.state.status()).then(|| refund.clone()))
}
