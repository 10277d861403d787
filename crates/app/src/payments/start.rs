use domain::{
    accounts::{AccessError, Actor},
    id::{OrderId, PaymentId},
    idempotency::KeyedRequest,
    money::Money,
    orders::{
        Order, OrderEvent, OrderStatus, OrderTotalError, OrderUnit, OrderView, PriceChange, Revalidation,
    },
    payments::{
        AmountError, CHECKOUT_LIFETIME, CheckoutLine, CheckoutReport, CheckoutRequest, GatewayError,
        NO_PROVIDER, Payment, PaymentFailure, PaymentState, PaymentStatus, PaymentView, Settlement,
    },
    store::{Attempt, StoreError, retried},
    time::Instant,
};
use uuid::Uuid;

use super::{CloseError, Payments, next_check};

/// The maximum number of tries to start a payment. Another try is needed when an open checkout had to be ended first,
/// or when the payment ended while its checkout was being opened.
const ROUNDS: u32 = 4;

/// Why no payment was started.
#[derive(Debug, thiserror::Error)]
pub enum PayError {
    /// The order is not pending, or has expired.
    #[error("the order is not pending")]
    OrderNotPending,
    /// A payment of the order is being processed.
    #[error("a payment of the order is being processed")]
    Processing,
    /// The amount is below the provider's minimum.
    #[error("the amount is below the minimum of the payment provider")]
    AmountTooSmall {
        /// The minimum amount.
        minimum: Money,
    },
    /// The provider cannot charge exactly this amount.
    #[error("the payment provider cannot charge exactly this amount")]
    AmountUnsupported,
    /// The buyer gave a total that is not the current total, or gave no total, and prices have changed since the order
    /// was made.
    #[error("prices changed since the order was made")]
    PriceChanged(PriceChange),
    /// A movie of the order is no longer on sale.
    #[error("a movie of the order is no longer on sale")]
    MovieUnavailable,
    /// `Some` when a call to the provider failed, or when the pending payment was started at a provider that is not
    /// configured. `None` when no call failed, but no checkout was open after `ROUNDS` tries. Starting again is safe.
    #[error("the payment could not be started at the payment provider")]
    Provider(#[source] Option<GatewayError>),
    /// Another request has already claimed the same idempotency key. The other request may still be running.
    #[error("a request with this idempotency key is being processed")]
    KeyTaken,
    /// The actor may not pay.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CloseError> for PayError {
    fn from(error: CloseError) -> Self {
        match error {
            CloseError::Provider(error) => Self::Provider(Some(error)),
            CloseError::Store(error) => Self::Store(error),
        }
    }
}

impl From<OrderTotalError> for PayError {
    fn from(error: OrderTotalError) -> Self {
        Self::Store(StoreError::failed(error))
    }
}

/// A payment whose checkout is open, or whose order cost nothing. When an earlier request is repeated, the payment may
/// have ended since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedPayment {
    /// The payment.
    pub payment: PaymentView,
    /// Whether the request created the payment. Also `true` when an earlier request is repeated
    /// ([`Payments::resume_start`]).
    pub is_new: bool,
}

/// The next step of starting a payment.
enum Step {
    /// The user has no such order.
    NotFound,
    /// The order cost nothing and is paid.
    Paid(PaymentId),
    /// The checkout must be opened.
    Open { payment: Box<Payment>, is_new: bool },
    /// The checkout is open.
    IsOpen(PaymentId),
    /// The open checkout must be ended first.
    Close(Box<Payment>),
}

impl Payments {
    /// Starts a payment of a user's pending order, or returns the payment whose checkout is open. `None` when the user
    /// has no such order. `accepted` is the total that the buyer agrees to. If the request has an idempotency key, the
    /// key is claimed for the payment in the unit of work that creates or finds the payment.
    ///
    /// # Errors
    /// See [`PayError`].
    pub async fn start(
        &self,
        actor: Actor,
        order_id: OrderId,
        accepted: Option<Money>,
        request: Option<&KeyedRequest>,
    ) -> Result<Option<StartedPayment>, PayError> {
        for _ in 0..ROUNDS {
            let Some(shown) = self.orders.order_view(order_id).await? else { return Ok(None) };
            let step =
                retried(&*self.backoff, |attempt| self.try_start(attempt, actor, &shown, accepted, request))
                    .await?;
            let (id, is_new) = match step {
                Step::NotFound => return Ok(None),
                Step::Paid(id) => return self.started(id, true).await.map(Some),
                Step::IsOpen(id) => (id, false),
                Step::Close(payment) => {
                    self.close_checkout(&payment).await?;
                    continue;
                }
                Step::Open { payment, is_new } => {
                    self.open(&payment).await?;
                    (payment.id, is_new)
                }
            };
            let started = self.started(id, is_new).await?;
            if started.payment.checkout_url.is_some() {
                return Ok(Some(started));
            }
            // The payment ended while its checkout was being opened. The next try starts another payment, or returns
            // why the order cannot be paid.
        }
        Err(PayError::Provider(None))
    }

