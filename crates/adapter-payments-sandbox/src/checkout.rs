use chrono::TimeDelta;
use domain::{
    id::{Id, Kind},
    money::Money,
    payments::{
        CheckoutLine, CheckoutReport, CheckoutRequest, PaymentFailure, ProviderCheckout, ProviderRefund,
        RefundReport, SandboxCheckout, SandboxCheckoutState, SandboxOutcome,
    },
    time::Instant,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use uuid::Uuid;

/// When a checkout has this many events, further declines are not reported.
const MOST_EVENTS: usize = 100;

/// The time after which a delayed payment succeeds ([`SandboxOutcome::Delay`]).
const DELAY: TimeDelta = TimeDelta::seconds(30);

/// The failure code that every decline reports.
const DECLINE_CODE: &str = "insufficient_funds";

/// The prefix of the identifiers of checkouts.
const CHECKOUT_PREFIX: &str = "sandbox_checkout_";

/// The prefix of the identifiers of charges.
const CHARGE_PREFIX: &str = "sandbox_charge_";

/// An instant that is stored in JSON as the number of microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Instant);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(self.0.timestamp_micros())
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let micros = i64::deserialize(from)?;
        Instant::from_timestamp_micros(micros).map(Self).ok_or_else(|| D::Error::custom("no such instant"))
    }
}

/// A line of a checkout: what is bought, and its price in minor units of the currency.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    name: String,
    minor: i64,
}

/// The stored state of a checkout. The current state also depends on the time ([`Checkout::progress_at`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum Progress {
    /// The buyer can still pay, until the checkout expires.
    Open,
    /// The buyer has paid.
    Paid { at: Moment },
    /// The buyer has completed the checkout, and the payment succeeds at the time `until`.
    Delayed { until: Moment },
    /// The checkout ended without a payment.
    Expired { at: Moment },
}

/// A refund of a checkout; the amount is in minor units of the checkout's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the stored files use this name")]
struct Refund {
    refund_id: Uuid,
    minor: i64,
    at: Moment,
}

/// An event of a checkout, which a webhook reports when the time `due_at` has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) due_at: Moment,
    pub(crate) is_delivered: bool,
}

/// A checkout with its refunds and events, as it is stored in [`Books`](crate::books::Books).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Checkout {
    payment_id: Uuid,
    order_id: Uuid,
    shop_id: Uuid,
    order_number: String,
    currency: String,
    minor: i64,
    lines: Vec<Line>,
    return_url: String,
    created_at: Moment,
    expires_at: Moment,
    progress: Progress,
    declined_at: Option<Moment>,
    refunds: Vec<Refund>,
    pub(crate) events: Vec<Event>,
}

/// Why a checkout cannot be shown or refunded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckoutError {
    #[error("a checkout of the sandbox has a currency that does not exist")]
    Currency,
    #[error("nothing was paid, or the refund exceeds the paid amount")]
    RefundTooLarge,
}

/// Returns the key in the identifier of a checkout; `None` when the identifier does not have the format of the sandbox.
pub(crate) fn key_of_checkout(id: &str) -> Option<Uuid> {
    id.strip_prefix(CHECKOUT_PREFIX).and_then(|id| Uuid::try_parse(id).ok())
}

/// Returns the identifier of the charge of the checkout with this key.
pub(crate) fn charge_of(key: Uuid) -> String {
    format!("{CHARGE_PREFIX}{key}")
}

/// Returns the key of the checkout of this charge; `None` when the identifier does not have the format of the sandbox.
pub(crate) fn key_of_charge(charge: &str) -> Option<Uuid> {
    charge.strip_prefix(CHARGE_PREFIX).and_then(|id| Uuid::try_parse(id).ok())
}

