use std::io;

use async_trait::async_trait;
use domain::{
    money::Money,
    payments::{
        AmountError, CheckoutRequest, EventPage, GatewayError, PaymentGateway, ProviderCheckout,
        ProviderDispute, ProviderEvent, ProviderRefund, RefundOrder, SandboxOutcome, WebhookError,
    },
    time::Instant,
};
use uuid::Uuid;

use crate::{
    books::blocking,
    checkout::{Checkout, CheckoutError, key_of_charge, key_of_checkout},
    sandbox::{PROVIDER, Sandbox},
    webhooks::Header,
};

/// The maximum number of checkouts or events on one page of a list.
const PAGE: usize = 100;

fn not_reached(error: io::Error) -> GatewayError {
    GatewayError::NotReached(Box::new(error))
}

fn refused(error: &CheckoutError) -> GatewayError {
    GatewayError::Refused { code: error.to_string() }
}

impl Sandbox {
    fn shown(&self, checkout: &Checkout) -> Result<ProviderCheckout, GatewayError> {
        checkout.shown(&self.inner.public_url, self.inner.clock.now()).map_err(|error| refused(&error))
    }

    async fn find(&self, key: Option<Uuid>) -> io::Result<Option<Checkout>> {
        let Some(key) = key else { return Ok(None) };
        let sandbox = self.clone();
        blocking(move || sandbox.inner.books.find(key)).await
    }

    /// Applies the outcome to the checkout with this key and returns the checkout; `None` when it does not exist. A
    /// checkout that is not open is returned unchanged.
    pub(crate) async fn act(&self, key: Uuid, outcome: SandboxOutcome) -> io::Result<Option<Checkout>> {
        let now = self.inner.clock.now();
        let sandbox = self.clone();
        let change = move || {
            sandbox.inner.books.change(key, |found| {
                let changed = found.map(|mut checkout| {
                    checkout.choose(outcome, now);
                    checkout
                });
                (changed.clone(), changed)
            })
        };
        let changed = blocking(change).await?;
        if let Some(checkout) = &changed {
            self.schedule().add(checkout);
        }
        Ok(changed)
    }

    async fn all(&self) -> Result<Vec<Checkout>, GatewayError> {
        let sandbox = self.clone();
        blocking(move || sandbox.inner.books.all()).await.map_err(not_reached)
    }
}

