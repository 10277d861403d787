use std::{collections::BTreeSet, future::IntoFuture};

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Answer, Engine, TestApp, cases, email_of, password_of, snapshot};

cases! {
    registering_returns_the_exact_message_and_mails_a_link,
    the_link_begins_with_the_configured_frontend,
    a_host_header_does_not_affect_links,
    a_taken_email_is_refused,
    a_taken_email_is_not_revealed_when_the_settings_say_so,
    spellings_of_an_email_are_one_account,
    other_letter_cases_and_punycode_hosts_make_no_second_account,
    an_email_is_stored_trimmed_and_mailed_as_written,
    letters_that_only_look_alike_make_another_account,
    a_link_is_mailed_only_to_the_spelling_that_registered,
    registering_again_with_the_same_password_mails_a_new_link,
    registering_again_with_another_password_makes_both_passwords_unusable,
    an_address_gets_at_most_five_mails_a_day_for_repeated_registrations,
    after_five_mails_another_password_still_makes_both_passwords_unusable,
    the_owner_of_an_address_is_not_flooded_with_mails,
    six_concurrent_registrations_of_one_address_make_one_account,
    thirty_concurrent_registrations_of_one_address_are_all_answered,
    every_account_has_a_separate_link,
}

async fn registering_returns_the_exact_message_and_mails_a_link(engine: Engine) {
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

async fn the_link_begins_with_the_configured_frontend(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("FRONTEND_URL", "https://cinema.example.com/shop/")]).await;
    app.register("ann").await.expect(201);
    app.run_outbox().await;
    let mail = app.mails_to("ann@example.com").remove(0);
    assert!(mail.text.contains("https://cinema.example.com/shop/activate?token="), "{}", mail.text);
}

