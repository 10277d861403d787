//! The requests with which programs in other languages control the fake Stripe, and the page of a session.

use serde_json::{Value, json};

use crate::{
    account::{Account, RefundCourse, Refusal},
    api::{Api, refused},
    delivery::{Delivery, Outbox},
    http::{Request, Response},
    objects::Metadata,
};

/// Answers the requests that do not belong to Stripe's API: requests to `/_test/…`, and the page of a session.
pub(crate) fn answer(api: &mut Api, outbox: &mut Outbox, request: &Request) -> Response {
    let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    let result = match (request.method.as_str(), path.as_slice()) {
        ("GET", ["pay", id]) => return page(&api.account, id),
        ("POST", ["pay", id]) => return submit(&mut api.account, id, request),
        ("GET", ["_test", "books"]) => Ok(books(&api.account)),
        ("GET", ["_test", "waiting"]) => {
            let count = api.account.outgoing.len().saturating_add(outbox.count());
            Ok(json!({"events": count}))
        }
        ("POST", ["_test", rest @ ..]) => control(api, outbox, rest, request).map(|()| json!({})),
        _ => Err(Refusal { status: 404, ..Refusal::invalid(None, "no such address") }),
    };
    result.map_or_else(|refusal| refused(&refusal), |value| Response::json(200, &value))
}

fn control(api: &mut Api, outbox: &mut Outbox, path: &[&str], request: &Request) -> Result<(), Refusal> {
    let params = request.params();
    let account = &mut api.account;
    let code = params.get("code").unwrap_or("generic_decline");
    let amount = params.number("amount");
    let count = |name: &str| params.number(name).and_then(|it| u64::try_from(it).ok());
    match path {
        ["sessions", id, "pay"] => {
            let currency = params.get("currency").unwrap_or("usd");
            account.pay(id, amount.map(|amount| (amount, currency)))
        }
        ["sessions", id, "complete"] => account.complete_unpaid(id),
        ["sessions", id, "settle"] => account.settle(id, None),
        ["sessions", id, "bounce"] => account.settle(id, Some(code)),
        ["sessions", id, "decline"] => account.decline(id, code),
        ["sessions", id, "expire"] => account.expire_session(id),
        ["intents", id, "refund"] => account.refund(id, amount, Metadata::new()).map(drop),
        ["intents", id, "dispute"] => account.open_dispute(id, amount, false).map(drop),
        ["intents", id, "inquiry"] => account.open_dispute(id, amount, true).map(drop),
        ["refunds", "next", "pending"] => {
            account.refund_courses.push_back(RefundCourse::StaysPending);
            Ok(())
        }
        ["refunds", id, "succeed"] => account.finish_refund(id, true),
        ["refunds", id, "fail"] => account.finish_refund(id, false),
        ["disputes", id, "escalate"] => account.escalate_dispute(id),
        ["disputes", id, "win"] => account.close_dispute(id, "won"),
        ["disputes", id, "lose"] => account.close_dispute(id, "lost"),
        ["faults", "random"] => {
            api.faults.set_random(count("seed").unwrap_or(1), count("percent").unwrap_or(0));
            Ok(())
        }
        ["faults", "none"] => {
            api.faults.clear();
            Ok(())
        }
        ["delivery"] => {
            let longest = count("longest_delay_ms").and_then(|it| usize::try_from(it).ok());
            outbox.configure(Delivery {
                seed: count("seed").unwrap_or(1),
                duplicated: count("duplicated").unwrap_or(0),
                dropped: count("dropped").unwrap_or(0),
                longest_delay_ms: longest.unwrap_or(0),
            });
            Ok(())
        }
        _ => Err(Refusal { status: 404, ..Refusal::invalid(None, "no such control") }),
    }
}

fn books(account: &Account) -> Value {
    let entries = account.books().into_iter().map(|entry| {
        json!({
            "session": entry.session, "shop_id": entry.shop_id, "order_id": entry.order_id,
            "payment_id": entry.payment_id, "intent": entry.intent, "currency": entry.currency,
            "captured": entry.captured, "refunded": entry.refunded, "disputed": entry.disputed,
        })
    });
    Value::Array(entries.collect())
}

/// Returns the page of a session. It has the same HTML form as the checkout page of the crate
/// `adapter-payments-sandbox`, so that a browser test can use both pages.
fn page(account: &Account, id: &str) -> Response {
    let Ok(session) = account.session(id) else { return refused(&Refusal::missing("checkout.session", id)) };
    let button = |outcome| format!("<button name=\"outcome\" value=\"{outcome}\">{outcome}</button>");
    let buttons = ["pay", "decline", "expire", "delay"].map(button).concat();
    let (amount, currency) = (session.amount, &session.currency);
    let body = format!(
        "<!doctype html><title>Fake Stripe</title><p>{amount} {currency}</p><form method=\"post\">{buttons}</form>"
    );
    Response { status: 200, headers: vec![("content-type", "text/html; charset=utf-8".to_owned())], body }
}

fn submit(account: &mut Account, id: &str, request: &Request) -> Response {
    let params = request.params();
    let code = params.get("code").unwrap_or("generic_decline");
    let result = match params.get("outcome") {
        Some("pay") => account.pay(id, None),
        Some("decline") => account.decline(id, code),
        Some("expire") => account.expire_session(id),
        Some("delay") => account.complete_unpaid(id),
        _ => Err(Refusal::invalid(None, "outcome is pay, decline, expire or delay")),
    };
    match result.and_then(|()| account.session(id)) {
        Ok(session) => Response::json(303, &json!({})).with("location", &session.return_url),
        Err(refusal) => refused(&refusal),
    }
}
