//! Every operation of the document, called by nobody, a user and an administrator: who has to sign in is told so, and
//! nobody else is (quality B12).

use reqwest::Method;
use serde_json::Value;

use crate::support::{Caller, Engine, TestApp, cases, document, operations};

cases! {
    whoever_must_sign_in_is_told_so_and_nobody_else,
    a_bad_token_is_refused_everywhere,
    no_operation_breaks_on_an_empty_request,
}

/// The operation with sample values in its path, and its body's own example.
fn call(caller: &Caller, method: &str, path: &str, operation: &Value) -> super::support::Call {
    let path: Vec<_> = path
        .split('/')
        .map(|part| if part.starts_with('{') { "0190a1b2-0000-7000-8000-000000000000" } else { part })
        .collect();
    let call = caller.call(Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(), path.join("/"));
    if operation["requestBody"].is_null() { call } else { call.json(&serde_json::json!({})) }
}

async fn whoever_must_sign_in_is_told_so_and_nobody_else(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let mut closed = Vec::new();
    for (method, path, operation) in operations(document()) {
        let requirements = operation["security"].as_array().unwrap();
        let is_closed = !requirements.is_empty()
            && requirements.iter().all(|one| one.as_object().is_some_and(|schemes| !schemes.is_empty()));
        let nobody = call(&app.anonymous(), method, path, operation).await;
        let is_told = nobody.status == 401 && nobody.json()["code"] == "unauthenticated";
        assert_eq!(is_told, is_closed, "{nobody}");
        for caller in [&ann, &admin] {
            let answer = call(caller, method, path, operation).await;
            // A refresh token that is missing is 422, and `{}` holds none.
            assert!(![401, 403].contains(&answer.status), "{answer}");
        }
        if is_closed {
            closed.push(format!("{method} {path}"));
        }
    }
    closed.sort();
    assert_eq!(
        closed,
        [
            "delete /api/v1/cart",
            "delete /api/v1/cart/items/{movie_id}",
            "get /api/v1/cart",
            "post /api/v1/cart/items",
            "post /api/v1/cart/merge",
        ]
    );
}

async fn a_bad_token_is_refused_everywhere(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let broken = app.anonymous().with_token("not.a.token");
    for (method, path, operation) in operations(document()) {
        // Those who have a bad token need exactly these to get a better one; health is not for people.
        if path.starts_with("/api/v1/accounts/") || path.starts_with("/health/") {
            continue;
        }
        call(&broken, method, path, operation).await.problem(401, "access_token_invalid");
    }
}

async fn no_operation_breaks_on_an_empty_request(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    for (method, path, _) in operations(document()) {
        let answer = call(&ann, method, path, &Value::Null).await;
        assert!(answer.status < 500, "{answer}");
    }
}