    /// Returns the payment that an earlier request of the user started; `None` when the user has no such payment.
    /// If the payment is pending and no open checkout of it is known, continues like [`Self::start`].
    ///
    /// # Errors
    /// See [`PayError`].
    pub async fn resume_start(
        &self,
        actor: Actor,
        order_id: OrderId,
        id: Uuid,
        accepted: Option<Money>,
    ) -> Result<Option<StartedPayment>, PayError> {
        let Some(payment) = self.show_own(actor, PaymentId::from_uuid(id)).await? else { return Ok(None) };
        if payment.status == PaymentStatus::Pending && payment.checkout_url.is_none() {
            let started = self.start(actor, order_id, accepted, None).await?;
            return Ok(started.map(|started| StartedPayment { is_new: true, ..started }));
        }
        Ok(Some(StartedPayment { payment, is_new: true }))
    }

    async fn started(&self, id: PaymentId, is_new: bool) -> Result<StartedPayment, PayError> {
        let payment = self.queries.payment_view(id).await?;
        let payment =
            payment.ok_or_else(|| StoreError::failed("a payment that was just begun does not exist"))?;
        Ok(StartedPayment { payment, is_new })
    }

    async fn try_start(
        &self,
        attempt: Attempt,
        actor: Actor,
        shown: &OrderView,
        accepted: Option<Money>,
        request: Option<&KeyedRequest>,
    ) -> Result<Step, PayError> {
        let now = self.clock.now();
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let order =
            unit.find_order_for_update(shown.id).await?.filter(|order| order.user_id == actor.user_id);
        let Some(mut order) = order else { return Ok(Step::NotFound) };
        let payment_id: PaymentId = self.ids.next();
        // The key is claimed before the state of the order is checked, so that a repeated request fails with
        // `KeyTaken`, and not with an error that the first request caused, such as `OrderNotPending` after it paid the
        // order.
        claim(&mut *unit, request, payment_id).await?;
        if order.state.status() != OrderStatus::Pending {
            return Err(PayError::OrderNotPending);
        }
        let open = unit.find_open_payment(order.id).await?;
        if matches!(&open, Some(Payment { state: PaymentState::Processing { .. }, .. })) {
            return Err(PayError::Processing);
        }
        let movies: Vec<_> = order.items.iter().map(|item| item.movie_id).collect();
        let offers = unit.find_offers(&movies).await?;
        let revalidation = order.revalidate(&offers, accepted, self.currency)?;
        if let Some(payment) = open {
            let payment_id = payment.id;
            let step = open_step(payment, &revalidation, now);
            if !matches!(step, Step::Close(_)) {
                // The key was claimed for a new payment above. The same request now claims the key for the open
                // payment.
                claim(&mut *unit, request, payment_id).await?;
                unit.commit().await?;
            }
            return Ok(step);
        }
        match revalidation {
            Revalidation::Unchanged => {}
            Revalidation::Accepted { items, total } => {
                (order.items, order.total) = (items, total);
                unit.update_order_prices(&order).await?;
            }
            Revalidation::Changed(change) => return Err(PayError::PriceChanged(change)),
            Revalidation::Unavailable => return Err(PayError::MovieUnavailable),
        }
        if order.state.is_expired(now) {
            return Err(PayError::OrderNotPending);
        }
        let step = self.begin_payment(&mut *unit, payment_id, &mut order, shown, now).await?;
        unit.commit().await?;
        Ok(step)
    }

