//! Refunds of payments at the sandbox (the simulated payment provider) and at a fake Stripe.

use chrono::TimeDelta;
use domain::{
    money::Money,
    payments::{PaymentGateway, RefundOrder},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use test_stripe::{BookEntry, Delivery, Fault, RefundCourse};

use super::{
    names_in_cart,
    paying::{
        cancel_in_database, choose, dollars, is_purchased, order_mails, order_of, pay, payment_of, started,
    },
    place, put_in_cart,
    stripe::Shop,
    text,
};
use crate::support::{Answer, Engine, SignedIn, TestApp, cases, snapshot};

cases! {
    a_full_refund_revokes_the_movie_and_notifies_the_buyer_once,
    refunds_of_items_can_return_the_whole_payment,
    a_refund_with_an_idempotency_key_is_made_once,
    a_refund_must_name_paid_movies,
    unpaid_orders_are_not_refunded,
    a_free_movie_is_refunded_without_the_provider,
    only_one_of_twenty_concurrent_refunds_of_a_movie_is_made,
    automatically_returned_money_is_listed_among_the_refunds,
    money_with_a_wrong_amount_is_refunded_in_full,
    a_refunded_movie_can_be_bought_again,
    a_refund_made_at_the_provider_is_recorded,
    a_full_refund_at_the_provider_revokes_the_movies,
    a_refund_that_is_reported_before_its_payment_revokes_the_movie,
    a_payment_for_a_movie_that_the_buyer_has_again_is_refunded,
    a_refund_that_is_pending_at_stripe_takes_effect_when_it_succeeds,
    a_failed_refund_changes_nothing,
    a_refund_that_fails_after_its_success_restores_the_movie,
    a_movie_that_was_bought_again_is_not_restored_twice,
    a_movie_of_a_failed_refund_is_restored_when_its_second_purchase_is_refunded,
    a_refund_whose_answer_was_lost_is_made_once,
    a_refund_that_stripe_refuses_fails,
    a_refund_waits_while_stripe_is_unavailable,
    a_refund_in_the_dashboard_whose_webhook_was_lost_is_found_in_the_list_of_events,
}

/// Buys these movies; returns the paid order and its payment.
pub(super) async fn bought(app: &TestApp, buyer: &SignedIn, movies: &[String]) -> (Value, Value) {
    put_in_cart(buyer, movies).await;
    let order = place(buyer).await.expect(201).json();
    let payment = pay(buyer, &order).await.expect(201).json();
    choose(app, &payment, "pay").await.expect(303);
    app.run_payments().await;
    (order_of(buyer, &order).await, payment_of(buyer, &payment).await)
}

pub(super) async fn refund(admin: &SignedIn, payment: &Value, movies: Option<&[String]>) -> Answer {
    let path = format!("/payments/{}/refunds", text(payment, "id"));
    match movies {
        Some(movies) => admin.post(path, json!({"items": movies, "reason": "The sound is broken."})).await,
        None => admin.post(path, json!({"reason": "The sound is broken."})).await,
    }
}

pub(super) async fn refunds_of(caller: &SignedIn, payment: &Value) -> Vec<Value> {
    let list = caller.get(format!("/payments/{}/refunds", text(payment, "id"))).await.expect(200).json();
    list["items"].as_array().unwrap().clone()
}

async fn kinds_of_notifications(buyer: &SignedIn) -> Vec<String> {
    let list = buyer.get("/notifications").await.expect(200).json();
    list["items"].as_array().unwrap().iter().map(|one| text(one, "kind").to_owned()).collect()
}

async fn a_full_refund_revokes_the_movie_and_notifies_the_buyer_once(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let (order, payment) = bought(&app, &ann, &[movies.id("Alien")]).await;
    let made = refund(&admin, &payment, None).await.expect(201).json();
    snapshot!(made, @r#"
    {
      "id": "[id]",
      "payment_id": "[id]",
      "status": "succeeded",
      "amount": {
        "amount": "7.99",
        "currency": "USD"
      },
      "items": [
        "[id]"
      ],
      "reason": "The sound is broken.",
      "created_at": "[instant]"
    }
    "#);
    assert_eq!(order_of(&ann, &order).await["status"], "refunded");
    let refunded = payment_of(&ann, &payment).await;
    assert_eq!((text(&refunded, "status"), &refunded["refunded_amount"]), ("refunded", &dollars("7.99")));
    assert!(!is_purchased(&ann, &movies.id("Alien")).await);
    app.run_payments().await;
    let subject = format!("A refund for your Cinema order {}", text(&order, "number"));
    assert_eq!(order_mails(&app, "ann").await.last(), Some(&subject));
    assert_eq!(order_mails(&app, "ann").await.len(), 2);
    assert_eq!(kinds_of_notifications(&ann).await, ["order_refunded", "order_paid"]);
    refund(&admin, &payment, None).await.problem(409, "already_refunded");
    assert_eq!(refunds_of(&ann, &payment).await, std::slice::from_ref(&made));
    assert_eq!(refunds_of(&admin, &payment).await, std::slice::from_ref(&made));
    let bob = app.user("bob").await;
    let path = format!("/payments/{}/refunds", text(&payment, "id"));
    bob.get(&path).await.problem(404, "not_found");
    bob.post(&path, json!({"reason": "mine"})).await.problem(403, "forbidden");
    let audit = admin.get("/admin/audit?action=refund_made").await.expect(200).json();
    assert_eq!((&audit["total_items"], &audit["items"][0]["object"]["id"]), (&json!(1), &payment["id"]));
}

async fn refunds_of_items_can_return_the_whole_payment(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let (alien, amelie) = (movies.id("Alien"), movies.id("Amélie"));
    let (order, payment) = bought(&app, &ann, &[alien.clone(), amelie.clone()]).await;
    let first = refund(&admin, &payment, Some(std::slice::from_ref(&alien))).await.expect(201).json();
    assert_eq!((text(&first, "status"), &first["amount"]), ("succeeded", &dollars("7.99")));
    assert_eq!(order_of(&ann, &order).await["status"], "partially_refunded");
    assert_eq!(payment_of(&ann, &payment).await["status"], "partially_refunded");
    assert!(!is_purchased(&ann, &alien).await && is_purchased(&ann, &amelie).await);
    let again = [amelie.clone(), alien.clone()];
    refund(&admin, &payment, Some(&again)).await.problem(409, "already_refunded");
    let rest = refund(&admin, &payment, None).await.expect(201).json();
    assert_eq!((&rest["amount"], &rest["items"]), (&dollars("9.99"), &json!([amelie])));
    assert_eq!(order_of(&ann, &order).await["status"], "refunded");
    assert_eq!(payment_of(&ann, &payment).await["refunded_amount"], payment["amount"]);
    let newest_first: Vec<_> = refunds_of(&ann, &payment).await.iter().map(|one| one["id"].clone()).collect();
    assert_eq!(newest_first, [rest["id"].clone(), first["id"].clone()]);
}

async fn a_refund_with_an_idempotency_key_is_made_once(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let (_, payment) = bought(&app, &ann, &[movies.id("Alien"), movies.id("Amélie")]).await;
    let path = format!("/payments/{}/refunds", text(&payment, "id"));
    let body = json!({"items": [movies.id("Alien")], "reason": "The sound is broken."});
    let send = |body: &Value| admin.post(&path, body.clone()).header("idempotency-key", "refund 1");
    let first = send(&body).await.expect(201);
    assert_eq!(first.header("idempotency-replayed"), None);
    let again = send(&body).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.json(), first.json());
    send(&json!({"reason": "Another one."})).await.problem(422, "idempotency_key_reused");
    assert_eq!(refunds_of(&ann, &payment).await.len(), 1);
}

async fn a_refund_must_name_paid_movies(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let (_, payment) = bought(&app, &ann, &[movies.id("Alien")]).await;
    let path = format!("/payments/{}/refunds", text(&payment, "id"));
    let (alien, other) = (movies.id("Alien"), movies.id("Amélie"));
    for (body, fault) in [
        (json!({}), ("reason", "required")),
        (json!({"reason": " "}), ("reason", "too_short")),
        (json!({"reason": "x".repeat(1_001)}), ("reason", "too_long")),
        (json!({"reason": "x", "amount": 1}), ("amount", "unknown")),
        (json!({"reason": "x", "items": []}), ("items", "too_short")),
        (json!({"reason": "x", "items": [alien, alien]}), ("items.1", "repeated")),
        (json!({"reason": "x", "items": [alien, other]}), ("items.1", "not_found")),
        (json!({"reason": "x", "items": ["1"]}), ("items.0", "invalid_format")),
    ] {
        admin.post(&path, body).await.invalid(&[fault]);
    }
    let nothing = format!("/payments/{}/refunds", movies.id("Alien"));
    admin.post(nothing, json!({"reason": "x"})).await.problem(404, "not_found");
    assert_eq!(refunds_of(&ann, &payment).await, Vec::<Value>::new());
}

async fn unpaid_orders_are_not_refunded(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let (_, payment) = started(&app, &ann, movies.id("Alien")).await;
    refund(&admin, &payment, None).await.problem(409, "payment_not_paid");
    choose(&app, &payment, "expire").await.expect(303);
    app.run_payments().await;
    refund(&admin, &payment, None).await.problem(409, "payment_not_paid");
}

async fn a_free_movie_is_refunded_without_the_provider(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    put_in_cart(&ann, &[movies.id("M")]).await;
    let order = place(&ann).await.expect(201).json();
    let payment = pay(&ann, &order).await.expect(201).json();
    let made = refund(&admin, &payment, None).await.expect(201).json();
    assert_eq!((text(&made, "status"), &made["amount"]), ("succeeded", &dollars("0.00")));
    assert_eq!(order_of(&ann, &order).await["status"], "refunded");
    assert_eq!(payment_of(&ann, &payment).await["status"], "refunded");
    assert!(!is_purchased(&ann, &movies.id("M")).await);
    refund(&admin, &payment, None).await.problem(409, "already_refunded");
    assert_eq!(order_mails(&app, "ann").await.len(), 2);
}

async fn only_one_of_twenty_concurrent_refunds_of_a_movie_is_made(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let (alien, amelie) = (movies.id("Alien"), movies.id("Amélie"));
    let (_, payment) = bought(&app, &ann, &[alien.clone(), amelie]).await;
    let items = [alien];
    let answers = join_all((0..20).map(|_| refund(&admin, &payment, Some(&items)))).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1);
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        answer.problem(409, "already_refunded");
    }
    app.run_payments().await;
    assert_eq!(payment_of(&ann, &payment).await["refunded_amount"], dollars("7.99"));
    assert_eq!(order_mails(&app, "ann").await.len(), 2);
}

