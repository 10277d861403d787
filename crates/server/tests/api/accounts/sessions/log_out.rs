use chrono::TimeDelta;
use serde_json::json;

use crate::support::{Engine, TestApp, Tokens, cases, snapshot};

cases! {
    logging_out_returns_the_exact_message_and_ends_the_session,
    logging_out_ends_the_access_token_within_five_seconds_on_every_node,
    logging_out_succeeds_with_any_string,
    logging_out_with_a_rotated_token_ends_the_session_too,
    reusing_a_logged_out_token_ends_no_other_session,
    a_missing_refresh_token_is_reported_by_name,
    token_operations_ignore_the_bearer_token,
}

async fn logging_out_returns_the_exact_message_and_ends_the_session(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let answer = app.log_out(&ann.tokens.refresh).await.expect(200);
    snapshot!(answer.json(), @r#"
    {
      "message": "Logged out."
    }
    "#);
    app.refresh(&ann.tokens.refresh).await.problem(401, "refresh_token_invalid");
    ann.get("/cart").await.problem(401, "access_token_invalid");
    ann.get("/movies").await.problem(401, "access_token_invalid");
    app.log_in("ann").await.expect(200);
}

async fn logging_out_ends_the_access_token_within_five_seconds_on_every_node(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let other_node = app.second_node().await;
    let ann = app.user("ann").await;
    let elsewhere = ann.at(other_node.url());
    elsewhere.get("/cart").await.expect(200);
    app.log_out(&ann.tokens.refresh).await.expect(200);
    app.advance(TimeDelta::seconds(5));
    elsewhere.get("/cart").await.problem(401, "access_token_invalid");
    ann.get("/cart").await.problem(401, "access_token_invalid");
    let body = json!({"refresh": ann.tokens.refresh});
    elsewhere.post("/cart/merge", json!({"movie_ids": []})).await.problem(401, "access_token_invalid");
    app.anonymous()
        .at(other_node.url())
        .post("/accounts/refresh", body)
        .await
        .problem(401, "refresh_token_invalid");
}

async fn logging_out_succeeds_with_any_string(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    for refresh in ["", "x", "a.b.c", "🎬", &ann.tokens.access, &ann.tokens.refresh[1..]] {
        let answer = app.log_out(refresh).await.expect(200);
        assert_eq!(answer.json(), json!({"message": "Logged out."}));
    }
    ann.get("/cart").await.expect(200);
    app.log_out(&ann.tokens.refresh).await.expect(200);
    app.log_out(&ann.tokens.refresh).await.expect(200);
}

async fn logging_out_with_a_rotated_token_ends_the_session_too(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let successor = Tokens::of(&app.refresh(&ann.tokens.refresh).await);
    app.log_out(&ann.tokens.refresh).await.expect(200);
    app.refresh(&successor.refresh).await.problem(401, "refresh_token_invalid");
    app.advance(TimeDelta::seconds(5));
    ann.with_token(&successor.access).get("/cart").await.problem(401, "access_token_invalid");
}

async fn reusing_a_logged_out_token_ends_no_other_session(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let other = Tokens::of(&app.log_in("ann").await);
    app.log_out(&ann.tokens.refresh).await.expect(200);
    app.advance(TimeDelta::seconds(31));
    app.refresh(&ann.tokens.refresh).await.problem(401, "refresh_token_invalid");
    ann.with_token(&other.access).get("/cart").await.expect(200);
    app.refresh(&other.refresh).await.expect(200);
}

async fn a_missing_refresh_token_is_reported_by_name(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let call = |body| app.anonymous().post("/accounts/logout", body);
    call(json!({})).await.invalid(&[("refresh", "required")]);
    call(json!({"refresh": null})).await.invalid(&[("refresh", "wrong_type")]);
    call(json!({"refresh": {"token": "x"}})).await.invalid(&[("refresh", "wrong_type")]);
    call(json!({"refresh": "a\u{0}b"})).await.invalid(&[("refresh", "invalid_format")]);
}

async fn token_operations_ignore_the_bearer_token(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    app.advance(TimeDelta::hours(1));
    for stale in [&*ann, &ann.with_token("no token")] {
        let log_in = json!({"email": ann.email, "password": ann.password});
        let pair = Tokens::of(&stale.post("/accounts/login", log_in).await);
        let pair = Tokens::of(&stale.post("/accounts/refresh", json!({"refresh": pair.refresh})).await);
        stale.post("/accounts/logout", json!({"refresh": pair.refresh})).await.expect(200);
        stale.post("/accounts/resend-activation", json!({"email": ann.email})).await.expect(200);
        stale.post("/accounts/password-reset", json!({"email": ann.email})).await.expect(202);
    }
}
