use domain::{
    accounts::{AccessError, Actor, Origin, Role},
    audit::{AuditAction, AuditObject, AuditState},
    failure::error_chain,
    id::{MovieId, PaymentId, RefundId},
    idempotency::KeyedRequest,
    orders::{OrderUnit, OrderView},
    payments::{Explanation, Refund, RefundOrigin, RefundPlan, RefundRefusal, RefundState},
    store::{Attempt, StoreError, retried},
    time::Instant,
};

use super::{CloseError, Payments, money_back::Held, next_check};
use crate::{
    paging::{ListError, Listing, PageSelection},
    record::NewAuditEntry,
};

/// The input for a refund by an administrator.
#[derive(Debug, Clone)]
pub struct NewRefund {
    /// The movies to refund; `None` to refund the complete remaining amount.
    pub movies: Option<Vec<MovieId>>,
    /// The reason.
    pub reason: Explanation,
}

/// Why no refund was made.
#[derive(Debug, thiserror::Error)]
pub enum RefundError {
    /// The payment does not permit the refund.
    #[error(transparent)]
    Refused(#[from] RefundRefusal),
    /// Another request has already claimed the same idempotency key. The other request may still be running.
    #[error("a request with this idempotency key is being processed")]
    KeyTaken,
    /// The actor may not make refunds.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Payments {
    /// Reserves money of a payment for a refund, which the caller then requests from the provider with
    /// [`Payments::send_refund`]. Returns `None` when there is no such payment. A refund whose amount is 0, because
    /// all its items are free, succeeds immediately, without the provider. If the request has an idempotency key, the
    /// key is claimed in the same unit of work.
    ///
    /// # Errors
    /// See [`RefundError`].
    pub async fn reserve_refund(
        &self,
        admin: Actor,
        id: PaymentId,
        wanted: NewRefund,
        request: Option<&KeyedRequest>,
        origin: &Origin,
    ) -> Result<Option<RefundId>, RefundError> {
        let Some(order_id) = self.queries.order_of_payment(id).await? else { return Ok(None) };
        let Some(shown) = self.orders.order_view(order_id).await? else { return Ok(None) };
        let reserve = |attempt| self.try_reserve(attempt, admin, id, &shown, &wanted, request, origin);
        retried(&*self.backoff, reserve).await
    }

    #[expect(clippy::too_many_arguments, reason = "one transaction needs all these values")]
    async fn try_reserve(
        &self,
        attempt: Attempt,
        admin: Actor,
        id: PaymentId,
        shown: &OrderView,
        wanted: &NewRefund,
        request: Option<&KeyedRequest>,
        origin: &Origin,
    ) -> Result<Option<RefundId>, RefundError> {
        let now = self.clock.now();
        let begun = self.store.begin_order_as_admin(attempt, &admin, shown.id).await?;
        let Some((mut unit, mut order)) = begun else { return Ok(None) };
        let refund_id: RefundId = self.ids.next();
        // The key is claimed before the refunds are read, since an earlier run of the same request may have made a
        // refund.
        if let Some(request) = request
            && !unit.claim_key(request, refund_id.as_uuid()).await?
        {
            return Err(RefundError::KeyTaken);
        }
        let Some(mut held) = self.hold(&mut *unit, &order, id).await? else { return Ok(None) };
        let plan = held.money().plan_refund(wanted.movies.as_deref())?;
        let refund =
            self.reserve(&mut *unit, &mut held, refund_id, plan, wanted.reason.as_str(), now).await?;
        if refund.state != RefundState::Pending {
            self.write_consequences(&mut *unit, &mut order, &mut held, now).await?;
            self.announce_refund(&mut *unit, &held.payment, &refund, shown, now).await?;
        }
        let made = AuditState::of([("refund", refund.id.to_string()), ("amount", refund.amount.to_string())]);
        let entry =
            NewAuditEntry::by(admin.user_id, AuditAction::RefundMade).on(AuditObject::Payment(id)).to(made);
        self.recorder.audit(&mut *unit, entry, origin, now).await?;
        unit.commit().await?;
        Ok(Some(refund.id))
    }

    /// Stores the planned refund before the provider is called. A refund whose amount is 0, because all its items are
    /// free, succeeds immediately.
    pub(super) async fn reserve(
        &self,
        unit: &mut dyn OrderUnit,
        held: &mut Held,
        id: RefundId,
        plan: RefundPlan,
        reason: &str,
        now: Instant,
    ) -> Result<Refund, StoreError> {
        let is_free = plan.amount.minor() == 0;
        let refund = Refund {
            id,
            payment_id: held.payment.id,
            origin: RefundOrigin::Administrator,
            state: if is_free { RefundState::Succeeded { at: now } } else { RefundState::Pending },
            amount: plan.amount,
            items: plan.items,
            reason: reason.to_owned(),
            external_id: None,
            created_at: now,
            next_check_at: (!is_free).then(|| next_check(now, 0)),
            checks: 0,
        };
        unit.insert_refund(&refund).await?;
        held.refunds.push(refund.clone());
        Ok(refund)
    }

    /// Requests a reserved refund from the provider. If the provider fails, background work repeats the request.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn send_refund(&self, id: RefundId) -> Result<(), StoreError> {
        let Some(refund) = self.refunds.refund(id).await? else { return Ok(()) };
        let payment_id = refund.payment_id;
        let Some(order_id) = self.queries.order_of_payment(payment_id).await? else { return Ok(()) };
        match self.make_refund(id, payment_id, order_id).await {
            Err(CloseError::Store(error)) => Err(error),
            Err(CloseError::Provider(error)) => {
                let error = error_chain(&error);
                tracing::warn!(refund = ?id, error, "a refund is retried later, since the payment provider failed");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Returns a refund; `None` when there is no such refund.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn show_refund(&self, id: RefundId) -> Result<Option<Refund>, StoreError> {
        self.refunds.refund(id).await
    }

    /// Returns a page of the refunds of a payment, the newest first, for the payment's buyer, moderators and
    /// administrators; `None` for other users, and when there is no such payment.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list_refunds(
        &self,
        actor: Actor,
        id: PaymentId,
        page: PageSelection,
    ) -> Result<Option<Listing<Refund>>, ListError> {
        let Some(payment) = self.queries.payment_view(id).await? else { return Ok(None) };
        let is_own = payment.buyer.is_some_and(|buyer| buyer.id == actor.user_id);
        if !is_own && actor.role < Role::Moderator {
            return Ok(None);
        }
        let context = format!("refunds {id}");
        let request = self.cursors.request(&context, page)?;
        let page = self.refunds.refund_page(id, &request).await?;
        Ok(Some(self.cursors.listing(&context, &request, page)))
    }
}
