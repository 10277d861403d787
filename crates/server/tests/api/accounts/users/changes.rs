use std::future::IntoFuture;

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Call, Caller, Engine, SignedIn, TestApp, cases, email_of};

cases! {
    a_changed_role_takes_effect_with_the_same_token_on_every_node,
    a_demoted_administrator_is_refused_within_five_seconds,
    a_deactivated_user_is_refused_immediately_and_on_other_nodes_within_five_seconds,
    a_deactivated_user_cannot_reactivate_the_account,
    an_inactive_account_is_activated_by_an_administrator,
    an_inactive_account_that_is_deactivated_is_never_activated_by_its_owner,
    the_last_administrator_cannot_be_demoted_or_deactivated,
    of_two_administrators_who_demote_each_other_one_remains,
    the_owner_is_notified_by_mail,
    a_change_without_effect_changes_nothing,
    a_change_may_be_sent_as_a_merge_patch,
    all_faults_of_a_change_are_reported_together,
    an_unknown_user_is_not_found,
}

fn patch(caller: &Caller, id: impl std::fmt::Display, changes: &Value) -> Call {
    caller.call(Method::PATCH, format!("/users/{id}")).json(changes)
}

async fn change(admin: &SignedIn, user: &SignedIn, changes: Value) -> Answer {
    patch(admin, user.id(), &changes).await
}

async fn a_changed_role_takes_effect_with_the_same_token_on_every_node(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let other = app.second_node().await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    let elsewhere = ann.at(other.url());
    ann.get("/users").await.problem(403, "forbidden");
    elsewhere.get("/users").await.problem(403, "forbidden");
    let changed = change(&admin, &ann, json!({"role": "admin"})).await.expect(200).json();
    assert_eq!(changed["role"], "admin");
    assert_eq!(changed, admin.get(format!("/users/{}", ann.id())).await.expect(200).json());
    ann.get("/users").await.expect(200);
    app.advance(TimeDelta::seconds(5));
    elsewhere.get("/users").await.expect(200);
    app.refresh(&ann.tokens.refresh).await.expect(200);
}

async fn a_demoted_administrator_is_refused_within_five_seconds(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let other = app.second_node().await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    change(&admin, &ann, json!({"role": "admin"})).await.expect(200);
    let elsewhere = admin.at(other.url());
    elsewhere.get("/users").await.expect(200);
    change(&ann, &admin, json!({"role": "user"})).await.expect(200);
    admin.get("/users").await.problem(403, "forbidden");
    app.advance(TimeDelta::seconds(5));
    elsewhere.get("/users").await.problem(403, "forbidden");
    elsewhere.get("/cart").await.expect(200);
}

async fn a_deactivated_user_is_refused_immediately_and_on_other_nodes_within_five_seconds(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let other = app.second_node().await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    let elsewhere = ann.at(other.url());
    ann.get("/cart").await.expect(200);
    elsewhere.get("/cart").await.expect(200);
    let changed = change(&admin, &ann, json!({"is_active": false})).await.expect(200).json();
    assert_eq!(changed["is_active"], false);
    ann.get("/cart").await.problem(401, "access_token_invalid");
    app.refresh(&ann.tokens.refresh).await.problem(401, "refresh_token_invalid");
    app.log_in("ann").await.problem(403, "account_deactivated");
    app.advance(TimeDelta::seconds(5));
    elsewhere.get("/cart").await.problem(401, "access_token_invalid");
    change(&admin, &ann, json!({"is_active": true})).await.expect(200);
    ann.get("/cart").await.problem(401, "access_token_invalid");
    app.log_in("ann").await.expect(200);
}

