use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;
use test_redis::TestRedis;

use crate::support::{Engine, SignedIn, TestApp, Tokens, cases, snapshot};

cases! {
    a_refresh_gives_another_pair_that_works,
    a_refresh_token_is_valid_for_seven_days,
    each_refresh_restarts_the_seven_days,
    a_session_ends_after_ninety_days_however_often_it_is_refreshed,
    a_repeat_within_thirty_seconds_gets_the_same_successor,
    a_reuse_after_thirty_seconds_ends_the_session,
    fifty_refreshes_at_once_get_one_successor,
    fifty_concurrent_refreshes_count_once_for_the_limits_of_one_node,
    fifty_concurrent_refreshes_count_once_for_the_shared_limits,
    a_forged_truncated_or_foreign_token_is_refused,
    the_successors_of_two_log_ins_differ,
    a_refresh_needs_no_live_access_token,
    a_missing_token_is_reported_by_name,
}

fn refresh_invalid(answer: crate::support::Answer) -> crate::support::Answer {
    answer.problem(401, "refresh_token_invalid")
}

async fn a_refresh_gives_another_pair_that_works(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    app.advance(TimeDelta::minutes(10));
    let answer = app.refresh(&ann.tokens.refresh).await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    let pair = Tokens::of(&answer);
    assert_ne!(pair.refresh, ann.tokens.refresh);
    assert_ne!(pair.access, ann.tokens.access);
    ann.with_token(&pair.access).get("/cart").await.expect(200);
    app.advance(TimeDelta::minutes(10));
    ann.get("/cart").await.problem(401, "access_token_expired");
    ann.with_token(&pair.access).get("/cart").await.expect(200);
    app.refresh(&pair.refresh).await.expect(200);
}

async fn a_refresh_token_is_valid_for_seven_days(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    app.advance(TimeDelta::days(7) - TimeDelta::seconds(2));
    app.refresh(&ann.tokens.refresh).await.expect(200);
    app.advance(TimeDelta::seconds(2));
    refresh_invalid(app.refresh(&bob.tokens.refresh).await);
    app.clean_up().await;
    refresh_invalid(app.refresh(&bob.tokens.refresh).await);
}

async fn each_refresh_restarts_the_seven_days(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let mut tokens = app.user("ann").await.tokens;
    for _ in 0..4 {
        app.advance(TimeDelta::days(6));
        app.clean_up().await;
        tokens = Tokens::of(&app.refresh(&tokens.refresh).await);
    }
}

async fn a_session_ends_after_ninety_days_however_often_it_is_refreshed(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let mut tokens = app.user("ann").await.tokens;
    for _ in 0..14 {
        app.advance(TimeDelta::days(6));
        tokens = Tokens::of(&app.refresh(&tokens.refresh).await);
    }
    app.advance(TimeDelta::days(6));
    refresh_invalid(app.refresh(&tokens.refresh).await);
}

async fn a_repeat_within_thirty_seconds_gets_the_same_successor(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    app.advance(TimeDelta::minutes(1));
    let first = Tokens::of(&app.refresh(&ann.tokens.refresh).await);
    app.advance(TimeDelta::seconds(30));
    let second = Tokens::of(&app.refresh(&ann.tokens.refresh).await);
    assert_eq!(second.refresh, first.refresh, "the refresh token is the same");
    assert_ne!(second.access, first.access, "the access token is new");
    ann.with_token(&first.access).get("/cart").await.expect(200);
    ann.with_token(&second.access).get("/cart").await.expect(200);
    app.refresh(&first.refresh).await.expect(200);
}

