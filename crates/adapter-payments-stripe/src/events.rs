//! Reads Stripe's events, and finds the subject of each: the checkout, refunds or dispute whose state must be read
//! again.

use domain::{
    payments::{EventSubject, ProviderEvent},
    time::Instant,
};
use serde_json::Value;

/// The maximum number of characters of an identifier or type. Stripe's identifiers have at most 255.
const MAX_LENGTH: usize = 255;

/// The text field `name` of an object; `None` when it is missing, not a text, empty, or longer than `MAX_LENGTH`.
fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    let text = object.get(name).and_then(Value::as_str);
    text.filter(|text| !text.is_empty() && text.chars().nth(MAX_LENGTH).is_none())
}

/// Reads an event; `None` when the value has no valid identifier or type. The subject is `EventSubject::Other` for
/// events about other objects, events without a valid identifier of the subject, events of the other mode (live or
/// test), events of a connected account, and thin events, which have another format.
pub(crate) fn event(value: &Value, payload: Vec<u8>, is_live: bool, now: Instant) -> Option<ProviderEvent> {
    let text = |name: &str| text(value, name);
    let (id, kind) = (text("id")?.to_owned(), text("type")?.to_owned());
    let is_ours = text("object") == Some("event")
        && value.get("livemode").and_then(Value::as_bool) == Some(is_live)
        && value.get("account").is_none_or(Value::is_null);
    let object = value.pointer("/data/object").filter(|_| is_ours);
    let subject = object.and_then(|object| subject(&kind, object)).unwrap_or(EventSubject::Other);
    // `created` is a number of seconds, but a text in thin events. If it is missing or invalid, `now` is used.
    let seconds = value.get("created").and_then(Value::as_i64).and_then(|at| Instant::from_timestamp(at, 0));
    let created_at = seconds.or_else(|| text("created")?.parse().ok()).unwrap_or(now);
    Some(ProviderEvent { id, kind, created_at, subject, payload })
}

fn subject(kind: &str, object: &Value) -> Option<EventSubject> {
    let text = |name: &str| text(object, name).map(str::to_owned);
    let is_of = |family: &str| kind.starts_with(family);
    if is_of("checkout.session.") {
        return text("id").map(EventSubject::Checkout);
    }
    if is_of("charge.dispute.") {
        return text("id").map(EventSubject::Dispute);
    }
    // When a payment is declined and the session stays open, Stripe sends no event with the session. This event
    // contains the identifier of the PaymentIntent, by which the gateway finds the session.
    if kind == "payment_intent.payment_failed" {
        return text("id").map(EventSubject::Checkout);
    }
    if is_of("refund.") || is_of("charge.refund") {
        return text("payment_intent").map(|charge| EventSubject::Refunds { charge });
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn subject_of(value: &Value) -> EventSubject {
        event(value, Vec::new(), false, Instant::UNIX_EPOCH).unwrap().subject
    }

    fn of_kind(kind: &str, object: &Value) -> Value {
        json!({"id": "evt_1", "object": "event", "type": kind, "created": 5, "livemode": false,
            "data": {"object": object}})
    }

    #[test]
    fn the_subject_of_an_event_depends_on_its_type() {
        let refunds = EventSubject::Refunds { charge: "pi_1".to_owned() };
        for (kind, object, subject) in [
            ("checkout.session.completed", json!({"id": "cs_1"}), EventSubject::Checkout("cs_1".to_owned())),
            (
                "checkout.session.async_payment_failed",
                json!({"id": "cs_1"}),
                EventSubject::Checkout("cs_1".to_owned()),
            ),
            (
                "payment_intent.payment_failed",
                json!({"id": "pi_1"}),
                EventSubject::Checkout("pi_1".to_owned()),
            ),
            ("charge.refunded", json!({"id": "ch_1", "payment_intent": "pi_1"}), refunds.clone()),
            ("charge.refund.updated", json!({"id": "re_1", "payment_intent": "pi_1"}), refunds.clone()),
            ("refund.failed", json!({"id": "re_1", "payment_intent": "pi_1"}), refunds),
            ("charge.dispute.closed", json!({"id": "du_1"}), EventSubject::Dispute("du_1".to_owned())),
            ("customer.created", json!({"id": "cus_1"}), EventSubject::Other),
        ] {
            assert_eq!(subject_of(&of_kind(kind, &object)), subject, "{kind}");
        }
    }

    #[test]
    fn events_of_another_mode_or_account_and_thin_events_have_no_subject() {
        let event = of_kind("checkout.session.completed", &json!({"id": "cs_1"}));
        for (field, value) in
            [("livemode", json!(true)), ("account", json!("acct_1")), ("object", json!("v2.core.event"))]
        {
            let mut event = event.clone();
            event[field] = value;
            assert_eq!(subject_of(&event), EventSubject::Other, "{field}");
        }
    }

    #[test]
    fn the_time_of_a_thin_event_is_read_as_text() {
        let thin = json!({"id": "evt_1", "object": "v2.core.event", "type": "v1.billing.meter.no_meter_found",
            "created": "2026-11-01T10:00:00.000Z"});
        let event = event(&thin, Vec::new(), false, Instant::UNIX_EPOCH).unwrap();
        assert_eq!(event.created_at, "2026-11-01T10:00:00Z".parse::<Instant>().unwrap());
    }

    #[test]
    fn texts_that_are_too_long_are_not_identifiers() {
        let (long, longest) = ("é".repeat(256), "é".repeat(255));
        let mut event_of_long = of_kind("checkout.session.completed", &json!({"id": long}));
        assert_eq!(subject_of(&event_of_long), EventSubject::Other);
        let event_of_longest = of_kind("checkout.session.completed", &json!({"id": longest}));
        assert_eq!(subject_of(&event_of_longest), EventSubject::Checkout(longest));
        event_of_long["id"] = json!(long);
        assert_eq!(event(&event_of_long, Vec::new(), false, Instant::UNIX_EPOCH), None);
    }

    #[test]
    fn an_object_without_identifier_or_type_is_not_an_event() {
        for value in
            [json!({}), json!([]), json!("evt_1"), json!({"id": "evt_1"}), json!({"id": "", "type": "a"})]
        {
            assert_eq!(event(&value, Vec::new(), false, Instant::UNIX_EPOCH), None, "{value}");
        }
    }
}
