//! The small page behind the link of an activation mail (api.md section 2).

use chrono::TimeDelta;
use reqwest::Method;

use crate::support::{Caller, Engine, TestApp, cases};

cases! {
    opening_the_link_changes_nothing_and_the_button_activates,
    a_used_or_unknown_or_expired_link_says_so,
    what_stands_in_the_link_cannot_write_the_page,
    where_a_frontend_is_set_there_is_no_page,
}

fn press(visitor: &Caller, token: &str) -> crate::support::Call {
    visitor
        .call(Method::POST, "/activate")
        .body("application/x-www-form-urlencoded", format!("token={token}"))
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

async fn a_used_or_unknown_or_expired_link_says_so(engine: Engine) {
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

async fn what_stands_in_the_link_cannot_write_the_page(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let page =
        app.anonymous().get("/activate?token=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await.expect(200);
    assert!(!page.text().contains("<script"), "{page}");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
}

async fn where_a_frontend_is_set_there_is_no_page(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("FRONTEND_URL", "https://cinema.example.com")]).await;
    app.anonymous().get("/activate?token=x").await.problem(404, "not_found");
}
