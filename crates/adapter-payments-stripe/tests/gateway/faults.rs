use std::{
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
    time::Duration,
};

use adapter_payments_stripe::StripeGateway;
use domain::payments::PaymentGateway;
use test_stripe::Fault;

use crate::support::{MachineClock, Shop, is_not_reached, is_unknown, money, request, settings};

const OPEN: &str = "POST /v1/checkout/sessions";

/// Opens a checkout at a fake Stripe, which fails the first `times` attempts. Returns the shop with the fake Stripe,
/// the outcome, and the number of attempts. `should_retry` is the value of the header `Stripe-Should-Retry`, if it is
/// sent.
async fn opened_with(fault: Fault, should_retry: Option<bool>, times: usize) -> (Shop, Outcome, usize) {
    let shop = Shop::open();
    match should_retry {
        Some(should_retry) => shop.stripe.fail_and_say(OPEN, fault, should_retry, times),
        None => shop.stripe.fail(OPEN, fault, times),
    }
    let result = shop.gateway.open_checkout(&request(1, &[money(999, "USD")])).await;
    let outcome = if is_unknown(&result) {
        Outcome::Unknown
    } else if is_not_reached(&result) {
        Outcome::NotReached
    } else {
        result.unwrap();
        Outcome::Done
    };
    let tries = shop.count(OPEN);
    (shop, outcome, tries)
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    NotReached,
    Unknown,
}

#[tokio::test]
async fn a_server_error_leaves_the_outcome_unknown_and_is_not_retried() {
    for has_effect in [false, true] {
        for is_saved in [false, true] {
            let fault = Fault::Error { has_effect, is_saved };
            let (shop, outcome, tries) = opened_with(fault, None, 1).await;
            assert_eq!((outcome, tries), (Outcome::Unknown, 1), "{fault:?}");
            let found = shop.gateway.look_up_checkout(&request(1, &[money(999, "USD")])).await.unwrap();
            assert_eq!(found.is_some(), has_effect, "{fault:?}");
        }
    }
}

#[tokio::test]
async fn after_a_saved_error_the_result_is_looked_up_and_the_next_key_is_used() {
    for has_effect in [false, true] {
        let shop = Shop::open();
        let request = request(1, &[money(999, "USD")]);
        shop.stripe.fail(OPEN, Fault::Error { has_effect, is_saved: true }, 1);
        assert!(is_unknown(&shop.gateway.open_checkout(&request).await));
        let opened = shop.gateway.open_checkout(&request).await.unwrap();
        assert_eq!(shop.gateway.open_checkout(&request).await.unwrap(), opened);
        assert_eq!(shop.stripe.books().len(), 1, "{has_effect}");
    }
}

#[tokio::test]
async fn saved_errors_for_every_key_leave_the_outcome_unknown() {
    let shop = Shop::open();
    let request = request(1, &[money(999, "USD")]);
    shop.stripe.fail(OPEN, Fault::Error { has_effect: false, is_saved: true }, 5);
    for _ in 0..6 {
        assert!(is_unknown(&shop.gateway.open_checkout(&request).await));
    }
    assert_eq!(shop.stripe.books(), []);
}

#[tokio::test]
async fn the_retry_header_of_stripe_is_obeyed() {
    let error = Fault::Error { has_effect: true, is_saved: false };
    let (shop, outcome, tries) = opened_with(error, Some(true), 1).await;
    assert_eq!((outcome, tries, shop.stripe.books().len()), (Outcome::Done, 2, 1));
    let (_, outcome, tries) = opened_with(Fault::TooManyRequests, Some(false), 1).await;
    assert_eq!((outcome, tries), (Outcome::NotReached, 1));
}

#[tokio::test]
async fn rate_limited_calls_are_attempted_three_times() {
    let (_, outcome, tries) = opened_with(Fault::TooManyRequests, None, 1).await;
    assert_eq!((outcome, tries), (Outcome::Done, 2));
    let (_, outcome, tries) = opened_with(Fault::TooManyRequests, None, 9).await;
    assert_eq!((outcome, tries), (Outcome::NotReached, 3));
}

