use serde_json::json;

use crate::support::{Engine, TestApp, cases};

cases! {
    a_password_that_breaks_the_rule_is_named_by_its_fault,
    a_password_within_the_rule_is_taken_whatever_its_characters,
    a_password_is_never_cut,
    the_same_password_typed_on_another_keyboard_is_right,
}

async fn a_password_that_breaks_the_rule_is_named_by_its_fault(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let long = format!("a1{}", "x".repeat(127));
    for (password, code) in [
        ("", "too_short"),
        ("Ab1", "too_short"),
        ("Passw0r", "too_short"),
        ("é1é1é1é", "too_short"),
        (long.as_str(), "too_long"),
        ("onlyletters", "too_weak"),
        ("8236481923", "too_weak"),
        ("!!!!!!!!!!", "too_weak"),
        ("password1", "too_common"),
        ("PassWord1", "too_common"),
        ("ann1@example.com", "invalid_value"),
        ("Ann1@Example.COM", "invalid_value"),
    ] {
        app.anonymous()
            .post("/accounts/register", json!({"email": "ann1@example.com", "password": password}))
            .await
            .invalid(&[("password", code)]);
    }
    app.run_outbox().await;
    assert_eq!(app.mail_count(), 0);
}

async fn a_password_within_the_rule_is_taken_whatever_its_characters(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let longest = format!("a1{}", "é".repeat(126));
    let passwords =
        ["Passw0rd1", "correct horse 1", "пароль123456", "p4ss🎬word", " 1 leading and trailing ", &longest];
    for (index, password) in passwords.into_iter().enumerate() {
        let body = json!({"email": format!("user{index}@example.com"), "password": password});
        app.anonymous().post("/accounts/register", body.clone()).await.expect(201);
        let token = app.activation_token(&format!("user{index}")).await;
        app.activate(&token).await.expect(200);
        app.anonymous().post("/accounts/login", body).await.expect(200);
    }
}

async fn a_password_is_never_cut(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let long = format!("a1{}", "x".repeat(126));
    let body = |password: &str| json!({"email": "ann@example.com", "password": password});
    app.anonymous().post("/accounts/register", body(&long)).await.expect(201);
    let token = app.activation_token("ann").await;
    app.activate(&token).await.expect(200);
    let shorter = &long[..127];
    app.anonymous().post("/accounts/login", body(shorter)).await.problem(401, "invalid_credentials");
    app.anonymous().post("/accounts/login", body(&long)).await.expect(200);
}

async fn the_same_password_typed_on_another_keyboard_is_right(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let body = |password: &str| json!({"email": "ann@example.com", "password": password});
    app.anonymous().post("/accounts/register", body("caf\u{e9} 1234")).await.expect(201);
    let token = app.activation_token("ann").await;
    app.activate(&token).await.expect(200);
    app.anonymous().post("/accounts/login", body("cafe\u{301} 1234")).await.expect(200);
    app.anonymous().post("/accounts/login", body("cafe 1234")).await.problem(401, "invalid_credentials");
}
