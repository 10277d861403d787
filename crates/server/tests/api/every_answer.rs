//! The rules for every route. `support/answer.rs` checks most of them on every answer that any case receives. The cases
//! here check the rules that need a separate request.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Engine, TestApp, cases, snapshot};

cases! {
    unknown_paths_are_answered_with_a_problem,
    a_wrong_method_is_answered_with_the_allowed_ones,
    an_answer_that_the_caller_does_not_accept_is_not_created,
    a_valid_request_id_is_echoed,
    an_invalid_request_id_is_replaced,
    every_answer_has_the_security_headers,
    an_allowed_origin_may_call,
    a_forbidden_origin_may_not_call,
    pages_may_send_the_headers_of_the_settings,
    in_development_local_pages_may_call,
    long_answers_are_compressed_when_asked_for,
    a_compressed_answer_is_the_same_answer,
    tokens_are_never_compressed,
    the_type_of_a_problem_is_the_url_of_a_page,
    no_answer_reveals_the_server_software,
    a_server_that_is_shutting_down_closes_every_connection_with_its_answer,
}

async fn unknown_paths_are_answered_with_a_problem(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let answer = app.anonymous().get("/nothing").await.problem(404, "not_found");
    snapshot!(answer.json(), @r#"
    {
      "type": "[server]/problems/not-found",
      "title": "Not found",
      "status": 404,
      "code": "not_found",
      "detail": "The resource does not exist, or the caller may not see it.",
      "instance": "/api/v1/nothing",
      "request_id": "[request_id]"
    }
    "#);
    for path in [
        "/api/",
        "/api/v2/movies",
        "/movies/",
        "//movies",
        "/cart/items/",
        "/accounts",
        "/docs/nothing.js",
        "/.env",
        "/health",
        "/problems/nothing",
    ] {
        app.anonymous().get(path).await.problem(404, "not_found");
    }
    app.anonymous().call(Method::DELETE, "/nothing").await.problem(404, "not_found");
    app.anonymous().call(Method::POST, "/nothing").await.problem(404, "not_found");
}

async fn a_wrong_method_is_answered_with_the_allowed_ones(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    for (method, path, allowed) in [
        (Method::DELETE, "/movies", "GET HEAD POST"),
        (Method::PUT, "/genres", "GET HEAD POST"),
        (Method::POST, "/cart", "DELETE GET HEAD"),
        (Method::PATCH, "/cart", "DELETE GET HEAD"),
        (Method::GET, "/cart/items", "POST"),
        (Method::GET, "/cart/merge", "POST"),
        (Method::GET, "/accounts/register", "POST"),
        (Method::PUT, "/accounts/login", "POST"),
        (Method::POST, "/health/live", "GET HEAD"),
        (Method::TRACE, "/movies", "GET HEAD POST"),
    ] {
        let answer = ann.call(method.clone(), path).await.problem(405, "method_not_allowed");
        let mut found: Vec<_> = answer.header("allow").unwrap().split(',').map(str::trim).collect();
        found.sort_unstable();
        found.retain(|name| *name != "OPTIONS");
        assert_eq!(found.join(" "), allowed, "{method} {path}");
    }
}

async fn an_answer_that_the_caller_does_not_accept_is_not_created(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for accept in ["text/html", "application/xml, image/*;q=0.5", "application/json;q=0"] {
        app.anonymous().get("/movies").header("accept", accept).await.problem(406, "not_acceptable");
    }
    for accept in
        ["*/*", "application/json", "application/*;q=0.1", "text/html, */*;q=0.01", "APPLICATION/JSON"]
    {
        app.anonymous().get("/movies").header("accept", accept).await.expect(200);
    }
    // If the caller does not accept the type of the answer, the call changes nothing.
    app.anonymous()
        .post("/accounts/register", json!({"email": "ann@example.com", "password": "Passw0rd1"}))
        .header("accept", "text/html")
        .await
        .problem(406, "not_acceptable");
    app.run_outbox().await;
    assert_eq!(app.mail_count(), 0);
}

async fn a_valid_request_id_is_echoed(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for id in ["a", "trace-1234_5.6", &"x".repeat(128)] {
        let answer = app.anonymous().get("/nothing").header("x-request-id", id).await.expect(404);
        assert_eq!(answer.header("x-request-id"), Some(id));
        assert_eq!(answer.json()["request_id"], id);
        let answer = app.anonymous().get("/health/live").header("x-request-id", id).await.expect(200);
        assert_eq!(answer.header("x-request-id"), Some(id));
    }
    let ids: std::collections::HashSet<_> =
        futures_util::future::join_all((0..5).map(|_| async {
            app.anonymous().get("/genres").await.header("x-request-id").unwrap().to_owned()
        }))
        .await
        .into_iter()
        .collect();
    assert_eq!(ids.len(), 5, "each request has a new identifier");
}

async fn an_invalid_request_id_is_replaced(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for id in ["", "a b", "<script>", "a\"b", "{}", &"x".repeat(129)] {
        let answer = app.anonymous().get("/genres").header("x-request-id", id).await.expect(200);
        assert_ne!(answer.header("x-request-id"), Some(id));
    }
    app.anonymous().get("/genres").header("x-request-id", b"\xff\xfe").await.expect(200);
}

async fn every_answer_has_the_security_headers(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    for path in
        ["/movies", "/cart", "/nothing", "/health/live", "/openapi.json", "/docs", "/problems/not-found"]
    {
        let answer = ann.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("{path}"));
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(
            !policy.contains("unsafe-eval") && !policy.contains("script-src 'unsafe-inline'"),
            "{path}: {policy}"
        );
        assert!(answer.header("cache-control").is_some(), "{path}");
    }
}