#[tokio::test]
async fn a_call_whose_key_is_still_in_use_is_retried() {
    let (_, outcome, tries) = opened_with(Fault::KeyInUse, None, 1).await;
    assert_eq!((outcome, tries), (Outcome::Done, 2));
    let (_, outcome, tries) = opened_with(Fault::KeyInUse, None, 9).await;
    assert_eq!((outcome, tries), (Outcome::Unknown, 3));
}

#[tokio::test]
async fn a_refusal_after_an_attempt_with_an_unknown_effect_leaves_the_outcome_unknown() {
    let shop = Shop::open();
    shop.stripe.fail(OPEN, Fault::KeyInUse, 1);
    shop.stripe.fail(OPEN, Fault::Unauthorized, 1);
    assert!(is_unknown(&shop.gateway.open_checkout(&request(1, &[money(999, "USD")])).await));
    assert_eq!(shop.count(OPEN), 2);
}

#[tokio::test]
async fn a_refused_secret_key_counts_as_not_reached() {
    let (_, outcome, tries) = opened_with(Fault::Unauthorized, None, 1).await;
    assert_eq!((outcome, tries), (Outcome::NotReached, 1));
}

#[tokio::test]
async fn a_lost_or_unreadable_response_leaves_the_outcome_unknown() {
    for fault in [Fault::HangUp { has_effect: true }, Fault::HangUp { has_effect: false }, Fault::Garbage] {
        let (_, outcome, tries) = opened_with(fault, None, 1).await;
        assert_eq!((outcome, tries), (Outcome::Unknown, 1), "{fault:?}");
    }
}

#[tokio::test]
async fn a_get_is_retried_after_an_error_or_a_lost_response() {
    let shop = Shop::open();
    let checkout = shop.checkout().await;
    for fault in [Fault::HangUp { has_effect: false }, Fault::Error { has_effect: false, is_saved: false }] {
        shop.stripe.fail("GET /v1/checkout/sessions", fault, 1);
        assert_eq!(shop.now(&checkout).await.id, checkout.id);
    }
    shop.stripe.fail("GET /v1/checkout/sessions", Fault::HangUp { has_effect: false }, 9);
    assert!(is_not_reached(&shop.gateway.checkout(&checkout.id).await));
}

#[tokio::test]
async fn a_refused_connection_counts_as_not_reached() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let settings = settings(format!("http://127.0.0.1:{port}"));
    let gateway = StripeGateway::new(settings, Arc::new(MachineClock)).unwrap();
    assert!(is_not_reached(&gateway.open_checkout(&request(1, &[money(999, "USD")])).await));
}

#[tokio::test]
async fn a_call_times_out_after_10_seconds() {
    let shop = Shop::open();
    // Opens the connection before the clock is paused, because the connect timeout would otherwise elapse at once.
    shop.checkout().await;
    shop.stripe.fail(OPEN, Fault::Late(Duration::from_secs(1)), 1);
    tokio::time::pause();
    let begin = tokio::time::Instant::now();
    let late = request(2, &[money(999, "USD")]);
    assert!(is_unknown(&shop.gateway.open_checkout(&late).await));
    assert_eq!(begin.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn stripe_is_not_called_when_half_of_the_last_calls_failed() {
    let shop = Shop::open();
    shop.stripe.fail(OPEN, Fault::Error { has_effect: false, is_saved: false }, 100);
    let request = request(1, &[money(999, "USD")]);
    for _ in 0..20 {
        assert!(is_unknown(&shop.gateway.open_checkout(&request).await));
    }
    assert!(is_not_reached(&shop.gateway.open_checkout(&request).await));
    assert!(is_not_reached(&shop.gateway.refunds("pi_1").await));
    assert_eq!(shop.stripe.calls().len(), 20);
}

#[tokio::test]
async fn after_a_lost_response_expiring_a_checkout_reports_its_actual_state() {
    let shop = Shop::open();
    for (number, has_effect) in [(1, true), (2, false)] {
        let request = request(number, &[money(999, "USD")]);
        let checkout = shop.gateway.open_checkout(&request).await.unwrap();
        let call = format!("POST /v1/checkout/sessions/{}/expire", checkout.id);
        shop.stripe.fail(&call, Fault::HangUp { has_effect }, 1);
        let result = shop.gateway.expire_checkout(&checkout.id).await;
        assert_eq!(result.is_ok(), has_effect);
        assert_eq!(is_unknown(&result), !has_effect);
    }
}
