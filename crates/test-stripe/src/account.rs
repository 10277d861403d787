//! The data of one Stripe account, and the events that its changes cause.

use std::{
    collections::VecDeque,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use crate::objects::{Charge, Dispute, Event, Expand, Intent, Refund, Session, SessionStatus};

/// The API version that every call must request in the header `Stripe-Version`.
pub const API_VERSION: &str = "2026-10-28.endive";

/// Why Stripe refuses a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status of the answer.
    pub status: u16,
    /// The type of the error.
    pub kind: &'static str,
    /// The code of the error, if it has one.
    pub code: Option<&'static str>,
    /// A description of what is wrong.
    pub message: String,
}

impl Refusal {
    pub(crate) fn invalid(code: Option<&'static str>, message: impl Into<String>) -> Self {
        Self { status: 400, kind: "invalid_request_error", code, message: message.into() }
    }

    pub(crate) fn missing(kind: &str, id: &str) -> Self {
        let message = format!("No such {kind}: '{id}'");
        Self { status: 404, ..Self::invalid(Some("resource_missing"), message) }
    }
}

/// What happens to a new refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundCourse {
    /// The refund succeeds immediately.
    Succeeds,
    /// The refund is pending until [`crate::FakeStripe::finish_refund`] is called.
    StaysPending,
    /// The refund fails immediately: the call succeeds and returns a refund with the status `failed`.
    Fails,
}

/// The received, refunded and disputed amounts of one session, in the currency's smallest unit, as in the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookEntry {
    /// The identifier of the session.
    pub session: String,
    /// `shop_id` in the session's metadata.
    pub shop_id: Option<String>,
    /// `order_id` in the session's metadata.
    pub order_id: Option<String>,
    /// `payment_id` in the session's metadata.
    pub payment_id: Option<String>,
    /// The identifier of the session's payment intent; `None` before the first attempt to pay.
    pub intent: Option<String>,
    /// The code of the currency, in lower case.
    pub currency: String,
    /// The sum of the succeeded charges.
    pub captured: i64,
    /// The sum of the succeeded refunds.
    pub refunded: i64,
    /// The amount that disputes have withdrawn and not returned.
    pub disputed: i64,
}

/// A Stripe account.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) sessions: Vec<Session>,
    pub(crate) intents: Vec<Intent>,
    pub(crate) charges: Vec<Charge>,
    pub(crate) refunds: Vec<Refund>,
    pub(crate) disputes: Vec<Dispute>,
    pub(crate) events: Vec<Event>,
    /// The new events that are not in the [`Outbox`](crate::delivery::Outbox) yet.
    pub(crate) outgoing: VecDeque<Event>,
    /// What happens to each of the next refunds, in order. All later refunds succeed.
    pub(crate) refund_courses: VecDeque<RefundCourse>,
    /// The number of seconds by which the account's clock is ahead of this machine's clock.
    pub(crate) clock_offset: i64,
    count: u64,
}

