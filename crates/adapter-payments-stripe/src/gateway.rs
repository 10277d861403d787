use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{
    money::Money,
    payments::{
        AmountError, CHECKOUT_LIFETIME, CheckoutReport, CheckoutRequest, EventPage, GatewayError,
        PaymentGateway, ProviderCheckout, ProviderDispute, ProviderEvent, ProviderRefund, RefundOrder,
        WebhookError,
    },
    time::{Clock, Instant},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    amounts,
    client::{Call, Client, Failure, StripeSetupError},
    events, forms, json,
    objects::{Dispute, Refund, Session},
    reports,
    settings::StripeSettings,
    webhook,
};

/// The fields of a session that Stripe must include as whole objects (expand): they contain the state of the payment
/// and the time when the money arrived.
const SESSION_FIELDS: &str = "payment_intent.latest_charge.balance_transaction";

/// The time limit for reading all pages of a list.
const LIST_TIMEOUT: Duration = Duration::from_mins(1);

/// The assumed maximum difference between Stripe's clock and the server's clock.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(10);

/// The prefix of `PaymentIntent` identifiers: an event about a decline contains the intent, but not its session.
const INTENT_PREFIX: &str = "pi_";

/// The number of objects on a page of a list. Stripe allows at most 100.
const PAGE_SIZE: &str = "100";

/// The maximum number of idempotency keys for one request. When Stripe has stored an error for a key, the request is
/// sent with the next key.
const KEYS: u32 = 5;

/// Reading all pages of a list took too long.
#[derive(Debug, thiserror::Error)]
#[error("Stripe's list could not be read within {} seconds", LIST_TIMEOUT.as_secs())]
struct ListTooSlow;

/// Stripe has stored an error for every idempotency key of a request.
#[derive(Debug, thiserror::Error)]
#[error("Stripe repeats an error for each of {KEYS} keys")]
struct OnlySavedErrors;

/// The idempotency key number `number` of a request, starting at 1. Every process computes the same keys, so a request
/// that another process repeats has its effect only once.
fn numbered_key(key: &str, number: u32) -> String {
    if number == 1 { key.to_owned() } else { format!("{key}:{number}") }
}

/// A call took effect, but its response cannot be read, so the result must be looked up.
#[derive(Debug, thiserror::Error)]
#[error("the answer to a completed call cannot be read")]
struct UnreadableAnswer;

fn unreadable() -> GatewayError {
    GatewayError::Unknown(UnreadableAnswer.into())
}

/// The error for an amount that Stripe cannot charge or refund exactly, or for lines that do not add up to the
/// amount.
fn not_representable() -> GatewayError {
    GatewayError::Refused { code: "amount_unsupported".to_owned() }
}

/// The payment gateway for Stripe: takes payments with Checkout Sessions, makes refunds, and reads disputes and events.
pub struct StripeGateway {
    client: Client,
    settings: StripeSettings,
    clock: Arc<dyn Clock>,
}

/// A page of a list, as the API returns it.
#[derive(serde::Deserialize)]
struct List {
    data: Vec<Value>,
    has_more: bool,
}

/// Which list of the API to read, and with which filter.
#[derive(Clone, Copy)]
struct Listing<'a> {
    endpoint: &'static str,
    path: &'static str,
    filter: &'a [(&'a str, &'a str)],
}

impl StripeGateway {
    /// Creates the gateway. Does not call Stripe.
    ///
    /// # Errors
    /// When TLS cannot be set up, or the HTTP client cannot be built.
    pub fn new(settings: StripeSettings, clock: Arc<dyn Clock>) -> Result<Self, StripeSetupError> {
        Ok(Self { client: Client::new(&settings)?, settings, clock })
    }

    async fn get<T: DeserializeOwned>(&self, endpoint: &'static str, path: &str) -> Result<T, Failure> {
        self.client.call(Call { endpoint, path, form: None, idempotency_key: None }).await
    }

