use chrono::TimeDelta;
use futures_util::future::join;
use serde_json::json;

use crate::support::{Answer, Call, Caller, Engine, SignedIn, TestApp, cases, email_of, password_of};

cases! {
    the_new_password_is_valid_and_the_other_sessions_end_on_every_node,
    the_calling_session_remains_valid,
    all_invalid_fields_are_reported_together,
    passwords_refused_by_the_policy_are_reported,
    a_refusal_changes_nothing,
    the_owner_is_notified_of_every_change,
    a_reset_link_that_was_mailed_before_becomes_invalid,
    of_two_concurrent_changes_one_succeeds,
    a_change_requires_a_signed_in_user,
}

const NEW: &str = "Another 1 of ann";

fn change(caller: &Caller, current: &str, new: &str) -> Call {
    caller.post("/users/me/password", json!({"current_password": current, "new_password": new}))
}

async fn log_in(app: &TestApp, name: &str, password: &str) -> Answer {
    app.anonymous().post("/accounts/login", json!({"email": email_of(name), "password": password})).await
}

/// Logs the user in again, as on another device.
async fn again(app: &TestApp, user: &SignedIn) -> SignedIn {
    SignedIn::log_in(&app.anonymous(), &user.email, &user.password).await
}

async fn the_new_password_is_valid_and_the_other_sessions_end_on_every_node(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let other_node = app.second_node().await;
    let laptop = app.user("ann").await;
    let phone = again(&app, &laptop).await;
    let (there, bob) = (phone.at(other_node.url()), app.user("bob").await);
    for caller in [&phone, &there] {
        caller.get("/cart").await.expect(200);
    }
    let done = change(&laptop, &password_of("ann"), NEW).await.expect(204);
    assert!(done.body.is_empty(), "{done}");
    phone.get("/cart").await.problem(401, "access_token_invalid");
    for node in [app.url(), other_node.url()] {
        let body = json!({"refresh": phone.tokens.refresh});
        let refused = app.visitor_at(node).post("/accounts/refresh", body).await;
        refused.problem(401, "refresh_token_invalid");
    }
    app.advance(TimeDelta::seconds(5));
    there.get("/cart").await.problem(401, "access_token_invalid");
    log_in(&app, "ann", &password_of("ann")).await.problem(401, "invalid_credentials");
    log_in(&app, "ann", NEW).await.expect(200);
    bob.get("/cart").await.expect(200);
}

async fn the_calling_session_remains_valid(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    change(&ann, &password_of("ann"), NEW).await.expect(204);
    app.advance(TimeDelta::seconds(5));
    ann.get("/cart").await.expect(200);
    app.refresh(&ann.tokens.refresh).await.expect(200);
    change(&ann, NEW, &password_of("ann")).await.expect(204);
    log_in(&app, "ann", &password_of("ann")).await.expect(200);
}

async fn all_invalid_fields_are_reported_together(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let own = password_of("ann");
    change(&ann, "Not the 1 of ann", NEW).await.invalid(&[("current_password", "wrong_password")]);
    let both = [("current_password", "wrong_password"), ("new_password", "too_short")];
    change(&ann, "Not the 1 of ann", "short 1").await.invalid(&both);
    change(&ann, "", "short 1").await.invalid(&both);
    let long = "x".repeat(1_025);
    for (body, faults) in [
        (json!({}), vec![("current_password", "required"), ("new_password", "required")]),
        (
            json!({"new_password": "short 1"}),
            vec![("current_password", "required"), ("new_password", "too_short")],
        ),
        (
            json!({"current_password": own, "new_password": "short 1", "again": "short 1"}),
            vec![("again", "unknown"), ("new_password", "too_short")],
        ),
        (
            json!({"current_password": null, "new_password": 1}),
            vec![("current_password", "wrong_type"), ("new_password", "wrong_type")],
        ),
        (
            json!({"current_password": "a\u{0}b", "new_password": "c\u{0}d"}),
            vec![("current_password", "invalid_format"), ("new_password", "invalid_format")],
        ),
        (json!({"current_password": long, "new_password": NEW}), vec![("current_password", "too_long")]),
    ] {
        ann.post("/users/me/password", body).await.invalid(&faults);
    }
}