async fn an_allowed_origin_may_call(engine: Engine) {
    let origins = [("CORS_ORIGINS", "https://shop.example.com,https://admin.example.com")];
    let app = TestApp::spawn_with(engine, &origins).await;
    let origin = "https://shop.example.com";
    let preflight = app
        .anonymous()
        .call(Method::OPTIONS, "/cart/items")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization, content-type, traceparent, baggage")
        .await;
    assert!(matches!(preflight.status, 200 | 204), "{preflight}");
    assert!(preflight.body.is_empty());
    assert_eq!(preflight.header("access-control-allow-origin"), Some(origin));
    let lower = |name: &str| preflight.header(name).unwrap_or_default().to_ascii_lowercase();
    assert!(lower("access-control-allow-methods").contains("post"));
    assert!(lower("access-control-allow-headers").contains("authorization"));
    assert!(lower("access-control-allow-headers").contains("content-type"));
    assert!(lower("access-control-allow-headers").contains("traceparent"));
    assert_eq!(preflight.header("access-control-max-age"), Some("7200"));
    assert_eq!(preflight.header("access-control-allow-credentials"), None);
    for path in ["/movies", "/cart", "/nothing"] {
        let answer = app.anonymous().get(path).header("origin", origin).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin), "{path}");
        let vary =
            format!("{:?}", answer.headers.get_all("vary").iter().collect::<Vec<_>>()).to_ascii_lowercase();
        assert!(vary.contains("origin"), "{path}: {vary}");
        let exposed = answer.header("access-control-expose-headers").unwrap_or_default().to_ascii_lowercase();
        let exposed: Vec<_> = exposed.split(',').map(str::trim).collect();
        for name in [
            "content-disposition",
            "etag",
            "link",
            "location",
            "ratelimit",
            "ratelimit-policy",
            "retry-after",
            "x-request-id",
            "deprecation",
            "sunset",
            "idempotency-replayed",
        ] {
            assert!(exposed.contains(&name), "{path} hides {name}: {exposed:?}");
        }
    }
}

async fn a_forbidden_origin_may_not_call(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("CORS_ORIGINS", "https://shop.example.com")]).await;
    for origin in [
        "https://evil.example.com",
        "http://shop.example.com",
        "https://shop.example.com.evil.net",
        "https://shop.example.com:8443",
        "null",
        "http://localhost:3000",
    ] {
        let preflight = app
            .anonymous()
            .call(Method::OPTIONS, "/cart")
            .header("origin", origin)
            .header("access-control-request-method", "DELETE")
            .await;
        assert_eq!(preflight.header("access-control-allow-origin"), None, "{origin}");
        let problem = preflight.problem(400, "malformed_request").json();
        assert!(
            problem["detail"].as_str().unwrap().starts_with("This origin may not call here"),
            "{problem}"
        );
        let answer = app.anonymous().get("/movies").header("origin", origin).await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
    }
}

async fn pages_may_send_the_headers_of_the_settings(engine: Engine) {
    let origin = "https://shop.example.com";
    let settings = [("CORS_ORIGINS", origin), ("CORS_REQUEST_HEADERS", "X-Client-Version, x-shop")];
    let app = TestApp::spawn_with(engine, &settings).await;
    let preflight = async |headers: &str| {
        let call = app.anonymous().call(Method::OPTIONS, "/movies").header("origin", origin);
        let call = call.header("access-control-request-method", "GET");
        call.header("access-control-request-headers", headers).await
    };
    preflight("x-client-version, x-shop, traceparent").await.expect(204);
    preflight("x-other").await.problem(400, "malformed_request");
}

async fn in_development_local_pages_may_call(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("APP_ENV", "dev")]).await;
    for origin in ["http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:8080"] {
        let answer = app.anonymous().get("/movies").header("origin", origin).await.expect(200);
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
    }
}

