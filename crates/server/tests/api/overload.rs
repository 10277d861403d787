//! More than the server can do now: it says so, changes nothing, and goes on (api.md section 1, `unavailable`).

use std::{future::IntoFuture, io::Write, net::TcpStream};

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Answer, Engine, TestApp, captured_logs, cases};

cases! {
    beyond_its_limit_the_server_sends_requests_away,
    what_another_holds_locked_is_unavailable_for_now,
    a_client_that_goes_away_leaves_nothing_half_done,
}

/// Insists on one line of the log that warns of the answer and says why, and on none that calls it a fault.
#[track_caller]
fn says_why(answer: &Answer, reason: &str) {
    let (id, logs) = (answer.header("x-request-id").unwrap(), captured_logs());
    let lines: Vec<_> = logs.lines().filter(|line| line.contains(id) && !line.contains("INFO")).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("WARN") && lines[0].contains(reason), "{}", lines[0]);
}

async fn beyond_its_limit_the_server_sends_requests_away(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("MAX_IN_FLIGHT", "1")]).await;
    let ann = app.user("ann").await;
    let (unit, _) = app.lock_user(&ann).await;
    // Each that has a place waits for the lock.
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

async fn what_another_holds_locked_is_unavailable_for_now(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let (unit, _) = app.lock_user(&ann).await;
    let answer = app.log_in("ann").await.problem(503, "unavailable");
    assert!(answer.header("retry-after").is_some(), "{answer}");
    says_why(&answer, "the store is not available");
    // Who only reads is not held up.
    ann.get("/movies").await.expect(200);
    ann.get("/cart").await.expect(200);
    drop(unit);
    app.log_in("ann").await.expect(200);
}

async fn a_client_that_goes_away_leaves_nothing_half_done(engine: Engine) {
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
    // Whatever became of them, the cart is whole and can be changed.
    for name in ["Alien", "Aliens", "M", "Amélie", "Zootopia"] {
        let answer = ann.post("/cart/items", json!({"movie_id": movies.id(name)})).await;
        assert!(matches!(answer.status, 201 | 409), "{answer}");
    }
    let cart = ann.get("/cart").await.expect(200).json();
    assert_eq!(cart["items"].as_array().unwrap().len(), 5);
    ann.delete("/cart").await.expect(204);
}