async fn a_host_header_does_not_affect_links(engine: Engine) {
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
    assert_eq!(app.mail_count(), mails, "no mail is sent");
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
    for spelling in ["ANN@EXAMPLE.COM", "  ann@example.com ", "Ann@Example.Com", "\tann@example.com\n"] {
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

async fn other_letter_cases_and_punycode_hosts_make_no_second_account(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for (first, other) in [
        ("ольга@example.com", "ОЛЬГА@example.com"),
        ("straße@example.com", "STRAẞE@example.com"),
        ("ann@münchen.example", "ANN@xn--mnchen-3ya.example"),
    ] {
        let body = |email: &str| json!({"email": email, "password": "Passw0rd1"});
        app.anonymous().post("/accounts/register", body(first)).await.expect(201);
        app.run_outbox().await;
        let token = app.tokens_mailed_to_address(first).pop().unwrap();
        app.activate(&token).await.expect(200);
        app.anonymous().post("/accounts/register", body(other)).await.problem(409, "email_taken");
        app.anonymous().post("/accounts/login", body(other)).await.expect(200);
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

async fn letters_that_only_look_alike_make_another_account(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let addresses = ["ian@example.com", "\u{131}an@example.com", "\u{ff49}an@example.com"];
    for email in addresses {
        let body = json!({"email": email, "password": "Passw0rd1"});
        app.anonymous().post("/accounts/register", body).await.expect(201);
    }
    app.run_outbox().await;
    // Requesting a link for one address does not send a link to the other addresses.
    app.anonymous().post("/accounts/resend-activation", json!({"email": addresses[1]})).await.expect(200);
    app.run_outbox().await;
    assert_eq!(addresses.map(|email| app.mails_to(email).len()), [1, 2, 1]);
    let link = app.tokens_mailed_to_address(addresses[0]).pop().unwrap();
    app.activate(&link).await.expect(200);
    for (email, status) in addresses.into_iter().zip([200, 403, 403]) {
        let body = json!({"email": email, "password": "Passw0rd1"});
        app.anonymous().post("/accounts/login", body).await.expect(status);
    }
}

async fn a_link_is_mailed_only_to_the_spelling_that_registered(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let other = "ANN@example.com";
    let mailed_to =
        || -> Vec<String> { app.mails_to(other).iter().map(|mail| mail.to.as_str().to_owned()).collect() };
    app.register("ann").await.expect(201);
    app.anonymous().post("/accounts/resend-activation", json!({"email": other})).await.expect(200);
    app.run_outbox().await;
    assert_eq!(mailed_to(), ["ann@example.com"; 2]);
    let first = app.activation_token("ann").await;
    // Registering with another spelling replaces the stored spelling, and makes the password unusable even if both
    // registrations have the same password.
    let body = json!({"email": other, "password": password_of("ann")});
    app.anonymous().post("/accounts/register", body.clone()).await.expect(201);
    app.run_outbox().await;
    assert_eq!(mailed_to()[2..], [other]);
    app.activate(&first).await.problem(400, "token_invalid");
    let link = app.activation_token("ann").await;
    app.activate(&link).await.expect(200);
    app.anonymous().post("/accounts/login", body).await.problem(401, "invalid_credentials");
    app.anonymous().post("/accounts/password-reset", json!({"email": "ann@example.com"})).await.expect(202);
    let own = json!({"token": app.reset_token("ann").await, "password": "Ann's own 1"});
    assert_eq!(mailed_to()[3..], [other; 2], "a link mailed after the activation, and the requested link");
    app.anonymous().post("/accounts/password-reset/confirm", own).await.expect(200);
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

async fn registering_again_with_another_password_makes_both_passwords_unusable(engine: Engine) {
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

/// Rate limits are on. The test client is a trusted proxy, so it can choose the IP address that counts as the
/// client's.
const LIMITED: [(&str, &str); 2] = [("RATE_LIMITS", "on"), ("TRUSTED_PROXIES", "127.0.0.0/8")];

/// Registers a user through the trusted proxy from the IP address 192.0.2.`client`. Returns the body of the response,
/// and its headers except `Date` and `X-Request-Id`.
async fn register_from(app: &TestApp, client: usize, name: &str, password: &str) -> (Vec<u8>, Vec<String>) {
    let body = json!({"email": email_of(name), "password": password});
    let call = app.anonymous().post("/accounts/register", body);
    let answer: Answer = call.header("x-forwarded-for", format!("192.0.2.{client}")).await.expect(201);
    let told = answer.headers.iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
    (answer.body.clone(), told.map(|(name, value)| format!("{name}: {value:?}")).collect())
}

async fn an_address_gets_at_most_five_mails_a_day_for_repeated_registrations(engine: Engine) {
    let app = TestApp::spawn_with(engine, &LIMITED).await;
    let first = register_from(&app, 1, "ann", &password_of("ann")).await;
    for client in 2..=9 {
        // Mails to another spelling of the address count as mails to the same address.
        let name = if client % 2 == 0 { "ANN" } else { "ann" };
        assert_eq!(register_from(&app, client, name, &password_of("ann")).await, first);
    }
    assert_eq!(
        register_from(&app, 10, "bob", &password_of("bob")).await,
        first,
        "the response for a new address is the same"
    );
    let token = app.activation_token("ann").await;
    assert_eq!(app.mails_to(&email_of("ann")).len(), 5);
    assert_eq!(app.mails_to(&email_of("bob")).len(), 1);
    app.advance(TimeDelta::days(1));
    register_from(&app, 11, "ann", &password_of("ann")).await;
    assert_ne!(app.activation_token("ann").await, token);
    assert_eq!(app.mails_to(&email_of("ann")).len(), 6);
    register_from(&app, 12, "ann", &password_of("ann")).await;
    for client in 13..=20 {
        register_from(&app, client, "ann", &password_of("ann")).await;
    }
    // The link that was mailed last is valid. Nobody can log in with the stored password, because two spellings of the
    // address were registered and it is unknown whose password it is.
    let token = app.activation_token("ann").await;
    app.activate(&token).await.expect(200);
    app.log_in("ann").await.problem(401, "invalid_credentials");
}

async fn after_five_mails_another_password_still_makes_both_passwords_unusable(engine: Engine) {
    let app = TestApp::spawn_with(engine, &LIMITED).await;
    for client in 1..=5 {
        register_from(&app, client, "ann", &password_of("ann")).await;
    }
    register_from(&app, 6, "ann", "Str4nger's own").await;
    let token = app.activation_token("ann").await;
    assert_eq!(app.mails_to(&email_of("ann")).len(), 5);
    app.activate(&token).await.expect(200);
    for password in [password_of("ann"), "Str4nger's own".to_owned()] {
        let body = json!({"email": email_of("ann"), "password": password});
        app.anonymous().post("/accounts/login", body).await.problem(401, "invalid_credentials");
    }
    let own = json!({"token": app.reset_token("ann").await, "password": "Ann's own 1"});
    app.anonymous().post("/accounts/password-reset/confirm", own).await.expect(200);
    let body = json!({"email": email_of("ann"), "password": "Ann's own 1"});
    app.anonymous().post("/accounts/login", body).await.expect(200);
}

async fn the_owner_of_an_address_is_not_flooded_with_mails(engine: Engine) {
    let settings = [LIMITED[0], LIMITED[1], ("REGISTRATION_REVEALS_EMAIL", "false")];
    let app = TestApp::spawn_with(engine, &settings).await;
    app.user("ann").await;
    app.run_outbox().await;
    let before = app.mail_count();
    let unknown = register_from(&app, 1, "bob", "Str4nger's own").await;
    for client in 2..=9 {
        assert_eq!(register_from(&app, client, "ann", "Str4nger's own").await, unknown);
    }
    app.run_outbox().await;
    // Ann gets only four mails, because the mail of her own registration was the first of the five that an email
    // address may get in a day. The other mail is Bob's.
    assert_eq!(app.mail_count() - before, 4 + 1);
    app.log_in("ann").await.expect(200);
}

async fn six_concurrent_registrations_of_one_address_make_one_account(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let answers = join_all((0..6).map(|_| app.register("ann"))).await;
    for answer in answers {
        answer.expect(201);
    }
    app.run_outbox().await;
    let outcomes: Vec<_> =
        join_all(app.tokens_mailed_to("ann").iter().map(|token| app.activate(token))).await;
    assert_eq!(
        outcomes.iter().filter(|answer| answer.status == 200).count(),
        1,
        "only the last link is valid"
    );
    app.log_in("ann").await.expect(200);
}

async fn thirty_concurrent_registrations_of_one_address_are_all_answered(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let register = |number: usize| {
        let body = json!({"email": email_of("ann"), "password": format!("S3cret number {number}")});
        app.anonymous().post("/accounts/register", body).into_future()
    };
    // In the first round the address is new; in the second round its account is awaiting activation.
    for round in 0..2 {
        for answer in join_all((0..30).map(|number| register(30 * round + number))).await {
            answer.expect(201);
        }
    }
    app.run_outbox().await;
    let outcomes = join_all(app.tokens_mailed_to("ann").iter().map(|token| app.activate(token))).await;
    assert_eq!(
        outcomes.iter().filter(|answer| answer.status == 200).count(),
        1,
        "only the last link is valid"
    );
    let own = json!({"token": app.reset_token("ann").await, "password": "Ann's own 1"});
    app.anonymous().post("/accounts/password-reset/confirm", own).await.expect(200);
}

async fn every_account_has_a_separate_link(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let mut tokens = BTreeSet::new();
    for name in ["ann", "bob", "cleo"] {
        app.register(name).await.expect(201);
        let token = app.activation_token(name).await;
        assert!(token.len() >= 43, "the token has at least 256 bits: {token}");
        tokens.insert(token);
    }
    assert_eq!(tokens.len(), 3);
}