async fn passwords_refused_by_the_policy_are_reported(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann1").await;
    let own = password_of("ann1");
    let long = "a1".repeat(65);
    for (new, code) in [
        ("", "too_short"),
        (long.as_str(), "too_long"),
        ("onlyletters", "too_weak"),
        ("PassWord1", "too_common"),
        ("Ann1@Example.COM", "invalid_value"),
        (own.as_str(), "invalid_value"),
    ] {
        change(&ann, &own, new).await.invalid(&[("new_password", code)]);
    }
}

async fn a_refusal_changes_nothing(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let phone = again(&app, &ann).await;
    app.run_outbox().await;
    let before = app.mail_count();
    change(&ann, "Not the 1 of ann", NEW).await.expect(422);
    change(&ann, &password_of("ann"), "short 1").await.expect(422);
    app.run_outbox().await;
    assert_eq!(app.mail_count(), before);
    phone.get("/cart").await.expect(200);
    log_in(&app, "ann", &password_of("ann")).await.expect(200);
    log_in(&app, "ann", NEW).await.problem(401, "invalid_credentials");
}

async fn the_owner_is_notified_of_every_change(engine: Engine) {
    const SUBJECT: &str = "Your Cinema password was changed";
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let told = || app.mails_to(&email_of("ann")).into_iter().filter(|mail| mail.subject == SUBJECT);
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
    change(&ann, &password_of("ann"), NEW).header("user-agent", agent).await.expect(204);
    app.run_outbox().await;
    assert_eq!(told().count(), 1);
    let text = told().next_back().unwrap().text;
    assert!(text.contains("Device: Firefox on Linux\nNetwork address: 127.0.0.1\n"), "{text}");
    assert!(text.contains(&format!("{}/reset-password\n", app.url())) && !text.contains(NEW), "{text}");
    app.anonymous().post("/accounts/password-reset", json!({"email": ann.email})).await.expect(202);
    let token = app.reset_token("ann").await;
    let body = json!({"token": token, "password": "A third 1 of ann"});
    app.anonymous().post("/accounts/password-reset/confirm", body).await.expect(200);
    app.run_outbox().await;
    assert_eq!(told().count(), 2);
}

async fn a_reset_link_that_was_mailed_before_becomes_invalid(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    app.anonymous().post("/accounts/password-reset", json!({"email": ann.email})).await.expect(202);
    let token = app.reset_token("ann").await;
    change(&ann, &password_of("ann"), NEW).await.expect(204);
    let body = json!({"token": token, "password": "A third 1 of ann"});
    app.anonymous().post("/accounts/password-reset/confirm", body).await.problem(400, "token_invalid");
    log_in(&app, "ann", NEW).await.expect(200);
}

async fn of_two_concurrent_changes_one_succeeds(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let laptop = app.user("ann").await;
    let phone = again(&app, &laptop).await;
    let own = password_of("ann");
    let (first, second) = join(
        change(&laptop, &own, NEW).into_future(),
        change(&phone, &own, "A third 1 of ann").into_future(),
    )
    .await;
    let statuses = [first.status, second.status];
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{first} {second}");
    // The other change is refused, because its session has ended (401) or its current password is wrong by then (422).
    assert!(statuses.iter().any(|status| [401, 422].contains(status)), "{first} {second}");
    let (holds, not) =
        if first.status == 204 { (NEW, "A third 1 of ann") } else { ("A third 1 of ann", NEW) };
    log_in(&app, "ann", holds).await.expect(200);
    log_in(&app, "ann", not).await.problem(401, "invalid_credentials");
}

async fn a_change_requires_a_signed_in_user(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    change(&app.anonymous(), "short", "short").await.problem(401, "unauthenticated");
}