    /// Stores the payment before the provider is called. If the order costs nothing, stores a successful payment and
    /// marks the order as paid; the provider is not called.
    async fn begin_payment(
        &self,
        unit: &mut dyn OrderUnit,
        id: PaymentId,
        order: &mut Order,
        shown: &OrderView,
        now: Instant,
    ) -> Result<Step, PayError> {
        let mut payment = Payment::of_order(order, id, NO_PROVIDER.to_owned(), now, || self.ids.next());
        if order.total.minor() == 0 {
            payment.state = PaymentState::Successful { completed_at: now };
            payment.settlement = Some(Settlement::PaysOrder);
            let is_kept = unit.insert_payment(&payment).await?;
            if !is_kept {
                return Err(
                    StoreError::failed("the order has an open payment that was not found before").into()
                );
            }
            self.pay_order(unit, order, shown, now, now).await?;
            return Ok(Step::Paid(payment.id));
        }
        self.gateway.check_amount(order.total).map_err(|error| match error {
            AmountError::TooSmall { minimum } => PayError::AmountTooSmall { minimum },
            AmountError::Unsupported => PayError::AmountUnsupported,
        })?;
        let shop_id = unit.shop_id(self.ids.next()).await?;
        let expires_at = now.checked_add_signed(CHECKOUT_LIFETIME).unwrap_or(now);
        let name = |movie_id| {
            let movie = shown.items.iter().find(|movie| movie.id == movie_id);
            movie.map_or_else(String::new, |movie| format!("{} ({})", movie.name, movie.year))
        };
        let lines =
            order.items.iter().map(|item| CheckoutLine { name: name(item.movie_id), price: item.price });
        payment.provider = self.gateway.provider().to_owned();
        payment.request = Some(CheckoutRequest {
            payment_id: payment.id,
            order_id: order.id,
            shop_id,
            order_number: order.number.clone(),
            amount: order.total,
            lines: lines.collect(),
            email: shown.buyer.as_ref().map(|buyer| buyer.email.as_str().to_owned()),
            return_url: format!("{}/orders/{}?payment={}", self.recorder.frontend_url, order.id, payment.id),
            expires_at,
            idempotency_key: format!("payment:{}", payment.id),
        });
        payment.next_check_at = Some(next_check(now, 0));
        if !unit.insert_payment(&payment).await? {
            return Err(StoreError::failed("the order has an open payment that was not found before").into());
        }
        order.state = order
            .state
            .apply(OrderEvent::CheckoutOpened { ends_at: expires_at })
            .map_err(StoreError::failed)?;
        unit.update_order_state(order).await?;
        Ok(Step::Open { payment: Box::new(payment), is_new: true })
    }

    /// Opens the checkout at the provider with the stored request, and stores the result.
    async fn open(&self, payment: &Payment) -> Result<(), PayError> {
        let Some(request) = &payment.request else { return Ok(()) };
        self.check_provider(payment).map_err(|error| PayError::Provider(Some(error)))?;
        match self.gateway.open_checkout(request).await {
            Ok(checkout) => Ok(self.apply_checkout(payment.id, payment.order_id, &checkout).await?),
            Err(GatewayError::Refused { code }) => {
                let failure =
                    PaymentFailure { at: self.clock.now(), code: PaymentFailure::NOT_OPENED.to_owned() };
                self.apply_report(payment.id, payment.order_id, &CheckoutReport::Bounced(failure)).await?;
                Err(PayError::Provider(Some(GatewayError::Refused { code })))
            }
            Err(error) => Err(PayError::Provider(Some(error))),
        }
    }
}

/// Claims the idempotency key of the request, if it has one, for this payment.
async fn claim(
    unit: &mut dyn OrderUnit,
    request: Option<&KeyedRequest>,
    id: PaymentId,
) -> Result<(), PayError> {
    let Some(request) = request else { return Ok(()) };
    if unit.claim_key(request, id.as_uuid()).await? { Ok(()) } else { Err(PayError::KeyTaken) }
}

/// Decides how to continue with a payment that is already pending.
fn open_step(payment: Payment, revalidation: &Revalidation, now: Instant) -> Step {
    let is_payable = match (&payment.checkout, &payment.request) {
        (Some(checkout), _) => checkout.url.is_some() && now < checkout.expires_at,
        (None, Some(request)) => {
            let limit = payment.created_at.checked_add_signed(super::OPENING_LIMIT).unwrap_or(now);
            now < request.expires_at && now < limit
        }
        (None, None) => false,
    };
    if !is_payable || *revalidation != Revalidation::Unchanged {
        return Step::Close(Box::new(payment));
    }
    match payment.checkout {
        Some(_) => Step::IsOpen(payment.id),
        None => Step::Open { payment: Box::new(payment), is_new: false },
    }
}
