use domain::{
    payments::{EventSubject, PaymentGateway, WebhookError},
    time::Clock,
};
use test_stripe::signature;

use crate::support::{MachineClock, Shop, WEBHOOK_SECRETS, settings};

#[tokio::test]
async fn an_event_signed_with_either_secret_is_read_unchanged() {
    let shop = Shop::open();
    shop.charge().await;
    let now = MachineClock.now();
    for secret in WEBHOOK_SECRETS {
        for event in shop.stripe.events() {
            let body = event.to_string();
            let signature = signature(&[secret, "whsec_unknown"], now.timestamp(), &body);
            let read = shop.gateway.read_webhook(Some(&signature), body.as_bytes(), now).unwrap();
            assert_eq!(read.id, event["id"].as_str().unwrap());
            assert_eq!(read.payload, body.as_bytes());
        }
    }
}

#[tokio::test]
async fn a_signed_body_that_is_no_event_is_malformed_and_the_signature_is_checked_first() {
    let shop = Shop::open();
    let now = MachineClock.now();
    for body in ["", "{", "[]", "{\"id\":1}"] {
        let signature = signature(&WEBHOOK_SECRETS, now.timestamp(), body);
        let read = |signature| shop.gateway.read_webhook(signature, body.as_bytes(), now);
        assert_eq!(read(Some(signature.as_str())), Err(WebhookError::Malformed), "{body}");
        assert_eq!(read(None), Err(WebhookError::Signature), "{body}");
    }
}

#[tokio::test]
async fn an_event_of_the_other_mode_has_no_subject() {
    let shop = Shop::open();
    let now = MachineClock.now();
    let body = "{\"id\":\"evt_1\",\"object\":\"event\",\"type\":\"checkout.session.completed\",\"created\":1,\
        \"livemode\":true,\"data\":{\"object\":{\"id\":\"cs_1\"}}}";
    let signature = signature(&WEBHOOK_SECRETS, now.timestamp(), body);
    let event = shop.gateway.read_webhook(Some(&signature), body.as_bytes(), now).unwrap();
    assert_eq!(event.subject, EventSubject::Other);
}

#[test]
fn debug_output_hides_the_secrets() {
    let shown = format!("{:?}", settings("https://api.stripe.com".to_owned()));
    assert!(!shown.contains("sk_test") && !shown.contains("whsec"), "{shown}");
}
