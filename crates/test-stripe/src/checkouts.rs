//! Checkout Sessions: the API calls of the shop, and the simulated actions of buyers and banks.

use serde_json::Value;

use crate::{
    account::{Account, Refusal},
    http::Params,
    objects::{Charge, Expand, Intent, Metadata, Session, SessionStatus},
};

/// The minimum time until a new session expires, in seconds.
const MIN_LIFETIME: i64 = 30 * 60;

/// The maximum time until a new session expires, in seconds.
const MAX_LIFETIME: i64 = 24 * 60 * 60;
const MAX_LINES: usize = 100;

/// The minimum totals of sessions, in the currency's smallest unit. For all other currencies, the minimum is 50.
const MINIMUMS: [(&str, i64); 6] =
    [("aed", 200), ("czk", 1_500), ("dkk", 250), ("gbp", 30), ("hkd", 400), ("huf", 17_500)];

/// Currencies with three decimal places, the last of which must be 0.
const THREE_DIGITS: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

/// Currencies with two decimal places in the API, both of which must be 0.
const WHOLE: [&str; 2] = ["isk", "ugx"];

/// The parameters that the call to create a session accepts. `payment_method_types` is not among them, because it does
/// not exist in this API version.
const KNOWN: [&str; 13] = [
    "mode",
    "success_url",
    "cancel_url",
    "expires_at",
    "client_reference_id",
    "customer_email",
    "locale",
    "adaptive_pricing",
    "allowed_payment_method_types",
    "line_items",
    "metadata",
    "payment_intent_data",
    "expand",
];

impl Account {
    /// `POST /v1/checkout/sessions`
    pub(crate) fn create_session(&mut self, params: &Params, base: &str) -> Result<Value, Refusal> {
        check_names(params)?;
        if params.get("mode") != Some("payment") {
            return Err(Refusal::invalid(Some("parameter_missing"), "mode must be payment"));
        }
        if params.get("adaptive_pricing[enabled]") != Some("false") {
            // With adaptive pricing, Stripe could charge the buyer in another currency.
            return Err(Refusal::invalid(None, "this account expects adaptive_pricing[enabled]=false"));
        }
        let now = self.now();
        let lifetime = params.number("expires_at").unwrap_or(0).saturating_sub(now);
        // A few seconds may have passed since the client computed `expires_at`.
        if !(MIN_LIFETIME.saturating_sub(5)..=MAX_LIFETIME).contains(&lifetime) {
            return Err(Refusal::invalid(None, "expires_at must be 30 minutes to 24 hours ahead"));
        }
        let (amount, currency) = total(params)?;
        let email = params.get("customer_email").map(str::to_owned);
        if email.as_ref().is_some_and(|email| !email.contains('@') || !email.is_ascii()) {
            return Err(Refusal::invalid(Some("email_invalid"), "the address is not valid"));
        }
        let url = |name: &str| params.get(name).filter(|url| url.starts_with("http"));
        let return_url = url("success_url").and(url("cancel_url"));
        let return_url = return_url.ok_or_else(|| Refusal::invalid(Some("url_invalid"), "not a URL"))?;
        let id = self.new_id("cs");
        let session = Session {
            url: format!("{base}/pay/{id}"),
            id,
            mode: "payment",
            created: now,
            expires_at: now.saturating_add(lifetime),
            status: SessionStatus::Open,
            is_paid: false,
            amount,
            currency,
            metadata: metadata(params, "metadata")?,
            intent_metadata: metadata(params, "payment_intent_data[metadata]")?,
            reference: params.get("client_reference_id").map(str::to_owned),
            email,
            return_url: return_url.to_owned(),
            intent: None,
        };
        let shown = self.session_json(&session, &Expand::new(params.list("expand")));
        self.sessions.push(session);
        Ok(shown)
    }

    /// Opens sessions, as another application with the same Stripe account could: alternately a session for a payment,
    /// without metadata, and a session without a payment.
    pub(crate) fn open_sessions_of_others(&mut self, count: usize) {
        for number in 0..count {
            let (now, id) = (self.now(), self.new_id("cs"));
            self.sessions.push(Session {
                url: format!("https://example.com/{id}"),
                id,
                mode: if number.is_multiple_of(2) { "payment" } else { "setup" },
                created: now,
                expires_at: now.saturating_add(MAX_LIFETIME),
                status: SessionStatus::Open,
                is_paid: false,
                amount: 100,
                currency: "usd".to_owned(),
                metadata: Metadata::new(),
                intent_metadata: Metadata::new(),
                reference: None,
                email: None,
                return_url: "https://example.com".to_owned(),
                intent: None,
            });
        }
    }

