use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, Engine, TestApp, cases, email_of, password_of, snapshot};

cases! {
    requesting_a_link_gets_the_same_answer_for_every_address,
    only_an_active_account_gets_the_mail,
    a_new_password_replaces_the_old_one_and_ends_every_session,
    a_used_or_unknown_token_is_refused,
    a_flood_of_invented_tokens_does_not_prevent_logging_in,
    a_link_is_valid_for_an_hour_and_reported_as_expired_for_a_day,
    a_newer_link_replaces_the_older,
    an_unacceptable_password_is_reported_and_the_link_stays_valid,
    of_five_concurrent_uses_of_a_link_one_succeeds,
    an_activation_link_sets_no_password_and_a_reset_link_activates_no_account,
    the_page_sets_a_password_without_scripts,
    the_page_without_a_token_sends_a_link,
}

async fn ask(app: &TestApp, name: &str) -> Answer {
    app.anonymous().post("/accounts/password-reset", json!({"email": email_of(name)})).await
}

async fn confirm(app: &TestApp, token: &str, password: &str) -> Answer {
    let body: Value = json!({"token": token, "password": password});
    app.anonymous().post("/accounts/password-reset/confirm", body).await
}

async fn log_in(app: &TestApp, name: &str, password: &str) -> Answer {
    app.anonymous().post("/accounts/login", json!({"email": email_of(name), "password": password})).await
}

async fn requesting_a_link_gets_the_same_answer_for_every_address(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.user("active").await;
    app.register("waiting").await.expect(201);
    for name in ["active", "waiting", "nobody"] {
        let answer = ask(&app, name).await.expect(202);
        snapshot!(answer.json(), @r#"
        {
          "message": "If the email exists, a link to set a new password was sent."
        }
        "#);
    }
}

async fn only_an_active_account_gets_the_mail(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.user("active").await;
    app.register("waiting").await.expect(201);
    app.run_outbox().await;
    let before = app.mail_count();
    for name in ["active", "waiting", "nobody"] {
        ask(&app, name).await.expect(202);
    }
    app.run_outbox().await;
    assert_eq!(app.mail_count(), before + 1);
    let token = app.reset_token("active").await;
    let mail = app.mails_to(&email_of("active")).pop().unwrap();
    assert!(mail.text.contains(&format!("{}/reset-password?token={token}", app.url())), "{}", mail.text);
}

async fn a_new_password_replaces_the_old_one_and_ends_every_session(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let other_node = app.second_node().await;
    let ann = app.user("ann").await;
    let there = ann.at(other_node.url());
    there.get("/cart").await.expect(200);
    ask(&app, "ann").await.expect(202);
    ann.get("/cart").await.expect(200);
    let token = app.reset_token("ann").await;
    let answer = confirm(&app, &token, "Another 1 of ann").await.expect(200);
    assert_eq!(answer.json().as_object().unwrap().keys().collect::<Vec<_>>(), ["message"]);
    log_in(&app, "ann", &password_of("ann")).await.problem(401, "invalid_credentials");
    log_in(&app, "ann", "Another 1 of ann").await.expect(200);
    app.refresh(&ann.tokens.refresh).await.problem(401, "refresh_token_invalid");
    app.advance(TimeDelta::seconds(5));
    ann.get("/cart").await.problem(401, "access_token_invalid");
    there.get("/cart").await.problem(401, "access_token_invalid");
}

async fn a_used_or_unknown_token_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.user("ann").await;
    ask(&app, "ann").await.expect(202);
    let token = app.reset_token("ann").await;
    for unknown in ["", "x", "🎬", &token[1..]] {
        confirm(&app, unknown, "Another 1 of ann").await.problem(400, "token_invalid");
    }
    confirm(&app, &token, "Another 1 of ann").await.expect(200);
    confirm(&app, &token, "A third 1 of ann").await.problem(400, "token_invalid");
    log_in(&app, "ann", "Another 1 of ann").await.expect(200);
}

async fn a_flood_of_invented_tokens_does_not_prevent_logging_in(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("HASH_SLOTS", "1")]).await;
    app.user("ann").await;
    let attempts: Vec<_> = (0..200).map(|number| format!("made up {number}")).collect();
    let flood = join_all(attempts.iter().map(|token| confirm(&app, token, "Another 1 of ann")));
    let (answers, log_in) = futures_util::future::join(flood, app.log_in("ann")).await;
    for answer in answers {
        answer.problem(400, "token_invalid");
    }
    log_in.expect(200);
}

async fn a_link_is_valid_for_an_hour_and_reported_as_expired_for_a_day(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.user("ann").await;
    app.user("bob").await;
    ask(&app, "ann").await.expect(202);
    ask(&app, "bob").await.expect(202);
    let (anns, bobs) = (app.reset_token("ann").await, app.reset_token("bob").await);
    app.advance(TimeDelta::hours(1) - TimeDelta::seconds(1));
    confirm(&app, &anns, "Another 1 of ann").await.expect(200);
    app.advance(TimeDelta::seconds(1));
    confirm(&app, &bobs, "Another 1 of bob").await.problem(400, "token_expired");
    app.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
    app.clean_up().await;
    confirm(&app, &bobs, "Another 1 of bob").await.problem(400, "token_expired");
    app.advance(TimeDelta::seconds(2));
    app.clean_up().await;
    confirm(&app, &bobs, "Another 1 of bob").await.problem(400, "token_invalid");
    log_in(&app, "bob", &password_of("bob")).await.expect(200);
}