async fn automatically_returned_money_is_listed_among_the_refunds(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let (_, payment) = started(&app, &ann, movies.id("Alien")).await;
    cancel_in_database(&app).await;
    choose(&app, &payment, "pay").await.expect(303);
    app.run_payments().await;
    let refunds = refunds_of(&ann, &payment).await;
    assert_eq!(refunds.len(), 1);
    assert_eq!((text(&refunds[0], "status"), &refunds[0]["amount"]), ("succeeded", &dollars("7.99")));
    refund(&admin, &payment, None).await.problem(409, "already_refunded");
    assert_eq!(kinds_of_notifications(&ann).await, Vec::<String>::new());
}

async fn money_with_a_wrong_amount_is_refunded_in_full(engine: Engine) {
    let shop = Shop::open(engine).await;
    let admin = shop.app.admin().await;
    let (_, answer) = shop.started().await;
    answer.expect(201);
    shop.stripe.pay_otherwise(&shop.session(), 500, "eur").expect("an open session");
    shop.settle().await;
    let payment = shop.payment().await;
    refund(&admin, &payment, Some(std::slice::from_ref(&shop.movie_id)))
        .await
        .problem(409, "refund_exceeds_payment");
    let made = refund(&admin, &payment, None).await.expect(201).json();
    assert_eq!(made["amount"], json!({"amount": "5.00", "currency": "EUR"}));
    let payment = shop.payment().await;
    assert_eq!((text(&payment, "status"), &payment["refunded_amount"]), ("failed", &made["amount"]));
    assert_eq!(shop.stripe.books()[0].refunded, 500);
}