#[async_trait]
impl PaymentGateway for Sandbox {
    fn provider(&self) -> &'static str {
        PROVIDER
    }

    fn check_amount(&self, amount: Money) -> Result<(), AmountError> {
        if amount.minor() > 0 { Ok(()) } else { Err(AmountError::Unsupported) }
    }

    async fn open_checkout(&self, request: &CheckoutRequest) -> Result<ProviderCheckout, GatewayError> {
        let new = Checkout::open(request, self.inner.clock.now());
        let sandbox = self.clone();
        let change = move || {
            sandbox.inner.books.change(new.key(), |found| match found {
                Some(known) => (None, known),
                None => (Some(new.clone()), new),
            })
        };
        let checkout = blocking(change).await.map_err(not_reached)?;
        self.schedule().add(&checkout);
        self.shown(&checkout)
    }

    async fn look_up_checkout(
        &self,
        request: &CheckoutRequest,
    ) -> Result<Option<ProviderCheckout>, GatewayError> {
        let found = self.find(Some(request.payment_id.as_uuid())).await.map_err(not_reached)?;
        found.map(|checkout| self.shown(&checkout)).transpose()
    }

    async fn checkout(&self, id: &str) -> Result<Option<ProviderCheckout>, GatewayError> {
        let found = self.find(key_of_checkout(id)).await.map_err(not_reached)?;
        found.map(|checkout| self.shown(&checkout)).transpose()
    }

    async fn expire_checkout(&self, id: &str) -> Result<ProviderCheckout, GatewayError> {
        let unknown = || GatewayError::Refused { code: "no_such_checkout".to_owned() };
        let key = key_of_checkout(id).ok_or_else(unknown)?;
        let checkout = self.act(key, SandboxOutcome::Expire).await.map_err(not_reached)?;
        self.shown(&checkout.ok_or_else(unknown)?)
    }

    async fn refund(&self, order: &RefundOrder) -> Result<ProviderRefund, GatewayError> {
        let unknown = || GatewayError::Refused { code: "no_such_charge".to_owned() };
        let key = key_of_charge(&order.charge).ok_or_else(unknown)?;
        let (refund_id, minor, now) =
            (order.refund_id.as_uuid(), order.amount.minor(), self.inner.clock.now());
        let sandbox = self.clone();
        let change = move || {
            sandbox.inner.books.change(key, |found| match found {
                None => (None, None),
                Some(mut checkout) => {
                    let refunded = checkout.refund(refund_id, minor, now);
                    (Some(checkout.clone()), Some((checkout, refunded)))
                }
            })
        };
        let (checkout, refunded) = blocking(change).await.map_err(not_reached)?.ok_or_else(unknown)?;
        refunded.map_err(|error| refused(&error))?;
        self.schedule().add(&checkout);
        let refunds = checkout.refunds().map_err(|error| refused(&error))?;
        let made = refunds.into_iter().find(|refund| refund.refund_id == Some(order.refund_id));
        made.ok_or_else(unknown)
    }

    async fn refunds(&self, charge: &str) -> Result<Vec<ProviderRefund>, GatewayError> {
        let found = self.find(key_of_charge(charge)).await.map_err(not_reached)?;
        found.map_or_else(|| Ok(Vec::new()), |checkout| checkout.refunds().map_err(|error| refused(&error)))
    }

    async fn dispute(&self, _id: &str) -> Result<Option<ProviderDispute>, GatewayError> {
        Ok(None)
    }

    async fn disputes(&self, _charge: &str) -> Result<Vec<ProviderDispute>, GatewayError> {
        Ok(Vec::new())
    }

    async fn checkouts_since(
        &self,
        since: Instant,
        after: Option<&str>,
    ) -> Result<(Vec<ProviderCheckout>, bool), GatewayError> {
        let mut all = self.all().await?;
        all.retain(|checkout| checkout.created_at() >= since);
        all.sort_by_key(|checkout| (checkout.created_at(), checkout.key()));
        let ids: Vec<_> = all.iter().map(Checkout::id).collect();
        let (start, has_more) = part(&ids, after);
        let page = all.iter().skip(start).take(PAGE).map(|checkout| self.shown(checkout));
        Ok((page.collect::<Result<_, _>>()?, has_more))
    }

    async fn events_since(&self, since: Instant, after: Option<&str>) -> Result<EventPage, GatewayError> {
        let now = self.inner.clock.now();
        let all = self.all().await?;
        let mut events: Vec<ProviderEvent> = all
            .iter()
            .flat_map(|checkout| checkout.events.iter().map(|event| Self::event(checkout, event)))
            .filter(|event| event.created_at >= since && event.created_at <= now)
            .collect();
        events.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        let ids: Vec<_> = events.iter().map(|event| event.id.clone()).collect();
        let (start, has_more) = part(&ids, after);
        Ok(EventPage { events: events.into_iter().skip(start).take(PAGE).collect(), has_more })
    }

    fn check_signature_header(&self, signature: Option<&str>, now: Instant) -> Result<(), WebhookError> {
        Header::checked(signature, now).map(|_| ())
    }

    fn read_webhook(
        &self,
        signature: Option<&str>,
        body: &[u8],
        now: Instant,
    ) -> Result<ProviderEvent, WebhookError> {
        self.read(signature, body, now)
    }
}

/// Returns the index of the first item on the page that follows the item `after`, and whether more items follow that
/// page. If `after` is `None` or not in the list, the page is the first one.
fn part(ids: &[String], after: Option<&str>) -> (usize, bool) {
    let place = after.and_then(|after| ids.iter().position(|id| id == after));
    let start = place.map_or(0, |place| place.saturating_add(1));
    (start, ids.len() > start.saturating_add(PAGE))
}
