use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::json;

use crate::support::{Engine, TestApp, cases, email_of, snapshot};

cases! {
    resending_gets_the_same_answer_for_every_address,
    only_an_inactive_account_gets_the_mail,
    a_new_link_replaces_the_old_one_and_is_valid_for_24_hours,
    a_request_for_a_link_is_removed_after_it_was_handled,
    an_invalid_email_is_reported_by_field,
}

async fn resending_gets_the_same_answer_for_every_address(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.user("active").await;
    app.register("waiting").await.expect(201);
    let answers = [app.resend("active").await, app.resend("waiting").await, app.resend("nobody").await];
    let mut shapes = BTreeSet::new();
    for answer in answers {
        let answer = answer.expect(200);
        snapshot!(answer.json(), @r#"
        {
          "message": "If the email exists, a new activation token was sent."
        }
        "#);
        let names: BTreeSet<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        shapes.insert(names);
    }
    assert_eq!(shapes.len(), 1, "all answers have the same headers: {shapes:?}");
}

async fn only_an_inactive_account_gets_the_mail(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.user("active").await;
    app.register("waiting").await.expect(201);
    app.run_outbox().await;
    let (to_active, to_waiting) =
        (app.mails_to("active@example.com").len(), app.mails_to("waiting@example.com").len());
    for name in ["active", "waiting", "nobody"] {
        app.resend(name).await.expect(200);
    }
    app.run_outbox().await;
    assert_eq!(app.mails_to("active@example.com").len(), to_active);
    assert_eq!(app.mails_to("waiting@example.com").len(), to_waiting + 1);
    assert_eq!(app.mails_to("nobody@example.com").len(), 0);
}

async fn a_new_link_replaces_the_old_one_and_is_valid_for_24_hours(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.register("ann").await.expect(201);
    let first = app.activation_token("ann").await;
    app.advance(TimeDelta::hours(25));
    app.activate(&first).await.problem(400, "token_expired");
    app.resend("ann").await.expect(200);
    let second = app.activation_token("ann").await;
    app.activate(&first).await.problem(400, "token_invalid");
    app.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
    app.activate(&second).await.expect(200);
    app.log_in("ann").await.expect(200);
}

async fn a_request_for_a_link_is_removed_after_it_was_handled(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.user("active").await;
    app.register("waiting").await.expect(201);
    let wishes = async || {
        let cells = app.stored_texts().await.into_iter();
        cells.filter(|cell| cell.column == "kind" && cell.text.ends_with("_requested")).count()
    };
    for name in ["active", "waiting", "nobody"] {
        app.resend(name).await.expect(200);
        app.anonymous().post("/accounts/password-reset", json!({"email": email_of(name)})).await.expect(202);
    }
    assert_eq!(wishes().await, 6);
    let before = app.mail_count();
    app.run_outbox().await;
    assert_eq!(wishes().await, 0);
    // The three mails are the pending mail of the registration, one activation link and one reset link.
    assert_eq!(app.mail_count() - before, 3);
}

async fn an_invalid_email_is_reported_by_field(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let call = |body| app.anonymous().post("/accounts/resend-activation", body);
    call(json!({})).await.invalid(&[("email", "required")]);
    call(json!({"email": "ann"})).await.invalid(&[("email", "invalid_format")]);
    call(json!({"email": null})).await.invalid(&[("email", "wrong_type")]);
    call(json!({"email": "a@example.com", "name": 1})).await.invalid(&[("name", "unknown")]);
}
