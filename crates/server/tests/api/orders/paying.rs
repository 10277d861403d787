use chrono::TimeDelta;
use domain::{
    money::Money,
    payments::{PaymentGateway, RefundOrder},
};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{cancel, names_in_cart, place, put_in_cart, text};
use crate::support::{Answer, Engine, SignedIn, TestApp, cases, email_of, snapshot};

cases! {
    a_paid_checkout_pays_the_order_and_adds_the_movies_to_the_library,
    an_open_checkout_is_returned_again,
    twenty_concurrent_starts_get_the_same_checkout,
    a_free_order_is_paid_immediately_without_a_provider,
    a_decline_contains_advice_and_leaves_the_checkout_open,
    a_checkout_that_ends_unpaid_leaves_the_order_pending,
    pending_money_prevents_the_expiry_of_the_order_and_pays_it_when_it_arrives,
    a_changed_price_must_be_accepted,
    a_changed_price_ends_the_open_checkout,
    an_order_with_a_withdrawn_movie_cannot_be_paid,
    a_successful_payment_includes_movies_withdrawn_in_the_meantime,
    an_invalid_body_is_reported_by_field,
    an_order_that_is_not_pending_is_not_paid,
    canceling_ends_the_checkout,
    canceling_an_order_that_was_just_paid_is_refused,
    concurrent_canceling_and_paying_has_one_consistent_outcome,
    an_open_checkout_postpones_the_expiry_of_its_order,
    a_payment_whose_webhook_was_lost_is_found_by_a_check,
    money_for_a_canceled_order_is_returned_automatically,
    money_for_a_canceled_order_is_returned_even_if_its_arrival_is_reported_again,
    the_money_of_a_second_payment_is_returned_automatically,
    money_with_a_wrong_amount_pays_nothing,
    delayed_money_with_a_wrong_amount_leaves_the_order_payable,
    a_payment_of_another_provider_is_not_changed,
    money_that_was_refunded_at_the_provider_is_not_refunded_again,
    payments_are_listed_and_filtered,
}

/// Starts a payment of the order.
pub(super) async fn pay(buyer: &SignedIn, order: &Value) -> Answer {
    buyer.call(Method::POST, format!("/orders/{}/payments", text(order, "id"))).await
}

/// Returns the path of a payment's checkout page.
fn page_of(app: &TestApp, payment: &Value) -> String {
    text(payment, "checkout_url").strip_prefix(app.url()).expect("a URL of this server").to_owned()
}

/// Asserts that the checkout page contains this text, and that it has a button to pay if and only if `is_open`.
async fn assert_page_says(app: &TestApp, payment: &Value, expected: &str, is_open: bool) {
    let page = app.anonymous().get(page_of(app, payment)).await.expect(200);
    assert!(page.text().contains(expected), "{expected}: {page}");
    assert_eq!(page.text().contains("value=\"pay\""), is_open, "{page}");
}

/// Submits the form on the checkout page of a payment. `outcome` is the chosen button, such as `pay` or `decline`.
pub(super) async fn choose(app: &TestApp, payment: &Value, outcome: &str) -> Answer {
    let form = format!("outcome={outcome}");
    let page = app.anonymous().call(Method::POST, page_of(app, payment));
    page.body("application/x-www-form-urlencoded", form).await
}

pub(super) async fn order_of(buyer: &SignedIn, order: &Value) -> Value {
    buyer.get(format!("/orders/{}", text(order, "id"))).await.expect(200).json()
}

pub(super) async fn payment_of(buyer: &SignedIn, payment: &Value) -> Value {
    buyer.get(format!("/payments/{}", text(payment, "id"))).await.expect(200).json()
}

/// Returns whether the buyer owns the movie.
pub(super) async fn is_purchased(buyer: &SignedIn, movie_id: &str) -> bool {
    let movie = buyer.get(format!("/movies/{movie_id}")).await.expect(200).json();
    movie["me"]["purchased"] == true
}