    /// An object by its identifier; `None` when it does not exist at Stripe.
    async fn find<T: DeserializeOwned>(
        &self,
        endpoint: &'static str,
        path: &str,
    ) -> Result<Option<T>, GatewayError> {
        match self.get(endpoint, path).await {
            Ok(object) => Ok(Some(object)),
            Err(failure) if failure.is_missing() => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    async fn session(&self, id: &str) -> Result<Option<Session>, GatewayError> {
        let query = forms::query(&[("expand[0]", SESSION_FIELDS)]);
        let path = format!("checkout/sessions/{}?{query}", forms::segment(id));
        self.find("GET checkout/sessions/:id", &path).await
    }

    /// A page of a list, newest object first. The cursor is `starting_after` or `ending_before` with an identifier.
    async fn page(&self, listing: Listing<'_>, cursor: Option<(&str, &str)>) -> Result<List, Failure> {
        let mut pairs = listing.filter.to_vec();
        pairs.push(("limit", PAGE_SIZE));
        pairs.extend(cursor);
        let path = format!("{}?{}", listing.path, forms::query(&pairs));
        self.get(listing.endpoint, &path).await
    }

    /// Reads all pages of a list, one by one, and returns the results of `read` for its objects, newest object first.
    /// Objects that cannot be parsed, or for which `read` returns `None`, are left out. Only the results are kept in
    /// memory.
    async fn all<T: DeserializeOwned, V>(
        &self,
        listing: Listing<'_>,
        read: impl Fn(&T) -> Option<V>,
    ) -> Result<Vec<V>, GatewayError> {
        let (mut all, mut last) = (Vec::new(), None::<String>);
        within_limit(async {
            loop {
                let cursor = last.as_deref().map(|id| ("starting_after", id));
                let page = self.page(listing, cursor).await?;
                last = page.data.last().and_then(id_of).map(str::to_owned);
                let is_last = !page.has_more || last.is_none();
                all.extend(read_all::<T>(page.data).filter_map(|object| read(&object)));
                if is_last {
                    return Ok(all);
                }
            }
        })
        .await
    }

    /// Reads the pages after the object `after` until `read` returns at least one result for a page. Returns the
    /// results for this page, and whether more objects follow. Pages without results are skipped, because a caller
    /// could not continue after them: the cursor of the next call is the last returned object. A page has no results
    /// if it contains only objects that cannot be parsed or cannot belong to the shop. The returned results are empty
    /// only if no object with a result follows, or if the last object of a page has no identifier, because the next
    /// page can then not be requested.
    async fn oldest_page_with_any<T>(
        &self,
        listing: Listing<'_>,
        after: Option<&str>,
        read: impl Fn(Vec<Value>) -> Vec<T>,
    ) -> Result<(Vec<T>, bool), Failure> {
        let mut after = after.map(str::to_owned);
        loop {
            let (page, has_more) = self.oldest_page(listing, after.as_deref()).await?;
            after = page.last().and_then(id_of).map(str::to_owned);
            let found = read(page);
            if !found.is_empty() || !has_more || after.is_none() {
                return Ok((found, has_more));
            }
        }
    }

    /// The objects that directly follow the object `after` in time (at most one page, oldest first), and whether the
    /// list has objects after this page. If `after` is `None`, or Stripe no longer has that object, the page begins
    /// with the oldest object of the list.
    async fn oldest_page(
        &self,
        listing: Listing<'_>,
        after: Option<&str>,
    ) -> Result<(Vec<Value>, bool), Failure> {
        if let Some(after) = after {
            match self.page(listing, Some(("ending_before", after))).await {
                Ok(mut page) => {
                    page.data.reverse();
                    return Ok((page.data, page.has_more));
                }
                Err(failure) if failure.is_missing() => {}
                Err(failure) => return Err(failure),
            }
        }
        // Stripe's lists begin with the newest object, so all pages are read until the oldest one. Only one page is
        // kept in memory.
        let mut page = self.page(listing, None).await?;
        let mut has_newer = false;
        while page.has_more {
            let Some(last) = page.data.last().and_then(id_of).map(str::to_owned) else { break };
            has_newer = true;
            page = self.page(listing, Some(("starting_after", &last))).await?;
        }
        page.data.reverse();
        Ok((page.data, has_newer))
    }

    fn checkout_of(&self, session: &Session) -> Option<ProviderCheckout> {
        reports::checkout(session, self.clock.now())
    }

    /// All refunds of the `PaymentIntent` with the identifier `charge`, including those made outside the shop.
    async fn refunds_of(&self, charge: &str) -> Result<Vec<ProviderRefund>, GatewayError> {
        let filter = [("payment_intent", charge), ("expand[0]", "data.failure_balance_transaction")];
        let listing = Listing { endpoint: "GET refunds", path: "refunds", filter: &filter };
        self.all(listing, reports::refund).await
    }
}

/// Applies `LIST_TIMEOUT` to reading a list.
async fn within_limit<T>(call: impl Future<Output = Result<T, Failure>>) -> Result<T, GatewayError> {
    match timeout(LIST_TIMEOUT, call).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(GatewayError::NotReached(ListTooSlow.into())),
    }
}

fn id_of(object: &Value) -> Option<&str> {
    object.get("id")?.as_str()
}

/// Returns the objects that can be parsed. An object that cannot be parsed is skipped with a warning: other
/// applications may use the same Stripe account, and their objects may lack fields that the shop needs.
fn read_all<T: DeserializeOwned>(objects: Vec<Value>) -> impl Iterator<Item = T> {
    objects.into_iter().filter_map(|object| {
        let id = id_of(&object).unwrap_or_default().to_owned();
        serde_json::from_value(object)
            .inspect_err(|error| tracing::warn!(id, %error, "an object of Stripe cannot be read"))
            .ok()
    })
}

/// The rank of a checkout. If a payment has several checkouts, the one with the highest rank is used. Normally a
/// payment has only one, but a checkout that received money must never be missed.
const fn rank(checkout: &ProviderCheckout) -> u8 {
    match checkout.report {
        CheckoutReport::Paid { .. } => 3,
        CheckoutReport::Processing => 2,
        CheckoutReport::Open | CheckoutReport::Declined(_) => 1,
        CheckoutReport::Bounced(_) | CheckoutReport::Expired { .. } => 0,
    }
}

#[async_trait]
impl PaymentGateway for StripeGateway {
    fn provider(&self) -> &'static str {
        "stripe"
    }

