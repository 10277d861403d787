//! Calls that take no body. If a body that is not empty is sent anyway, calls that change something refuse it, and
//! calls that only read ignore it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Call, Caller, Engine, TestApp, cases, document, operations};

cases! {
    an_unexpected_field_is_reported_and_nothing_is_changed,
    every_call_without_a_body_refuses_one,
    an_empty_body_is_the_same_as_no_body,
    an_unexpected_body_that_is_not_an_object_is_refused,
    a_missing_sign_in_is_reported_first,
    reading_ignores_a_body,
}

const SESSIONS: &str = "/users/me/sessions";

fn end_others(caller: &Caller) -> Call {
    caller.delete(SESSIONS)
}

/// Returns the calls that change something and have no body in the OpenAPI document.
fn without_body() -> Vec<(Method, String)> {
    operations(document())
        .into_iter()
        .filter(|(method, _, operation)| *method != "get" && operation["requestBody"].is_null())
        .map(|(method, path, _)| {
            let id = "0190a1b2-0000-7000-8000-000000000000";
            let path: Vec<_> =
                path.split('/').map(|part| if part.starts_with('{') { id } else { part }).collect();
            (Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(), path.join("/"))
        })
        .collect()
}

async fn an_unexpected_field_is_reported_and_nothing_is_changed(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    app.log_in("ann").await.expect(200);
    let count = async || {
        let sessions = ann.get(SESSIONS).await.expect(200).json();
        sessions["items"].as_array().unwrap().len()
    };
    // A client that sends an `id` wants to end one session. The server must not end all other sessions instead.
    end_others(&ann)
        .json(&json!({"id": "0190a1b2-0000-7000-8000-000000000000"}))
        .await
        .invalid(&[("id", "unknown")]);
    let both = ann.call(Method::DELETE, format!("{SESSIONS}?all=true")).json(&json!({"id": 1, "x": null}));
    both.await.invalid(&[("all", "unknown"), ("id", "unknown"), ("x", "unknown")]);
    assert_eq!(count().await, 2);
    end_others(&ann).await.expect(204);
    assert_eq!(count().await, 1);
}

async fn every_call_without_a_body_refuses_one(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = app.admin().await;
    let calls = without_body();
    assert!(calls.len() >= 5, "{calls:?}");
    for (method, path) in calls {
        admin
            .call(method.clone(), &path)
            .json(&json!({"force": true}))
            .await
            .invalid(&[("force", "unknown")]);
        let chunks = futures_util::stream::iter(["{\"a\": 1,", " \"b\": 2}"].map(Ok::<_, std::io::Error>));
        let streamed = admin.call(method, &path).body("application/json", reqwest::Body::wrap_stream(chunks));
        streamed.await.invalid(&[("a", "unknown"), ("b", "unknown")]);
    }
}

async fn an_empty_body_is_the_same_as_no_body(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    ann.delete("/cart").await.expect(204);
    for (kind, body) in [
        ("application/json", "{}"),
        ("application/json", " {\n} "),
        ("application/json", ""),
        ("text/plain", ""),
    ] {
        ann.delete("/cart").body(kind, body).await.expect(204);
    }
    let nothing = futures_util::stream::empty::<Result<&str, std::io::Error>>();
    ann.delete("/cart").body("application/json", reqwest::Body::wrap_stream(nothing)).await.expect(204);
}

async fn an_unexpected_body_that_is_not_an_object_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let send = |kind: &str, body: String| end_others(&ann).body(kind, body);
    for body in [json!([]), json!("all"), json!(1), Value::Null] {
        send("application/json", body.to_string()).await.invalid(&[("body", "wrong_type")]);
    }
    send("application/json", "{".to_owned()).await.problem(400, "malformed_request");
    send("application/json", "{\"a\": 1, \"a\": 2}".to_owned())
        .await
        .invalid(&[("a", "repeated"), ("a", "unknown")]);
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        send(kind, "{}".to_owned()).await.problem(415, "unsupported_media_type");
    }
    let packed = send("application/json", "{}".to_owned()).header("content-encoding", "gzip");
    packed.await.problem(415, "unsupported_media_type");
    send("application/json", " ".repeat(65 * 1024)).await.problem(413, "too_large");
}

async fn a_missing_sign_in_is_reported_first(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for (method, path) in without_body() {
        let call = app.anonymous().call(method, path).body("text/plain", "nonsense");
        call.await.problem(401, "unauthenticated");
    }
}

async fn reading_ignores_a_body(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    for path in ["/cart", SESSIONS, "/movies", "/users/me"] {
        ann.get(path).json(&json!({"id": 1})).await.expect(200);
        ann.call(Method::HEAD, path).json(&json!({"id": 1})).await.expect(200);
    }
}