async fn a_refunded_movie_can_be_bought_again(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let alien = [movies.id("Alien")];
    let (_, first) = bought(&app, &ann, &alien).await;
    refund(&admin, &first, None).await.expect(201);
    let (_, second) = bought(&app, &ann, &alien).await;
    assert!(is_purchased(&ann, &alien[0]).await);
    refund(&admin, &second, None).await.expect(201);
    assert!(!is_purchased(&ann, &alien[0]).await);
}

/// Refunds an amount directly at the sandbox, then runs the background work in which the server finds this refund.
async fn refund_by_hand(app: &TestApp, payment: &Value, minor: i64) {
    let sandbox =
        app.application().use_cases().sandbox.clone().expect("the sandbox is the configured provider");
    let by_hand = RefundOrder {
        refund_id: app.next_id(),
        shop_id: app.next_id(),
        charge: format!("sandbox_charge_{}", text(payment, "id")),
        amount: Money::from_minor(minor, "USD".parse().unwrap()),
        idempotency_key: "by hand".to_owned(),
    };
    sandbox.refund(&by_hand).await.unwrap();
    app.run_payments().await;
}

async fn a_refund_made_at_the_provider_is_recorded(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let (alien, amelie) = (movies.id("Alien"), movies.id("Amélie"));
    let (order, payment) = bought(&app, &ann, &[alien.clone(), amelie.clone()]).await;
    refund_by_hand(&app, &payment, 1_000).await;
    let recorded = refunds_of(&ann, &payment).await;
    assert_eq!((&recorded[0]["amount"], &recorded[0]["items"]), (&dollars("10.00"), &json!([])));
    assert_eq!(order_of(&ann, &order).await["status"], "partially_refunded");
    assert!(
        is_purchased(&ann, &alien).await && is_purchased(&ann, &amelie).await,
        "after a partial refund at the provider, the buyer keeps all movies"
    );
    refund(&admin, &payment, Some(&[amelie])).await.problem(409, "refund_exceeds_payment");
    let rest = refund(&admin, &payment, None).await.expect(201).json();
    assert_eq!(rest["amount"], dollars("7.98"));
    assert_eq!(order_of(&ann, &order).await["status"], "refunded");
    assert!(!is_purchased(&ann, &alien).await);
}

