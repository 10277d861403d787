use adapter_crypto::{AppSecret, HmacSigner, KeyRing};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use domain::{entropy::Signer, time::Instant};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    paying::{choose, order_mails, started},
    text,
};
use crate::support::{Call, Caller, Engine, SECRET, TestApp, cases};

cases! {
    only_one_of_fifty_concurrent_copies_of_a_webhook_is_processed,
    a_webhook_without_a_valid_signature_is_refused,
    a_webhook_with_a_wrong_timestamp_is_refused,
    a_signed_webhook_that_is_not_an_event_is_refused,
    other_events_are_stored_without_effect,
    texts_that_postgresql_cannot_store_get_the_same_answers_with_both_databases,
    a_large_webhook_is_refused,
    an_event_that_was_stored_before_a_crash_is_processed_by_another_node,
    a_webhook_that_arrives_after_the_order_was_canceled_changes_nothing,
}

const PATH: &str = "/payments/webhooks/sandbox";

/// Returns the signature header of a webhook with this body, as the sandbox (the simulated payment provider) makes it.
fn signature(body: &str, at: Instant) -> String {
    let signer = HmacSigner::new(&KeyRing::new(AppSecret::new(SECRET.as_bytes()), Vec::new()));
    let seconds = at.timestamp().to_string();
    let tag = signer.sign(&[b"sandbox webhook", seconds.as_bytes(), body.as_bytes()]);
    format!("t={seconds},v1={}", URL_SAFE_NO_PAD.encode(tag))
}

fn event(app: &TestApp, id: &str, kind: &str, payment: &Value) -> String {
    let checkout = format!("sandbox_checkout_{}", text(payment, "id"));
    json!({"id": id, "kind": kind, "created_at": app.now().timestamp_micros(), "checkout": checkout})
        .to_string()
}

fn send(caller: &Caller, body: &str, signature: &str) -> Call {
    let call = caller.call(Method::POST, PATH).header("sandbox-signature", signature);
    call.body("application/json", body.to_owned())
}

async fn only_one_of_fifty_concurrent_copies_of_a_webhook_is_processed(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (order, payment) = started(&app, &ann, movies.id("Alien")).await;
    choose(&app, &payment, "pay").await.expect(303);
    let body = event(&app, "evt_1", "checkout.paid", &payment);
    let signature = signature(&body, app.now());
    let provider = app.anonymous();
    let copies = join_all((0..50).map(|_| async {
        // Retries the webhook while the answer is 503, as a payment provider does. The server may answer with 503 when
        // the machine is busy.
        let answer = loop {
            let answer = send(&provider, &body, &signature).await;
            if answer.status != 503 {
                break answer.expect(200);
            }
        };
        assert_eq!(answer.json(), json!({"received": true}));
        app.process_payment_events().await
    }))
    .await;
    assert_eq!(copies.iter().sum::<u64>(), 1);
    app.run_payments().await;
    let order = ann.get(format!("/orders/{}", text(&order, "id"))).await.expect(200).json();
    assert_eq!(order["status"], "paid");
    assert_eq!(order_mails(&app, "ann").await.len(), 1);
    let cells = app.stored_texts().await;
    let count =
        |table: &str| cells.iter().filter(|cell| cell.table == table && cell.column == "user_id").count();
    assert_eq!((count("purchases"), count("payments")), (1, 1));
}

async fn a_webhook_without_a_valid_signature_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (_, payment) = started(&app, &ann, movies.id("Alien")).await;
    let body = event(&app, "evt_1", "checkout.paid", &payment);
    let right = signature(&body, app.now());
    let provider = app.anonymous();
    let other = event(&app, "evt_2", "checkout.paid", &payment);
    for (body, signature) in [
        (&body, String::new()),
        (&body, "t=1,v1=".to_owned()),
        (&body, right.replace("v1=", "v0=")),
        (&body, format!("{right}AA")),
        (&other, right.clone()),
    ] {
        send(&provider, body, &signature).await.problem(400, "signature_invalid");
    }
    provider
        .call(Method::POST, PATH)
        .body("application/json", body.clone())
        .await
        .problem(400, "signature_invalid");
    let unknown = provider.call(Method::POST, "/payments/webhooks/cash").body("application/json", "{}");
    unknown.await.problem(404, "not_found");
    let stored = app.stored_texts().await;
    assert!(!stored.iter().any(|cell| cell.table == "webhook_events"), "nothing is stored");
}

