//! Payments at a fake Stripe, from the cart to the purchase.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use test_stripe::{Delivery, FakeStripe, Fault, SECRET_KEY};

use super::{cancel, place, put_in_cart, text};
use crate::support::{Answer, Engine, SignedIn, TestApp, cases};

cases! {
    a_paid_session_pays_the_order_once_even_if_stripe_reports_it_repeatedly,
    pending_money_pays_the_order_when_it_arrives,
    a_session_is_opened_once_even_if_the_answer_was_lost,
    a_payment_without_a_checkout_is_started_again_with_the_same_idempotency_key,
    a_session_that_was_paid_before_its_order_is_canceled_pays_the_order,
    a_stripe_payment_in_a_wrong_currency_does_not_pay_the_order,
    a_payment_at_stripe_whose_webhooks_were_lost_is_found_by_a_check,
    webhooks_without_a_signature_of_stripe_are_refused,
    stripe_texts_that_postgresql_cannot_store_get_the_same_answers_with_both_databases,
    a_decline_at_stripe_is_shown_while_its_session_is_open,
}

pub(super) const SECRETS: [&str; 2] = ["whsec_of_the_tests", "whsec_before_it"];

/// A server with its payment provider, which is a fake Stripe, and with a buyer and a movie to buy. The fake Stripe
/// sends its webhooks to the server.
pub(super) struct Shop {
    pub(super) app: TestApp,
    pub(super) stripe: Arc<FakeStripe>,
    pub(super) buyer: SignedIn,
    pub(super) movie_id: String,
}

/// Makes the fake Stripe of a shop lose all webhooks.
pub(super) fn without_webhooks(shop: Shop) -> Shop {
    shop.stripe.set_delivery(Delivery { dropped: 100, ..Delivery::RELIABLE });
    shop
}

impl Shop {
    pub(super) async fn open(engine: Engine) -> Self {
        let stripe = FakeStripe::start().expect("a fake Stripe");
        let (base, secrets) = (stripe.base(), SECRETS.join(" , "));
        let settings = [
            ("PAYMENT_PROVIDER", "stripe"),
            ("STRIPE_SECRET_KEY", SECRET_KEY),
            ("STRIPE_WEBHOOK_SECRET", secrets.as_str()),
            ("STRIPE_API_BASE", base.as_str()),
        ];
        let app = TestApp::spawn_with(engine, &settings).await;
        let url = format!("{}/api/v1/payments/webhooks/stripe", app.url());
        stripe.deliver_to(&url, &SECRETS[1..]).expect("a valid URL");
        let movies = app.import_small_catalogue().await;
        let buyer = app.user("ann").await;
        Self { app, stripe: Arc::new(stripe), buyer, movie_id: movies.id("Alien") }
    }

    /// Creates a pending order of the movie Alien and starts its payment. Returns the order, and the answer to the call
    /// that starts the payment.
    pub(super) async fn started(&self) -> (Value, Answer) {
        put_in_cart(&self.buyer, std::slice::from_ref(&self.movie_id)).await;
        let order = place(&self.buyer).await.expect(201).json();
        let started = self.pay(&order).await;
        (order, started)
    }

    pub(super) async fn pay(&self, order: &Value) -> Answer {
        self.buyer.call(Method::POST, format!("/orders/{}/payments", text(order, "id"))).await
    }

    /// Returns the identifier of the only Checkout Session at Stripe.
    pub(super) fn session(&self) -> String {
        let books = self.stripe.books();
        assert_eq!(books.len(), 1, "{books:?}");
        books[0].session.clone()
    }

    /// Returns the identifier of the payment intent of the first paid session. The server stores this identifier as
    /// the payment's charge.
    pub(super) fn charge(&self) -> String {
        let books = self.stripe.books();
        let paid = books.into_iter().find(|entry| entry.captured > 0).expect("a paid session");
        paid.intent.expect("the intent of a paid session")
    }

    /// Returns the identifier of the newest refund at Stripe.
    pub(super) fn refund_id(&self) -> String {
        let events = self.stripe.events();
        let made = events.iter().rev().find(|event| event["type"] == "refund.created").expect("a refund");
        text(&made["data"]["object"], "id").to_owned()
    }

    /// Waits until Stripe has sent all webhooks, then does all pending work of payments.
    pub(super) async fn settle(&self) {
        let stripe = Arc::clone(&self.stripe);
        let is_told = tokio::task::spawn_blocking(move || stripe.drain(Duration::from_secs(30))).await;
        assert!(is_told.expect("the waiting task does not panic"), "webhooks are still being delivered");
        self.app.run_payments().await;
    }