async fn a_reuse_after_thirty_seconds_ends_the_session(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let other = SignedIn::log_in(&app.anonymous(), &ann.email, &ann.password).await;
    let successor = Tokens::of(&app.refresh(&ann.tokens.refresh).await);
    app.advance(TimeDelta::seconds(31));
    let answer = refresh_invalid(app.refresh(&ann.tokens.refresh).await);
    snapshot!(answer.json(), @r#"
    {
      "type": "[server]/problems/refresh-token-invalid",
      "title": "Invalid refresh token",
      "status": 401,
      "code": "refresh_token_invalid",
      "detail": "The refresh token is unknown, expired, ended or was used before. Log in again.",
      "instance": "/api/v1/accounts/refresh",
      "request_id": "[request_id]"
    }
    "#);
    refresh_invalid(app.refresh(&successor.refresh).await);
    app.advance(TimeDelta::seconds(5));
    ann.with_token(&successor.access).get("/cart").await.problem(401, "access_token_invalid");
    ann.get("/cart").await.problem(401, "access_token_invalid");
    other.get("/cart").await.expect(200);
    app.refresh(&other.tokens.refresh).await.expect(200);
}

async fn fifty_refreshes_at_once_get_one_successor(engine: Engine) {
    fifty_at_once(&TestApp::spawn(engine).await).await;
}

async fn fifty_concurrent_refreshes_count_once_for_the_limits_of_one_node(engine: Engine) {
    fifty_at_once(
        &TestApp::spawn_with(engine, &[("RATE_LIMITS", "on"), ("RATE_LIMIT_REFRESH", "2/1m")]).await,
    )
    .await;
}

async fn fifty_concurrent_refreshes_count_once_for_the_shared_limits(engine: Engine) {
    if TestRedis::is_skipped() {
        return;
    }
    let redis = TestRedis::start();
    let url = redis.url();
    let limits = [("RATE_LIMITS", "on"), ("RATE_LIMIT_REFRESH", "2/1m"), ("REDIS_URL", url.as_str())];
    fifty_at_once(&TestApp::spawn_with(engine, &limits).await).await;
}

/// Refreshes with one token fifty times at once, and then once with its successor. If `app` limits the rate of
/// refreshes, the limit must allow two.
async fn fifty_at_once(app: &TestApp) {
    let ann = app.user("ann").await;
    let answers = join_all((0..50).map(|_| app.refresh(&ann.tokens.refresh))).await;
    let mut successors: Vec<_> = answers.iter().map(|answer| Tokens::of(answer).refresh).collect();
    assert_eq!(successors.len(), 50);
    successors.dedup();
    assert_eq!(successors.len(), 1, "all got the same successor");
    for answer in &answers {
        ann.with_token(&Tokens::of(answer).access).get("/cart").await.expect(200);
    }
    app.refresh(&successors[0]).await.expect(200);
}

async fn a_forged_truncated_or_foreign_token_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let token = ann.tokens.refresh.clone();
    for bad in ["", "x", "a.b.c", "🎬", &token[1..], &token[..token.len() - 4], &format!("{token}x")] {
        refresh_invalid(app.refresh(bad).await);
    }
    refresh_invalid(app.refresh(&ann.tokens.access).await);
    let elsewhere =
        TestApp::spawn_with(engine, &[("APP_SECRET_KEY", "another-secret-of-thirty-two-bytes-or-more")]);
    let stranger = elsewhere.await.user("ann").await;
    refresh_invalid(app.refresh(&stranger.tokens.refresh).await);
    app.refresh(&token).await.expect(200);
}

async fn the_successors_of_two_log_ins_differ(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let other = Tokens::of(&app.log_in("ann").await);
    let (first, second) = (app.refresh(&ann.tokens.refresh).await, app.refresh(&other.refresh).await);
    assert_ne!(Tokens::of(&first).refresh, Tokens::of(&second).refresh);
}

async fn a_refresh_needs_no_live_access_token(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    app.advance(TimeDelta::days(1));
    ann.get("/cart").await.problem(401, "access_token_expired");
    let pair = Tokens::of(&app.refresh(&ann.tokens.refresh).await);
    ann.with_token(&pair.access).get("/cart").await.expect(200);
}

async fn a_missing_token_is_reported_by_name(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let call = |body| app.anonymous().post("/accounts/refresh", body);
    call(json!({})).await.invalid(&[("refresh", "required")]);
    call(json!({"refresh": 1})).await.invalid(&[("refresh", "wrong_type")]);
    call(json!({"refresh": "x", "access": "y"})).await.invalid(&[("access", "unknown")]);
}