    fn check_amount(&self, amount: Money) -> Result<(), AmountError> {
        amounts::check(amount)
    }

    async fn open_checkout(&self, request: &CheckoutRequest) -> Result<ProviderCheckout, GatewayError> {
        let form = forms::session(request, &self.settings.payment_methods).ok_or_else(not_representable)?;
        for number in 1..=KEYS {
            let key = numbered_key(&request.idempotency_key, number);
            let call = Call {
                endpoint: "POST checkout/sessions",
                path: "checkout/sessions",
                form: Some(&form),
                idempotency_key: Some(&key),
            };
            match self.client.call::<Session>(call).await {
                Ok(session) => return self.checkout_of(&session).ok_or_else(unreadable),
                Err(Failure::SavedError(_)) => {}
                Err(failure) => return Err(failure.into()),
            }
            if let Some(checkout) = self.look_up_checkout(request).await? {
                return Ok(checkout);
            }
        }
        Err(GatewayError::Unknown(OnlySavedErrors.into()))
    }

    async fn look_up_checkout(
        &self,
        request: &CheckoutRequest,
    ) -> Result<Option<ProviderCheckout>, GatewayError> {
        let expires_at = request.expires_at;
        let begun_at = expires_at.checked_sub_signed(CHECKOUT_LIFETIME).unwrap_or(expires_at);
        let from = begun_at.checked_sub_signed(CLOCK_SKEW).unwrap_or(begun_at).timestamp().to_string();
        let to = expires_at.timestamp().to_string();
        let fields = format!("data.{SESSION_FIELDS}");
        let filter = [("created[gte]", from.as_str()), ("created[lte]", &to), ("expand[0]", &fields)];
        let listing =
            Listing { endpoint: "GET checkout/sessions", path: "checkout/sessions", filter: &filter };
        let is_wanted = |checkout: &ProviderCheckout| {
            checkout.payment_id == Some(request.payment_id) && checkout.shop_id == Some(request.shop_id)
        };
        let found = self.all(listing, |session| self.checkout_of(session).filter(is_wanted)).await?;
        Ok(found.into_iter().max_by_key(rank))
    }

    async fn checkout(&self, id: &str) -> Result<Option<ProviderCheckout>, GatewayError> {
        if id.starts_with(INTENT_PREFIX) {
            let fields = format!("data.{SESSION_FIELDS}");
            let filter = [("payment_intent", id), ("expand[0]", &fields)];
            let listing =
                Listing { endpoint: "GET checkout/sessions", path: "checkout/sessions", filter: &filter };
            let found = self.all(listing, |session| self.checkout_of(session)).await?;
            return Ok(found.into_iter().max_by_key(rank));
        }
        Ok(self.session(id).await?.and_then(|session| self.checkout_of(&session)))
    }

