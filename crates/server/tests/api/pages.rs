//! The server's own pages: the start page, the pages that mails and checkouts link to, and the pages that explain the
//! problem types of the API.

use std::io::Write;

use chrono::TimeDelta;
use flate2::{Compression, write::GzEncoder};
use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Call, Caller, Engine, TestApp, cases};

cases! {
    opening_the_link_changes_nothing_and_the_button_activates,
    a_used_unknown_or_expired_link_is_reported,
    a_page_that_mentions_a_new_link_has_a_form_for_it,
    the_form_for_a_new_activation_link_reveals_no_account_and_shares_the_quota_of_the_api,
    errors_on_pages_are_sentences,
    the_start_page_links_to_the_documentation_and_health,
    the_token_in_a_link_is_escaped_on_the_page,
    a_checkout_returns_to_a_page_without_details_of_the_order,
    a_mail_about_a_comment_leads_to_the_page_of_its_movie,
    the_page_of_a_movie_shows_what_visitors_may_know,
    with_a_configured_frontend_there_are_no_pages_for_links,
    a_compressed_form_is_unsupported_and_has_no_effect,
    a_form_over_16_kib_is_too_large,
    bodies_that_are_not_forms_are_unsupported,
    a_page_shows_how_long_to_wait_after_too_many_requests,
    without_the_database_a_page_asks_to_try_the_link_again: on_postgres_only,
}

const FORM: &str = "application/x-www-form-urlencoded";

fn send(visitor: &Caller, page: &str, form: impl Into<reqwest::Body>) -> Call {
    visitor.call(Method::POST, page).body(FORM, form)
}

fn press(visitor: &Caller, token: &str) -> Call {
    send(visitor, "/activate", format!("token={token}"))
}

/// Asserts that the answer is one of the server's own HTML pages, and that it contains this text.
#[track_caller]
fn says(page: &Answer, text: &str) {
    assert!(page.header("content-type").unwrap().starts_with("text/html"), "{page}");
    assert!(page.header("content-security-policy").unwrap().contains("style-src 'unsafe-inline'"), "{page}");
    assert!(page.text().contains("<h1>") && page.text().contains(text), "{text}: {page}");
}