/// Creates a pending order of the movie and starts its payment. Returns both.
pub(super) async fn started(app: &TestApp, buyer: &SignedIn, movie_id: String) -> (Value, Value) {
    put_in_cart(buyer, &[movie_id]).await;
    let order = place(buyer).await.expect(201).json();
    let payment = pay(buyer, &order).await.expect(201).json();
    assert!(text(&payment, "checkout_url").starts_with(app.url()));
    (order, payment)
}

/// Sends all pending mails. Returns the subjects of all mails about orders that this user has got so far.
pub(super) async fn order_mails(app: &TestApp, name: &str) -> Vec<String> {
    app.run_outbox().await;
    let subjects = app.mails_to(&email_of(name)).into_iter().map(|mail| mail.subject);
    subjects.filter(|subject| subject.contains("order")).collect()
}

async fn a_paid_checkout_pays_the_order_and_adds_the_movies_to_the_library(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (order, payment) = started(&app, &ann, movies.id("Alien")).await;
    let mut shown = payment.clone();
    shown["checkout_url"] = json!("[url]");
    snapshot!(shown, @r#"
    {
      "id": "[id]",
      "order_id": "[id]",
      "provider": "sandbox",
      "status": "pending",
      "amount": {
        "amount": "7.99",
        "currency": "USD"
      },
      "refunded_amount": {
        "amount": "0.00",
        "currency": "USD"
      },
      "disputed_amount": {
        "amount": "0.00",
        "currency": "USD"
      },
      "items": [
        {
          "movie": {
            "id": "[id]",
            "name": "Alien",
            "year": 1979
          },
          "price": {
            "amount": "7.99",
            "currency": "USD"
          }
        }
      ],
      "checkout_url": "[url]",
      "failure": null,
      "created_at": "[instant]",
      "completed_at": null
    }
    "#);
    let page = app.anonymous().get(page_of(&app, &payment)).await.expect(200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(!policy.contains("form-action"), "{policy}");
    for part in ["Alien (1979): 7.99 USD", "value=\"pay\"", "value=\"delay\"", text(&order, "number")] {
        assert!(page.text().contains(part), "{part}: {page}");
    }
    let done = choose(&app, &payment, "pay").await.expect(303);
    let back = format!("{}/orders/{}?payment={}", app.url(), text(&order, "id"), text(&payment, "id"));
    assert_eq!(done.header("location"), Some(back.as_str()));
    // The buyer puts the movie into the cart again in the meantime, for example in a second tab.
    put_in_cart(&ann, &[movies.id("Alien")]).await;
    app.run_payments().await;
    let order = order_of(&ann, &order).await;
    assert_eq!(text(&order, "status"), "paid");
    assert!(order["paid_at"].is_string() && order["expires_at"].is_null(), "{order}");
    let payment = payment_of(&ann, &payment).await;
    assert_eq!((text(&payment, "status"), &payment["checkout_url"]), ("successful", &Value::Null));
    assert!(payment["completed_at"].is_string());
    assert!(is_purchased(&ann, &movies.id("Alien")).await);
    let cart = ann.get("/cart").await.expect(200).json();
    assert_eq!((&cart["items"], &cart["total"]["amount"]), (&json!([]), &json!("0.00")));
    let unavailable = &cart["unavailable"][0];
    assert_eq!(
        (text(&unavailable["movie"], "name"), text(unavailable, "reason")),
        ("Alien", "already_purchased")
    );
    put_in_cart(&ann, &[movies.id("M")]).await;
    let next = place(&ann).await.expect(201).json();
    let excluded = json!([{"movie_id": movies.id("Alien"), "reason": "already_purchased"}]);
    assert_eq!(next["excluded"], excluded);
    cancel(&ann, &next).await.expect(200);
    let subject = format!("Your Cinema order {} is paid", text(&order, "number"));
    assert_eq!(order_mails(&app, "ann").await, [subject]);
}

async fn an_open_checkout_is_returned_again(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (order, payment) = started(&app, &ann, movies.id("Alien")).await;
    assert_eq!(pay(&ann, &order).await.expect(200).json(), payment);
    let path = format!("/orders/{}/payments", text(&order, "id"));
    assert_eq!(ann.post(&path, json!({})).await.expect(200).json(), payment);
    let accepted = json!({"accept_total": {"amount": "7.99", "currency": "USD"}});
    assert_eq!(ann.post(&path, accepted).await.expect(200).json(), payment);
}

async fn twenty_concurrent_starts_get_the_same_checkout(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &[movies.id("Alien")]).await;
    let order = place(&ann).await.expect(201).json();
    let answers = join_all((0..20).map(|_| pay(&ann, &order))).await;
    let first = answers[0].json();
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    for answer in &answers {
        assert!(answer.status == 200 || answer.status == 201, "{answer}");
        assert_eq!(answer.json()["checkout_url"], first["checkout_url"]);
    }
    assert_eq!(created, 1);
    assert_eq!(ann.get("/payments").await.expect(200).json()["total_items"], 1);
}

async fn a_free_order_is_paid_immediately_without_a_provider(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &[movies.id("M")]).await;
    let order = place(&ann).await.expect(201).json();
    let payment = pay(&ann, &order).await.expect(201).json();
    assert_eq!((text(&payment, "status"), text(&payment, "provider")), ("successful", "none"));
    assert_eq!(payment["checkout_url"], Value::Null);
    assert_eq!(order_of(&ann, &order).await["status"], "paid");
    assert!(is_purchased(&ann, &movies.id("M")).await);
    assert_eq!(order_mails(&app, "ann").await.len(), 1);
    pay(&ann, &order).await.problem(409, "order_not_pending");
}

