//! The API's own pages (api.md section 11).

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::support::{Engine, TestApp, cases};

cases! {
    public_docs_are_open,
    the_page_loads_nothing_from_elsewhere,
    closed_docs_ask_with_both_challenges,
    closed_docs_open_to_a_token,
    closed_docs_open_to_an_email_and_password,
    closed_docs_stay_closed_to_others,
    the_static_files_are_open_either_way,
}

const CLOSED: [(&str, &str); 1] = [("DOCS_ACCESS", "authenticated")];
const PAGES: [&str; 2] = ["/docs", "/openapi.json"];

fn basic(email: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{email}:{password}")))
}

async fn public_docs_are_open(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let page = app.anonymous().get("/docs").await.expect(200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"), "{page}");
    assert!(page.text().contains("swagger-ui"), "{page}");
    app.anonymous().get("/openapi.json").await.expect(200);
}

/// The addresses that a page loads by itself.
fn loaded(page: &str) -> Vec<String> {
    ["src=\"", "href=\""]
        .iter()
        .flat_map(|mark| page.split(mark).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect()
}

async fn the_page_loads_nothing_from_elsewhere(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let page = app.anonymous().get("/docs").await.expect(200);
    let files = loaded(&page.text());
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert!(!file.contains("//"), "{file} is elsewhere");
        app.anonymous().get(format!("/{}", file.trim_start_matches('/'))).await.expect(200);
    }
}

async fn closed_docs_ask_with_both_challenges(engine: Engine) {
    let app = TestApp::spawn_with(engine, &CLOSED).await;
    for path in PAGES {
        let answer = app.anonymous().get(path).await.problem(401, "unauthenticated");
        let challenges: Vec<_> =
            answer.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect();
        let offers = |scheme: &str| challenges.iter().any(|challenge| challenge.contains(scheme));
        assert!(offers("Bearer") && offers("Basic realm="), "{challenges:?}");
    }
}

async fn closed_docs_open_to_a_token(engine: Engine) {
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

async fn closed_docs_open_to_an_email_and_password(engine: Engine) {
    let app = TestApp::spawn_with(engine, &CLOSED).await;
    let ann = app.user("ann").await;
    for path in PAGES {
        for email in [ann.email.clone(), ann.email.to_uppercase()] {
            let header = basic(&email, &ann.password);
            app.anonymous().get(path).header("authorization", header).await.expect(200);
        }
    }
}

async fn closed_docs_stay_closed_to_others(engine: Engine) {
    let app = TestApp::spawn_with(engine, &CLOSED).await;
    let ann = app.user("ann").await;
    app.register("waiting").await.expect(201);
    for header in [
        basic(&ann.email, "not Ann's 1"),
        basic("nobody@example.com", &ann.password),
        basic("waiting@example.com", &crate::support::password_of("waiting")),
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

async fn the_static_files_are_open_either_way(engine: Engine) {
    let open = TestApp::spawn(engine).await;
    let closed = TestApp::spawn_with(engine, &CLOSED).await;
    let page = open.anonymous().get("/docs").await.expect(200);
    for file in loaded(&page.text()) {
        closed.anonymous().get(format!("/{}", file.trim_start_matches('/'))).await.expect(200);
    }
}
