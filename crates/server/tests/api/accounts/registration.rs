use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Engine, TestApp, cases, password_of, snapshot};

cases! {
    registering_answers_to_the_letter_and_mails_a_link,
    the_link_leads_to_the_frontend_of_the_settings,
    a_host_header_does_not_move_the_link,
    a_taken_email_is_refused,
    a_taken_email_is_not_revealed_when_the_settings_say_so,
    spellings_of_an_email_are_one_account,
    an_email_is_stored_trimmed_and_mailed_as_written,
    registering_again_with_the_same_password_mails_a_new_link,
    registering_again_with_another_password_leaves_none,
    six_who_register_one_address_at_once_make_one_account,
    every_account_has_a_link_of_its_own,
}

async fn registering_answers_to_the_letter_and_mails_a_link(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let answer = app
        .anonymous()
        .post("/accounts/register", json!({"email": "ann@example.com", "password": "Passw0rd1"}))
        .await
        .expect(201);
    snapshot!(answer.json(), @r#"
    {
      "message": "Registration successful. Check email for activation."
    }
    "#);
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    assert_eq!(app.mails_to("ann@example.com").len(), 0, "the mail waits in the outbox");
    app.run_outbox().await;
    let mails = app.mails_to("ann@example.com");
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].subject, "Activate your Cinema account");
    app.run_outbox().await;
    assert_eq!(app.mails_to("ann@example.com").len(), 1, "a mail is sent once");
}

async fn the_link_leads_to_the_frontend_of_the_settings(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("FRONTEND_URL", "https://cinema.example.com/shop/")]).await;
    app.register("ann").await.expect(201);
    app.run_outbox().await;
    let mail = app.mails_to("ann@example.com").remove(0);
    assert!(mail.text.contains("https://cinema.example.com/shop/activate?token="), "{}", mail.text);
}

async fn a_host_header_does_not_move_the_link(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.anonymous()
        .post("/accounts/register", json!({"email": "ann@example.com", "password": "Passw0rd1"}))
        .header("host", "evil.example.com")
        .header("x-forwarded-host", "evil.example.com")
        .await
        .expect(201);
    app.run_outbox().await;
    let mail = app.mails_to("ann@example.com").remove(0);
    assert!(!mail.text.contains("evil"), "{}", mail.text);
    assert!(mail.text.contains(&format!("{}/activate?token=", app.url())), "{}", mail.text);
}

async fn a_taken_email_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.user("ann").await;
    let answer = app.register("ann").await.problem(409, "email_taken");
    snapshot!(answer.json(), @r#"
    {
      "type": "[server]/problems/email-taken",
      "title": "Email already registered",
      "status": 409,
      "code": "email_taken",
      "detail": "An account with this email exists. Log in, or reset its password.",
      "instance": "/api/v1/accounts/register",
      "request_id": "[request_id]"
    }
    "#);
    let mails = app.mail_count();
    app.run_outbox().await;
    assert_eq!(app.mail_count(), mails, "nobody is mailed");
}

async fn a_taken_email_is_not_revealed_when_the_settings_say_so(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("REGISTRATION_REVEALS_EMAIL", "false")]).await;
    let ann = app.user("ann").await;
    let known = app.register("ann").await.expect(201);
    let unknown = app.register("bob").await.expect(201);
    assert_eq!(known.body, unknown.body);
    app.run_outbox().await;
    let told = app.mails_to(&ann.email).pop().unwrap();
    assert!(!told.text.contains("token="), "{}", told.text);
    app.log_in("ann").await.expect(200);
}

async fn spellings_of_an_email_are_one_account(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.user("ann").await;
    for spelling in [
        "ANN@EXAMPLE.COM",
        "  ann@example.com ",
        "Ann@Example.Com",
        "\tann@example.com\n",
        "ａｎｎ@example.com",
    ] {
        app.anonymous()
            .post("/accounts/register", json!({"email": spelling, "password": "Passw0rd1"}))
            .await
            .problem(409, "email_taken");
        app.anonymous()
            .post("/accounts/login", json!({"email": spelling, "password": password_of("ann")}))
            .await
            .expect(200);
    }
}

async fn an_email_is_stored_trimmed_and_mailed_as_written(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.anonymous()
        .post("/accounts/register", json!({"email": "  Ann.Smith@Example.com ", "password": "Passw0rd1"}))
        .await
        .expect(201);
    app.run_outbox().await;
    assert_eq!(app.mails_to("ann.smith@example.com")[0].to.as_str(), "Ann.Smith@Example.com");
}

async fn registering_again_with_the_same_password_mails_a_new_link(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.register("ann").await.expect(201);
    let first = app.activation_token("ann").await;
    app.register("ann").await.expect(201);
    let second = app.activation_token("ann").await;
    assert_ne!(first, second);
    app.activate(&first).await.problem(400, "token_invalid");
    app.activate(&second).await.expect(200);
    app.log_in("ann").await.expect(200);
}

async fn registering_again_with_another_password_leaves_none(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let visitor = app.anonymous();
    app.register("ann").await.expect(201);
    let stranger = json!({"email": "ann@example.com", "password": "Str4nger's own"});
    let again = visitor.post("/accounts/register", stranger.clone()).await.expect(201);
    assert_eq!(again.json()["message"], "Registration successful. Check email for activation.");
    let token = app.activation_token("ann").await;
    app.activate(&token).await.expect(200);
    app.log_in("ann").await.problem(401, "invalid_credentials");
    visitor.post("/accounts/login", stranger).await.problem(401, "invalid_credentials");
    let token = app.reset_token("ann").await;
    let mail = app.mails_to("ann@example.com").pop().unwrap();
    assert!(mail.text.contains(&format!("{}/reset-password?token={token}", app.url())), "{}", mail.text);
    let own = json!({"token": token, "password": "Ann's own 1"});
    visitor.post("/accounts/password-reset/confirm", own).await.expect(200);
    let log_in = json!({"email": "ann@example.com", "password": "Ann's own 1"});
    visitor.post("/accounts/login", log_in).await.expect(200);
}

async fn six_who_register_one_address_at_once_make_one_account(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let answers = join_all((0..6).map(|_| app.register("ann"))).await;
    for answer in answers {
        answer.expect(201);
    }
    app.run_outbox().await;
    let outcomes: Vec<_> =
        join_all(app.tokens_mailed_to("ann").iter().map(|token| app.activate(token))).await;
    assert_eq!(outcomes.iter().filter(|answer| answer.status == 200).count(), 1, "one link of a kind counts");
    app.log_in("ann").await.expect(200);
}

async fn every_account_has_a_link_of_its_own(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let mut tokens = BTreeSet::new();
    for name in ["ann", "bob", "cleo"] {
        app.register(name).await.expect(201);
        let token = app.activation_token(name).await;
        assert!(token.len() >= 43, "256 bits: {token}");
        tokens.insert(token);
    }
    assert_eq!(tokens.len(), 3);
}