async fn a_decline_contains_advice_and_leaves_the_checkout_open(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (order, payment) = started(&app, &ann, movies.id("Alien")).await;
    choose(&app, &payment, "decline").await.expect(303);
    app.run_payments().await;
    let declined = payment_of(&ann, &payment).await;
    assert_eq!((text(&declined, "status"), &declined["checkout_url"]), ("pending", &payment["checkout_url"]));
    assert_eq!(
        declined["failure"],
        json!({
            "code": "insufficient_funds",
            "message": "The card has too little money or is over its limit.",
            "advice": "Try another card or another payment method.",
        })
    );
    assert_eq!(pay(&ann, &order).await.expect(200).json(), declined);
    let advice = "over its limit. Try another card or another payment method.";
    assert_page_says(&app, &payment, advice, true).await;
    choose(&app, &payment, "pay").await.expect(303);
    assert_page_says(&app, &payment, "This checkout is paid.", false).await;
    app.run_payments().await;
    let paid = payment_of(&ann, &payment).await;
    assert_eq!((text(&paid, "status"), &paid["failure"]), ("successful", &Value::Null));
    assert_eq!(order_of(&ann, &order).await["status"], "paid");
}

async fn a_checkout_that_ends_unpaid_leaves_the_order_pending(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (order, payment) = started(&app, &ann, movies.id("Alien")).await;
    choose(&app, &payment, "expire").await.expect(303);
    app.run_payments().await;
    let ended = payment_of(&ann, &payment).await;
    assert_eq!((text(&ended, "status"), &ended["failure"]), ("canceled", &Value::Null));
    assert_eq!(order_of(&ann, &order).await["status"], "pending");
    assert_page_says(&app, &payment, "This checkout has expired. Nothing was paid.", false).await;
    let again = pay(&ann, &order).await.expect(201).json();
    assert_ne!(again["id"], payment["id"]);
    choose(&app, &again, "decline").await.expect(303);
    choose(&app, &again, "expire").await.expect(303);
    app.run_payments().await;
    let failed = payment_of(&ann, &again).await;
    assert_eq!((text(&failed, "status"), text(&failed["failure"], "code")), ("failed", "insufficient_funds"));
    // A checkout that has ended cannot be paid.
    choose(&app, &payment, "pay").await.expect(303);
    app.run_payments().await;
    assert_eq!(payment_of(&ann, &payment).await["status"], "canceled");
}

