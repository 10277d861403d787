//! The IP address that is stored for a sign-in (`TRUSTED_PROXIES`).

use serde_json::json;

use crate::support::{Engine, TestApp, Tokens, cases, email_of, password_of};

cases! {
    a_client_cannot_choose_its_address,
    a_trusted_proxy_reports_the_client,
    entries_before_the_last_untrusted_address_are_ignored,
    after_an_unreadable_entry_the_address_of_the_next_proxy_is_stored,
}

const TRUSTED: [(&str, &str); 1] = [("TRUSTED_PROXIES", "127.0.0.0/8, 10.0.0.0/8")];

/// Logs in with these `X-Forwarded-For` header lines. Returns the stored IP address.
async fn kept(app: &TestApp, lines: &[&str]) -> String {
    let body = json!({"email": email_of("ann"), "password": password_of("ann")});
    let mut call = app.anonymous().post("/accounts/login", body);
    for line in lines {
        call = call.header("x-forwarded-for", line);
    }
    app.address_of(&Tokens::of(&call.await)).await.expect("an address").to_string()
}

async fn a_client_cannot_choose_its_address(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("TRUSTED_PROXIES", "10.0.0.0/8")]).await;
    app.user("ann").await;
    assert_eq!(kept(&app, &["192.0.2.1"]).await, "127.0.0.1");
    assert_eq!(kept(&app, &["10.0.0.1", "10.0.0.2"]).await, "127.0.0.1");
    let plain = TestApp::spawn(engine).await;
    plain.user("ann").await;
    assert_eq!(kept(&plain, &["192.0.2.1"]).await, "127.0.0.1");
}

async fn a_trusted_proxy_reports_the_client(engine: Engine) {
    let app = TestApp::spawn_with(engine, &TRUSTED).await;
    app.user("ann").await;
    assert_eq!(kept(&app, &[]).await, "127.0.0.1");
    assert_eq!(kept(&app, &["192.0.2.1"]).await, "192.0.2.1");
    assert_eq!(kept(&app, &["[2001:db8::1]:4711"]).await, "2001:db8::1");
}

async fn entries_before_the_last_untrusted_address_are_ignored(engine: Engine) {
    let app = TestApp::spawn_with(engine, &TRUSTED).await;
    app.user("ann").await;
    assert_eq!(kept(&app, &["198.51.100.66, 192.0.2.1, 10.0.0.2"]).await, "192.0.2.1");
    assert_eq!(kept(&app, &["198.51.100.66", "192.0.2.1", "10.0.0.2"]).await, "192.0.2.1");
}

async fn after_an_unreadable_entry_the_address_of_the_next_proxy_is_stored(engine: Engine) {
    let app = TestApp::spawn_with(engine, &TRUSTED).await;
    app.user("ann").await;
    assert_eq!(kept(&app, &["192.0.2.1, unknown, 10.0.0.2"]).await, "10.0.0.2");
}
