//! The documentation page and the OpenAPI document, and who may read them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Engine, TestApp, cases, password_of};

cases! {
    public_docs_need_no_credentials,
    the_page_loads_nothing_from_other_servers,
    restricted_docs_answer_with_both_challenges,
    restricted_docs_are_readable_with_a_token,
    restricted_docs_are_readable_with_an_email_and_password,
    restricted_docs_are_refused_when_the_account_changes,
    restricted_docs_are_refused_with_invalid_credentials,
    restricted_docs_report_what_is_wrong_with_the_credentials,
    public_docs_refuse_a_bad_token_too,
    docs_take_no_parameters,
    without_the_database_restricted_docs_are_unavailable: on_postgres_only,
    calls_from_the_documentation_page_omit_browser_credentials,
    the_static_files_are_always_public,
}

const CLOSED: [(&str, &str); 1] = [("DOCS_ACCESS", "authenticated")];
const PAGES: [&str; 2] = ["/docs", "/openapi.json"];

fn basic(email: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{email}:{password}")))
}

async fn public_docs_need_no_credentials(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let page = app.anonymous().get("/docs").await.expect(200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"), "{page}");
    assert!(page.text().contains("swagger-ui"), "{page}");
    app.anonymous().get("/openapi.json").await.expect(200);
}

/// Returns the URLs that a page loads.
fn loaded(page: &str) -> Vec<String> {
    ["src=\"", "href=\""]
        .iter()
        .flat_map(|mark| page.split(mark).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect()
}

async fn the_page_loads_nothing_from_other_servers(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let page = app.anonymous().get("/docs").await.expect(200);
    let files = loaded(&page.text());
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert!(!file.contains("//"), "{file} is on another server");
        app.anonymous().get(format!("/{}", file.trim_start_matches('/'))).await.expect(200);
    }
}

/// Asserts that the answer is a 401 with this code and exactly two challenges: `Bearer` for a token, and `Basic` for an
/// email and password. Returns the `Bearer` challenge.
#[track_caller]
fn challenged(answer: Answer, code: &str) -> String {
    let answer = answer.problem(401, code);
    let challenges: Vec<_> =
        answer.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect();
    let of = |scheme: &str| challenges.iter().find(|challenge| challenge.starts_with(scheme)).copied();
    assert_eq!(of("Basic"), Some("Basic realm=\"Cinema\", charset=\"UTF-8\""), "{challenges:?}");
    assert_eq!(challenges.len(), 2, "{challenges:?}");
    of("Bearer").unwrap_or_else(|| panic!("{challenges:?}")).to_owned()
}

async fn restricted_docs_answer_with_both_challenges(engine: Engine) {
    let app = TestApp::spawn_with(engine, &CLOSED).await;
    for path in PAGES {
        assert_eq!(challenged(app.anonymous().get(path).await, "unauthenticated"), "Bearer");
    }
}

async fn restricted_docs_report_what_is_wrong_with_the_credentials(engine: Engine) {
    let app = TestApp::spawn_with(engine, &CLOSED).await;
    let ann = app.user("ann").await;
    app.register("waiting").await.expect(201);
    let send =
        async |path: &str, header: &str| app.anonymous().get(path).header("authorization", header).await;
    for path in PAGES {
        for bad in ["Bearer x.y.z", "Bearer", "Digest x", &format!("Bearer {}", ann.tokens.refresh)] {
            let challenge = challenged(send(path, bad).await, "access_token_invalid");
            assert_eq!(challenge, "Bearer error=\"invalid_token\"", "{bad}");
        }
        let twice = app.anonymous().get(path).header("authorization", basic(&ann.email, &ann.password));
        let twice = twice.header("authorization", format!("Bearer {}", ann.tokens.access));
        challenged(twice.await, "access_token_invalid");
        for bad in [
            &basic(&ann.email, "not Ann's 1"),
            &basic("nobody@example.com", &ann.password),
            &basic("no address", &ann.password),
            &basic("waiting@example.com", &password_of("waiting")),
            &format!("Basic {}", STANDARD.encode("no colon")),
            "Basic !!!",
            "basic",
        ] {
            challenged(send(path, bad).await, "invalid_credentials");
        }
    }
    app.advance(chrono::TimeDelta::hours(1));
    for path in PAGES {
        let challenge = challenged(ann.get(path).await, "access_token_expired");
        assert!(challenge.contains("invalid_token") && challenge.contains("expired"), "{challenge}");
    }
}

async fn public_docs_refuse_a_bad_token_too(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    for path in PAGES {
        ann.get(path).await.expect(200);
        ann.with_token("x.y.z").get(path).await.problem(401, "access_token_invalid");
    }
}

async fn docs_take_no_parameters(engine: Engine) {
    let (open, closed) = (TestApp::spawn(engine).await, TestApp::spawn_with(engine, &CLOSED).await);
    for path in PAGES {
        open.anonymous().get(format!("{path}?x=1")).await.invalid(&[("x", "unknown")]);
        // Access is checked before the parameters.
        closed.anonymous().get(format!("{path}?x=1")).await.problem(401, "unauthenticated");
    }
    open.anonymous().get("/problems/internal?x=1").await.invalid(&[("x", "unknown")]);
}

async fn without_the_database_restricted_docs_are_unavailable(_postgres: Engine) {
    let app = TestApp::spawn_on_own_server_with(&CLOSED).await;
    let ann = app.user("ann").await;
    app.stop_database().await;
    // The state of the session is cached for less than ten seconds.
    app.advance(chrono::TimeDelta::seconds(10));
    for path in PAGES {
        ann.get(path).await.problem(503, "unavailable");
        let header = basic(&ann.email, &ann.password);
        app.anonymous().get(path).header("authorization", header).await.problem(503, "unavailable");
        app.anonymous().get(path).await.problem(401, "unauthenticated");
    }
}

async fn calls_from_the_documentation_page_omit_browser_credentials(engine: Engine) {
    let app = TestApp::spawn_with(engine, &CLOSED).await;
    // After a user has opened the page with an email and password, browsers add these Basic credentials to every call
    // that the page makes, unless the page prevents it. The API refuses Basic credentials, because they are not a
    // token.
    let sent = app.anonymous().get("/genres").header("authorization", basic("ann@example.com", "x"));
    sent.await.problem(401, "access_token_invalid");
    let script = app.anonymous().get("/docs/start.js").await.expect(200).text();
    assert!(script.contains("requestInterceptor") && script.contains("credentials: \"omit\""), "{script}");
}

async fn restricted_docs_are_readable_with_a_token(engine: Engine) {
    let app = TestApp::spawn_with(engine, &CLOSED).await;
    let ann = app.user("ann").await;
    for path in PAGES {
        let answer = ann.get(path).await.expect(200);
        assert_eq!(answer.header("cache-control"), Some("private, no-store"), "{path}");
        ann.with_token("x.y.z").get(path).await.expect(401);
    }
    app.advance(chrono::TimeDelta::hours(1));
    for path in PAGES {
        ann.get(path).await.expect(401);
    }
}

async fn restricted_docs_are_readable_with_an_email_and_password(engine: Engine) {
    let app = TestApp::spawn_with(engine, &CLOSED).await;
    let ann = app.user("ann").await;
    for path in PAGES {
        for email in [ann.email.clone(), ann.email.to_uppercase()] {
            let header = basic(&email, &ann.password);
            app.anonymous().get(path).header("authorization", header).await.expect(200);
        }
    }
}

async fn restricted_docs_are_refused_when_the_account_changes(engine: Engine) {
    let app = TestApp::spawn_with(engine, &CLOSED).await;
    let root = app.admin().await;
    for change in ["password", "deactivated", "deleted"] {
        let user = app.user(change).await;
        let header = basic(&user.email, &user.password);
        let open = async || app.anonymous().get("/openapi.json").header("authorization", &header).await;
        open().await.expect(200);
        open().await.expect(200);
        match change {
            "password" => {
                let body = json!({"current_password": user.password, "new_password": "another Horse 2"});
                user.post("/users/me/password", body).await.expect(204);
            }
            "deactivated" => {
                let change = root.call(Method::PATCH, format!("/users/{}", user.id()));
                change.json(&json!({"is_active": false})).await.expect(200);
            }
            _ => {
                let body = json!({"password": user.password});
                user.delete("/users/me").json(&body).await.expect(204);
            }
        }
        challenged(open().await, "invalid_credentials");
    }
}

async fn restricted_docs_are_refused_with_invalid_credentials(engine: Engine) {
    let app = TestApp::spawn_with(engine, &CLOSED).await;
    let ann = app.user("ann").await;
    app.register("waiting").await.expect(201);
    for header in [
        basic(&ann.email, "not Ann's 1"),
        basic("nobody@example.com", &ann.password),
        basic("waiting@example.com", &password_of("waiting")),
        basic("", ""),
        "Basic".to_owned(),
        "Basic !!!".to_owned(),
        format!("Basic {}", STANDARD.encode("no colon")),
        format!("Bearer {}", ann.tokens.refresh),
    ] {
        for path in PAGES {
            app.anonymous().get(path).header("authorization", &header).await.expect(401);
        }
    }
}

async fn the_static_files_are_always_public(engine: Engine) {
    let open = TestApp::spawn(engine).await;
    let closed = TestApp::spawn_with(engine, &CLOSED).await;
    let page = open.anonymous().get("/docs").await.expect(200);
    for file in loaded(&page.text()) {
        closed.anonymous().get(format!("/{}", file.trim_start_matches('/'))).await.expect(200);
    }
}