    async fn expire_checkout(&self, id: &str) -> Result<ProviderCheckout, GatewayError> {
        let path = format!("checkout/sessions/{}/expire", forms::segment(id));
        let form = forms::query(&[("expand[0]", SESSION_FIELDS)]);
        let call = Call {
            endpoint: "POST checkout/sessions/:id/expire",
            path: &path,
            form: Some(&form),
            idempotency_key: None,
        };
        let failure = match self.client.call::<Session>(call).await {
            Ok(session) => return self.checkout_of(&session).ok_or_else(unreadable),
            Err(failure @ Failure::NotReached(_)) => return Err(failure.into()),
            Err(failure) => failure,
        };
        // Stripe refuses the call when the session is no longer open. If the response was lost, the call may have ended
        // the session. In both cases, the current state of the session decides.
        let checkout = self.checkout(id).await?;
        let is_over = |checkout: &ProviderCheckout| {
            !matches!(checkout.report, CheckoutReport::Open | CheckoutReport::Declined(_))
        };
        checkout.filter(is_over).ok_or_else(|| failure.into())
    }

    async fn refund(&self, order: &RefundOrder) -> Result<ProviderRefund, GatewayError> {
        let form = forms::refund(order).ok_or_else(not_representable)?;
        for number in 1..=KEYS {
            // Existing refunds are looked up first: an idempotency key prevents a second refund for only about a day,
            // and with a new key Stripe would make a second refund.
            let made = self.refunds_of(&order.charge).await?;
            if let Some(refund) = made.into_iter().find(|refund| refund.refund_id == Some(order.refund_id)) {
                return Ok(refund);
            }
            let key = numbered_key(&order.idempotency_key, number);
            let call = Call {
                endpoint: "POST refunds",
                path: "refunds",
                form: Some(&form),
                idempotency_key: Some(&key),
            };
            match self.client.call::<Refund>(call).await {
                Ok(refund) => return reports::refund(&refund).ok_or_else(unreadable),
                Err(Failure::SavedError(_)) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        Err(GatewayError::Unknown(OnlySavedErrors.into()))
    }

    async fn refunds(&self, charge: &str) -> Result<Vec<ProviderRefund>, GatewayError> {
        self.refunds_of(charge).await
    }

    async fn dispute(&self, id: &str) -> Result<Option<ProviderDispute>, GatewayError> {
        let path = format!("disputes/{}", forms::segment(id));
        let dispute: Option<Dispute> = self.find("GET disputes/:id", &path).await?;
        Ok(dispute.and_then(|dispute| reports::dispute(&dispute, self.clock.now())))
    }

    async fn disputes(&self, charge: &str) -> Result<Vec<ProviderDispute>, GatewayError> {
        let filter = [("payment_intent", charge)];
        let now = self.clock.now();
        let listing = Listing { endpoint: "GET disputes", path: "disputes", filter: &filter };
        self.all(listing, |dispute| reports::dispute(dispute, now)).await
    }

    async fn checkouts_since(
        &self,
        since: Instant,
        after: Option<&str>,
    ) -> Result<(Vec<ProviderCheckout>, bool), GatewayError> {
        let (since, fields) = (since.timestamp().to_string(), format!("data.{SESSION_FIELDS}"));
        let filter = [("created[gte]", since.as_str()), ("expand[0]", &fields)];
        let listing =
            Listing { endpoint: "GET checkout/sessions", path: "checkout/sessions", filter: &filter };
        let read =
            |page| read_all::<Session>(page).filter_map(|session| self.checkout_of(&session)).collect();
        within_limit(self.oldest_page_with_any(listing, after, read)).await
    }

    async fn events_since(&self, since: Instant, after: Option<&str>) -> Result<EventPage, GatewayError> {
        let since = since.timestamp().to_string();
        let filter = [("created[gte]", since.as_str())];
        let listing = Listing { endpoint: "GET events", path: "events", filter: &filter };
        let (is_live, now) = (self.settings.is_live(), self.clock.now());
        let event = |object: &Value| events::event(object, object.to_string().into_bytes(), is_live, now);
        let read = |page: Vec<Value>| page.iter().filter_map(event).collect();
        let (events, has_more) = within_limit(self.oldest_page_with_any(listing, after, read)).await?;
        Ok(EventPage { events, has_more })
    }

    fn check_signature_header(&self, signature: Option<&str>, now: Instant) -> Result<(), WebhookError> {
        webhook::checked_header(signature, now).map(|_| ())
    }

    fn read_webhook(
        &self,
        signature: Option<&str>,
        body: &[u8],
        now: Instant,
    ) -> Result<ProviderEvent, WebhookError> {
        webhook::verify(&self.settings.webhook_secrets, signature, body, now)?;
        let value: Value = json::parse(body).map_err(|_| WebhookError::Malformed)?;
        events::event(&value, body.to_vec(), self.settings.is_live(), now).ok_or(WebhookError::Malformed)
    }
}
