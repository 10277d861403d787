use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{cancel, names_in_cart, place, put_in_cart, text};
use crate::support::{Call, Engine, SignedIn, TestApp, cases};

cases! {
    an_order_with_a_key_is_created_once_and_its_answer_is_repeated,
    a_refusal_with_a_key_is_repeated,
    a_key_with_another_body_is_refused,
    a_key_belongs_to_a_user_and_a_path,
    a_key_expires_after_a_day,
    an_invalid_key_is_refused,
    only_one_of_twenty_concurrent_orders_with_the_same_key_is_created,
    a_lost_answer_is_rebuilt_from_the_order,
    a_payment_with_a_key_is_started_once,
    the_answer_not_found_is_not_stored,
}

fn order(buyer: &SignedIn, key: &str) -> Call {
    buyer.call(Method::POST, "/orders").header("idempotency-key", key)
}

fn pay(buyer: &SignedIn, order: &Value, key: &str) -> Call {
    buyer.call(Method::POST, format!("/orders/{}/payments", text(order, "id"))).header("idempotency-key", key)
}

async fn an_order_with_a_key_is_created_once_and_its_answer_is_repeated(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &[movies.id("Alien")]).await;
    let first = order(&ann, "one").await.expect(201);
    assert_eq!(first.header("idempotency-replayed"), None);
    put_in_cart(&ann, &[movies.id("M")]).await;
    cancel(&ann, &first.json()).await.expect(200);
    let again = order(&ann, "one").await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.json(), first.json(), "the replayed answer is the same as the first one");
    assert_eq!(ann.get("/orders").await.expect(200).json()["total_items"], 1);
    assert_eq!(
        names_in_cart(&ann).await,
        ["Alien", "M"],
        "the repeated request does not empty the cart again"
    );
    order(&ann, "two").await.expect(201);
}

async fn a_refusal_with_a_key_is_repeated(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    order(&ann, "one").await.problem(409, "cart_empty");
    put_in_cart(&ann, &[movies.id("Alien")]).await;
    let again = order(&ann, "one").await.problem(409, "cart_empty");
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let made = place(&ann).await.expect(201).json();
    app.execute_sql("UPDATE movies SET price_minor = 1000 WHERE name = 'Alien'").await;
    let refused = pay(&ann, &made, "two").await.problem(409, "price_changed").json();
    app.execute_sql("UPDATE movies SET price_minor = 799 WHERE name = 'Alien'").await;
    let again = pay(&ann, &made, "two").await.problem(409, "price_changed").json();
    for member in ["old_total", "new_total", "items", "detail", "title"] {
        assert_eq!(again[member], refused[member]);
    }
    let path = format!("/orders/{}/payments", text(&made, "id"));
    for is_replayed in [None, Some("true")] {
        let wrong = ann.post(&path, json!({"total": 1})).header("idempotency-key", "three").await;
        assert_eq!(wrong.invalid(&[("total", "unknown")]).header("idempotency-replayed"), is_replayed);
    }
}

async fn a_key_with_another_body_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &[movies.id("Alien")]).await;
    let made = place(&ann).await.expect(201).json();
    let payment = pay(&ann, &made, "one").await.expect(201).json();
    let path = format!("/orders/{}/payments", text(&made, "id"));
    let with = |body: &Value| ann.post(&path, body.clone()).header("idempotency-key", "one");
    let other = json!({"accept_total": {"amount": "7.99", "currency": "USD"}});
    with(&other).await.problem(422, "idempotency_key_reused");
    assert_eq!(
        with(&json!({})).await.expect(201).json(),
        payment,
        "no body means the same as an empty object"
    );
    with(&other).await.problem(422, "idempotency_key_reused");
}

async fn a_key_belongs_to_a_user_and_a_path(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let mut orders = Vec::new();
    for buyer in [&ann, &bob] {
        put_in_cart(buyer, &[movies.id("Alien")]).await;
        orders.push(order(buyer, "one").await.expect(201).json());
    }
    assert_ne!(orders[0]["id"], orders[1]["id"]);
    let payment = pay(&ann, &orders[0], "one").await.expect(201).json();
    assert_eq!(payment["order_id"], orders[0]["id"]);
}

async fn a_key_expires_after_a_day(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &[movies.id("Alien")]).await;
    let first = order(&ann, "one").await.expect(201).json();
    cancel(&ann, &first).await.expect(200);
    app.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
    let ann = app.signed_in_again(&ann).await;
    assert_eq!(order(&ann, "one").await.expect(201).json(), first);
    app.advance(TimeDelta::seconds(1));
    let ann = app.signed_in_again(&ann).await;
    let second = order(&ann, "one").await.expect(201).json();
    assert_ne!(second["id"], first["id"]);
}

async fn an_invalid_key_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    for bad in ["", &"k".repeat(256), "caf\u{e9}"] {
        order(&ann, bad).await.invalid(&[("Idempotency-Key", "invalid_format")]);
    }
    let twice = order(&ann, "one").header("idempotency-key", "two");
    twice.await.invalid(&[("Idempotency-Key", "invalid_format")]);
    order(&ann, &"k".repeat(255)).await.problem(409, "cart_empty");
}

async fn only_one_of_twenty_concurrent_orders_with_the_same_key_is_created(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let other = app.second_node().await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &[movies.id("Alien")]).await;
    let answers = join_all((0..20).map(|number| {
        let at = if number % 2 == 0 { app.url() } else { other.url() };
        let caller = ann.at(at);
        async move { caller.call(Method::POST, "/orders").header("idempotency-key", "one").await }
    }))
    .await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(!made.is_empty());
    for answer in &answers {
        if answer.status == 201 {
            assert_eq!(answer.json()["id"], made[0].json()["id"]);
        } else {
            assert_eq!(answer.json()["code"], "request_in_progress", "{answer}");
        }
    }
    assert_eq!(ann.get("/orders").await.expect(200).json()["total_items"], 1);
}

async fn a_lost_answer_is_rebuilt_from_the_order(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &[movies.id("Alien")]).await;
    let first = order(&ann, "one").await.expect(201).json();
    // Simulates a process that stopped after it had created the order, but before it had stored the answer.
    app.execute_sql("UPDATE idempotency_keys SET status = NULL, answer = NULL").await;
    let again = order(&ann, "one").await.expect(201);
    assert_eq!((again.json(), again.header("idempotency-replayed")), (first, Some("true")));
    assert_eq!(ann.get("/orders").await.expect(200).json()["total_items"], 1);
}

async fn a_payment_with_a_key_is_started_once(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &[movies.id("Alien")]).await;
    let made = place(&ann).await.expect(201).json();
    let payment = pay(&ann, &made, "one").await.expect(201).json();
    cancel(&ann, &made).await.expect(200);
    let again = pay(&ann, &made, "one").await.expect(201);
    assert_eq!(again.json(), payment, "the replayed answer is the same as the first one");
    app.execute_sql("UPDATE idempotency_keys SET status = NULL, answer = NULL").await;
    let made_again = pay(&ann, &made, "one").await.expect(201).json();
    assert_eq!((&made_again["id"], text(&made_again, "status")), (&payment["id"], "canceled"));
    assert_eq!(ann.get("/payments").await.expect(200).json()["total_items"], 1);
}

async fn the_answer_not_found_is_not_stored(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let nowhere = json!({"id": uuid::Uuid::nil()});
    for _ in 0..2 {
        let answer = pay(&ann, &nowhere, "one").await.problem(404, "not_found");
        assert_eq!(answer.header("idempotency-replayed"), None);
    }
}