async fn pending_money_prevents_the_expiry_of_the_order_and_pays_it_when_it_arrives(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (order, payment) = started(&app, &ann, movies.id("Alien")).await;
    choose(&app, &payment, "delay").await.expect(303);
    assert_page_says(&app, &payment, "the money is on its way", false).await;
    app.run_payments().await;
    let processing = payment_of(&ann, &payment).await;
    assert_eq!((text(&processing, "status"), &processing["checkout_url"]), ("processing", &Value::Null));
    let waiting = order_of(&ann, &order).await;
    assert_eq!((text(&waiting, "status"), &waiting["expires_at"]), ("pending", &Value::Null));
    assert!(!is_purchased(&ann, &movies.id("Alien")).await);
    cancel(&ann, &order).await.problem(409, "payment_processing");
    pay(&ann, &order).await.problem(409, "payment_processing");
    app.advance(TimeDelta::seconds(30));
    app.run_payments().await;
    assert_eq!(payment_of(&ann, &payment).await["status"], "successful");
    assert_eq!(order_of(&ann, &order).await["status"], "paid");
    assert!(is_purchased(&ann, &movies.id("Alien")).await);
    assert_eq!(order_mails(&app, "ann").await.len(), 1);
}

pub(super) async fn set_price(app: &TestApp, name: &str, minor: i64) {
    app.execute_sql(&format!("UPDATE movies SET price_minor = {minor} WHERE name = '{name}'")).await;
}

pub(super) fn dollars(amount: &str) -> Value {
    json!({"amount": amount, "currency": "USD"})
}

async fn a_changed_price_must_be_accepted(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &[movies.id("Alien"), movies.id("Amélie")]).await;
    let order = place(&ann).await.expect(201).json();
    set_price(&app, "Alien", 1_000).await;
    let problem = pay(&ann, &order).await.problem(409, "price_changed").json();
    assert_eq!((&problem["old_total"], &problem["new_total"]), (&dollars("17.98"), &dollars("19.99")));
    let changed = json!([
        {"movie_id": movies.id("Alien"), "old_price": dollars("7.99"), "new_price": dollars("10.00")},
    ]);
    assert_eq!(problem["items"], changed);
    let path = format!("/orders/{}/payments", text(&order, "id"));
    let other = json!({"accept_total": dollars("17.98")});
    ann.post(&path, other).await.problem(409, "price_changed");
    assert_eq!(order_of(&ann, &order).await, order, "nothing was changed");
    let payment = ann.post(&path, json!({"accept_total": dollars("19.99")})).await.expect(201).json();
    assert_eq!(payment["amount"], dollars("19.99"));
    let accepted = order_of(&ann, &order).await;
    assert_eq!((&accepted["total"], &accepted["items"][1]["price"]), (&dollars("19.99"), &dollars("10.00")));
}

async fn a_changed_price_ends_the_open_checkout(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (order, payment) = started(&app, &ann, movies.id("Alien")).await;
    set_price(&app, "Alien", 500).await;
    pay(&ann, &order).await.problem(409, "price_changed");
    assert_eq!(payment_of(&ann, &payment).await["status"], "canceled");
    let path = format!("/orders/{}/payments", text(&order, "id"));
    let again = ann.post(&path, json!({"accept_total": dollars("5.00")})).await.expect(201).json();
    // The payment is accepted, since it was made before the price changed again.
    choose(&app, &again, "pay").await.expect(303);
    set_price(&app, "Alien", 600).await;
    pay(&ann, &order).await.problem(409, "order_not_pending");
    assert_eq!(order_of(&ann, &order).await["status"], "paid");
}

