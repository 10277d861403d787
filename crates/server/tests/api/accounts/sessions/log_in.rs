use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Engine, TestApp, Tokens, cases, email_of, jwt_part, password_of, snapshot};

cases! {
    logging_in_gives_a_pair_of_tokens,
    a_wrong_password_and_an_unknown_email_get_the_same_answer,
    answers_that_must_not_reveal_accounts_take_the_same_work,
    an_inactive_account_is_reported_only_with_the_password,
    if_addresses_are_not_revealed_an_inactive_account_looks_unknown_and_gets_its_link,
    each_log_in_is_a_separate_session,
    a_user_may_log_in_eight_times_at_once,
    a_missing_field_is_reported_by_name,
}

async fn logging_in_gives_a_pair_of_tokens(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let answer = app.log_in("ann").await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    let tokens = Tokens::of(&answer);
    let (head, claims) = (jwt_part(&tokens.access, 0), jwt_part(&tokens.access, 1));
    assert_eq!(head["typ"], "at+jwt");
    assert!(head["kid"].is_string(), "{head}");
    assert_eq!(claims["sub"], ann.id().to_string());
    assert_eq!(claims["role"], "user");
    for claim in ["iss", "aud", "jti", "sid"] {
        assert!(!claims[claim].is_null(), "{claim}: {claims}");
    }
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 15 * 60);
    let (head, claims) = (jwt_part(&tokens.refresh, 0), jwt_part(&tokens.refresh, 1));
    assert_eq!(head["typ"], "rt+jwt");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 7 * 24 * 3600);
    ann.with_token(&tokens.access).get("/cart").await.expect(200);
}

async fn a_wrong_password_and_an_unknown_email_get_the_same_answer(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.user("ann").await;
    let log_in = |email: &str, password: &str| {
        app.anonymous().post("/accounts/login", json!({"email": email, "password": password}))
    };
    let wrong = log_in("ann@example.com", "not Ann's 1").await.problem(401, "invalid_credentials");
    let unknown = log_in("nobody@example.com", "not Ann's 1").await.problem(401, "invalid_credentials");
    for answer in [&wrong, &unknown] {
        snapshot!(answer.json(), @r#"
        {
          "type": "[server]/problems/invalid-credentials",
          "title": "Wrong email or password",
          "status": 401,
          "code": "invalid_credentials",
          "detail": "No account has this email and password.",
          "instance": "/api/v1/accounts/login",
          "request_id": "[request_id]"
        }
        "#);
    }
    let names = |answer: &crate::support::Answer| {
        answer.headers.keys().map(|name| name.as_str().to_owned()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(names(&wrong), names(&unknown));
    assert_eq!(wrong.header("www-authenticate"), unknown.header("www-authenticate"));
}

/// Compares the number of SQL statements for an active account, an account that is awaiting activation, and an address
/// without an account. The tests of the use cases compare the number of password hashes.
async fn answers_that_must_not_reveal_accounts_take_the_same_work(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.user("active").await;
    app.register("waiting").await.expect(201);
    app.run_outbox().await;
    let log_in: fn(&str) -> Value = |name| json!({"email": email_of(name), "password": "not Ann's 1"});
    let ask: fn(&str) -> Value = |name| json!({"email": email_of(name)});
    for (path, body, status) in [
        ("/accounts/login", log_in, 401),
        ("/accounts/resend-activation", ask, 200),
        ("/accounts/password-reset", ask, 202),
    ] {
        let mut statements = Vec::new();
        for name in ["active", "waiting", "nobody"] {
            let call = app.anonymous().post(path, body(name));
            statements.push(app.statements_of_answer(status, call).await);
        }
        assert!(
            statements[0] > 0 && statements.iter().all(|count| *count == statements[0]),
            "{path}: {statements:?}"
        );
    }
}

async fn an_inactive_account_is_reported_only_with_the_password(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.register("ann").await.expect(201);
    let log_in = |password: &str| {
        app.anonymous().post("/accounts/login", json!({"email": "ann@example.com", "password": password}))
    };
    log_in("not Ann's 1").await.problem(401, "invalid_credentials");
    log_in(&password_of("ann")).await.problem(403, "account_inactive");
}

async fn if_addresses_are_not_revealed_an_inactive_account_looks_unknown_and_gets_its_link(engine: Engine) {
    let app =
        TestApp::spawn_with(engine, &[("REGISTRATION_REVEALS_EMAIL", "false"), ("RATE_LIMITS", "on")]).await;
    app.register("ann").await.expect(201);
    app.run_outbox().await;
    let log_in = |name: &str, password: &str| {
        app.anonymous().post("/accounts/login", json!({"email": email_of(name), "password": password}))
    };
    let mut told = Vec::new();
    for (name, password) in [("nobody", password_of("ann")), ("ann", password_of("ann"))] {
        let answer = log_in(name, &password).await.problem(401, "invalid_credentials");
        let names: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        told.push((answer.json()["detail"].clone(), names));
    }
    assert_eq!(told[0], told[1]);
    app.run_outbox().await;
    assert_eq!((app.mails_to(&email_of("nobody")).len(), app.mails_to(&email_of("ann")).len()), (0, 2));
    // For each email address, at most five refused sign-ins per day lead to a mail. The clock is advanced by more than
    // 15 minutes, the longest wait after wrong passwords.
    for _ in 0..6 {
        log_in("ann", "Wr0ng password").await;
        app.advance(chrono::TimeDelta::minutes(16));
    }
    app.run_outbox().await;
    assert_eq!(app.mails_to(&email_of("ann")).len(), 6);
    let link = app.activation_token("ann").await;
    app.activate(&link).await.expect(200);
    app.log_in("ann").await.expect(200);
}

async fn each_log_in_is_a_separate_session(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let phone = app.user("ann").await;
    let laptop = Tokens::of(&app.log_in("ann").await);
    assert_ne!(phone.tokens.refresh, laptop.refresh);
    let sid = |token: &str| jwt_part(token, 1)["sid"].clone();
    assert_ne!(sid(&phone.tokens.access), sid(&laptop.access));
    app.log_out(&laptop.refresh).await.expect(200);
    phone.get("/cart").await.expect(200);
    app.refresh(&phone.tokens.refresh).await.expect(200);
}

async fn a_user_may_log_in_eight_times_at_once(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.user("ann").await;
    let answers = join_all((0..8).map(|_| app.log_in("ann"))).await;
    let mut refresh: Vec<_> = answers.iter().map(|answer| Tokens::of(answer).refresh).collect();
    refresh.sort();
    refresh.dedup();
    assert_eq!(refresh.len(), 8);
}

async fn a_missing_field_is_reported_by_name(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let call = |body| app.anonymous().post("/accounts/login", body);
    call(json!({})).await.invalid(&[("email", "required"), ("password", "required")]);
    call(json!({"email": 7, "password": ["x"], "remember": true})).await.invalid(&[
        ("email", "wrong_type"),
        ("password", "wrong_type"),
        ("remember", "unknown"),
    ]);
}