impl Account {
    /// Returns the time of the account's clock, in seconds since 1970.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock of the fake Stripe, which the shop does not control"
    )]
    pub(crate) fn now(&self) -> i64 {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
        i64::try_from(elapsed).unwrap_or(i64::MAX).saturating_add(self.clock_offset)
    }

    pub(crate) fn new_id(&mut self, prefix: &str) -> String {
        self.count = self.count.saturating_add(1);
        format!("{prefix}_test_{:016}", self.count)
    }

    pub(crate) fn session(&self, id: &str) -> Result<&Session, Refusal> {
        let found = self.sessions.iter().find(|session| session.id == id);
        found.ok_or_else(|| Refusal::missing("checkout.session", id))
    }

    pub(crate) fn session_mut(&mut self, id: &str) -> Result<&mut Session, Refusal> {
        let found = self.sessions.iter_mut().find(|session| session.id == id);
        found.ok_or_else(|| Refusal::missing("checkout.session", id))
    }

    pub(crate) fn intent(&self, id: &str) -> Result<&Intent, Refusal> {
        self.intents.iter().find(|it| it.id == id).ok_or_else(|| Refusal::missing("payment_intent", id))
    }

    pub(crate) fn intent_mut(&mut self, id: &str) -> Result<&mut Intent, Refusal> {
        self.intents.iter_mut().find(|it| it.id == id).ok_or_else(|| Refusal::missing("payment_intent", id))
    }

    pub(crate) fn charge(&self, id: &str) -> Result<&Charge, Refusal> {
        self.charges.iter().find(|it| it.id == id).ok_or_else(|| Refusal::missing("charge", id))
    }

    pub(crate) fn charge_mut(&mut self, id: &str) -> Result<&mut Charge, Refusal> {
        self.charges.iter_mut().find(|it| it.id == id).ok_or_else(|| Refusal::missing("charge", id))
    }

    /// Returns a session as the API shows it.
    pub(crate) fn session_json(&self, session: &Session, expand: &Expand) -> Value {
        let intent =
            session.intent.as_ref().map(|id| match (expand.below("payment_intent"), self.intent(id)) {
                (Some(below), Ok(intent)) => self.intent_json(intent, &below),
                _ => json!(id),
            });
        let is_open = session.status == SessionStatus::Open;
        let takes_payment = session.mode == "payment";
        let (amount, currency) =
            (takes_payment.then_some(session.amount), takes_payment.then_some(&session.currency));
        json!({
            "id": session.id, "object": "checkout.session", "mode": session.mode, "livemode": false,
            "created": session.created, "expires_at": session.expires_at, "status": session.status.as_str(),
            "payment_status": if session.is_paid { "paid" } else { "unpaid" },
            "amount_subtotal": amount, "amount_total": amount, "currency": currency,
            "client_reference_id": session.reference, "customer_email": session.email,
            "metadata": session.metadata, "payment_intent": intent,
            "success_url": session.return_url, "cancel_url": session.return_url,
            "url": is_open.then_some(&session.url),
            // An amount in another currency that Stripe showed to the buyer. The shop must ignore it.
            "presentment_details": {"presentment_amount": 1, "presentment_currency": "xxx"},
        })
    }

    /// Returns a payment intent as the API shows it.
    pub(crate) fn intent_json(&self, intent: &Intent, expand: &Expand) -> Value {
        let charge =
            intent.charge.as_ref().map(|id| match (expand.below("latest_charge"), self.charge(id)) {
                (Some(below), Ok(charge)) => charge.json(&below),
                _ => json!(id),
            });
        let error = intent.last_error.as_ref().map(|code| {
            json!({"type": "card_error", "code": "card_declined", "decline_code": code, "charge": intent.charge})
        });
        let received = if intent.status == "succeeded" { intent.amount } else { 0 };
        json!({
            "id": intent.id, "object": "payment_intent", "created": intent.created, "amount": intent.amount,
            "amount_received": received, "currency": intent.currency, "status": intent.status,
            "metadata": intent.metadata, "latest_charge": charge, "last_payment_error": error, "livemode": false,
        })
    }

    /// Records an event about an object, so that it is delivered.
    pub(crate) fn emit(&mut self, kind: &str, object: &Value) {
        let (id, created) = (self.new_id("evt"), self.now());
        let body = json!({
            "id": id, "object": "event", "api_version": API_VERSION, "created": created, "type": kind,
            "livemode": false, "data": {"object": object}, "pending_webhooks": 1,
        });
        self.record(Event { id, created, kind: kind.to_owned(), body });
    }

    pub(crate) fn record(&mut self, event: Event) {
        self.outgoing.push_back(event.clone());
        self.events.push(event);
    }

    pub(crate) fn emit_session(&mut self, kind: &str, id: &str) -> Result<(), Refusal> {
        let object = self.session_json(self.session(id)?, &Expand::NONE);
        self.emit(kind, &object);
        Ok(())
    }

    pub(crate) fn emit_intent(&mut self, kind: &str, id: &str) -> Result<(), Refusal> {
        let object = self.intent_json(self.intent(id)?, &Expand::NONE);
        self.emit(kind, &object);
        Ok(())
    }

    pub(crate) fn emit_charge(&mut self, kind: &str, id: &str) -> Result<(), Refusal> {
        let object = self.charge(id)?.json(&Expand::NONE);
        self.emit(kind, &object);
        Ok(())
    }

    /// Returns the amounts of every session.
    pub(crate) fn books(&self) -> Vec<BookEntry> {
        self.sessions.iter().map(|session| self.book_entry(session)).collect()
    }

    fn book_entry(&self, session: &Session) -> BookEntry {
        let of = |intent: &String| session.intent.as_ref() == Some(intent);
        let captured = self.charges.iter().filter(|it| of(&it.intent) && it.status == "succeeded");
        let refunded = self.refunds.iter().filter(|it| of(&it.intent) && it.status == "succeeded");
        let disputed = self.disputes.iter().filter(|it| of(&it.intent)).flat_map(|it| &it.movements);
        let metadata = |name: &str| session.metadata.get(name).cloned();
        BookEntry {
            session: session.id.clone(),
            shop_id: metadata("shop_id"),
            order_id: metadata("order_id"),
            payment_id: metadata("payment_id"),
            intent: session.intent.clone(),
            currency: session.currency.clone(),
            captured: captured.map(|charge| charge.amount).sum(),
            refunded: refunded.map(|refund| refund.amount).sum(),
            disputed: disputed.fold(0, |sum, (amount, _)| sum.saturating_sub(*amount)),
        }
    }
}