async fn an_order_with_a_withdrawn_movie_cannot_be_paid(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (order, payment) = started(&app, &ann, movies.id("Alien")).await;
    app.withdraw("Alien").await;
    pay(&ann, &order).await.problem(409, "movie_unavailable");
    assert_eq!(payment_of(&ann, &payment).await["status"], "canceled");
    assert_eq!(order_of(&ann, &order).await["status"], "pending");
    cancel(&ann, &order).await.expect(200);
}

async fn a_successful_payment_includes_movies_withdrawn_in_the_meantime(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (order, payment) = started(&app, &ann, movies.id("Alien")).await;
    app.withdraw("Alien").await;
    choose(&app, &payment, "pay").await.expect(303);
    app.run_payments().await;
    assert_eq!(order_of(&ann, &order).await["status"], "paid");
}

async fn an_invalid_body_is_reported_by_field(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &[movies.id("Alien")]).await;
    let order = place(&ann).await.expect(201).json();
    let path = format!("/orders/{}/payments", text(&order, "id"));
    for (body, fault) in [
        (json!({"total": 1}), ("total", "unknown")),
        (json!({"accept_total": "7.99"}), ("accept_total", "wrong_type")),
        (json!({"accept_total": {"amount": "7.99"}}), ("accept_total.currency", "required")),
        (json!({"accept_total": dollars("7.999")}), ("accept_total.amount", "invalid_format")),
        (
            json!({"accept_total": {"amount": "7.99", "currency": "EUR"}}),
            ("accept_total.currency", "invalid_value"),
        ),
    ] {
        ann.post(&path, body).await.invalid(&[fault]);
    }
    let both = json!({"accept_total": {"amount": "7.999", "currency": "EUR"}});
    let faults = [("accept_total.amount", "invalid_format"), ("accept_total.currency", "invalid_value")];
    ann.post(&path, both).await.invalid(&faults);
    let bob = app.user("bob").await;
    pay(&bob, &order).await.problem(404, "not_found");
}

async fn an_order_that_is_not_pending_is_not_paid(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &[movies.id("Alien")]).await;
    let order = place(&ann).await.expect(201).json();
    cancel(&ann, &order).await.expect(200);
    pay(&ann, &order).await.problem(409, "order_not_pending");
    let expired = place(&ann).await.expect(201).json();
    app.advance(TimeDelta::minutes(30));
    let ann = app.signed_in_again(&ann).await;
    pay(&ann, &expired).await.problem(409, "order_not_pending");
}

async fn canceling_ends_the_checkout(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (order, payment) = started(&app, &ann, movies.id("Alien")).await;
    assert_eq!(cancel(&ann, &order).await.expect(200).json()["status"], "canceled");
    assert_eq!(payment_of(&ann, &payment).await["status"], "canceled");
    assert_eq!(names_in_cart(&ann).await, ["Alien"]);
    choose(&app, &payment, "pay").await.expect(303);
    app.run_payments().await;
    assert_eq!(payment_of(&ann, &payment).await["status"], "canceled");
    assert!(!is_purchased(&ann, &movies.id("Alien")).await);
}

async fn canceling_an_order_that_was_just_paid_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (order, payment) = started(&app, &ann, movies.id("Alien")).await;
    choose(&app, &payment, "pay").await.expect(303);
    // The webhook has not arrived yet. But the server queries the provider before it cancels an order, and so learns
    // that the order was paid.
    cancel(&ann, &order).await.problem(409, "order_paid");
    assert_eq!(order_of(&ann, &order).await["status"], "paid");
    assert!(is_purchased(&ann, &movies.id("Alien")).await);
    app.run_payments().await;
    assert_eq!(order_mails(&app, "ann").await.len(), 1);
}