async fn a_deactivated_user_cannot_reactivate_the_account(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = app.admin().await;
    app.register("ann").await.expect(201);
    let old = app.activation_token("ann").await;
    let found = admin.get("/users?email=ann").await.expect(200).json();
    let id = found["items"][0]["id"].as_str().unwrap();
    patch(&admin, id, &json!({"is_active": true})).await.expect(200);
    patch(&admin, id, &json!({"is_active": false})).await.expect(200);
    app.run_outbox().await;
    let mails = app.mails_to(&email_of("ann")).len();
    app.activate(&old).await.problem(400, "token_invalid");
    app.register("ann").await.problem(409, "email_taken");
    app.resend("ann").await.expect(200);
    app.anonymous().post("/accounts/password-reset", json!({"email": email_of("ann")})).await.expect(202);
    app.run_outbox().await;
    assert_eq!(app.mails_to(&email_of("ann")).len(), mails);
    app.log_in("ann").await.problem(403, "account_deactivated");
}

async fn an_inactive_account_is_activated_by_an_administrator(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = app.admin().await;
    app.register("ann").await.expect(201);
    let token = app.activation_token("ann").await;
    let found = admin.get("/users?is_active=false").await.expect(200).json();
    assert_eq!(found["total_items"], 1);
    let id = found["items"][0]["id"].as_str().unwrap();
    patch(&admin, id, &json!({"is_active": true})).await.expect(200);
    app.log_in("ann").await.expect(200);
    app.activate(&token).await.problem(400, "token_invalid");
}

async fn an_inactive_account_that_is_deactivated_is_never_activated_by_its_owner(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = app.admin().await;
    app.register("ann").await.expect(201);
    let token = app.activation_token("ann").await;
    let found = admin.get("/users?email=ann").await.expect(200).json();
    let id = found["items"][0]["id"].as_str().unwrap();
    let inactive = json!({"is_active": false});
    assert_eq!(patch(&admin, id, &inactive).await.expect(200).json()["is_active"], false);
    app.activate(&token).await.problem(400, "token_invalid");
    app.register("ann").await.problem(409, "email_taken");
    app.run_outbox().await;
    let mails = app.mails_to(&email_of("ann"));
    assert_eq!(mails.last().unwrap().subject, "Your Cinema account was deactivated");
    app.resend("ann").await.expect(200);
    // Deactivating the account again has no effect.
    patch(&admin, id, &inactive).await.expect(200);
    app.run_outbox().await;
    assert_eq!(app.mails_to(&email_of("ann")).len(), mails.len());
    app.log_in("ann").await.problem(403, "account_deactivated");
    let told = admin.get("/admin/audit?action=activation_changed").await.expect(200).json();
    assert_eq!(told["total_items"], 1);
    assert_eq!(told["items"][0]["before"], json!({"is_active": "false", "is_waiting": "true"}));
    patch(&admin, id, &json!({"is_active": true})).await.expect(200);
    app.log_in("ann").await.expect(200);
}

async fn the_last_administrator_cannot_be_demoted_or_deactivated(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    for changes in [json!({"role": "user"}), json!({"role": "moderator"}), json!({"is_active": false})] {
        change(&admin, &admin, changes).await.problem(409, "last_admin");
    }
    change(&admin, &admin, json!({"role": "admin", "is_active": true})).await.expect(200);
    change(&admin, &ann, json!({"role": "admin"})).await.expect(200);
    change(&admin, &admin, json!({"is_active": false})).await.expect(200);
    change(&ann, &ann, json!({"role": "user"})).await.problem(409, "last_admin");
}

async fn of_two_administrators_who_demote_each_other_one_remains(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let other = app.second_node().await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    change(&admin, &ann, json!({"role": "admin"})).await.expect(200);
    let elsewhere = ann.at(other.url());
    for changes in [json!({"role": "user"}), json!({"is_active": false})] {
        let (one, two) = tokio::join!(
            patch(&admin, ann.id(), &changes).into_future(),
            patch(&elsewhere, admin.id(), &changes).into_future()
        );
        let mut answers = [one.status, two.status];
        answers.sort_unstable();
        assert_eq!(answers[0], 200, "{one}\n{two}");
        // The other change is refused, because its caller is no longer an active administrator (401 or 403), or because
        // no administrator would remain (409).
        assert!([401, 403, 409].contains(&answers[1]), "{one}\n{two}");
        let (left, gone) = if one.status == 200 { (&admin, &ann) } else { (&ann, &admin) };
        app.advance(TimeDelta::seconds(5));
        let leaders = left.get("/users?role=admin&is_active=true").await.expect(200).json();
        assert_eq!(leaders["total_items"], 1);
        change(left, gone, json!({"role": "admin", "is_active": true})).await.expect(200);
        app.advance(TimeDelta::seconds(5));
    }
}