    pub(super) async fn order_status(&self, order: &Value) -> String {
        let order = self.buyer.get(format!("/orders/{}", text(order, "id"))).await.expect(200).json();
        text(&order, "status").to_owned()
    }

    pub(super) async fn payment(&self) -> Value {
        let payments = self.buyer.get("/payments").await.expect(200).json();
        assert_eq!(payments["total_items"], 1, "{payments}");
        payments["items"][0].clone()
    }

    pub(super) async fn is_purchased(&self) -> bool {
        let movie = self.buyer.get(format!("/movies/{}", self.movie_id)).await.expect(200).json();
        movie["me"]["purchased"] == true
    }

    /// Sends all pending mails. Returns how many mails about orders the buyer has got so far. If there are no
    /// refunds, each of these mails says that an order was paid.
    pub(super) async fn paid_mails(&self) -> usize {
        super::paying::order_mails(&self.app, "ann").await.len()
    }
}

async fn a_paid_session_pays_the_order_once_even_if_stripe_reports_it_repeatedly(engine: Engine) {
    let shop = Shop::open(engine).await;
    shop.stripe.set_delivery(Delivery { seed: 7, duplicated: 100, dropped: 0, longest_delay_ms: 50 });
    let (order, started) = shop.started().await;
    let payment = started.expect(201).json();
    assert_eq!(text(&payment, "provider"), "stripe");
    assert!(text(&payment, "checkout_url").starts_with(&shop.stripe.base()), "{payment}");
    shop.stripe.pay(&shop.session()).expect("an open session");
    shop.settle().await;
    assert_eq!(shop.order_status(&order).await, "paid");
    let payment = shop.payment().await;
    assert_eq!((text(&payment, "status"), &payment["checkout_url"]), ("successful", &Value::Null));
    assert!(shop.is_purchased().await);
    assert_eq!(shop.paid_mails().await, 1);
    assert_eq!(shop.stripe.books()[0].captured, 799);
}

async fn pending_money_pays_the_order_when_it_arrives(engine: Engine) {
    let shop = Shop::open(engine).await;
    let (order, started) = shop.started().await;
    started.expect(201);
    let session = shop.session();
    shop.stripe.complete_unpaid(&session).expect("an open session");
    shop.settle().await;
    assert_eq!(text(&shop.payment().await, "status"), "processing");
    assert_eq!(shop.order_status(&order).await, "pending");
    assert!(!shop.is_purchased().await);
    shop.stripe.settle(&session).expect("a payment in progress");
    shop.settle().await;
    assert_eq!(shop.order_status(&order).await, "paid");
    assert!(shop.is_purchased().await);
}

async fn a_session_is_opened_once_even_if_the_answer_was_lost(engine: Engine) {
    let shop = Shop::open(engine).await;
    let lost = Fault::Error { has_effect: true, is_saved: true };
    shop.stripe.fail("POST /v1/checkout/sessions", lost, 1);
    let (order, started) = shop.started().await;
    started.expect(502);
    let again = shop.pay(&order).await;
    assert!([200, 201].contains(&again.status), "{again}");
    assert_eq!(
        again.json()["checkout_url"].as_str().map(str::to_owned),
        Some(format!("{}/pay/{}", shop.stripe.base(), shop.session()))
    );
    shop.stripe.pay(&shop.session()).expect("an open session");
    shop.settle().await;
    assert_eq!(shop.order_status(&order).await, "paid");
}

async fn a_payment_without_a_checkout_is_started_again_with_the_same_idempotency_key(engine: Engine) {
    let shop = Shop::open(engine).await;
    put_in_cart(&shop.buyer, std::slice::from_ref(&shop.movie_id)).await;
    let order = place(&shop.buyer).await.expect(201).json();
    let pay = async |buyer: &SignedIn| {
        let path = format!("/orders/{}/payments", text(&order, "id"));
        buyer.call(Method::POST, path).header("idempotency-key", "one").await
    };
    shop.stripe.fail("POST /v1/checkout/sessions", Fault::Error { has_effect: false, is_saved: false }, 1);
    pay(&shop.buyer).await.expect(502);
    // The server looks for the session at Stripe for 25 minutes before it marks the payment as failed.
    shop.app.advance(TimeDelta::minutes(26));
    shop.app.run_payments().await;
    let buyer = shop.app.signed_in_again(&shop.buyer).await;
    let payment = pay(&buyer).await.expect(201).json();
    assert!(payment["checkout_url"].is_string(), "{payment}");
    assert_eq!(pay(&buyer).await.expect(201).json(), payment);
    assert_eq!(payment["checkout_url"], format!("{}/pay/{}", shop.stripe.base(), shop.session()));
}