async fn concurrent_canceling_and_paying_has_one_consistent_outcome(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    for number in 0..5 {
        let name = format!("buyer{number}");
        let buyer = app.user(&name).await;
        let (order, payment) = started(&app, &buyer, movies.id("Alien")).await;
        let (paid, canceled, ()) =
            tokio::join!(choose(&app, &payment, "pay"), cancel(&buyer, &order), app.run_payments());
        paid.expect(303);
        app.run_payments().await;
        let (order, payment) = (order_of(&buyer, &order).await, payment_of(&buyer, &payment).await);
        let statuses = (canceled.status, text(&order, "status"), text(&payment, "status"));
        assert!(
            statuses == (200, "canceled", "canceled") || statuses == (409, "paid", "successful"),
            "{statuses:?}"
        );
        let is_paid = canceled.status == 409;
        assert_eq!(is_purchased(&buyer, &movies.id("Alien")).await, is_paid);
        assert_eq!(order_mails(&app, &name).await.len(), usize::from(is_paid));
    }
}

async fn an_open_checkout_postpones_the_expiry_of_its_order(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (order, payment) = started(&app, &ann, movies.id("Alien")).await;
    app.advance(TimeDelta::minutes(64));
    assert_eq!(app.expire_orders().await, 0);
    app.advance(TimeDelta::minutes(1));
    // No webhook arrived, so the provider is queried before the order is canceled.
    assert_eq!(app.expire_orders().await, 1);
    let ann = app.signed_in_again(&ann).await;
    assert_eq!(order_of(&ann, &order).await["cancel_reason"], "expired");
    assert_eq!(payment_of(&ann, &payment).await["status"], "canceled");
    assert_eq!(names_in_cart(&ann).await, ["Alien"]);
}

async fn a_payment_whose_webhook_was_lost_is_found_by_a_check(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (order, payment) = started(&app, &ann, movies.id("Alien")).await;
    choose(&app, &payment, "pay").await.expect(303);
    assert_eq!(app.check_payments().await, 0, "the check is not due yet");
    app.advance(TimeDelta::minutes(2));
    assert_eq!(app.check_payments().await, 1);
    assert_eq!(order_of(&ann, &order).await["status"], "paid");
    app.run_payments().await;
    app.advance(TimeDelta::hours(2));
    assert_eq!(app.check_payments().await, 0, "no payment needs to be queried any more");
    assert_eq!(order_mails(&app, "ann").await.len(), 1);
}

/// Cancels all pending orders in the database without ending their checkouts.
pub(super) async fn cancel_in_database(app: &TestApp) {
    app.execute_sql(
        "UPDATE orders SET status = 'canceled', canceled_at = created_at, cancel_reason = 'expired', \
         expires_at = NULL WHERE status = 'pending'; UPDATE order_items SET is_pending = FALSE",
    )
    .await;
}

/// An order of Alien that was canceled before its buyer paid at the sandbox (the simulated payment provider). No
/// webhook has been sent yet.
struct PaidTooLate {
    app: TestApp,
    buyer: SignedIn,
    movie_id: String,
    order: Value,
    payment: Value,
}

impl PaidTooLate {
    async fn on(engine: Engine) -> Self {
        let app = TestApp::spawn(engine).await;
        let movie_id = app.import_small_catalogue().await.id("Alien");
        let buyer = app.user("ann").await;
        let (order, payment) = started(&app, &buyer, movie_id.clone()).await;
        cancel_in_database(&app).await;
        choose(&app, &payment, "pay").await.expect(303);
        Self { app, buyer, movie_id, order, payment }
    }
}

async fn money_for_a_canceled_order_is_returned_even_if_its_arrival_is_reported_again(engine: Engine) {
    let PaidTooLate { app, buyer, payment, .. } = PaidTooLate::on(engine).await;
    let sandbox =
        app.application().use_cases().sandbox.as_ref().expect("the sandbox is the configured provider");
    sandbox.send_webhooks().await.expect("the webhooks are sent");
    assert!(app.process_payment_events().await > 0);
    // Simulates a server that crashed after it had applied the event, but before it recorded this. So the event is
    // applied again.
    app.execute_sql("UPDATE webhook_events SET processed_at = NULL, locked_until = NULL").await;
    assert!(app.process_payment_events().await > 0);
    app.run_payments().await;
    assert_eq!(text(&payment_of(&buyer, &payment).await, "status"), "refunded");
    app.check_money().await;
}

