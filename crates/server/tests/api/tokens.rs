//! Access tokens: which tokens are accepted, and how all other tokens are refused.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use domain::accounts::Role;
use serde_json::{Value, json};

use crate::support::{Answer, Engine, TestApp, cases, jwt_part, snapshot};

cases! {
    a_visitor_is_asked_to_sign_in,
    an_access_token_is_valid_for_exactly_fifteen_minutes,
    the_lifetime_of_an_access_token_is_a_setting,
    an_expired_token_is_distinguished_from_an_invalid_one,
    a_bad_token_is_refused_on_open_routes_too,
    a_token_without_a_signature_is_refused,
    a_tampered_token_is_refused,
    a_refresh_token_is_not_an_access_token,
    a_token_of_another_server_is_refused,
    an_authorization_other_than_a_bearer_token_is_refused,
    the_scheme_is_case_insensitive,
    a_deactivated_user_is_refused_within_five_seconds,
    a_changed_role_takes_effect_within_five_seconds_with_the_same_token,
}

fn refused(answer: Answer) {
    let answer = answer.problem(401, "access_token_invalid");
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
}

/// Encodes one part of a JSON Web Token.
fn written(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

async fn a_visitor_is_asked_to_sign_in(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let answer = app.anonymous().get("/cart").await.problem(401, "unauthenticated");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    snapshot!(answer.json(), @r#"
    {
      "type": "[server]/problems/unauthenticated",
      "title": "Sign-in needed",
      "status": 401,
      "code": "unauthenticated",
      "detail": "This needs a signed-in user. Send `Authorization: Bearer` with an access token.",
      "instance": "/api/v1/cart",
      "request_id": "[request_id]"
    }
    "#);
}

async fn an_access_token_is_valid_for_exactly_fifteen_minutes(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    app.advance(TimeDelta::minutes(15) - TimeDelta::seconds(1));
    ann.get("/cart").await.expect(200);
    app.advance(TimeDelta::seconds(1));
    ann.get("/cart").await.problem(401, "access_token_expired");
}

async fn the_lifetime_of_an_access_token_is_a_setting(engine: Engine) {
    let app =
        TestApp::spawn_with(engine, &[("ACCESS_TOKEN_TTL_MIN", "2"), ("REFRESH_TOKEN_TTL_DAYS", "1")]).await;
    let ann = app.user("ann").await;
    ann.get("/cart").await.expect(200);
    app.advance(TimeDelta::minutes(2));
    ann.get("/cart").await.problem(401, "access_token_expired");
    app.advance(TimeDelta::days(1));
    app.refresh(&ann.tokens.refresh).await.problem(401, "refresh_token_invalid");
}

async fn an_expired_token_is_distinguished_from_an_invalid_one(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    app.advance(TimeDelta::hours(1));
    let answer = ann.get("/cart").await.problem(401, "access_token_expired");
    assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer error=\"invalid_token\""));
    let token = &ann.tokens.access;
    let (unsigned, _) = token.rsplit_once('.').unwrap();
    refused(ann.with_token(&format!("{unsigned}.{}", URL_SAFE_NO_PAD.encode([0_u8; 32]))).get("/cart").await);
}

async fn a_bad_token_is_refused_on_open_routes_too(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movie = app.import_small_catalogue().await.id("Alien");
    let ann = app.user("ann").await;
    let broken = ann.with_token("not.a.token");
    for path in ["/movies".to_owned(), format!("/movies/{movie}"), "/genres".to_owned()] {
        refused(broken.get(&path).await);
        ann.get(&path).await.expect(200);
    }
    app.advance(TimeDelta::hours(1));
    ann.get("/movies").await.problem(401, "access_token_expired");
    app.anonymous().get("/movies").await.expect(200);
}

async fn a_token_without_a_signature_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let claims = ann.tokens.access.split('.').nth(1).unwrap();
    for alg in ["none", "None", "NONE", "nOnE"] {
        let head = written(&json!({"alg": alg, "typ": "at+jwt"}));
        for token in
            [format!("{head}.{claims}."), format!("{head}.{claims}"), format!("{head}.{claims}.AAAA")]
        {
            refused(ann.with_token(&token).get("/cart").await);
        }
    }
}