impl Checkout {
    /// Creates an open checkout with one future event: `checkout.expired`, due when the checkout expires.
    /// The event is sent even if the buyer has paid by then. This does no harm, because receivers of events look up the
    /// current state of the checkout.
    pub(crate) fn open(request: &CheckoutRequest, now: Instant) -> Self {
        let line = |line: &CheckoutLine| Line { name: line.name.clone(), minor: line.price.minor() };
        let mut checkout = Self {
            payment_id: request.payment_id.as_uuid(),
            order_id: request.order_id.as_uuid(),
            shop_id: request.shop_id.as_uuid(),
            order_number: request.order_number.clone(),
            currency: request.amount.currency().code().to_owned(),
            minor: request.amount.minor(),
            lines: request.lines.iter().map(line).collect(),
            return_url: request.return_url.clone(),
            created_at: Moment(now),
            expires_at: Moment(request.expires_at),
            progress: Progress::Open,
            declined_at: None,
            refunds: Vec::new(),
            events: Vec::new(),
        };
        checkout.announce("checkout.expired", request.expires_at);
        checkout
    }

    /// Returns the key under which this checkout is stored: the identifier of its payment.
    pub(crate) const fn key(&self) -> Uuid {
        self.payment_id
    }

    /// Returns the identifier of this checkout, as the shop knows it.
    pub(crate) fn id(&self) -> String {
        format!("{CHECKOUT_PREFIX}{}", self.payment_id)
    }

    pub(crate) const fn created_at(&self) -> Instant {
        self.created_at.0
    }

    fn announce(&mut self, kind: &str, due_at: Instant) {
        let id = format!("sandbox_event_{}_{}", self.payment_id, self.events.len());
        self.events.push(Event { id, kind: kind.to_owned(), due_at: Moment(due_at), is_delivered: false });
    }

    /// Returns the state of this checkout at the given time.
    fn progress_at(&self, now: Instant) -> Progress {
        match self.progress {
            Progress::Open if now >= self.expires_at.0 => Progress::Expired { at: self.expires_at },
            Progress::Delayed { until } if now >= until.0 => Progress::Paid { at: until },
            progress => progress,
        }
    }

    /// Applies an outcome: the choice of the buyer, or the expiry that the shop has requested. Returns `false` and
    /// changes nothing when the checkout is not open.
    pub(crate) fn choose(&mut self, outcome: SandboxOutcome, now: Instant) -> bool {
        if self.progress_at(now) != Progress::Open {
            return false;
        }
        match outcome {
            SandboxOutcome::Pay => {
                self.progress = Progress::Paid { at: Moment(now) };
                self.announce("checkout.paid", now);
            }
            SandboxOutcome::Decline => {
                self.declined_at = Some(Moment(now));
                // Anyone who knows the URL of the checkout page can decline any number of times. So no event is added
                // while a due event of the checkout is undelivered, and the number of events is limited.
                let is_waiting = self.events.iter().any(|event| !event.is_delivered && event.due_at.0 <= now);
                if !is_waiting && self.events.len() < MOST_EVENTS {
                    self.announce("checkout.declined", now);
                }
            }
            SandboxOutcome::Expire => {
                self.progress = Progress::Expired { at: Moment(now) };
                self.announce("checkout.expired", now);
            }
            SandboxOutcome::Delay => {
                let until = now.checked_add_signed(DELAY).unwrap_or(now);
                self.progress = Progress::Delayed { until: Moment(until) };
                self.announce("checkout.processing", now);
                self.announce("checkout.paid", until);
            }
        }
        true
    }

    /// Makes a refund. Does nothing if a refund with this identifier was made before.
    pub(crate) fn refund(&mut self, refund_id: Uuid, minor: i64, now: Instant) -> Result<(), CheckoutError> {
        if self.refunds.iter().any(|refund| refund.refund_id == refund_id) {
            return Ok(());
        }
        let Progress::Paid { .. } = self.progress_at(now) else { return Err(CheckoutError::RefundTooLarge) };
        let before: i64 = self.refunds.iter().map(|refund| refund.minor).fold(0, i64::saturating_add);
        if minor <= 0 || before.saturating_add(minor) > self.minor {
            return Err(CheckoutError::RefundTooLarge);
        }
        self.refunds.push(Refund { refund_id, minor, at: Moment(now) });
        self.announce("refund.succeeded", now);
        Ok(())
    }

