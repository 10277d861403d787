use serde_json::json;

use crate::support::{Engine, SignedIn, TestApp, cases};

cases! {
    a_password_that_violates_the_policy_is_reported_with_its_fault,
    a_password_that_satisfies_the_policy_is_accepted_with_any_characters,
    a_password_is_never_truncated,
    a_password_is_correct_in_any_unicode_normal_form,
    the_strict_policy_applies_wherever_a_password_is_set,
    the_strict_policy_accepts_characters_of_any_kind,
}

const STRICT: [(&str, &str); 1] = [("PASSWORD_POLICY", "strict")];

async fn a_password_that_violates_the_policy_is_reported_with_its_fault(engine: Engine) {
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
        ("½aaaaaaa", "too_weak"),
        ("aaaaaaaⅧ", "too_weak"),
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

async fn a_password_that_satisfies_the_policy_is_accepted_with_any_characters(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let longest = format!("a1{}", "é".repeat(126));
    let passwords = [
        "Passw0rd1",
        "correct horse 1",
        "пароль123456",
        "كلمةسرية٣",
        "p4ss🎬word",
        " 1 leading and trailing ",
        &longest,
    ];
    for (index, password) in passwords.into_iter().enumerate() {
        let body = json!({"email": format!("user{index}@example.com"), "password": password});
        app.anonymous().post("/accounts/register", body.clone()).await.expect(201);
        let token = app.activation_token(&format!("user{index}")).await;
        app.activate(&token).await.expect(200);
        app.anonymous().post("/accounts/login", body).await.expect(200);
    }
}

async fn the_strict_policy_applies_wherever_a_password_is_set(engine: Engine) {
    let app = TestApp::spawn_with(engine, &STRICT).await;
    let good = "a quiet harbour in May";
    let body = |password: &str| json!({"email": "ann@example.com", "password": password});
    app.anonymous().post("/accounts/register", body(good)).await.expect(201);
    let token = app.activation_token("ann").await;
    app.activate(&token).await.expect(200);
    let ann = SignedIn::log_in(&app.anonymous(), "ann@example.com", good).await;
    app.anonymous().post("/accounts/password-reset", json!({"email": ann.email})).await.expect(202);
    let reset = app.reset_token("ann").await;
    let page = app.anonymous().get(format!("/reset-password?token={reset}")).await.expect(200);
    assert!(page.text().contains("15 characters or more."), "{page}");
    let long = "x".repeat(129);
    for (bad, code) in [
        ("correct horse 1".strip_suffix('1').unwrap(), "too_short"),
        ("Passw0rd1", "too_short"),
        (long.as_str(), "too_long"),
        ("passwordstandard", "too_common"),
        ("1QAZ2wsx3EDC4rfv", "too_common"),
        ("12345678987654321", "too_common"),
    ] {
        let register = json!({"email": "bob@example.com", "password": bad});
        app.anonymous().post("/accounts/register", register).await.invalid(&[("password", code)]);
        let confirm = json!({"token": reset, "password": bad});
        let refused = app.anonymous().post("/accounts/password-reset/confirm", confirm).await;
        refused.invalid(&[("password", code)]);
        let change = json!({"current_password": good, "new_password": bad});
        ann.post("/users/me/password", change).await.invalid(&[("new_password", code)]);
    }
    let register = json!({"email": "bob@a-domain.example", "password": "Bob@a-domain.example"});
    app.anonymous().post("/accounts/register", register).await.invalid(&[("password", "invalid_value")]);
}

async fn the_strict_policy_accepts_characters_of_any_kind(engine: Engine) {
    let app = TestApp::spawn_with(engine, &STRICT).await;
    for (index, password) in
        ["correct horse 1", "only letters here", "902375610984576"].into_iter().enumerate()
    {
        let body = json!({"email": format!("user{index}@example.com"), "password": password});
        app.anonymous().post("/accounts/register", body.clone()).await.expect(201);
        let token = app.activation_token(&format!("user{index}")).await;
        app.activate(&token).await.expect(200);
        app.anonymous().post("/accounts/login", body).await.expect(200);
    }
}

async fn a_password_is_never_truncated(engine: Engine) {
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

async fn a_password_is_correct_in_any_unicode_normal_form(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let body = |password: &str| json!({"email": "ann@example.com", "password": password});
    app.anonymous().post("/accounts/register", body("caf\u{e9} 1234")).await.expect(201);
    let token = app.activation_token("ann").await;
    app.activate(&token).await.expect(200);
    app.anonymous().post("/accounts/login", body("cafe\u{301} 1234")).await.expect(200);
    app.anonymous().post("/accounts/login", body("cafe 1234")).await.problem(401, "invalid_credentials");
}
