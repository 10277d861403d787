//! Concurrent requests to two nodes. Each case repeats its race as often as `CINEMA_RACE_ROUNDS` specifies (2 by
//! default). In each round, after the race, the case checks all amounts in the database, and compares them with the
//! payments at the fake Stripe.

use std::sync::Arc;

use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};
use test_stripe::BookEntry;

use super::{
    cancel,
    paying::{dollars, order_of, pay, payment_of, set_price},
    place, put_in_cart,
    refunds::{refund, refunds_of},
    stripe::{SECRETS, Shop, without_webhooks},
    text,
};
use crate::support::{Answer, Engine, SignedIn, TestApp, cases, email_of};

cases! {
    concurrent_orders_of_the_same_cart_create_one_order,
    only_one_of_twenty_parallel_payments_is_started,
    a_concurrent_cancellation_and_payment_have_one_consistent_outcome,
    a_payment_concurrent_with_a_price_change_charges_the_accepted_price,
    only_one_of_twenty_parallel_refunds_of_sixty_percent_is_made,
    concurrent_refunds_in_the_dashboard_and_by_administrators_never_exceed_the_payment,
    fifty_copies_of_a_payment_webhook_take_effect_once,
    fifty_copies_of_a_refund_webhook_take_effect_once,
    fifty_copies_of_a_dispute_webhook_take_effect_once,
    concurrent_webhooks_redirects_and_checks_pay_an_order_once,
}