async fn the_owner_is_notified_by_mail(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    for (changes, subject) in [
        (json!({"role": "moderator"}), "Your role at Cinema was changed"),
        (json!({"is_active": false}), "Your Cinema account was deactivated"),
        (json!({"is_active": true}), "Your Cinema account is active"),
    ] {
        change(&admin, &ann, changes).await.expect(200);
        app.run_outbox().await;
        assert_eq!(app.mails_to(&ann.email).last().unwrap().subject, subject);
    }
}

async fn a_change_without_effect_changes_nothing(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    let before = admin.get(format!("/users/{}", ann.id())).await.expect(200).json();
    for changes in [json!({}), json!({"role": "user"}), json!({"is_active": true, "role": "user"})] {
        assert_eq!(change(&admin, &ann, changes).await.expect(200).json(), before);
    }
    app.run_outbox().await;
    assert_eq!(app.mails_to(&ann.email).len(), 1, "only the activation link");
    ann.get("/cart").await.expect(200);
}

async fn a_change_may_be_sent_as_a_merge_patch(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    let send = |kind: &str| {
        let path = format!("/users/{}", ann.id().to_string().to_uppercase());
        admin.call(Method::PATCH, path).body(kind, r#"{"role": "moderator"}"#)
    };
    for kind in ["application/merge-patch+json", "application/json", "application/json; charset=utf-8"] {
        assert_eq!(send(kind).await.expect(200).json()["role"], "moderator");
    }
    for kind in ["text/plain", "application/json-patch+json", "application/x-www-form-urlencoded"] {
        send(kind).await.problem(415, "unsupported_media_type");
    }
}

async fn all_faults_of_a_change_are_reported_together(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    let cases: [(Value, &[(&str, &str)]); 6] = [
        (
            json!({"role": "root", "is_active": "yes", "email": "x@example.com"}),
            &[("role", "invalid_value"), ("is_active", "wrong_type"), ("email", "unknown")],
        ),
        (json!({"role": null, "is_active": null}), &[("role", "wrong_type"), ("is_active", "wrong_type")]),
        (json!({"role": "Admin", "is_active": 1}), &[("role", "invalid_value"), ("is_active", "wrong_type")]),
        (json!({"role": ["admin"]}), &[("role", "wrong_type")]),
        (json!({"role": "admin\0"}), &[("role", "invalid_format")]),
        (json!([]), &[("body", "wrong_type")]),
    ];
    for (changes, faults) in cases {
        change(&admin, &ann, changes).await.invalid(faults);
    }
    let twice = r#"{"role": "admin", "role": "user"}"#;
    let path = format!("/users/{}", ann.id());
    let call = admin.call(Method::PATCH, &path).body("application/json", twice);
    call.await.invalid(&[("role", "repeated")]);
    admin
        .call(Method::PATCH, format!("{path}?force=1"))
        .json(&json!({"x": 1}))
        .await
        .invalid(&[("force", "unknown"), ("x", "unknown")]);
    let call = admin.call(Method::PATCH, &path).body("application/json", "{");
    call.await.problem(400, "malformed_request");
    assert_eq!(admin.get(path).await.expect(200).json()["role"], "user");
}

async fn an_unknown_user_is_not_found(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = app.admin().await;
    let changes = json!({"role": "user"});
    patch(&admin, "0190a1b2-0000-7000-8000-000000000000", &changes).await.problem(404, "not_found");
    patch(&admin, "ann", &changes).await.problem(400, "malformed_request");
}
