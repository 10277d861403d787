//! Tests for bugs that other payment systems are known to have. The cases cause failures and concurrent requests at
//! critical moments.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use futures_util::future::join;
use reqwest::Method;
use test_stripe::Fault;

use super::{
    paying::cancel_in_database,
    place, put_in_cart,
    stripe::{Shop, without_webhooks},
    text,
};
use crate::support::{Engine, cases};

cases! {
    a_step_that_fails_after_the_money_arrived_causes_no_refund,
    a_payment_that_succeeds_while_it_is_being_started_has_only_one_checkout,
    two_payments_are_both_refunded_even_if_stripe_fails_between_the_refunds,
}

/// Some of the tables that the server writes to when it applies a successful payment.
const TABLES: [&str; 4] = ["purchases", "outbox", "notifications", "ledger_entries"];

async fn a_step_that_fails_after_the_money_arrived_causes_no_refund(engine: Engine) {
    for table in TABLES {
        let shop = Shop::open(engine).await;
        let (order, started) = shop.started().await;
        started.expect(201);
        shop.app.execute_sql(&format!("ALTER TABLE {table} RENAME TO {table}_away")).await;
        shop.stripe.pay(&shop.session()).expect("an open session");
        // The webhook is stored, but applying it fails, since a table is missing.
        shop.settle().await;
        shop.app.execute_sql(&format!("ALTER TABLE {table}_away RENAME TO {table}")).await;
        assert_eq!(shop.order_status(&order).await, "pending", "{table}");
        shop.app.advance(TimeDelta::minutes(2));
        shop.settle().await;
        assert_eq!(shop.order_status(&order).await, "paid", "{table}");
        assert!(shop.is_purchased().await);
        assert_eq!(shop.paid_mails().await, 1);
        assert!(!shop.stripe.calls().contains(&"POST /v1/refunds".to_owned()), "{table}");
        shop.app.check_money().await;
    }
}

async fn a_payment_that_succeeds_while_it_is_being_started_has_only_one_checkout(engine: Engine) {
    let shop = Shop::open(engine).await;
    put_in_cart(&shop.buyer, std::slice::from_ref(&shop.movie_id)).await;
    let order = place(&shop.buyer).await.expect(201).json();
    // Stripe opens the checkout immediately, but answers only after two seconds.
    shop.stripe.fail("POST /v1/checkout/sessions", Fault::Late(Duration::from_secs(2)), 1);
    let path = format!("/orders/{}/payments", text(&order, "id"));
    let stripe = Arc::clone(&shop.stripe);
    let paying = async {
        let paid = tokio::task::spawn_blocking(move || {
            loop {
                if let [entry] = &*stripe.books() {
                    return stripe.pay(&entry.session);
                }
                std::thread::yield_now();
            }
        });
        paid.await.unwrap().expect("an open session");
        shop.settle().await;
        // The buyer tries again while the first call is still waiting.
        shop.buyer.call(Method::POST, &path).await
    };
    let (first, second) = join(async { shop.buyer.call(Method::POST, &path).await }, paying).await;
    assert!([200, 201, 409, 502].contains(&first.status), "{first}");
    second.problem(409, "order_not_pending");
    shop.settle().await;
    shop.buyer.call(Method::POST, &path).await.problem(409, "order_not_pending");
    assert_eq!(shop.stripe.books().len(), 1);
    assert_eq!(text(&shop.payment().await, "status"), "successful");
    assert_eq!(shop.order_status(&order).await, "paid");
    assert_eq!(shop.paid_mails().await, 1);
    shop.app.check_money().await;
}

async fn two_payments_are_both_refunded_even_if_stripe_fails_between_the_refunds(engine: Engine) {
    let shop = without_webhooks(Shop::open(engine).await);
    let _admin = shop.app.admin().await;
    let (order, started) = shop.started().await;
    started.expect(201);
    // Marks the first payment as canceled although its checkout is open, so that a second payment can be started.
    shop.app
        .execute_sql(
            "UPDATE payments SET status = 'canceled', completed_at = created_at, checkout_url = NULL, \
             next_check_at = NULL",
        )
        .await;
    shop.pay(&order).await.expect(201);
    cancel_in_database(&shop.app).await;
    for entry in shop.stripe.books() {
        shop.stripe.pay(&entry.session).expect("an open session");
    }
    let refused = Fault::Error { has_effect: false, is_saved: false };
    shop.stripe.fail("POST /v1/refunds", refused, 1);
    shop.app.run_payments_with_event_list().await;
    let returned = |shop: &Shop| shop.stripe.books().iter().filter(|entry| entry.refunded == 799).count();
    assert_eq!(returned(&shop), 1);
    for minutes in [2, 5, 10] {
        shop.app.advance(TimeDelta::minutes(minutes));
        shop.settle().await;
    }
    assert_eq!(returned(&shop), 2);
    shop.app.check_money().await;
}