async fn a_newer_link_replaces_the_older(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.user("ann").await;
    ask(&app, "ann").await.expect(202);
    let first = app.reset_token("ann").await;
    ask(&app, "ann").await.expect(202);
    let second = app.reset_token("ann").await;
    assert_ne!(first, second);
    confirm(&app, &first, "Another 1 of ann").await.problem(400, "token_invalid");
    confirm(&app, &second, "Another 1 of ann").await.expect(200);
}

async fn an_unacceptable_password_is_reported_and_the_link_stays_valid(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.register("ann1").await.expect(201);
    let token = app.activation_token("ann1").await;
    app.activate(&token).await.expect(200);
    ask(&app, "ann1").await.expect(202);
    let token = app.reset_token("ann1").await;
    let long = "a1".repeat(65);
    for (password, code) in [
        ("Ab1", "too_short"),
        (long.as_str(), "too_long"),
        ("onlyletters", "too_weak"),
        ("password1", "too_common"),
        ("ann1@example.com", "invalid_value"),
        ("Another\0 1", "invalid_format"),
    ] {
        confirm(&app, &token, password).await.invalid(&[("password", code)]);
    }
    log_in(&app, "ann1", &password_of("ann1")).await.expect(200);
    confirm(&app, &token, "Another 1 of ann").await.expect(200);
}

async fn of_five_concurrent_uses_of_a_link_one_succeeds(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.user("ann").await;
    ask(&app, "ann").await.expect(202);
    let token = app.reset_token("ann").await;
    let passwords: Vec<_> = (0..5).map(|n| format!("Another {n} of ann")).collect();
    let answers = join_all(passwords.iter().map(|password| confirm(&app, &token, password))).await;
    let mut winner = None;
    for (answer, password) in answers.into_iter().zip(&passwords) {
        if answer.status == 200 {
            assert!(winner.replace(password).is_none(), "two succeeded");
        } else {
            answer.problem(400, "token_invalid");
        }
    }
    log_in(&app, "ann", winner.expect("one succeeds")).await.expect(200);
}

async fn an_activation_link_sets_no_password_and_a_reset_link_activates_no_account(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.register("waiting").await.expect(201);
    let activation = app.activation_token("waiting").await;
    confirm(&app, &activation, "Another 1 of mine").await.problem(400, "token_invalid");
    app.user("ann").await;
    ask(&app, "ann").await.expect(202);
    let reset = app.reset_token("ann").await;
    app.activate(&reset).await.problem(400, "token_invalid");
    app.activate(&activation).await.expect(200);
    confirm(&app, &reset, "Another 1 of ann").await.expect(200);
}

async fn the_page_sets_a_password_without_scripts(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.user("ann").await;
    ask(&app, "ann").await.expect(202);
    let token = app.reset_token("ann").await;
    let link = format!("/reset-password?token={token}");
    let page = app.anonymous().get(&link).await.expect(200);
    let text = page.text();
    assert!(
        text.contains("<form") && text.contains("type=\"password\"") && !text.contains("<script"),
        "{page}"
    );
    log_in(&app, "ann", &password_of("ann")).await.expect(200);
    let press = |password: &str| {
        app.anonymous()
            .call(reqwest::Method::POST, "/reset-password")
            .body("application/x-www-form-urlencoded", format!("token={token}&password={password}"))
    };
    press("short").await.expect(422);
    press("Another+1+of+ann").await.expect(200);
    press("Another+1+of+ann").await.expect(400);
    log_in(&app, "ann", "Another 1 of ann").await.expect(200);
    let awkward = app.anonymous().get("/reset-password?token=%22%3E%3Cscript%3E").await.expect(200);
    assert!(!awkward.text().contains("<script"), "{awkward}");
}

async fn the_page_without_a_token_sends_a_link(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    app.run_outbox().await;
    let before = app.mail_count();
    let page = app.anonymous().get("/reset-password").await.expect(200);
    assert!(page.text().contains("type=\"email\"") && !page.text().contains("<script"), "{page}");
    let press = |body: &'static str| {
        let call = app.anonymous().call(reqwest::Method::POST, "/reset-password");
        call.body("application/x-www-form-urlencoded", body)
    };
    let known = press("email=Ann%40example.com").await.expect(200);
    let unknown = press("email=nobody%40example.com").await.expect(200);
    assert_eq!(known.text(), unknown.text());
    press("email=nobody").await.expect(422);
    press("password=Another+1+of+ann").await.expect(400);
    app.run_outbox().await;
    assert_eq!(app.mail_count(), before + 1);
    ann.get("/cart").await.expect(200);
    let token = app.reset_token("ann").await;
    confirm(&app, &token, "Another 1 of ann").await.expect(200);
}
