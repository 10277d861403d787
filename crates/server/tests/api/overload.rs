//! An overloaded server answers some requests with 503. These requests change nothing, and the server continues to
//! work.

use std::{collections::BTreeMap, future::IntoFuture, io::Write, net::TcpStream};

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Answer, Engine, TestApp, Tokens, captured_logs, cases, email_of, password_of};

cases! {
    above_its_limit_the_server_refuses_requests,
    many_concurrent_log_ins_are_accepted_refused_or_asked_to_retry,
    a_row_locked_by_another_transaction_is_temporarily_unavailable,
    a_client_that_disconnects_leaves_no_partial_changes,
}

/// Asserts that the log contains no error about this answer and exactly one warning, which contains the reason.
#[track_caller]
fn says_why(answer: &Answer, reason: &str) {
    let (id, logs) = (answer.header("x-request-id").unwrap(), captured_logs());
    let lines: Vec<_> = logs.lines().filter(|line| line.contains(id) && !line.contains("INFO")).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("WARN") && lines[0].contains(reason), "{}", lines[0]);
}

async fn above_its_limit_the_server_refuses_requests(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("MAX_IN_FLIGHT", "1")]).await;
    let ann = app.user("ann").await;
    let (unit, _) = app.lock_user(&ann).await;
    // The request that is accepted waits for the lock, so the others exceed the limit of one request at a time.
    let body = json!({"email": ann.email, "password": ann.password});
    let answers =
        join_all((0..8).map(|_| app.anonymous().post("/accounts/login", body.clone()).into_future())).await;
    let sent_away: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.problem(503, "unavailable"))
        .filter(|answer| answer.json()["detail"] == "Too many requests are being answered.")
        .collect();
    assert!(!sent_away.is_empty());
    for answer in sent_away {
        assert_eq!(answer.header("retry-after"), Some("1"));
        says_why(&answer, "Too many requests are being answered.");
    }
    drop(unit);
    app.log_in("ann").await.expect(200);
}

/// Passwords are hashed at full cost, one at a time. There are far more callers than places in the queue for hashing.
async fn many_concurrent_log_ins_are_accepted_refused_or_asked_to_retry(engine: Engine) {
    let settings = [
        ("HASH_SLOTS", "1"),
        ("RATE_LIMITS", "on"),
        ("RATE_LIMIT_GLOBAL", "100000/1m"),
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
    ];
    let app = TestApp::spawn_with(engine, &settings).await;
    app.user("ann").await;
    let log_in = |client: usize, name: String, password: String| {
        let body = json!({"email": email_of(&name), "password": password});
        let call = app.anonymous().post("/accounts/login", body);
        call.header("x-forwarded-for", format!("192.0.2.{client}")).into_future()
    };
    // The callers are Ann, an attacker who guesses her password, one client that tries too often, and clients without
    // an account.
    let crowd = (0..500).map(|number| match number % 10 {
        0 => log_in(number % 200, "ann".to_owned(), password_of("ann")),
        1 => log_in(number % 200, "ann".to_owned(), "not Ann's 1".to_owned()),
        2 => log_in(250, format!("nobody{number}"), "a Password 1".to_owned()),
        _ => log_in(number % 200, format!("nobody{number}"), "a Password 1".to_owned()),
    });
    let health = (0..20).map(|_| app.anonymous().get("/health/live").into_future());
    let (answers, health) = futures_util::future::join(join_all(crowd), join_all(health)).await;
    for answer in health {
        answer.expect(200);
    }
    let mut counts = BTreeMap::new();
    let mut of_one_client = BTreeMap::new();
    for (number, answer) in answers.into_iter().enumerate() {
        *counts.entry(answer.status).or_insert(0) += 1;
        if number % 10 == 2 {
            *of_one_client.entry(answer.status).or_insert(0) += 1;
        }
        match answer.status {
            200 => drop(Tokens::of(&answer)),
            401 => drop(answer.problem(401, "invalid_credentials")),
            429 => drop(answer.problem(429, "rate_limited")),
            _ => {
                let answer = answer.problem(503, "unavailable");
                assert_eq!(answer.header("retry-after"), Some("1"), "{answer}");
            }
        }
    }
    // A client has ten attempts per minute. A request that was refused because the queue was full does not count.
    let tried = of_one_client.get(&401).copied().unwrap_or(0);
    assert!(tried <= 10, "more than ten attempts of one client: {of_one_client:?}");
    // These attempts are made one after the other, so that the queue is never full. The eleventh attempt exceeds the
    // limit, if no earlier attempt did.
    let mut late = log_in(250, "late".to_owned(), "a Password 1".to_owned()).await;
    for number in 0..10 {
        late = log_in(250, format!("late{number}"), "a Password 1".to_owned()).await;
    }
    late.problem(429, "rate_limited");
    assert!(counts[&503] > 0, "the queue has 64 places, so some calls are refused: {counts:?}");
    app.advance(chrono::TimeDelta::minutes(15));
    log_in(251, "ann".to_owned(), password_of("ann")).await.expect(200);
}

async fn a_row_locked_by_another_transaction_is_temporarily_unavailable(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let (unit, _) = app.lock_user(&ann).await;
    let answer = app.log_in("ann").await.problem(503, "unavailable");
    assert!(answer.header("retry-after").is_some(), "{answer}");
    says_why(&answer, "the store is not available");
    // A locked row does not block reads.
    ann.get("/movies").await.expect(200);
    ann.get("/cart").await.expect(200);
    drop(unit);
    app.log_in("ann").await.expect(200);
}

async fn a_client_that_disconnects_leaves_no_partial_changes(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    for name in ["Alien", "Aliens", "M", "Amélie", "Zootopia"] {
        let body = json!({"movie_id": movies.id(name)}).to_string();
        let mut hasty = TcpStream::connect(app.url().trim_start_matches("http://")).unwrap();
        let request = format!(
            "POST /api/v1/cart/items HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            ann.tokens.access,
            body.len()
        );
        hasty.write_all(request.as_bytes()).unwrap();
        drop(hasty);
    }
    // Each movie may have been added or not, but the cart is consistent and can be changed.
    for name in ["Alien", "Aliens", "M", "Amélie", "Zootopia"] {
        let answer = ann.post("/cart/items", json!({"movie_id": movies.id(name)})).await;
        assert!(matches!(answer.status, 201 | 409), "{answer}");
    }
    let cart = ann.get("/cart").await.expect(200).json();
    assert_eq!(cart["items"].as_array().unwrap().len(), 5);
    ann.delete("/cart").await.expect(204);
}