async fn opening_the_link_changes_nothing_and_the_button_activates(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.register("ann").await.expect(201);
    let token = app.activation_token("ann").await;
    let link = format!("/activate?token={token}");
    assert!(app.mails_to("ann@example.com")[0].text.contains(&format!("{}{link}", app.url())));
    for _ in 0..2 {
        let page = app.anonymous().get(&link).await.expect(200);
        let text = page.text();
        assert!(page.header("content-type").unwrap().starts_with("text/html"), "{page}");
        assert!(
            text.contains("<form") && text.contains("method=\"post\"") && text.contains("<button"),
            "{page}"
        );
        assert!(text.contains(&token) && !text.contains("<script"), "{page}");
        assert_eq!(page.header("cache-control"), Some("private, no-store"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    }
    app.anonymous().call(Method::HEAD, &link).await.expect(200);
    app.log_in("ann").await.problem(403, "account_inactive");
    let done = press(&app.anonymous(), &token).await.expect(200);
    assert!(done.text().contains("active"), "{done}");
    app.log_in("ann").await.expect(200);
}

async fn a_used_unknown_or_expired_link_is_reported(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.register("ann").await.expect(201);
    app.register("bob").await.expect(201);
    let (anns, bobs) = (app.activation_token("ann").await, app.activation_token("bob").await);
    press(&app.anonymous(), &anns).await.expect(200);
    press(&app.anonymous(), &anns).await.expect(400);
    for unknown in ["x", "", "%00", "%FF", "%F0%9F%8E%AC"] {
        press(&app.anonymous(), unknown).await.expect(400);
    }
    app.anonymous().get("/activate").await.expect(400);
    app.advance(TimeDelta::hours(24));
    let late = press(&app.anonymous(), &bobs).await.expect(400);
    assert!(late.text().contains("24 hours"), "{late}");
}

/// Asserts that the page has a form that asks for an email address, and returns the path that the form is sent to.
#[track_caller]
fn link_form(page: &Answer) -> String {
    let text = page.text();
    assert!(text.contains("<input type=\"email\""), "{page}");
    let (_, rest) = text.split_once("<form method=\"post\" action=\"").unwrap();
    format!("/{}", rest.split('"').next().unwrap())
}

async fn a_page_that_mentions_a_new_link_has_a_form_for_it(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.register("ann").await.expect(201);
    let token = app.activation_token("ann").await;
    press(&app.anonymous(), &token).await.expect(200);
    app.register("bob").await.expect(201);
    let late = app.activation_token("bob").await;
    app.anonymous().post("/accounts/password-reset", json!({"email": "ann@example.com"})).await.expect(202);
    let late_reset = app.reset_token("ann").await;
    app.advance(TimeDelta::hours(24));
    for (page, form, status) in [
        ("/activate", format!("token={token}"), 400),
        ("/activate", format!("token={late}"), 400),
        ("/activate", "token=".to_owned(), 400),
        ("/activate", "email=no+address".to_owned(), 422),
        ("/reset-password", "token=x&password=Another+1+of+ann".to_owned(), 400),
        ("/reset-password", format!("token={late_reset}&password=Another+1+of+ann"), 400),
        ("/reset-password", "password=x".to_owned(), 400),
        ("/reset-password", "email=no+address".to_owned(), 422),
    ] {
        let answer = send(&app.anonymous(), page, form).await.expect(status);
        assert_eq!(link_form(&answer), page);
    }
    assert_eq!(link_form(&app.anonymous().get("/activate").await.expect(400)), "/activate");
    for (problem, forms) in
        [("account-inactive", 1), ("token-invalid", 2), ("token-expired", 2), ("not-found", 0)]
    {
        let page = app.anonymous().get(format!("/problems/{problem}")).await.expect(200);
        assert_eq!(page.text().matches("<input type=\"email\"").count(), forms, "{page}");
        assert_eq!(page.text().matches("action=\"../activate\"").count(), forms.min(1), "{page}");
    }
    assert_eq!(link_form(&app.anonymous().get("/reset-password").await.expect(200)), "/reset-password");
}

async fn the_form_for_a_new_activation_link_reveals_no_account_and_shares_the_quota_of_the_api(
    engine: Engine,
) {
    let app = TestApp::spawn_with(engine, &[("RATE_LIMITS", "on"), ("RATE_LIMIT_RESEND", "1/1m")]).await;
    app.register("ann").await.expect(201);
    let first = app.activation_token("ann").await;
    let ask =
        |email: &str| send(&app.anonymous(), "/activate", format!("email={}", email.replace('@', "%40")));
    let known = ask("ann@example.com").await.expect(200).text();
    assert_eq!(known, ask("nobody@example.com").await.expect(200).text());
    assert!(known.contains("new link is on its way"), "{known}");
    says(&ask("ann@example.com").await.expect(429), "Wait a minute, then try again.");
    app.resend("ann").await.problem(429, "rate_limited");
    let second = app.activation_token("ann").await;
    assert_ne!(first, second);
    press(&app.anonymous(), &second).await.expect(200);
    app.log_in("ann").await.expect(200);
}

async fn errors_on_pages_are_sentences(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    app.anonymous().post("/accounts/password-reset", json!({"email": ann.email})).await.expect(202);
    let token = app.reset_token("ann").await;
    for form in [
        format!("token={token}&password=short"),
        format!("token={token}&password=onlyletters"),
        format!("token={token}&password=ann%40example.com"),
        "email=no+address".to_owned(),
    ] {
        let answer = send(&app.anonymous(), "/reset-password", form).await.expect(422);
        let text = answer.text();
        let (_, rest) = text.split_once("role=\"alert\"").unwrap_or_else(|| panic!("{answer}"));
        let error = rest.split_once('>').unwrap().1.split('<').next().unwrap();
        assert!(error.starts_with(char::is_uppercase) && error.ends_with('.'), "{error:?}");
        assert!(text.contains("aria-invalid=\"true\""), "{answer}");
    }
}

async fn the_start_page_links_to_the_documentation_and_health(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let page = app.anonymous().get("/").await.expect(200);
    says(&page, "href=\"docs\"");
    says(&page, "href=\"health/ready\"");
    says(&app.anonymous().get("/problems").await.expect(200), "href=\"problems/not-found\"");
    for (path, address) in [("/docs/", "../docs"), ("/problems/", "../problems")] {
        assert_eq!(app.anonymous().get(path).await.expect(308).header("location"), Some(address));
    }
}

async fn the_token_in_a_link_is_escaped_on_the_page(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let page =
        app.anonymous().get("/activate?token=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await.expect(200);
    assert!(!page.text().contains("<script"), "{page}");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
}

async fn a_checkout_returns_to_a_page_without_details_of_the_order(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let get = |path: String| app.anonymous().call_at(Method::GET, path);
    let (order, payment) = (uuid::Uuid::max(), uuid::Uuid::nil());
    let page = get(format!("/orders/{order}?payment={payment}")).await.expect(200);
    says(&page, "<h1>Back from the checkout</h1>");
    says(&page, "return to the application");
    assert!(!page.text().contains(&order.to_string()) && !page.text().contains("<script"), "{page}");
    assert!(page.text().contains("href=\"../\""), "the page links to the start page: {page}");
    let from_mail = get(format!("/orders/{order}?utm_source=mail")).await.expect(200);
    says(&from_mail, "<h1>Your order</h1>");
    assert!(!from_mail.text().contains("checkout") && !from_mail.text().contains(&order.to_string()));
    says(&get("/orders/none".to_owned()).await.expect(404), "Not found");
}

async fn a_mail_about_a_comment_leads_to_the_page_of_its_movie(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let path = format!("/movies/{}/comments", movies.id("Alien"));
    let comment = ann.post(path, json!({"text": "In space."})).await.expect(201).json();
    let replies = format!("/comments/{}/replies", comment["id"].as_str().unwrap());
    bob.post(replies, json!({"text": "No one hears."})).await.expect(201);
    app.run_outbox().await;
    let mail = app.mails_to(&ann.email).pop().unwrap();
    let link = mail.text.lines().find(|line| line.contains("/movies/")).unwrap();
    let path = link.strip_prefix(app.url()).unwrap().to_owned();
    let page = app.anonymous().call_at(Method::GET, format!("{path}?utm_source=mail")).await.expect(200);
    says(&page, "<h1>Alien (1979)</h1>");
    assert!(page.text().contains("href=\"../\""), "the page links to the start page: {page}");
}

async fn the_page_of_a_movie_shows_what_visitors_may_know(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let admin = app.admin().await;
    let id = movies.id("Alien");
    let change = async |changes: serde_json::Value| {
        let path = format!("/movies/{id}");
        let etag = admin.get(&path).await.expect(200).header("etag").unwrap().to_owned();
        admin.call(Method::PATCH, path).header("if-match", etag).json(&changes).await.expect(200);
    };
    let get = |id: &str| app.anonymous().call_at(Method::GET, format!("/movies/{id}"));
    change(json!({"name": "<b>Alien</b>", "description": "A & <script>"})).await;
    let page = get(&id).await.expect(200);
    says(&page, "A &#38; &#60;script&#62;");
    assert!(!page.text().contains("<script") && !page.text().contains("<b>"), "{page}");
    says(&get("none").await.expect(404), "Not found");
    says(&get(&uuid::Uuid::max().to_string()).await.expect(404), "Not found");
    change(json!({"is_available": false})).await;
    says(&get(&id).await.expect(404), "Not found");
}

async fn with_a_configured_frontend_there_are_no_pages_for_links(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("FRONTEND_URL", "https://cinema.example.com")]).await;
    let movie = format!("/movies/{}", uuid::Uuid::nil());
    for path in ["/activate?token=x".to_owned(), movie] {
        app.anonymous().call_at(Method::GET, path).await.problem(404, "not_found");
    }
    let page = app.anonymous().get("/problems/token-invalid").await.expect(200);
    assert!(!page.text().contains("<form"), "{page}");
}

fn packed(encoding: &str, form: &str) -> Vec<u8> {
    match encoding {
        "gzip" => {
            let mut packer = GzEncoder::new(Vec::new(), Compression::best());
            packer.write_all(form.as_bytes()).unwrap();
            packer.finish().unwrap()
        }
        "br" => {
            let mut bytes = Vec::new();
            let how = brotli::enc::BrotliEncoderParams::default();
            brotli::BrotliCompress(&mut form.as_bytes(), &mut bytes, &how).unwrap();
            bytes
        }
        "zstd" => zstd::encode_all(form.as_bytes(), 0).unwrap(),
        other => panic!("{other}"),
    }
}

async fn a_compressed_form_is_unsupported_and_has_no_effect(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    app.anonymous().post("/accounts/password-reset", json!({"email": ann.email})).await.expect(202);
    let reset = app.reset_token("ann").await;
    app.register("bob").await.expect(201);
    let activation = app.activation_token("bob").await;
    let forms = [
        ("/activate", format!("token={activation}")),
        ("/reset-password", format!("token={reset}&password=Another+1+of+ann")),
        // This form is small when it is compressed, and 10 MB when it is decompressed.
        ("/activate", format!("token={}", "a".repeat(10_000_000))),
    ];
    for encoding in ["gzip", "br", "zstd"] {
        for (page, form) in &forms {
            let call = send(&app.anonymous(), page, packed(encoding, form));
            says(&call.header("content-encoding", encoding).await.expect(415), "Unsupported media type");
        }
    }
    app.log_in("bob").await.problem(403, "account_inactive");
    app.log_in("ann").await.expect(200);
    for (page, form) in &forms[..2] {
        let call = send(&app.anonymous(), page, form.clone());
        call.header("content-encoding", "identity").await.expect(200);
    }
}

async fn a_form_over_16_kib_is_too_large(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for (page, refused) in [("/activate", 400), ("/reset-password", 422)] {
        let form = |length: usize| format!("token={}", "a".repeat(length - "token=".len()));
        for length in [16 * 1024 + 1, 10_000_000] {
            says(&send(&app.anonymous(), page, form(length)).await.expect(413), "16 KiB");
        }
        send(&app.anonymous(), page, form(16 * 1024)).await.expect(refused);
        // The limit also applies to a form that does not declare its length.
        let chunks = (0..100).map(|_| Ok::<_, std::io::Error>("a".repeat(1_000)));
        let unending = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
        says(&send(&app.anonymous(), page, unending).await.expect(413), "16 KiB");
    }
}

async fn bodies_that_are_not_forms_are_unsupported(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.register("ann").await.expect(201);
    let token = app.activation_token("ann").await;
    let call =
        |kind: &str| app.anonymous().call(Method::POST, "/activate").body(kind, format!("token={token}"));
    for kind in ["text/plain", "application/json", "multipart/form-data; boundary=x", "form"] {
        says(&call(kind).await.expect(415), "Unsupported media type");
    }
    call("application/x-www-form-urlencoded; charset=utf-16").await.expect(415);
    app.anonymous().call(Method::POST, "/activate").await.expect(415);
    app.log_in("ann").await.problem(403, "account_inactive");
    call("Application/X-WWW-Form-Urlencoded; charset=UTF-8").await.expect(200);
}

async fn a_page_shows_how_long_to_wait_after_too_many_requests(engine: Engine) {
    let settings =
        [("RATE_LIMITS", "on"), ("RATE_LIMIT_PASSWORD_RESET", "1/2h"), ("RATE_LIMIT_GLOBAL", "3/1m")];
    let app = TestApp::spawn_with(engine, &settings).await;
    let ask = || send(&app.anonymous(), "/reset-password", "email=ann%40example.com");
    ask().await.expect(200);
    let refused = ask().await.expect(429);
    says(&refused, "Wait 2 hours, then try again.");
    assert_eq!(refused.header("retry-after"), Some("7200"));
    // The global limit, which counts all requests of a client, is reported in the same way.
    app.anonymous().get("/activate?token=x").await.expect(200);
    let refused = app.anonymous().get("/activate?token=x").await.expect(429);
    says(&refused, "Wait a minute, then try again.");
    assert_eq!(refused.header("retry-after"), Some("60"));
}

async fn without_the_database_a_page_asks_to_try_the_link_again(_postgres: Engine) {
    let app = TestApp::spawn_on_own_server().await;
    app.register("ann").await.expect(201);
    let token = app.activation_token("ann").await;
    app.stop_database().await;
    for (page, form) in [
        ("/activate", format!("token={token}")),
        ("/reset-password", "token=x&password=Another+1+of+ann".to_owned()),
        ("/reset-password", "email=ann%40example.com".to_owned()),
    ] {
        let answer = send(&app.anonymous(), page, form).await.expect(503);
        says(&answer, "try the same link again");
        assert_eq!(answer.header("retry-after"), Some("1"), "{answer}");
    }
    app.start_database().await;
    press(&app.anonymous(), &token).await.expect(200);
}