    fn money(&self, minor: i64) -> Result<Money, CheckoutError> {
        let currency = self.currency.parse().map_err(|_| CheckoutError::Currency)?;
        Ok(Money::from_minor(minor, currency))
    }

    /// Returns the refunds of this checkout, as the provider reports them.
    pub(crate) fn refunds(&self) -> Result<Vec<ProviderRefund>, CheckoutError> {
        let refund = |refund: &Refund| {
            Ok(ProviderRefund {
                id: format!("sandbox_refund_{}", refund.refund_id),
                charge: charge_of(self.payment_id),
                refund_id: Some(Id::from_uuid(refund.refund_id)),
                amount: self.money(refund.minor)?,
                report: RefundReport::Succeeded { at: refund.at.0 },
                created_at: refund.at.0,
            })
        };
        self.refunds.iter().map(refund).collect()
    }

    /// Returns this checkout as the provider reports it at the given time.
    pub(crate) fn shown(&self, public_url: &str, now: Instant) -> Result<ProviderCheckout, CheckoutError> {
        let amount = self.money(self.minor)?;
        let progress = self.progress_at(now);
        let report = match (progress, self.declined_at) {
            (Progress::Open, None) => CheckoutReport::Open,
            (Progress::Open, Some(at)) => CheckoutReport::Declined(declined(at)),
            (Progress::Paid { at }, _) => CheckoutReport::Paid { amount, at: at.0 },
            (Progress::Delayed { .. }, _) => CheckoutReport::Processing,
            (Progress::Expired { at }, None) => CheckoutReport::Expired { at: at.0 },
            // The last attempt to pay was declined, so its failure is reported instead of the expiry.
            (Progress::Expired { at }, Some(_)) => CheckoutReport::Bounced(declined(at)),
        };
        let has_money = matches!(progress, Progress::Paid { .. } | Progress::Delayed { .. });
        Ok(ProviderCheckout {
            id: self.id(),
            shop_id: some(self.shop_id),
            order_id: some(self.order_id),
            payment_id: some(self.payment_id),
            url: (progress == Progress::Open)
                .then(|| format!("{public_url}/sandbox/checkouts/{}", self.id())),
            amount,
            charge: has_money.then(|| charge_of(self.payment_id)),
            report,
            created_at: self.created_at.0,
            expires_at: self.expires_at.0,
        })
    }

    /// Returns what the page of this checkout shows at the given time.
    pub(crate) fn on_page(&self, now: Instant) -> Result<SandboxCheckout, CheckoutError> {
        let line = |line: &Line| Ok(CheckoutLine { name: line.name.clone(), price: self.money(line.minor)? });
        Ok(SandboxCheckout {
            order_number: self.order_number.clone(),
            lines: self.lines.iter().map(line).collect::<Result<_, _>>()?,
            amount: self.money(self.minor)?,
            state: match self.progress_at(now) {
                Progress::Open => SandboxCheckoutState::Open,
                Progress::Paid { .. } => SandboxCheckoutState::Paid,
                Progress::Delayed { .. } => SandboxCheckoutState::Processing,
                Progress::Expired { .. } => SandboxCheckoutState::Expired,
            },
            decline: self.declined_at.map(declined),
            return_url: self.return_url.clone(),
        })
    }
}

/// Returns the failure that a decline at this time reports.
fn declined(at: Moment) -> PaymentFailure {
    PaymentFailure { at: at.0, code: DECLINE_CODE.to_owned() }
}

#[expect(clippy::unnecessary_wraps, reason = "the fields of the port are optional")]
fn some<K: Kind>(uuid: Uuid) -> Option<Id<K>> {
    Some(Id::from_uuid(uuid))
}