async fn long_answers_are_compressed_when_asked_for(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let visitor = app.anonymous();
    for (asked, given) in [
        ("br", Some("br")),
        ("gzip", Some("gzip")),
        ("zstd", Some("zstd")),
        ("gzip;q=0.5, zstd;q=0.1", Some("gzip")),
        ("identity", None),
        ("unknown", None),
    ] {
        let answer = visitor.get("/movies").header("accept-encoding", asked).await.expect(200);
        assert_eq!(answer.header("content-encoding"), given, "{asked}");
        let vary =
            format!("{:?}", answer.headers.get_all("vary").iter().collect::<Vec<_>>()).to_ascii_lowercase();
        assert!(vary.contains("accept-encoding"), "{asked}: {vary}");
    }
    let plain = visitor.get("/movies").await;
    assert_eq!(plain.header("content-encoding"), None);
    let short = visitor.get("/health/live").header("accept-encoding", "gzip").await;
    assert_eq!(short.header("content-encoding"), None, "short answers are not compressed");
}

async fn a_compressed_answer_is_the_same_answer(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let plain = app.anonymous().get("/movies").await.expect(200);
    for kind in ["br", "gzip", "zstd"] {
        let packed = app.anonymous().get("/movies").header("accept-encoding", kind).await.expect(200);
        assert!(packed.body.len() < plain.body.len(), "{kind}");
        let unpacked: Value =
            app.unpacking().get("/movies").header("accept-encoding", kind).await.expect(200).json();
        assert_eq!(unpacked, plain.json(), "{kind}");
    }
    let tag = plain.header("etag").unwrap();
    let again = app.anonymous().get("/movies").header("accept-encoding", "gzip").header("if-none-match", tag);
    again.await.expect(304);
}

async fn tokens_are_never_compressed(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let answer = app
        .anonymous()
        .post("/accounts/login", json!({"email": ann.email, "password": ann.password}))
        .header("accept-encoding", "br, gzip, zstd")
        .await
        .expect(200);
    assert_eq!(answer.header("content-encoding"), None);
}

async fn the_type_of_a_problem_is_the_url_of_a_page(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let problems = [
        app.anonymous().get("/nothing").await,
        app.anonymous().get("/cart").await,
        app.anonymous().get("/movies?page=0").await,
        app.anonymous().get("/movies?page=501").await,
        app.anonymous().get("/movies?cursor=x").await,
        app.anonymous().call(Method::DELETE, "/movies").await,
        app.register("ann").await,
        ann.get("/movies/x").await,
        app.activate("x").await,
        app.refresh("x").await,
    ];
    for problem in problems {
        let address = problem.json()["type"].as_str().unwrap().to_owned();
        let path =
            address.strip_prefix(app.url()).unwrap_or_else(|| panic!("{address} is on another server"));
        let page = app.anonymous().get(path).await.expect(200);
        assert!(page.header("content-type").unwrap().starts_with("text/html"), "{page}");
        let code = problem.json()["code"].as_str().unwrap().to_owned();
        assert!(page.text().contains(&code), "{page}");
    }
}

async fn no_answer_reveals_the_server_software(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for path in ["/movies", "/nothing", "/docs"] {
        let answer = app.anonymous().get(path).await;
        for name in ["server", "x-powered-by", "via"] {
            assert_eq!(answer.header(name), None, "{path}: {name}");
        }
    }
}

/// Sends a request over a persistent connection and reads the answer. Returns the head of the answer (the status line
/// and the headers) in lower case.
async fn ask(connection: &mut TcpStream, call: &str) -> String {
    connection.write_all(format!("{call} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length =
        head.split_once("content-length: ").map_or("0", |(_, rest)| rest.split("\r\n").next().unwrap());
    let mut body = vec![0; if call.starts_with("HEAD") { 0 } else { length.parse().unwrap() }];
    connection.read_exact(&mut body).await.unwrap();
    head
}

async fn a_server_that_is_shutting_down_closes_every_connection_with_its_answer(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let connect = async || TcpStream::connect(app.url().trim_start_matches("http://")).await.unwrap();
    let calls = [
        "GET /api/v1/genres",
        "HEAD /api/v1/genres",
        "GET /health/ready",
        "GET /nothing",
        "GET /docs",
        "GET /activate",
        "DELETE /api/v1/cart",
    ];
    let mut kept = Vec::new();
    for call in calls {
        let mut connection = connect().await;
        for _ in 0..2 {
            assert!(!ask(&mut connection, call).await.contains("connection: close"), "{call}");
        }
        kept.push(connection);
    }
    app.begin_drain();
    for (call, mut connection) in calls.into_iter().zip(kept) {
        assert!(ask(&mut connection, call).await.contains("connection: close\r\n"), "{call}");
        assert_eq!(connection.read(&mut [0]).await.unwrap(), 0, "{call} left the connection open");
        // New connections are still answered.
        assert!(ask(&mut connect().await, call).await.contains("connection: close\r\n"), "{call}");
    }
    app.anonymous().get("/health/ready").await.expect(503);
    app.anonymous().get("/health/live").await.expect(200);
}