/// Returns how often each case repeats its race.
#[expect(clippy::disallowed_methods, reason = "the environment determines how long the cases run")]
fn rounds() -> u32 {
    std::env::var("CINEMA_RACE_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}

/// Returns a caller that sends requests of the user `person`, with the same tokens, to `node`.
fn at(node: &TestApp, person: &SignedIn) -> SignedIn {
    SignedIn::holding(&node.anonymous(), &person.email, &person.password, person.tokens.clone())
}

/// A shop that two nodes serve, with a fake Stripe that delivers no webhooks by itself.
struct TwoNodes {
    shop: Shop,
    other: TestApp,
    admin: SignedIn,
    alien: String,
    amelie: String,
}

impl TwoNodes {
    async fn open(engine: Engine) -> Self {
        let shop = without_webhooks(Shop::open(engine).await);
        let other = shop.app.second_node().await;
        let admin = shop.app.admin().await;
        let found = admin.get("/movies?title=Am%C3%A9lie").await.expect(200).json();
        let amelie = text(&found["items"][0], "id").to_owned();
        Self { alien: shop.movie_id.clone(), amelie, shop, other, admin }
    }

    fn nodes(&self) -> [&TestApp; 2] {
        [&self.shop.app, &self.other]
    }

    /// Creates a buyer; returns a caller for each node.
    async fn buyer(&self, round: u32) -> [SignedIn; 2] {
        let buyer = self.shop.app.user(&format!("buyer{round}")).await;
        let there = at(&self.other, &buyer);
        [buyer, there]
    }

    /// Creates a buyer who has ordered these movies and started the payment. Returns a caller for each node, the order,
    /// and the payment.
    async fn started(&self, round: u32, movies: &[String]) -> ([SignedIn; 2], Value, Value) {
        let tabs = self.buyer(round).await;
        put_in_cart(&tabs[0], movies).await;
        let order = place(&tabs[0]).await.expect(201).json();
        let payment = pay(&tabs[1], &order).await.expect(201).json();
        (tabs, order, payment)
    }

    /// Creates a buyer whose order of these movies is paid. Returns a caller for each node, the order, and the payment.
    async fn bought(&self, round: u32, movies: &[String]) -> ([SignedIn; 2], Value, Value) {
        let (tabs, order, payment) = self.started(round, movies).await;
        self.pay_at_stripe(&payment);
        self.send_copies("checkout.session.completed", 1).await;
        assert_eq!(order_of(&tabs[0], &order).await["status"], "paid");
        (tabs, order, payment)
    }

    /// Returns the fake Stripe's record of a payment.
    fn entry(&self, payment: &Value) -> BookEntry {
        let mut books = self.shop.stripe.books().into_iter();
        let found = books.find(|entry| entry.payment_id.as_deref() == payment["id"].as_str());
        found.expect("a session of the payment")
    }

    fn pay_at_stripe(&self, payment: &Value) {
        self.shop.stripe.pay(&self.entry(payment).session).expect("an open session");
    }

    /// Sends copies of the newest event of this kind to both nodes concurrently. After each copy, the node that
    /// received the copy processes events. Returns how many events were processed.
    async fn send_copies(&self, kind: &str, copies: usize) -> u64 {
        let events = self.shop.stripe.events();
        let event = events.iter().rev().find(|event| event["type"] == kind).expect("an event of this kind");
        let body = event.to_string();
        let nodes = self.nodes();
        let callers = nodes.map(TestApp::anonymous);
        let signature = test_stripe::signature(&SECRETS[..1], self.shop.app.now().timestamp(), &body);
        let processed = join_all((0..copies).map(|copy| {
            let (caller, node) = (&callers[copy % 2], nodes[copy % 2]);
            let (signature, body) = (&signature, &body);
            async move {
                let send = || {
                    let call = caller.call(Method::POST, "/payments/webhooks/stripe");
                    let call = call.header("stripe-signature", signature);
                    call.body("application/json", body.clone()).into_future()
                };
                answered(send).await.expect(200);
                node.process_payment_events().await
            }
        }))
        .await;
        processed.iter().sum()
    }

    /// Reads Stripe's list of events on both nodes concurrently, processes everything that is pending, and checks that
    /// all amounts agree.
    async fn settle(&self) {
        let [one, two] = self.nodes();
        join(one.run_payments_with_event_list(), two.run_payments_with_event_list()).await;
        one.run_payments().await;
        one.check_money().await;
    }

    /// Sends all pending mails. Returns the number of mails that the buyer of this round has got about paid orders.
    async fn paid_mails(&self, round: u32) -> usize {
        let [one, two] = self.nodes();
        join(one.run_outbox(), two.run_outbox()).await;
        let mails = one.mails_to(&email_of(&format!("buyer{round}")));
        mails.iter().filter(|mail| mail.subject.ends_with("is paid")).count()
    }
}

/// Returns the number of answers with this status.
fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

/// Makes a call, and repeats it while the answer is 503 (the server is overloaded), as clients do. Makes at most a
/// hundred calls in total; returns the last answer.
async fn answered<F: Future<Output = Answer>>(call: impl Fn() -> F) -> Answer {
    for _ in 0..99 {
        let answer = call().await;
        if answer.status != 503 {
            return answer;
        }
    }
    call().await
}

/// Opens a shop in which Alien costs six dollars and Amélie costs four. Returns the shop, and a caller for its
/// administrator at each node.
async fn shop_with_six_and_four_dollars(engine: Engine) -> (TwoNodes, [SignedIn; 2]) {
    let shop = TwoNodes::open(engine).await;
    set_price(&shop.shop.app, "Alien", 600).await;
    set_price(&shop.shop.app, "Amélie", 400).await;
    let admins = shop.nodes().map(|node| at(node, &shop.admin));
    (shop, admins)
}

/// Sends this many requests to pay the order, concurrently to both nodes; returns the answers.
async fn pay_at_both(tabs: &[SignedIn; 2], order: &Value, payments: usize) -> Vec<Answer> {
    let payments = (0..payments).map(|n| {
        let tab = &tabs[n % 2];
        answered(move || pay(tab, order))
    });
    join_all(payments).await
}

/// Sends this many requests to refund the first of `movies`, concurrently to both nodes; returns the answers.
async fn refund_first_movie(
    admins: &[SignedIn; 2],
    payment: &Value,
    movies: &[String],
    refunds: usize,
) -> Vec<Answer> {
    let refunds = (0..refunds).map(|n| {
        let admin = &admins[n % 2];
        answered(move || refund(admin, payment, Some(&movies[..1])))
    });
    join_all(refunds).await
}

async fn concurrent_orders_of_the_same_cart_create_one_order(engine: Engine) {
    let shop = TwoNodes::open(engine).await;
    for round in 0..rounds() {
        let tabs = shop.buyer(round).await;
        put_in_cart(&tabs[0], &[shop.alien.clone(), shop.amelie.clone()]).await;
        let orders = (0..4).map(|n| {
            let tab = &tabs[n % 2];
            answered(move || place(tab))
        });
        let answers = join_all(orders).await;
        assert_eq!(count(&answers, 201), 1, "{answers:?}");
        for answer in answers.into_iter().filter(|answer| answer.status != 201) {
            answer.problem(409, "cart_empty");
        }
        assert_eq!(tabs[0].get("/orders").await.expect(200).json()["total_items"], 1);
        shop.settle().await;
    }
}

async fn only_one_of_twenty_parallel_payments_is_started(engine: Engine) {
    let shop = TwoNodes::open(engine).await;
    for round in 0..rounds() {
        let tabs = shop.buyer(round).await;
        put_in_cart(&tabs[0], std::slice::from_ref(&shop.alien)).await;
        let order = place(&tabs[0]).await.expect(201).json();
        let answers = pay_at_both(&tabs, &order, 20).await;
        assert_eq!((count(&answers, 201), count(&answers, 200)), (1, 19), "{answers:?}");
        let payments = tabs[0].get("/payments").await.expect(200).json();
        assert_eq!(payments["total_items"], 1);
        shop.pay_at_stripe(&payments["items"][0]);
        shop.settle().await;
        assert_eq!(order_of(&tabs[0], &order).await["status"], "paid");
        assert_eq!(shop.paid_mails(round).await, 1);
    }
}

async fn a_concurrent_cancellation_and_payment_have_one_consistent_outcome(engine: Engine) {
    let shop = TwoNodes::open(engine).await;
    for round in 0..rounds() {
        let (tabs, order, payment) = shop.started(round, std::slice::from_ref(&shop.alien)).await;
        let (stripe, session) = (Arc::clone(&shop.shop.stripe), shop.entry(&payment).session);
        let paying = tokio::task::spawn_blocking(move || stripe.pay(&session).is_ok());
        let (paid, canceled, ()) =
            tokio::join!(paying, cancel(&tabs[1], &order), shop.shop.app.run_payments_with_event_list());
        shop.settle().await;
        let (order, payment) = (order_of(&tabs[0], &order).await, payment_of(&tabs[0], &payment).await);
        let found = (paid.unwrap(), canceled.status, text(&order, "status"), text(&payment, "status"));
        assert!(
            found == (false, 200, "canceled", "canceled") || found == (true, 409, "paid", "successful"),
            "{found:?}"
        );
        assert_eq!(shop.paid_mails(round).await, usize::from(canceled.status == 409));
    }
}

async fn a_payment_concurrent_with_a_price_change_charges_the_accepted_price(engine: Engine) {
    let shop = TwoNodes::open(engine).await;
    for round in 0..rounds() {
        set_price(&shop.shop.app, "Alien", 799).await;
        let tabs = shop.buyer(round).await;
        put_in_cart(&tabs[0], std::slice::from_ref(&shop.alien)).await;
        let order = place(&tabs[0]).await.expect(201).json();
        let price = json!({"price": dollars("9.00")});
        let path = format!("/movies/{}", shop.alien);
        let (changed, answers) =
            join(async { shop.admin.patch(path, price).await }, pay_at_both(&tabs, &order, 6)).await;
        changed.expect(200);
        for answer in answers {
            match answer.status {
                200 | 201 => assert_eq!(answer.json()["amount"], dollars("7.99")),
                _ => drop(answer.problem(409, "price_changed")),
            }
        }
        let path = format!("/orders/{}/payments", text(&order, "id"));
        let accepted = json!({"accept_total": dollars("9.00")});
        let payment = tabs[1].post(&path, accepted).await.json();
        assert_eq!(payment["amount"], dollars("9.00"), "{payment}");
        shop.pay_at_stripe(&payment);
        shop.settle().await;
        let order = order_of(&tabs[0], &order).await;
        assert_eq!((&order["status"], &order["total"]), (&json!("paid"), &dollars("9.00")));
        assert_eq!(shop.paid_mails(round).await, 1);
    }
}

async fn only_one_of_twenty_parallel_refunds_of_sixty_percent_is_made(engine: Engine) {
    let (shop, admins) = shop_with_six_and_four_dollars(engine).await;
    for round in 0..rounds() {
        let movies = [shop.alien.clone(), shop.amelie.clone()];
        let (tabs, _, payment) = shop.bought(round, &movies).await;
        let answers = refund_first_movie(&admins, &payment, &movies, 20).await;
        assert_eq!(count(&answers, 201), 1, "{answers:?}");
        for answer in answers.into_iter().filter(|answer| answer.status != 201) {
            answer.problem(409, "already_refunded");
        }
        shop.settle().await;
        assert_eq!(payment_of(&tabs[0], &payment).await["refunded_amount"], dollars("6.00"));
        assert_eq!(refunds_of(&tabs[0], &payment).await.len(), 1);
    }
}

async fn concurrent_refunds_in_the_dashboard_and_by_administrators_never_exceed_the_payment(engine: Engine) {
    let (shop, admins) = shop_with_six_and_four_dollars(engine).await;
    for round in 0..rounds() {
        let movies = [shop.alien.clone(), shop.amelie.clone()];
        let (tabs, _, payment) = shop.bought(round, &movies).await;
        let (stripe, intent) = (
            Arc::clone(&shop.shop.stripe),
            shop.entry(&payment).intent.expect("the intent of a paid session"),
        );
        let by_hand =
            tokio::task::spawn_blocking(move || stripe.refund_in_dashboard(&intent, Some(600)).is_ok());
        let answers = refund_first_movie(&admins, &payment, &movies, 6).await;
        let by_hand = by_hand.await.unwrap();
        shop.settle().await;
        let refunds = refunds_of(&tabs[0], &payment).await;
        let made = refunds.iter().filter(|refund| refund["status"] == "succeeded").count();
        assert_eq!(made, 1, "{by_hand} {answers:?} {refunds:?}");
        assert_eq!(payment_of(&tabs[0], &payment).await["refunded_amount"], dollars("6.00"));
    }
}

async fn fifty_copies_of_a_payment_webhook_take_effect_once(engine: Engine) {
    let shop = TwoNodes::open(engine).await;
    for round in 0..rounds() {
        let (tabs, order, payment) = shop.started(round, std::slice::from_ref(&shop.alien)).await;
        shop.pay_at_stripe(&payment);
        assert_eq!(shop.send_copies("checkout.session.completed", 50).await, 1);
        assert_eq!(order_of(&tabs[0], &order).await["status"], "paid");
        shop.settle().await;
        assert_eq!(shop.paid_mails(round).await, 1);
    }
}

async fn fifty_copies_of_a_refund_webhook_take_effect_once(engine: Engine) {
    let shop = TwoNodes::open(engine).await;
    for round in 0..rounds() {
        let (tabs, order, payment) = shop.bought(round, std::slice::from_ref(&shop.alien)).await;
        let intent = shop.entry(&payment).intent.expect("the intent of a paid session");
        shop.shop.stripe.refund_in_dashboard(&intent, Some(300)).expect("a charge that can be refunded");
        assert_eq!(shop.send_copies("refund.created", 50).await, 1);
        assert_eq!(order_of(&tabs[0], &order).await["status"], "partially_refunded");
        shop.settle().await;
        assert_eq!(refunds_of(&tabs[0], &payment).await.len(), 1);
        assert_eq!(payment_of(&tabs[0], &payment).await["refunded_amount"], dollars("3.00"));
    }
}

async fn fifty_copies_of_a_dispute_webhook_take_effect_once(engine: Engine) {
    let shop = TwoNodes::open(engine).await;
    for round in 0..rounds() {
        let (tabs, order, payment) = shop.bought(round, std::slice::from_ref(&shop.alien)).await;
        let intent = shop.entry(&payment).intent.expect("the intent of a paid session");
        let dispute =
            shop.shop.stripe.open_dispute(&intent, None, false).expect("a charge that can be disputed");
        assert_eq!(shop.send_copies("charge.dispute.created", 50).await, 1);
        let open = shop.admin.get("/admin/disputes?status=open").await.expect(200).json();
        assert_eq!(open["total_items"], 1);
        shop.settle().await;
        shop.shop.stripe.close_dispute(&dispute, "lost").expect("an open dispute");
        assert_eq!(shop.send_copies("charge.dispute.closed", 50).await, 1);
        let lost = shop.admin.get("/admin/disputes?status=lost").await.expect(200).json();
        assert_eq!(lost["total_items"], round + 1);
        shop.settle().await;
        assert_eq!(order_of(&tabs[0], &order).await["status"], "paid");
        let payment = payment_of(&tabs[0], &payment).await;
        assert_eq!(payment["disputed_amount"], payment["amount"]);
    }
}

/// Simulates a buyer who returns from Stripe: the page reads the order, and the buyer tries to pay again and to cancel,
/// while webhooks arrive and the nodes read Stripe's list of events.
async fn concurrent_webhooks_redirects_and_checks_pay_an_order_once(engine: Engine) {
    let shop = TwoNodes::open(engine).await;
    let [one, two] = shop.nodes();
    for round in 0..rounds() {
        let (tabs, order, payment) = shop.started(round, std::slice::from_ref(&shop.alien)).await;
        shop.pay_at_stripe(&payment);
        let (_, _, again, canceled, (), ()) = tokio::join!(
            shop.send_copies("checkout.session.completed", 3),
            order_of(&tabs[0], &order),
            pay(&tabs[1], &order),
            cancel(&tabs[0], &order),
            one.run_payments_with_event_list(),
            two.run_payments_with_event_list(),
        );
        // Until a node knows that the order was paid, an attempt to pay again returns the same payment.
        if again.status == 200 {
            assert_eq!(again.json()["id"], payment["id"]);
        } else {
            again.problem(409, "order_not_pending");
        }
        canceled.problem(409, "order_paid");
        shop.settle().await;
        assert_eq!(order_of(&tabs[0], &order).await["status"], "paid");
        assert_eq!(tabs[0].get("/payments").await.expect(200).json()["total_items"], 1);
        assert_eq!(shop.paid_mails(round).await, 1);
    }
}