async fn money_for_a_canceled_order_is_returned_automatically(engine: Engine) {
    let PaidTooLate { app, buyer: ann, movie_id, order, payment } = PaidTooLate::on(engine).await;
    let _admin = app.admin().await;
    app.run_payments().await;
    let returned = payment_of(&ann, &payment).await;
    assert_eq!((text(&returned, "status"), &returned["refunded_amount"]), ("refunded", &dollars("7.99")));
    assert_eq!(order_of(&ann, &order).await["status"], "canceled");
    assert!(!is_purchased(&ann, &movie_id).await);
    let subject = format!("A payment for Cinema order {} was returned", text(&order, "number"));
    assert_eq!(order_mails(&app, "ann").await, std::slice::from_ref(&subject));
    assert_eq!(order_mails(&app, "admin").await, [subject]);
    app.advance(TimeDelta::hours(2));
    app.run_payments().await;
    assert_eq!(order_mails(&app, "ann").await.len(), 1);
}

async fn the_money_of_a_second_payment_is_returned_automatically(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (order, first) = started(&app, &ann, movies.id("Alien")).await;
    // Marks the first payment as canceled although its checkout is open, so that a second payment can be started.
    app.execute_sql(
        "UPDATE payments SET status = 'canceled', completed_at = created_at, checkout_url = NULL, \
         next_check_at = NULL",
    )
    .await;
    let second = pay(&ann, &order).await.expect(201).json();
    for payment in [&second, &first] {
        choose(&app, payment, "pay").await.expect(303);
        app.run_payments().await;
    }
    assert_eq!(payment_of(&ann, &second).await["status"], "successful");
    assert_eq!(payment_of(&ann, &first).await["status"], "refunded");
    assert_eq!(order_of(&ann, &order).await["status"], "paid");
    assert!(is_purchased(&ann, &movies.id("Alien")).await, "the second payment paid for the movie");
    assert_eq!(order_mails(&app, "ann").await.len(), 2);
}

async fn money_with_a_wrong_amount_pays_nothing(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, _admin) = (app.user("ann").await, app.admin().await);
    let (order, payment) = started(&app, &ann, movies.id("Alien")).await;
    app.execute_sql("UPDATE payments SET amount_minor = 800").await;
    choose(&app, &payment, "pay").await.expect(303);
    app.run_payments().await;
    let failed = payment_of(&ann, &payment).await;
    assert_eq!((text(&failed, "status"), text(&failed["failure"], "code")), ("failed", "amount_mismatch"));
    assert_eq!(order_of(&ann, &order).await["status"], "pending");
    assert!(!is_purchased(&ann, &movies.id("Alien")).await);
    let subject = format!("A payment for Cinema order {} has another amount", text(&order, "number"));
    assert_eq!(order_mails(&app, "admin").await, [subject]);
    assert_eq!(order_mails(&app, "ann").await, Vec::<String>::new());
}

async fn delayed_money_with_a_wrong_amount_leaves_the_order_payable(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (order, payment) = started(&app, &ann, movies.id("Alien")).await;
    choose(&app, &payment, "delay").await.expect(303);
    app.run_payments().await;
    assert_eq!(order_of(&ann, &order).await["expires_at"], Value::Null);
    app.execute_sql("UPDATE payments SET amount_minor = 800").await;
    app.advance(TimeDelta::seconds(30));
    app.run_payments().await;
    assert_eq!(payment_of(&ann, &payment).await["failure"]["code"], "amount_mismatch");
    let waiting = order_of(&ann, &order).await;
    assert!(waiting["status"] == "pending" && waiting["expires_at"].is_string(), "{waiting}");
    pay(&ann, &order).await.expect(201);
    assert_eq!(cancel(&ann, &order).await.expect(200).json()["status"], "canceled");
}