async fn a_tampered_token_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let token = &ann.tokens.access;
    let parts: Vec<_> = token.split('.').collect();
    let mut claims = jwt_part(token, 1);
    claims["role"] = "admin".into();
    refused(ann.with_token(&format!("{}.{}.{}", parts[0], written(&claims), parts[2])).get("/cart").await);
    let mut claims = jwt_part(token, 1);
    claims["sub"] = bob.id().to_string().into();
    refused(ann.with_token(&format!("{}.{}.{}", parts[0], written(&claims), parts[2])).get("/cart").await);
    let mut claims = jwt_part(token, 1);
    claims["exp"] = (claims["exp"].as_i64().unwrap() + 1_000_000).into();
    refused(ann.with_token(&format!("{}.{}.{}", parts[0], written(&claims), parts[2])).get("/cart").await);
    let mut head = jwt_part(token, 0);
    head["jku"] = "https://evil.example.com/keys".into();
    refused(ann.with_token(&format!("{}.{}.{}", written(&head), parts[1], parts[2])).get("/cart").await);
    let bobs: Vec<_> = bob.tokens.access.split('.').collect();
    refused(ann.with_token(&format!("{}.{}.{}", parts[0], parts[1], bobs[2])).get("/cart").await);
    ann.get("/cart").await.expect(200);
}

async fn a_refresh_token_is_not_an_access_token(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    refused(ann.with_token(&ann.tokens.refresh).get("/cart").await);
    app.refresh(&ann.tokens.access).await.problem(401, "refresh_token_invalid");
    ann.get("/cart").await.expect(200);
}

async fn a_token_of_another_server_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let secret = "another-secret-of-thirty-two-bytes-or-more";
    let elsewhere = TestApp::spawn_with(engine, &[("APP_SECRET_KEY", secret)]).await;
    let stranger = elsewhere.user("ann").await;
    let ann = app.user("ann").await;
    refused(ann.with_token(&stranger.tokens.access).get("/cart").await);
}

async fn an_authorization_other_than_a_bearer_token_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let token = &ann.tokens.access;
    for value in [
        "",
        "Bearer",
        "Bearer ",
        token,
        "Basic YW5uOnB3",
        &format!("Token {token}"),
        &format!("Bearer {token} x"),
    ] {
        refused(app.anonymous().get("/cart").header("authorization", value).await);
    }
    let long = format!("Bearer {}", "a".repeat(6_000));
    refused(app.anonymous().get("/cart").header("authorization", long).await);
    refused(app.anonymous().get("/cart").header("authorization", b"Bearer \xff\xfe").await);
    refused(ann.get("/cart").header("authorization", "Bearer x.y.z").await);
}

async fn the_scheme_is_case_insensitive(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    for scheme in ["bearer", "BEARER", "Bearer"] {
        let value = format!("{scheme} {}", ann.tokens.access);
        app.anonymous().get("/cart").header("authorization", value).await.expect(200);
    }
}

async fn a_deactivated_user_is_refused_within_five_seconds(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    ann.get("/cart").await.expect(200);
    app.change_user(&ann, |user| user.deactivate(user.created_at).expect("an active account")).await;
    app.advance(TimeDelta::seconds(5));
    refused(ann.get("/cart").await);
    refused(ann.get("/movies").await);
    app.refresh(&ann.tokens.refresh).await.problem(401, "refresh_token_invalid");
    app.log_in("ann").await.problem(403, "account_deactivated");
}

async fn a_changed_role_takes_effect_within_five_seconds_with_the_same_token(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    app.withdraw("Alien").await;
    let path = format!("/movies/{}", movies.id("Alien"));
    ann.get(&path).await.problem(404, "not_found");
    app.change_user(&ann, |user| user.role = Role::Moderator).await;
    app.advance(TimeDelta::seconds(5));
    ann.get(&path).await.expect(200);
    app.change_user(&ann, |user| user.role = Role::User).await;
    app.advance(TimeDelta::seconds(5));
    ann.get(&path).await.problem(404, "not_found");
}