async fn a_session_that_was_paid_before_its_order_is_canceled_pays_the_order(engine: Engine) {
    let shop = Shop::open(engine).await;
    shop.stripe.set_delivery(Delivery { dropped: 100, ..Delivery::RELIABLE });
    let (order, started) = shop.started().await;
    started.expect(201);
    shop.stripe.pay(&shop.session()).expect("an open session");
    cancel(&shop.buyer, &order).await.expect(409);
    assert_eq!(shop.order_status(&order).await, "paid");
}

async fn a_stripe_payment_in_a_wrong_currency_does_not_pay_the_order(engine: Engine) {
    let shop = Shop::open(engine).await;
    let (order, started) = shop.started().await;
    started.expect(201);
    shop.stripe.pay_otherwise(&shop.session(), 799, "eur").expect("an open session");
    shop.settle().await;
    let payment = shop.payment().await;
    assert_eq!((text(&payment, "status"), text(&payment["failure"], "code")), ("failed", "amount_mismatch"));
    assert_ne!(shop.order_status(&order).await, "paid");
    assert!(!shop.is_purchased().await);
}

async fn a_payment_at_stripe_whose_webhooks_were_lost_is_found_by_a_check(engine: Engine) {
    let shop = Shop::open(engine).await;
    shop.stripe.set_delivery(Delivery { dropped: 100, ..Delivery::RELIABLE });
    let (order, started) = shop.started().await;
    started.expect(201);
    shop.stripe.pay(&shop.session()).expect("an open session");
    shop.app.advance(TimeDelta::minutes(3));
    shop.settle().await;
    assert_eq!(shop.order_status(&order).await, "paid");
    assert_eq!(shop.paid_mails().await, 1);
}

async fn webhooks_without_a_signature_of_stripe_are_refused(engine: Engine) {
    let shop = Shop::open(engine).await;
    let call = shop.app.anonymous().call(Method::POST, "/payments/webhooks/stripe");
    let answer = call.body("application/json", "{\"id\":\"evt_1\"}".to_owned()).await;
    answer.problem(400, "signature_invalid");
}

async fn stripe_texts_that_postgresql_cannot_store_get_the_same_answers_with_both_databases(engine: Engine) {
    let shop = Shop::open(engine).await;
    for (id, kind, object) in [
        ("evt_\0", "checkout.session.completed", "cs_1"),
        ("evt_2", "checkout.session.completed", "cs_\0"),
        ("evt_3", "charge.dispute.created", "du_\0"),
        ("evt_4", "charge.refunded", "\0"),
        ("evt_5", "customer.created\0", "cus_1"),
    ] {
        let object = json!({"id": object, "payment_intent": object});
        let body = json!({"id": id, "object": "event", "type": kind, "created": 1, "livemode": false,
            "data": {"object": object}})
        .to_string();
        let signature = test_stripe::signature(&SECRETS[..1], shop.app.now().timestamp(), &body);
        let call = shop.app.anonymous().call(Method::POST, "/payments/webhooks/stripe");
        let call = call.header("stripe-signature", &signature).body("application/json", body);
        assert_eq!(call.await.expect(200).json(), json!({"received": true}), "{id}");
    }
    shop.settle().await;
    // PostgreSQL cannot store a NUL character, so the server replaces it in a decline code, with both databases.
    let (order, started) = shop.started().await;
    started.expect(201);
    shop.stripe.decline(&shop.session(), "a_code\0").expect("an open session");
    shop.settle().await;
    assert_eq!(text(&shop.payment().await["failure"], "code"), "a_code\u{fffd}");
    assert_eq!(shop.order_status(&order).await, "pending");
}

async fn a_decline_at_stripe_is_shown_while_its_session_is_open(engine: Engine) {
    let shop = Shop::open(engine).await;
    let (order, started) = shop.started().await;
    started.expect(201);
    shop.stripe.decline(&shop.session(), "insufficient_funds").expect("an open session");
    shop.settle().await;
    let payment = shop.payment().await;
    assert_eq!(
        (text(&payment, "status"), text(&payment["failure"], "code")),
        ("pending", "insufficient_funds")
    );
    shop.stripe.pay(&shop.session()).expect("an open session");
    shop.settle().await;
    assert_eq!(shop.order_status(&order).await, "paid");
}