async fn a_full_refund_at_the_provider_revokes_the_movies(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let (order, payment) = bought(&app, &ann, &[movies.id("Alien")]).await;
    refund_by_hand(&app, &payment, 799).await;
    assert_eq!(order_of(&ann, &order).await["status"], "refunded");
    assert_eq!(payment_of(&ann, &payment).await["status"], "refunded");
    assert!(!is_purchased(&ann, &movies.id("Alien")).await);
    refund(&admin, &payment, None).await.problem(409, "already_refunded");
    assert_eq!(order_mails(&app, "ann").await.len(), 2);
}

/// Opens a shop with Stripe and pays an order there. Returns the shop, its administrator, the order, and the payment.
pub(super) async fn paid_at_stripe(engine: Engine) -> (Shop, SignedIn, Value, Value) {
    let shop = Shop::open(engine).await;
    let admin = shop.app.admin().await;
    let (order, started) = shop.started().await;
    started.expect(201);
    shop.stripe.pay(&shop.session()).expect("an open session");
    shop.settle().await;
    let payment = shop.payment().await;
    (shop, admin, order, payment)
}

async fn a_refund_that_is_reported_before_its_payment_revokes_the_movie(engine: Engine) {
    let shop = Shop::open(engine).await;
    let (order, started) = shop.started().await;
    started.expect(201);
    shop.stripe.complete_unpaid(&shop.session()).expect("an open session");
    shop.settle().await;
    // Stripe does not report that the money arrived; it only reports that the money was refunded.
    shop.stripe.set_delivery(Delivery { dropped: 100, ..Delivery::RELIABLE });
    shop.stripe.settle(&shop.session()).expect("a payment in progress");
    shop.settle().await;
    shop.stripe.set_delivery(Delivery::RELIABLE);
    shop.stripe.refund_in_dashboard(&shop.charge(), None).expect("a charge that can be refunded");
    shop.settle().await;
    shop.app.advance(TimeDelta::hours(1));
    shop.settle().await;
    let buyer = shop.app.signed_in_again(&shop.buyer).await;
    assert_eq!(order_of(&buyer, &order).await["status"], "refunded");
    assert!(!is_purchased(&buyer, &shop.movie_id).await);
    shop.app.check_money().await;
}

async fn a_payment_for_a_movie_that_the_buyer_has_again_is_refunded(engine: Engine) {
    let (shop, admin, order, payment) = paid_at_stripe(engine).await;
    refund(&admin, &payment, None).await.expect(201);
    let (again, started) = shop.started().await;
    started.expect(201);
    // Stripe has reported that the refund of the first order succeeded, and now reports that it failed. So the buyer
    // has the movie again while the second order is being paid.
    shop.stripe.finish_refund(&shop.refund_id(), false).expect("a refund");
    shop.settle().await;
    assert!(shop.is_purchased().await);
    let books = shop.stripe.books();
    let open = books.iter().find(|entry| entry.captured == 0).expect("the second session");
    shop.stripe.pay(&open.session).expect("an open session");
    shop.settle().await;
    assert_eq!(
        (shop.order_status(&order).await, shop.order_status(&again).await),
        ("paid".into(), "refunded".into())
    );
    assert!(shop.is_purchased().await);
    let captured = |entry: &BookEntry| (entry.captured, entry.refunded);
    let mut books: Vec<_> = shop.stripe.books().iter().map(captured).collect();
    books.sort_unstable();
    assert_eq!(books, [(799, 0), (799, 799)], "the buyer has paid only once");
    let returned = format!("A payment for Cinema order {} was returned", text(&again, "number"));
    assert!(order_mails(&shop.app, "ann").await.contains(&returned));
    shop.app.check_money().await;
}

