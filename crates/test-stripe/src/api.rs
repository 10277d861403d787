//! Answers the calls of Stripe's API.

use std::{collections::HashMap, thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    account::{API_VERSION, Account, Refusal},
    faults::{Fault, Faults},
    http::{Params, Reply, Request, Response},
    objects::{Dispute, Event, Expand, Refund, Session},
};

/// The secret API key that every call must have in the header `Authorization`.
pub const SECRET_KEY: &str = "sk_test_of_the_fake_stripe";

/// A call with an idempotency key, and the answer that repetitions of the call get.
struct Saved {
    call: String,
    response: Response,
}

/// The account, and the state of its API.
pub(crate) struct Api {
    pub(crate) account: Account,
    pub(crate) faults: Faults,
    pub(crate) base: String,
    /// The calls with an idempotency key whose answers are saved, by their key.
    saved: HashMap<String, Saved>,
    /// Every received call, such as `POST /v1/refunds`.
    pub(crate) calls: Vec<String>,
}

/// A reply to a call, and the delay before it is sent.
pub(crate) struct Answer {
    reply: Reply,
    delay: Duration,
}

impl Answer {
    fn now(response: Response) -> Self {
        Self { reply: Reply::Answer(response), delay: Duration::ZERO }
    }

    const fn hang_up() -> Self {
        Self { reply: Reply::HangUp, delay: Duration::ZERO }
    }

    /// Waits for the delay and returns the reply. MUST NOT be called while the account is locked, because other calls
    /// would have to wait too.
    pub(crate) fn wait(self) -> Reply {
        thread::sleep(self.delay);
        self.reply
    }
}

impl Api {
    pub(crate) fn new(base: String) -> Self {
        Self {
            account: Account::default(),
            faults: Faults::default(),
            base,
            saved: HashMap::new(),
            calls: Vec::new(),
        }
    }

    /// Answers a call to an address below `/v1/`.
    pub(crate) fn answer(&mut self, request: &Request) -> Answer {
        self.calls.push(format!("{} {}", request.method, request.path));
        self.account.expire_old_sessions();
        if let Err(refusal) = check_head(request) {
            return Answer::now(refused(&refusal));
        }
        let key = request.header("idempotency-key").filter(|_| request.method == "POST");
        let call = format!("{} {} {}", request.method, request.path, String::from_utf8_lossy(&request.body));
        if let Some(saved) = key.and_then(|key| self.saved.get(key)) {
            return Answer::now(saved.again(&call));
        }
        let (fault, should_retry) = match self.faults.next(&request.method, &request.path) {
            Some((fault, should_retry)) => (Some(fault), should_retry),
            None => (None, None),
        };
        let marked = |mut response: Response| {
            if let Some(should_retry) = should_retry {
                response = response.with("stripe-should-retry", &should_retry.to_string());
            }
            response
        };
        let error = || marked(api_error(500, "api_error", None));
        let is_saved = matches!(fault, Some(Fault::Error { is_saved: true, .. }));
        let has_effect = match fault {
            None | Some(Fault::Late(_)) => true,
            Some(Fault::Error { has_effect, .. } | Fault::HangUp { has_effect }) => has_effect,
            Some(Fault::TooManyRequests | Fault::KeyInUse | Fault::Unauthorized | Fault::Garbage) => false,
        };
        let real = has_effect.then(|| self.route(request));
        if let Some(key) = key {
            // An error answer is saved only if the fault requires it.
            let response = if is_saved { Some(error()) } else { real.clone() };
            if let Some(response) = response.filter(|response| is_saved || response.status < 400) {
                self.saved.insert(key.to_owned(), Saved { call, response });
            }
        }
        match fault {
            None => real.map_or_else(Answer::hang_up, Answer::now),
            Some(Fault::Late(delay)) => {
                real.map_or_else(Answer::hang_up, |real| Answer { delay, ..Answer::now(real) })
            }
            Some(Fault::Error { .. }) => Answer::now(error()),
            Some(Fault::TooManyRequests) => {
                Answer::now(marked(api_error(429, "invalid_request_error", Some("rate_limit"))))
            }
            Some(Fault::KeyInUse) => {
                let code = Some("idempotency_key_in_use");
                Answer::now(marked(api_error(409, "idempotency_error", code)))
            }
            Some(Fault::Unauthorized) => {
                Answer::now(marked(api_error(401, "invalid_request_error", Some("api_key_expired"))))
            }
            Some(Fault::Garbage) => {
                Answer::now(Response { status: 200, headers: Vec::new(), body: "<html>".to_owned() })
            }
            Some(Fault::HangUp { .. }) => Answer::hang_up(),
        }
    }

    fn route(&mut self, request: &Request) -> Response {
        let path: Vec<&str> = request.path.trim_start_matches("/v1/").split('/').collect();
        let params = request.params();
        let result = match (request.method.as_str(), path.as_slice()) {
            ("POST", ["checkout", "sessions"]) => self.account.create_session(&params, &self.base),
            ("GET", ["checkout", "sessions"]) => self.list_sessions(&params),
            ("GET", ["checkout", "sessions", id]) => self.show_session(id, &params),
            ("POST", ["checkout", "sessions", id, "expire"]) => {
                self.account.expire_session(id).and_then(|()| self.show_session(id, &params))
            }
            ("GET", ["payment_intents", id]) => {
                let expand = Expand::new(params.list("expand"));
                self.account.intent(id).map(|intent| self.account.intent_json(intent, &expand))
            }
            ("POST", ["refunds"]) => self.account.create_refund(&params),
            ("GET", ["refunds"]) => self.list_refunds(&params),
            ("GET", ["refunds", id]) => self.account.refund_json(id, &Expand::new(params.list("expand"))),
            ("GET", ["disputes"]) => self.list_disputes(&params),
            ("GET", ["disputes", id]) => self.account.dispute(id).map(Dispute::json),
            ("GET", ["events"]) => self.list_events(&params),
            _ => Err(Refusal { status: 404, ..Refusal::invalid(None, "Unrecognized request URL") }),
        };
        result.map_or_else(|refusal| refused(&refusal), |object| Response::json(200, &object))
    }