    /// Ends every open session whose `expires_at` has passed.
    pub(crate) fn expire_old_sessions(&mut self) {
        let now = self.now();
        let is_over = |it: &&Session| it.status == SessionStatus::Open && it.expires_at <= now;
        let over: Vec<String> = self.sessions.iter().filter(is_over).map(|it| it.id.clone()).collect();
        for id in over {
            // This cannot fail, because the session is open.
            drop(self.expire_session(&id));
        }
    }

    /// `POST /v1/checkout/sessions/{id}/expire`. This is also called for sessions whose `expires_at` has passed.
    pub(crate) fn expire_session(&mut self, id: &str) -> Result<(), Refusal> {
        self.open_session(id)?.status = SessionStatus::Expired;
        if let Some(intent) = self.session(id)?.intent.clone() {
            self.intent_mut(&intent)?.status = "canceled";
            self.emit_intent("payment_intent.canceled", &intent)?;
        }
        self.emit_session("checkout.session.expired", id)
    }

    /// The buyer pays. `received` replaces the amount and the currency of the session, to simulate a wrong payment,
    /// which the shop must detect.
    pub(crate) fn pay(&mut self, id: &str, received: Option<(i64, &str)>) -> Result<(), Refusal> {
        let session = self.open_session(id)?;
        if let Some((amount, currency)) = received {
            session.amount = amount;
            currency.clone_into(&mut session.currency);
        }
        session.status = SessionStatus::Complete;
        session.is_paid = true;
        let (intent, charge) = self.new_charge(id, "succeeded", "succeeded")?;
        self.emit_charge("charge.succeeded", &charge)?;
        self.emit_intent("payment_intent.succeeded", &intent)?;
        self.emit_session("checkout.session.completed", id)
    }

    /// The buyer completes the session with a delayed payment method. The payment succeeds or fails when
    /// [`Self::settle`] is called.
    pub(crate) fn complete_unpaid(&mut self, id: &str) -> Result<(), Refusal> {
        self.open_session(id)?.status = SessionStatus::Complete;
        let (intent, charge) = self.new_charge(id, "processing", "pending")?;
        self.emit_charge("charge.pending", &charge)?;
        self.emit_intent("payment_intent.processing", &intent)?;
        self.emit_session("checkout.session.completed", id)
    }

    /// The delayed payment of a completed session ends. It succeeds if `bounced` is `None`; otherwise it fails with the
    /// code in `bounced`.
    pub(crate) fn settle(&mut self, id: &str, bounced: Option<&str>) -> Result<(), Refusal> {
        let session = self.session_mut(id)?;
        let intent = session.intent.clone().filter(|_| session.status == SessionStatus::Complete);
        let intent = intent.filter(|_| !session.is_paid);
        let intent = intent.ok_or_else(|| Refusal::invalid(None, "no payment is in progress"))?;
        session.is_paid = bounced.is_none();
        let now = self.now();
        let it = self.intent_mut(&intent)?;
        it.status = if bounced.is_none() { "succeeded" } else { "requires_payment_method" };
        it.last_error = bounced.map(str::to_owned);
        let charge = it.charge.clone().unwrap_or_default();
        let it = self.charge_mut(&charge)?;
        if bounced.is_none() {
            (it.status, it.paid_at) = ("succeeded", Some(now));
            self.emit_charge("charge.succeeded", &charge)?;
            self.emit_intent("payment_intent.succeeded", &intent)?;
            self.emit_session("checkout.session.async_payment_succeeded", id)
        } else {
            it.status = "failed";
            self.emit_charge("charge.failed", &charge)?;
            self.emit_intent("payment_intent.payment_failed", &intent)?;
            self.emit_session("checkout.session.async_payment_failed", id)
        }
    }

    /// The buyer's card is declined with this code. The session stays open.
    pub(crate) fn decline(&mut self, id: &str, code: &str) -> Result<(), Refusal> {
        self.open_session(id)?;
        let (intent, charge) = self.new_charge(id, "requires_payment_method", "failed")?;
        self.intent_mut(&intent)?.last_error = Some(code.to_owned());
        self.emit_charge("charge.failed", &charge)?;
        self.emit_intent("payment_intent.payment_failed", &intent)
    }

    fn open_session(&mut self, id: &str) -> Result<&mut Session, Refusal> {
        let session = self.session_mut(id)?;
        if session.status == SessionStatus::Open {
            return Ok(session);
        }
        Err(Refusal::invalid(None, "Only Checkout Sessions with a status in [\"open\"] can be changed."))
    }