async fn a_refund_that_is_pending_at_stripe_takes_effect_when_it_succeeds(engine: Engine) {
    let (shop, admin, order, payment) = paid_at_stripe(engine).await;
    shop.stripe.next_refund(RefundCourse::StaysPending);
    let made = refund(&admin, &payment, None).await.expect(201).json();
    assert_eq!(made["status"], "pending");
    assert!(shop.is_purchased().await, "the buyer has the movie until the refund succeeds");
    assert_eq!(shop.order_status(&order).await, "paid");
    refund(&admin, &payment, None).await.problem(409, "already_refunded");
    let refund_id = shop.refund_id();
    shop.stripe.finish_refund(&refund_id, true).expect("a pending refund");
    shop.settle().await;
    assert_eq!(shop.order_status(&order).await, "refunded");
    assert!(!shop.is_purchased().await);
    assert_eq!(shop.paid_mails().await, 2);
}

async fn a_failed_refund_changes_nothing(engine: Engine) {
    let (shop, admin, order, payment) = paid_at_stripe(engine).await;
    shop.stripe.next_refund(RefundCourse::StaysPending);
    refund(&admin, &payment, None).await.expect(201);
    // No webhook arrives, so the server queries the provider.
    shop.stripe.set_delivery(Delivery { dropped: 100, ..Delivery::RELIABLE });
    shop.stripe.finish_refund(&shop.refund_id(), false).expect("a pending refund");
    shop.app.advance(TimeDelta::minutes(2));
    shop.settle().await;
    assert_eq!(refunds_of(&shop.buyer, &payment).await[0]["status"], "failed");
    assert_eq!(shop.order_status(&order).await, "paid");
    assert_eq!(shop.payment().await["refunded_amount"], dollars("0.00"));
    assert!(shop.is_purchased().await);
    assert_eq!(shop.paid_mails().await, 1);
    assert_eq!(order_mails(&shop.app, "admin").await.len(), 1);
    let again = refund(&admin, &payment, None).await.expect(201).json();
    assert_eq!(again["status"], "succeeded");
    assert_eq!(shop.order_status(&order).await, "refunded");
}

async fn a_refund_that_fails_after_its_success_restores_the_movie(engine: Engine) {
    let (shop, admin, order, payment) = paid_at_stripe(engine).await;
    refund(&admin, &payment, None).await.expect(201);
    assert_eq!(shop.order_status(&order).await, "refunded");
    put_in_cart(&shop.buyer, std::slice::from_ref(&shop.movie_id)).await;
    shop.stripe.finish_refund(&shop.refund_id(), false).expect("a refund");
    shop.settle().await;
    assert_eq!(shop.order_status(&order).await, "paid");
    assert!(shop.is_purchased().await);
    assert_eq!(names_in_cart(&shop.buyer).await, Vec::<String>::new());
    assert_eq!(shop.payment().await["status"], "successful");
    assert_eq!(order_mails(&shop.app, "admin").await.len(), 1);
}

async fn a_movie_that_was_bought_again_is_not_restored_twice(engine: Engine) {
    let (shop, admin, order, payment) = paid_at_stripe(engine).await;
    refund(&admin, &payment, None).await.expect(201);
    let refund_id = shop.refund_id();
    let (again, started) = shop.started().await;
    started.expect(201);
    let books = shop.stripe.books();
    let open = books.iter().find(|entry| entry.captured == 0).expect("the second session");
    shop.stripe.pay(&open.session).expect("an open session");
    shop.settle().await;
    assert_eq!(shop.order_status(&again).await, "paid");
    shop.stripe.finish_refund(&refund_id, false).expect("a refund");
    shop.settle().await;
    assert_eq!(
        shop.order_status(&order).await,
        "paid",
        "the shop has the money of the first order after the failed refund"
    );
    assert!(shop.is_purchased().await);
    shop.app.run_outbox().await;
    let mails = shop.app.mails_to(&crate::support::email_of("admin"));
    let told = mails.iter().filter(|mail| mail.text.contains("bought these movies again")).count();
    assert_eq!(told, 1);
}