async fn a_payment_of_another_provider_is_not_changed(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (order, payment) = started(&app, &ann, movies.id("Alien")).await;
    app.execute_sql("UPDATE payments SET provider = 'stripe'").await;
    put_in_cart(&bob, &[movies.id("Alien")]).await;
    let other = place(&bob).await.expect(201).json();
    cancel(&ann, &order).await.problem(502, "payment_provider_failed");
    app.advance(TimeDelta::hours(2));
    app.run_payments().await;
    // Ann may have paid at the other provider, which this server cannot query. So only Bob's order expires.
    assert_eq!(app.expire_orders().await, 1);
    let (ann, bob) = (app.signed_in_again(&ann).await, app.signed_in_again(&bob).await);
    assert_eq!(order_of(&bob, &other).await["status"], "canceled");
    assert_eq!(order_of(&ann, &order).await["status"], "pending");
    assert_eq!(payment_of(&ann, &payment).await["status"], "pending");
}

async fn money_that_was_refunded_at_the_provider_is_not_refunded_again(engine: Engine) {
    let PaidTooLate { app, buyer: ann, payment, .. } = PaidTooLate::on(engine).await;
    // Part of the money is refunded directly at the provider before this server returns the money, so the server must
    // return only the rest.
    let sandbox =
        app.application().use_cases().sandbox.clone().expect("the sandbox is the configured provider");
    let charge = format!("sandbox_charge_{}", text(&payment, "id"));
    let by_hand = RefundOrder {
        refund_id: app.next_id(),
        shop_id: app.next_id(),
        charge: charge.clone(),
        amount: Money::from_minor(300, "USD".parse().unwrap()),
        idempotency_key: "by hand".to_owned(),
    };
    sandbox.refund(&by_hand).await.unwrap();
    app.run_payments().await;
    assert_eq!(payment_of(&ann, &payment).await["status"], "refunded");
    let refunds = sandbox.refunds(&charge).await.unwrap();
    assert_eq!(refunds.iter().map(|refund| refund.amount.minor()).collect::<Vec<_>>(), [300, 499]);
}

async fn payments_are_listed_and_filtered(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob, admin) = (app.user("ann").await, app.user("bob").await, app.admin().await);
    let (_, of_ann) = started(&app, &ann, movies.id("Alien")).await;
    let (_, of_bob) = started(&app, &bob, movies.id("Alien")).await;
    choose(&app, &of_ann, "pay").await.expect(303);
    app.run_payments().await;
    let ids = |list: &Value| -> Vec<String> {
        list["items"].as_array().unwrap().iter().map(|payment| text(payment, "id").to_owned()).collect()
    };
    let [first, second] = [text(&of_ann, "id"), text(&of_bob, "id")];
    for (caller, path, expected) in [
        (&ann, "/payments".to_owned(), vec![first]),
        (&ann, "/payments?status=successful".to_owned(), vec![first]),
        (&ann, "/payments?status=pending".to_owned(), vec![]),
        (&admin, "/payments".to_owned(), vec![]),
        (&admin, "/admin/payments".to_owned(), vec![second, first]),
        (&admin, format!("/admin/payments?user_id={}", bob.id()), vec![second]),
        (&admin, "/admin/payments?email=ANN%40&status=successful".to_owned(), vec![first]),
    ] {
        let list = caller.get(&path).await.expect(200).json();
        assert_eq!(ids(&list), expected, "{path}");
    }
    let list = admin.get("/admin/payments").await.expect(200).json();
    assert_eq!(list["items"][0]["user"], json!({"id": bob.id(), "email": email_of("bob")}));
    bob.get(format!("/payments/{first}")).await.problem(404, "not_found");
    bob.get("/admin/payments").await.problem(403, "forbidden");
}