async fn a_webhook_with_a_wrong_timestamp_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let body =
        json!({"id": "evt_1", "kind": "other", "created_at": app.now().timestamp_micros(), "checkout": "x"})
            .to_string();
    let provider = app.anonymous();
    for (seconds, is_taken) in [(-301, false), (-300, true), (300, true), (301, false)] {
        let signature = signature(&body, app.now() + TimeDelta::seconds(seconds));
        let answer = send(&provider, &body, &signature).await;
        if is_taken {
            answer.expect(200);
        } else {
            answer.problem(400, "signature_invalid");
        }
    }
}

async fn a_signed_webhook_that_is_not_an_event_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for body in ["", "nonsense", "[]", "{}"] {
        let signature = signature(body, app.now());
        send(&app.anonymous(), body, &signature).await.problem(400, "malformed_request");
    }
}

async fn other_events_are_stored_without_effect(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (_, payment) = started(&app, &ann, movies.id("Alien")).await;
    let unknown = json!({"id": uuid::Uuid::nil()});
    for body in [
        event(&app, "evt_1", "customer.created", &payment),
        event(&app, "evt_2", "checkout.paid", &unknown),
        event(&app, "evt_3", "checkout.paid", &payment),
    ] {
        let signature = signature(&body, app.now());
        send(&app.anonymous(), &body, &signature).await.expect(200);
    }
    app.run_payments().await;
    let payment = ann.get(format!("/payments/{}", text(&payment, "id"))).await.expect(200).json();
    assert_eq!(payment["status"], "pending", "the provider reports that the checkout is open");
}

async fn texts_that_postgresql_cannot_store_get_the_same_answers_with_both_databases(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (long, longest) = ("e".repeat(256), "e".repeat(255));
    for (id, kind, checkout, status) in [
        ("evt_\0", "checkout.paid", "x", 200),
        ("evt_2", "checkout.paid\0", "x", 200),
        ("evt_3", "checkout.paid", "\0", 200),
        (longest.as_str(), "checkout.paid", "x", 200),
        (long.as_str(), "checkout.paid", "x", 400),
        ("evt_4", long.as_str(), "x", 400),
        ("evt_5", "checkout.paid", long.as_str(), 400),
    ] {
        let body =
            json!({"id": id, "kind": kind, "created_at": app.now().timestamp_micros(), "checkout": checkout})
                .to_string();
        let signature = signature(&body, app.now());
        // A repeated webhook gets the same answer.
        for _ in 0..2 {
            send(&app.anonymous(), &body, &signature).await.expect(status);
        }
    }
    assert_eq!(app.process_payment_events().await, 4, "each accepted event is stored once");
}

async fn a_large_webhook_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for (size, status) in [(256 * 1024, 400), (256 * 1024 + 1, 413)] {
        let body = " ".repeat(size);
        let signature = signature(&body, app.now());
        send(&app.anonymous(), &body, &signature).await.expect(status);
    }
}

async fn an_event_that_was_stored_before_a_crash_is_processed_by_another_node(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (order, payment) = started(&app, &ann, movies.id("Alien")).await;
    choose(&app, &payment, "pay").await.expect(303);
    let body = event(&app, "evt_1", "checkout.paid", &payment);
    send(&app.anonymous(), &body, &signature(&body, app.now())).await.expect(200);
    // Simulates a process that claimed the event for a minute and then stopped.
    let claimed = app.now() + TimeDelta::minutes(1);
    let claimed = if engine == Engine::Sqlite {
        claimed.timestamp_micros().to_string()
    } else {
        format!("'{}'", claimed.to_rfc3339())
    };
    app.execute_sql(&format!("UPDATE webhook_events SET attempts = 1, locked_until = {claimed}")).await;
    let other = app.second_node().await;
    assert_eq!(other.process_payment_events().await, 0);
    app.advance(TimeDelta::minutes(1));
    assert_eq!(other.process_payment_events().await, 1);
    let order = ann.get(format!("/orders/{}", text(&order, "id"))).await.expect(200).json();
    assert_eq!(order["status"], "paid");
}

async fn a_webhook_that_arrives_after_the_order_was_canceled_changes_nothing(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (order, payment) = started(&app, &ann, movies.id("Alien")).await;
    choose(&app, &payment, "decline").await.expect(303);
    let path = format!("/orders/{}", text(&order, "id"));
    super::cancel(&ann, &order).await.expect(200);
    let before = ann.get(&path).await.expect(200).json();
    app.run_payments().await;
    assert_eq!(ann.get(&path).await.expect(200).json(), before);
    let payment = ann.get(format!("/payments/{}", text(&payment, "id"))).await.expect(200).json();
    assert_eq!(payment["status"], "failed", "the last attempt was declined");
}