async fn a_movie_of_a_failed_refund_is_restored_when_its_second_purchase_is_refunded(engine: Engine) {
    let (shop, admin, order, payment) = paid_at_stripe(engine).await;
    refund(&admin, &payment, None).await.expect(201);
    let failing = shop.refund_id();
    let (again, started) = shop.started().await;
    let second = started.expect(201).json();
    let books = shop.stripe.books();
    let open = books.iter().find(|entry| entry.captured == 0).expect("the second session");
    shop.stripe.pay(&open.session).expect("an open session");
    shop.settle().await;
    shop.stripe.finish_refund(&failing, false).expect("a refund");
    shop.settle().await;
    refund(&admin, &second, None).await.expect(201);
    shop.settle().await;
    assert_eq!(shop.order_status(&again).await, "refunded");
    assert_eq!(shop.order_status(&order).await, "paid");
    assert!(shop.is_purchased().await, "the first payment still pays for the movie");
    // When the first payment is refunded too, no payment pays for the movie any more.
    refund(&admin, &payment, None).await.expect(201);
    shop.settle().await;
    assert_eq!(shop.order_status(&order).await, "refunded");
    assert!(!shop.is_purchased().await);
}

async fn a_refund_whose_answer_was_lost_is_made_once(engine: Engine) {
    let (shop, admin, order, payment) = paid_at_stripe(engine).await;
    shop.stripe.set_delivery(Delivery { dropped: 100, ..Delivery::RELIABLE });
    shop.stripe.fail("POST /v1/refunds", Fault::Error { has_effect: true, is_saved: false }, 1);
    let made = refund(&admin, &payment, None).await.expect(201).json();
    shop.app.advance(TimeDelta::minutes(2));
    shop.settle().await;
    assert_eq!(shop.order_status(&order).await, "refunded");
    let refunds = refunds_of(&shop.buyer, &payment).await;
    assert_eq!(
        (refunds.len(), &refunds[0]["id"], text(&refunds[0], "status")),
        (1, &made["id"], "succeeded")
    );
    assert_eq!(shop.stripe.books()[0].refunded, 799);
}

async fn a_refund_that_stripe_refuses_fails(engine: Engine) {
    let (shop, admin, order, payment) = paid_at_stripe(engine).await;
    shop.stripe.set_delivery(Delivery { dropped: 100, ..Delivery::RELIABLE });
    // The server has stored a wrong identifier of the charge. So it does not find the refund that was made in the
    // dashboard, and Stripe refuses the refund of an unknown charge.
    shop.stripe.refund_in_dashboard(&shop.charge(), Some(500)).expect("a charge that can be refunded");
    shop.app.execute_sql("UPDATE payments SET charge = 'pi_unknown'").await;
    let made = refund(&admin, &payment, None).await.expect(201).json();
    assert_eq!(made["status"], "failed");
    assert_eq!(shop.order_status(&order).await, "paid");
    assert!(shop.is_purchased().await);
}

async fn a_refund_waits_while_stripe_is_unavailable(engine: Engine) {
    let (shop, admin, order, payment) = paid_at_stripe(engine).await;
    shop.stripe.fail("GET /v1/refunds", Fault::Error { has_effect: false, is_saved: false }, 1_000);
    let made = refund(&admin, &payment, None).await.expect(201).json();
    assert_eq!(made["status"], "pending");
    shop.stripe.heal();
    shop.app.advance(TimeDelta::minutes(2));
    shop.settle().await;
    assert_eq!(shop.order_status(&order).await, "refunded");
    assert_eq!(shop.stripe.books()[0].refunded, 799);
}

async fn a_refund_in_the_dashboard_whose_webhook_was_lost_is_found_in_the_list_of_events(engine: Engine) {
    let (shop, _, order, payment) = paid_at_stripe(engine).await;
    shop.stripe.set_delivery(Delivery { dropped: 100, ..Delivery::RELIABLE });
    shop.stripe.refund_in_dashboard(&shop.charge(), None).expect("a charge that can be refunded");
    shop.settle().await;
    assert_eq!(shop.order_status(&order).await, "paid");
    shop.app.run_payments_with_event_list().await;
    shop.settle().await;
    assert_eq!(shop.order_status(&order).await, "refunded");
    assert!(!shop.is_purchased().await);
    assert_eq!(refunds_of(&shop.buyer, &payment).await.len(), 1);
    shop.app.check_money().await;
}