    fn show_session(&self, id: &str, params: &Params) -> Result<Value, Refusal> {
        let session = self.account.session(id)?;
        Ok(self.account.session_json(session, &Expand::new(params.list("expand"))))
    }

    fn list_sessions(&self, params: &Params) -> Result<Value, Refusal> {
        let intent = params.get("payment_intent");
        let fits = |it: &&Session| intent.is_none_or(|intent| it.intent.as_deref() == Some(intent));
        let found = self.account.sessions.iter().filter(fits).collect();
        page(found, params, |session| self.account.session_json(session, &expand_data(params)))
    }

    fn list_refunds(&self, params: &Params) -> Result<Value, Refusal> {
        let intent = params.get("payment_intent");
        let fits = |it: &&Refund| intent.is_none_or(|intent| it.intent == intent);
        let found = self.account.refunds.iter().filter(fits).collect();
        page(found, params, |refund| refund.json(&expand_data(params)))
    }

    fn list_disputes(&self, params: &Params) -> Result<Value, Refusal> {
        let intent = params.get("payment_intent");
        let fits = |it: &&Dispute| intent.is_none_or(|intent| it.intent == intent);
        page(self.account.disputes.iter().filter(fits).collect(), params, Dispute::json)
    }

    fn list_events(&self, params: &Params) -> Result<Value, Refusal> {
        page(self.account.events.iter().collect(), params, |event| event.body.clone())
    }
}

impl Saved {
    fn again(&self, call: &str) -> Response {
        if self.call == call {
            return self.response.clone().with("idempotent-replayed", "true");
        }
        let message = "Keys for idempotent requests can only be used with the same parameters";
        refused(&Refusal { kind: "idempotency_error", ..Refusal::invalid(None, message) })
    }
}

fn check_head(request: &Request) -> Result<(), Refusal> {
    if request.header("authorization") != Some(&format!("Bearer {SECRET_KEY}")) {
        return Err(Refusal { status: 401, ..Refusal::invalid(None, "Invalid API Key provided") });
    }
    if request.header("stripe-version") != Some(API_VERSION) {
        return Err(Refusal::invalid(None, format!("this account needs Stripe-Version: {API_VERSION}")));
    }
    let form = "application/x-www-form-urlencoded";
    if request.method == "POST" && request.header("content-type") != Some(form) {
        return Err(Refusal::invalid(None, "the body must be a form"));
    }
    Ok(())
}

fn api_error(status: u16, kind: &'static str, code: Option<&'static str>) -> Response {
    refused(&Refusal { status, kind, code, message: "a fault on purpose".to_owned() })
}

/// Returns the answer to a call that is refused.
pub(crate) fn refused(refusal: &Refusal) -> Response {
    let error = json!({"type": refusal.kind, "code": refusal.code, "message": refusal.message});
    Response::json(refusal.status, &json!({"error": error}))
}

/// Returns the fields to expand in each item of a list. In a call for a list, their paths begin with `data`, as in
/// `data.payment_intent`.
fn expand_data(params: &Params) -> Expand {
    Expand::new(params.list("expand")).below("data").unwrap_or_default()
}

/// An item of a list.
trait Listed {
    fn id(&self) -> &str;
    fn created(&self) -> i64;
}

macro_rules! listed {
    ($($kind:ty),*) => {$(
        impl Listed for $kind {
            fn id(&self) -> &str {
                &self.id
            }
            fn created(&self) -> i64 {
                self.created
            }
        }
    )*};
}

listed!(Session, Refund, Dispute, Event);

/// Returns a page of a list, newest item first. `items` must be sorted by creation, oldest item first.
fn page<T: Listed>(
    mut items: Vec<&T>,
    params: &Params,
    shown: impl Fn(&T) -> Value,
) -> Result<Value, Refusal> {
    items.reverse();
    let bound = |name: &str| params.number(&format!("created[{name}]"));
    items.retain(|item| {
        bound("gte").is_none_or(|at| item.created() >= at)
            && bound("gt").is_none_or(|at| item.created() > at)
            && bound("lte").is_none_or(|at| item.created() <= at)
            && bound("lt").is_none_or(|at| item.created() < at)
    });
    let limit = usize::try_from(params.number("limit").unwrap_or(10).clamp(1, 100)).unwrap_or(10);
    let place = |id: &str| {
        let place = items.iter().position(|item| item.id() == id);
        place.ok_or_else(|| Refusal { status: 400, ..Refusal::missing("object", id) })
    };
    let (from, to, has_more) = match (params.get("starting_after"), params.get("ending_before")) {
        (None, Some(id)) => {
            let to = place(id)?;
            let from = to.saturating_sub(limit);
            (from, to, from > 0)
        }
        (after, _) => {
            let from = after.map(place).transpose()?.map_or(0, |place| place.saturating_add(1));
            let to = from.saturating_add(limit).min(items.len());
            (from, to, to < items.len())
        }
    };
    let data: Vec<Value> = items.get(from..to).unwrap_or_default().iter().map(|item| shown(item)).collect();
    Ok(json!({"object": "list", "data": data, "has_more": has_more}))
}
