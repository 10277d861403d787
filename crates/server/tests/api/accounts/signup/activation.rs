use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Engine, TestApp, cases, snapshot};

cases! {
    activating_returns_the_exact_message_and_enables_signing_in,
    a_used_token_is_refused,
    an_unknown_token_is_refused,
    a_token_is_valid_for_exactly_24_hours,
    an_expired_token_is_reported_as_expired_for_a_day_and_then_unknown,
    of_ten_concurrent_activations_one_succeeds,
    activating_one_account_does_not_activate_others,
}

async fn activating_returns_the_exact_message_and_enables_signing_in(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.register("ann").await.expect(201);
    app.log_in("ann").await.problem(403, "account_inactive");
    let token = app.activation_token("ann").await;
    let answer = app.activate(&token).await.expect(200);
    snapshot!(answer.json(), @r#"
    {
      "message": "Account activated."
    }
    "#);
    app.log_in("ann").await.expect(200);
}

async fn a_used_token_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.register("ann").await.expect(201);
    let token = app.activation_token("ann").await;
    app.activate(&token).await.expect(200);
    let again = app.activate(&token).await.problem(400, "token_invalid");
    snapshot!(again.json(), @r#"
    {
      "type": "[server]/problems/token-invalid",
      "title": "Invalid token",
      "status": 400,
      "code": "token_invalid",
      "detail": "The link's token is unknown or was used before. Ask for a new one.",
      "instance": "/api/v1/accounts/activate",
      "request_id": "[request_id]"
    }
    "#);
    app.log_in("ann").await.expect(200);
}

async fn an_unknown_token_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.register("ann").await.expect(201);
    let real = app.activation_token("ann").await;
    let flipped = real.chars().rev().collect::<String>();
    for token in ["", "x", "🎬", "' OR 1=1 --", &flipped, &format!("{real} "), &real[1..]] {
        let answer = app.activate(token).await;
        assert!(matches!(answer.status, 400 | 422), "{answer}");
        if answer.status == 400 {
            answer.problem(400, "token_invalid");
        }
    }
    app.log_in("ann").await.problem(403, "account_inactive");
    app.activate(&real).await.expect(200);
}

async fn a_token_is_valid_for_exactly_24_hours(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.register("ann").await.expect(201);
    app.register("bob").await.expect(201);
    let (anns, bobs) = (app.activation_token("ann").await, app.activation_token("bob").await);
    app.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
    app.activate(&anns).await.expect(200);
    app.advance(TimeDelta::seconds(1));
    app.activate(&bobs).await.problem(400, "token_expired");
    app.log_in("bob").await.problem(403, "account_inactive");
}

async fn an_expired_token_is_reported_as_expired_for_a_day_and_then_unknown(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.register("ann").await.expect(201);
    let token = app.activation_token("ann").await;
    app.advance(TimeDelta::hours(48) - TimeDelta::seconds(1));
    app.clean_up().await;
    app.activate(&token).await.problem(400, "token_expired");
    app.activate(&token).await.problem(400, "token_expired");
    app.advance(TimeDelta::seconds(2));
    app.clean_up().await;
    app.activate(&token).await.problem(400, "token_invalid");
    // The account is still awaiting activation, so a new link is sent.
    app.resend("ann").await.expect(200);
    let fresh = app.activation_token("ann").await;
    app.activate(&fresh).await.expect(200);
}

async fn of_ten_concurrent_activations_one_succeeds(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.register("ann").await.expect(201);
    let token = app.activation_token("ann").await;
    let mut answers = join_all((0..10).map(|_| app.activate(&token))).await;
    answers.sort_by_key(|answer| answer.status);
    answers.remove(0).expect(200);
    for answer in answers {
        answer.problem(400, "token_invalid");
    }
}

async fn activating_one_account_does_not_activate_others(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.register("ann").await.expect(201);
    app.register("bob").await.expect(201);
    let token = app.activation_token("ann").await;
    app.anonymous().post("/accounts/activate", json!({"token": token})).await.expect(200);
    app.log_in("bob").await.problem(403, "account_inactive");
    let token = app.activation_token("bob").await;
    app.activate(&token).await.expect(200);
}
