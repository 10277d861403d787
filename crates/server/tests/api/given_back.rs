//! Calls that fail with 503 count only against the global rate limit. They do not count against the limits of their
//! operations, so that clients can retry them.

use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Call, Engine, TestApp, cases, email_of, password_of};

cases! {
    requests_refused_by_an_outage_do_not_use_up_quotas: on_postgres_only,
    a_log_in_that_fails_to_get_a_lock_does_not_use_up_its_quota,
}

const SETTINGS: [(&str, &str); 3] =
    [("RATE_LIMITS", "on"), ("TRUSTED_PROXIES", "127.0.0.0/8"), ("RATE_LIMIT_LOGIN", "1/1h")];

/// Returns the remaining quota of a policy (a named rate limit) according to the headers of the answer.
#[track_caller]
fn left(answer: &Answer, policy: &str) -> u64 {
    let told = answer.header("ratelimit").unwrap_or_else(|| panic!("no RateLimit header: {answer}"));
    let (_, rest) =
        told.split_once(&format!("\"{policy}\";r=")).unwrap_or_else(|| panic!("{policy}: {told}"));
    rest.split([';', ',']).next().unwrap().parse().unwrap()
}

async fn requests_refused_by_an_outage_do_not_use_up_quotas(_postgres: Engine) {
    let app = TestApp::spawn_on_own_server_with(&SETTINGS).await;
    let from = |call: Call| call.header("x-forwarded-for", "192.0.2.1");
    let post = |path: &str, body| from(app.anonymous().post(path, body));
    let (ann, password) = (email_of("ann"), password_of("ann"));
    let form = |form: String| {
        let call = app.anonymous().call(Method::POST, "/reset-password");
        from(call.body("application/x-www-form-urlencoded", form))
    };
    let calls = || {
        [
            (
                "register",
                5,
                post("/accounts/register", json!({"email": "new@example.com", "password": password})),
            ),
            ("resend-activation-1m", 1, post("/accounts/resend-activation", json!({"email": ann}))),
            ("resend-activation-1d", 5, post("/accounts/resend-activation", json!({"email": ann}))),
            ("password-reset-1m", 1, post("/accounts/password-reset", json!({"email": ann}))),
            ("password-reset-1d", 5, form(format!("email={ann}"))),
            ("link-requests", 30, form(format!("email={ann}"))),
            ("password-reset-confirm", 10, form(format!("token=x&password={password}"))),
            ("login", 1, post("/accounts/login", json!({"email": ann, "password": password}))),
        ]
    };
    app.register("ann").await.expect(201);
    app.run_outbox().await;
    app.stop_database().await;
    for _ in 0..6 {
        for (policy, count, call) in calls() {
            let answer = call.await.expect(503);
            assert_eq!(answer.header("retry-after"), Some("1"), "{answer}");
            assert_eq!(left(&answer, policy), count, "{answer}");
        }
        // The failed call does not count against the limit of the email address either.
        app.register("ann").await.problem(503, "unavailable");
    }
    let calls_left = left(&app.anonymous().get("/nothing").await.expect(404), "global");
    assert!(calls_left < 600 - 6, "failed calls count against the global limit: {calls_left}");

    app.start_database().await;
    for (policy, count, call) in calls() {
        if !["resend-activation-1d", "password-reset-1d", "link-requests"].contains(&policy) {
            let answer = call.await;
            assert_eq!(left(&answer, policy), count - 1, "{answer}");
        }
    }
    app.register("ann").await.expect(201);
    app.run_outbox().await;
    let mails = app.mails_to(&ann);
    assert!(mails.len() >= 2, "Ann gets another mail: {}", mails.len());
}

async fn a_log_in_that_fails_to_get_a_lock_does_not_use_up_its_quota(engine: Engine) {
    let app = TestApp::spawn_with(engine, &SETTINGS).await;
    let ann = app.user("ann").await;
    let log_in = || {
        let body = json!({"email": ann.email, "password": ann.password});
        app.anonymous().post("/accounts/login", body).header("x-forwarded-for", "192.0.2.1")
    };
    let (unit, _) = app.lock_user(&ann).await;
    for _ in 0..2 {
        assert_eq!(left(&log_in().await.problem(503, "unavailable"), "login"), 1);
    }
    drop(unit);
    assert_eq!(left(&log_in().await.expect(200), "login"), 0);
    log_in().await.problem(429, "rate_limited");
}