    /// Creates a charge for the session. Returns the identifiers of the payment intent and of the charge. All charges
    /// of a session belong to one payment intent, which the first charge creates.
    fn new_charge(
        &mut self,
        session: &str,
        intent_status: &'static str,
        charge_status: &'static str,
    ) -> Result<(String, String), Refusal> {
        let (now, charge_id, new_intent) = (self.now(), self.new_id("ch"), self.new_id("pi"));
        let session = self.session_mut(session)?;
        let intent_id = session.intent.get_or_insert(new_intent).clone();
        let (amount, currency) = (session.amount, session.currency.clone());
        let new = Intent {
            id: intent_id.clone(),
            created: now,
            amount,
            currency: currency.clone(),
            status: intent_status,
            metadata: session.intent_metadata.clone(),
            charge: None,
            last_error: None,
        };
        if self.intent(&intent_id).is_err() {
            self.intents.push(new);
        }
        let intent = self.intent_mut(&intent_id)?;
        (intent.status, intent.amount, intent.last_error) = (intent_status, amount, None);
        intent.currency.clone_from(&currency);
        intent.charge = Some(charge_id.clone());
        self.charges.push(Charge {
            id: charge_id.clone(),
            created: now,
            intent: intent_id.clone(),
            amount,
            currency,
            status: charge_status,
            paid_at: (charge_status == "succeeded").then_some(now),
            refunded: 0,
            is_disputed: false,
        });
        Ok((intent_id, charge_id))
    }
}

fn check_names(params: &Params) -> Result<(), Refusal> {
    let unknown = params.names().find(|name| {
        let first = name.split('[').next().unwrap_or_default();
        !KNOWN.contains(&first)
    });
    unknown.map_or(Ok(()), |name| {
        Err(Refusal::invalid(Some("parameter_unknown"), format!("Received unknown parameter: {name}")))
    })
}

fn metadata(params: &Params, name: &str) -> Result<Metadata, Refusal> {
    let map: Metadata = params.map(name).into_iter().collect();
    let fits = |(key, value): (&String, &String)| key.len() <= 40 && value.chars().count() <= 500;
    if map.len() <= 50 && map.iter().all(fits) {
        return Ok(map);
    }
    Err(Refusal::invalid(None, "metadata has too many entries, or too long ones"))
}

/// Checks the lines of a session, and returns the sum of their amounts and their currency.
fn total(params: &Params) -> Result<(i64, String), Refusal> {
    let (mut sum, mut currency) = (0_i64, None::<&str>);
    let mut count: usize = 0;
    loop {
        let field = |name: &str| params.get(&format!("line_items[{count}]{name}"));
        let Some(amount) = field("[price_data][unit_amount]") else { break };
        let amount = amount.parse::<i64>().ok().filter(|amount| *amount >= 0);
        let amount =
            amount.ok_or_else(|| Refusal::invalid(Some("parameter_invalid_integer"), "bad amount"))?;
        let of_line = field("[price_data][currency]").unwrap_or_default();
        if *currency.get_or_insert(of_line) != of_line
            || of_line.bytes().any(|byte| !byte.is_ascii_lowercase())
        {
            return Err(Refusal::invalid(None, "lines need one currency, in lower case"));
        }
        let name = field("[price_data][product_data][name]").unwrap_or_default();
        if name.is_empty() || name.chars().count() > 250 || field("[quantity]") != Some("1") {
            return Err(Refusal::invalid(
                None,
                "a line needs a name of 1 to 250 characters, and the quantity 1",
            ));
        }
        check_digits(amount, of_line)?;
        sum = sum.saturating_add(amount);
        count = count.saturating_add(1);
    }
    let currency = currency.ok_or_else(|| Refusal::invalid(Some("parameter_missing"), "no line_items"))?;
    if count > MAX_LINES {
        return Err(Refusal::invalid(None, "at most 100 line_items"));
    }
    let minimum = MINIMUMS.iter().find(|(known, _)| *known == currency).map_or(50, |(_, minimum)| *minimum);
    if sum < minimum {
        return Err(Refusal::invalid(Some("amount_too_small"), "the total is below the minimum"));
    }
    Ok((sum, currency.to_owned()))
}

fn check_digits(amount: i64, currency: &str) -> Result<(), Refusal> {
    let step = if THREE_DIGITS.contains(&currency) {
        10
    } else if WHOLE.contains(&currency) {
        100
    } else {
        1
    };
    if amount.rem_euclid(step) == 0 {
        return Ok(());
    }
    Err(Refusal::invalid(None, format!("amounts in {currency} are multiples of {step}")))
}
