//! Tests of the log. No secret is ever logged: `no_secret_is_logged` checks this for one scenario, together with the
//! lines that must be logged. After all cases, everything that the process has logged is searched for every secret that
//! a case used (`support/canaries.rs`).

use std::collections::BTreeSet;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Engine, TestApp, Tokens, captured_logs, cases, found_in};

cases! {
    the_search_for_logged_secrets_finds_every_spelling,
    no_secret_is_logged,
    every_request_is_logged_once_under_its_id,
    probes_of_a_healthy_server_are_not_logged_at_info,
    malformed_requests_are_refused_and_not_logged_as_errors,
}

async fn the_search_for_logged_secrets_finds_every_spelling(_: Engine) {
    let secrets = BTreeSet::from(["cem@example.com".to_owned(), "S3cret of cem".to_owned()]);
    let lines = "fine\nto cem@example.com\n/reset?email=cem%40example.com\n\
                 [83, 51, 99, 114, 101, 116, 32, 111, 102, 32, 99, 101, 109]\nS3cret of nobody\n";
    let found = found_in(lines, &secrets);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(
        found.iter().zip(2..=4).all(|(one, line)| one.starts_with(&format!("line {line}: "))),
        "{found:?}"
    );
}

async fn no_secret_is_logged(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let visitor = app.anonymous();
    let engine = engine.name();
    let email = format!("canary-{engine}@example.com");
    let (password, wrong) = (format!("Canary {engine} 4711"), format!("Wrong canary {engine} 4712"));
    let body = |password: &str| json!({"email": email, "password": password});
    visitor.post("/accounts/register", body(&password)).await.expect(201);
    visitor.post("/accounts/register", body("short")).await.expect(422);
    let link = app.activation_token(&format!("canary-{engine}")).await;
    visitor.get(format!("/activate?token={link}")).await.expect(200);
    app.activate(&format!("{link}x")).await.expect(400);
    app.activate(&link).await.expect(200);
    visitor.post("/accounts/login", body(&wrong)).await.expect(401);
    let first = Tokens::of(&visitor.post("/accounts/login", body(&password)).await);
    let second = Tokens::of(&app.refresh(&first.refresh).await);
    visitor.with_token(&second.access).get("/cart").await.expect(200);
    visitor.with_token(&format!("{}x", second.access)).get("/cart").await.expect(401);
    app.advance(chrono::TimeDelta::seconds(31));
    app.refresh(&first.refresh).await.expect(401);
    app.log_out(&second.refresh).await.expect(200);
    visitor.get(format!("/docs?token={link}")).await;
    app.clean_up().await;

    let logs = captured_logs();
    assert!(logs.contains("request"), "no request is logged");
    let secret_part = |token: &str| token.rsplit('.').next().unwrap().to_owned();
    for (what, secret) in [
        ("the email", email.clone()),
        ("the password", password.clone()),
        ("the wrong password", wrong.clone()),
        ("the link", link.clone()),
        ("an access token", secret_part(&first.access)),
        ("an access token", secret_part(&second.access)),
        ("a refresh token", secret_part(&first.refresh)),
        ("a refresh token", secret_part(&second.refresh)),
    ] {
        assert!(!logs.contains(&secret), "{what} is in the logs");
    }
    assert!(logs.contains("refresh_reuse"), "the reuse of a refresh token is not logged");
}

async fn every_request_is_logged_once_under_its_id(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let id = format!("logged-once-{}", if engine == Engine::Sqlite { "embedded" } else { "served" });
    let movie = "0190a1b2-0000-7000-8000-00000000abcd";
    app.anonymous().get(format!("/movies/{movie}?")).header("x-request-id", &id).await.expect(404);
    let logs = captured_logs();
    let lines: Vec<_> = logs.lines().filter(|line| line.contains(&id)).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    for part in ["GET", "/api/v1/movies/{id}", "404"] {
        assert!(lines[0].contains(part), "{part}: {}", lines[0]);
    }
    assert!(!lines[0].contains(movie), "the line has the path instead of its pattern: {}", lines[0]);
}

async fn probes_of_a_healthy_server_are_not_logged_at_info(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for (path, level) in [("/health/ready", "DEBUG"), ("/health/live", "DEBUG"), ("/genres", "INFO")] {
        let id = format!("probe-{}-{level}-{}", engine.name(), path.replace('/', "-"));
        app.anonymous().get(path).header("x-request-id", &id).await.expect(200);
        let logs = captured_logs();
        let line = logs.lines().find(|line| line.contains(&id)).unwrap();
        assert!(line.contains(&format!(" {level} ")), "{line}");
    }
}

async fn malformed_requests_are_refused_and_not_logged_as_errors(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let long = "x".repeat(200_000);
    for (request, status) in [
        ("GET /\u{e9} HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), "400"),
        ("GET /genres HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("nonsense\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\nhost: x\r\nx-long: {long}\r\n\r\n"), "431"),
    ] {
        let mut connection = TcpStream::connect(app.url().trim_start_matches("http://")).await.unwrap();
        // Writing may fail, because the server may answer and close the connection before the whole request was sent.
        let _unsent = connection.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _reset = connection.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{status}: {answer}");
        assert!(!answer.contains("x-request-id"), "{answer}");
    }
    app.anonymous().get("/genres").await.expect(200);
    let logs = captured_logs();
    let errors: Vec<_> = logs.lines().filter(|line| line.contains("stream error")).collect();
    assert!(errors.is_empty(), "{errors:?}");
}
