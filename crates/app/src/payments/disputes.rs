use domain::{
    id::{OrderId, PaymentId},
    money::Money,
    orders::{OrderUnit, OrderView},
    payments::{Dispute, DisputeFilter, DisputeState, DisputeView, ProviderDispute},
    store::{Attempt, StoreError, retried},
    time::Instant,
};

use super::{
    CloseError, Payments,
    check::{BATCH, log_provider_failure},
    money_back::Held,
    next_check,
    settle::Administrator,
};
use crate::{
    mails::orders::DisputeChanged,
    paging::{ListError, Listing, PageSelection},
};

/// The parameters of a list of disputes.
#[derive(Debug, Clone, PartialEq)]
pub struct ListDisputes {
    /// The conditions that the listed disputes meet.
    pub filter: DisputeFilter,
    /// The requested page.
    pub page: PageSelection,
}

impl Payments {
    /// Returns a page of the disputes that match the filter, the newest first.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list_disputes(&self, wanted: ListDisputes) -> Result<Listing<DisputeView>, ListError> {
        let ListDisputes { filter, page } = wanted;
        let context = format!("disputes {filter:?}");
        let request = self.cursors.request(&context, page)?;
        let page = self.disputes.dispute_page(&filter, &request).await?;
        Ok(self.cursors.listing(&context, &request, page))
    }

    /// Queries the provider for every open dispute whose check is due; returns the number of checks.
    pub(super) async fn check_disputes(&self) -> Result<u64, StoreError> {
        let mut checked = 0_u64;
        loop {
            let due = self.disputes.disputes_to_check(self.clock.now(), BATCH).await?;
            if due.is_empty() {
                return Ok(checked);
            }
            for dispute in due {
                let (id, order_id) = (dispute.payment_id, dispute.order_id);
                // With an empty list, this call only schedules the next check. The next check is scheduled before the
                // provider is called, so that an unavailable provider is not called continuously.
                self.apply_disputes(id, order_id, &[]).await?;
                log_provider_failure(self.sync_dispute(id, order_id, &dispute.external_id).await)?;
                checked = checked.saturating_add(1);
            }
        }
    }

    async fn sync_dispute(
        &self,
        id: PaymentId,
        order_id: OrderId,
        external_id: &str,
    ) -> Result<(), CloseError> {
        match self.gateway.dispute(external_id).await? {
            Some(dispute) => Ok(self.apply_disputes(id, order_id, &[dispute]).await?),
            None => Ok(()),
        }
    }

    /// Reads a dispute from the provider and stores its new state. If no payment with its charge is known yet,
    /// returns an error, so that the webhook event is retried. At attempt
    /// [`MOST_ATTEMPTS`](super::events::MOST_ATTEMPTS), the event is ignored instead, since the charge may belong to
    /// another shop with the same provider account.
    pub(super) async fn process_dispute(&self, external_id: &str, attempts: u32) -> Result<(), CloseError> {
        let Some(dispute) = self.gateway.dispute(external_id).await? else { return Ok(()) };
        let found = self.refunds.payment_of_charge(self.gateway.provider(), &dispute.charge).await?;
        match found {
            Some((id, order_id)) => Ok(self.apply_disputes(id, order_id, &[dispute]).await?),
            None if attempts < super::events::MOST_ATTEMPTS => {
                Err(StoreError::failed("no payment with this charge is known yet").into())
            }
            None => Ok(()),
        }
    }

    /// Reads the disputes of this charge from the provider and stores their new states.
    pub(super) async fn sync_disputes(
        &self,
        id: PaymentId,
        order_id: OrderId,
        charge: &str,
    ) -> Result<(), CloseError> {
        let seen = self.gateway.disputes(charge).await?;
        if seen.is_empty() {
            return Ok(());
        }
        Ok(self.apply_disputes(id, order_id, &seen).await?)
    }

    /// Stores the new states of the disputes of a payment, and applies the consequences exactly once, no matter how
    /// often and in which order the states are reported.
    async fn apply_disputes(
        &self,
        id: PaymentId,
        order_id: OrderId,
        seen: &[ProviderDispute],
    ) -> Result<(), StoreError> {
        let Some(shown) = self.orders.order_view(order_id).await? else { return Ok(()) };
        let admins = self.administrators().await?;
        retried(&*self.backoff, |attempt| self.try_apply_disputes(attempt, id, &shown, seen, &admins)).await
    }

    async fn try_apply_disputes(
        &self,
        attempt: Attempt,
        id: PaymentId,
        shown: &OrderView,
        seen: &[ProviderDispute],
        admins: &[Administrator],
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let Some((mut unit, mut order)) = self.store.begin_order(attempt, shown.id).await? else {
            return Ok(());
        };
        let Some(mut held) = self.hold(&mut *unit, &order, id).await? else { return Ok(()) };
        postpone(&mut *unit, &mut held, now).await?;
        let mut changed = Vec::new();
        for dispute in seen {
            changed.extend(self.apply_dispute(&mut *unit, &mut held, dispute, now).await?);
        }
        self.write_consequences(&mut *unit, &mut order, &mut held, now).await?;
        for dispute in &changed {
            let status = dispute.state.status().as_str();
            tracing::warn!(payment = ?id, order = ?shown.id, status, "a dispute was opened or has ended");
            let mail = DisputeChanged {
                number: shown.number.clone(),
                payment_id: id,
                amount: dispute.amount,
                reason: dispute.reason.clone(),
                status: dispute.state.status(),
            };
            let cause = format!("dispute_{status}:{}", dispute.id);
            self.push_to_admins(&mut *unit, admins, &cause, &mail, now).await?;
        }
        unit.commit().await
    }

    /// Applies the provider's state of a dispute; returns the dispute when it is new or its status has changed.
    async fn apply_dispute(
        &self,
        unit: &mut dyn OrderUnit,
        held: &mut Held,
        seen: &ProviderDispute,
        now: Instant,
    ) -> Result<Option<Dispute>, StoreError> {
        if let Some(dispute) = held.disputes.iter_mut().find(|dispute| dispute.external_id == seen.id) {
            let before = dispute.clone();
            dispute.state = dispute.state.apply(seen.report);
            dispute.amount = seen.amount;
            dispute.reason.clone_from(&seen.reason);
            dispute.due_by = seen.due_by.or(dispute.due_by);
            dispute.withdrawn = withdrawn(dispute.state, before.withdrawn, seen.withdrawn);
            if dispute.state != DisputeState::Open {
                dispute.next_check_at = None;
            }
            if *dispute != before {
                unit.update_dispute(dispute).await?;
            }
            return Ok((dispute.state.status() != before.state.status()).then(|| dispute.clone()));
        }
        let state = DisputeState::Open.apply(seen.report);
        let dispute = Dispute {
            id: self.ids.next(),
            payment_id: held.payment.id,
            external_id: seen.id.clone(),
            amount: seen.amount,
            withdrawn: withdrawn(state, Money::zero(seen.amount.currency()), seen.withdrawn),
            reason: seen.reason.clone(),
            state,
            due_by: seen.due_by,
            created_at: seen.created_at,
            next_check_at: (state == DisputeState::Open).then(|| next_check(now, 0)),
            checks: 0,
        };
        unit.insert_dispute(&dispute).await?;
        held.disputes.push(dispute.clone());
        Ok(Some(dispute))
    }
}

/// Returns how much money the provider has withdrawn for a dispute: nothing after the dispute was won, otherwise the
/// largest reported amount. For an inquiry, which may become a dispute later, the provider reports zero.
fn withdrawn(state: DisputeState, known: Money, seen: Money) -> Money {
    match state {
        DisputeState::Won { .. } => Money::zero(seen.currency()),
        DisputeState::Open | DisputeState::Lost { .. } if seen.minor() >= known.minor() => seen,
        DisputeState::Open | DisputeState::Lost { .. } => known,
    }
}

/// Schedules the next check of each dispute whose check is due.
async fn postpone(unit: &mut dyn OrderUnit, held: &mut Held, now: Instant) -> Result<(), StoreError> {
    for dispute in &mut held.disputes {
        if dispute.next_check_at.is_some_and(|due| due <= now) {
            dispute.checks = dispute.checks.saturating_add(1);
            dispute.next_check_at = Some(next_check(now, dispute.checks));
            unit.update_dispute(dispute).await?;
        }
    }
    Ok(())
}
