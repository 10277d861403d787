use std::future::IntoFuture;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Call, Caller, Engine, TestApp, cases};

cases! {
    a_new_account_has_an_empty_profile,
    a_change_keeps_omitted_fields_and_null_clears_fields,
    an_empty_change_returns_the_profile,
    all_invalid_fields_are_reported_together,
    text_is_trimmed_and_control_characters_are_refused,
    a_date_of_birth_must_be_plausible,
    a_change_is_json_or_a_merge_patch_and_nothing_else,
    concurrent_changes_are_all_kept,
    a_user_cannot_change_the_profile_of_another_user,
}

fn change(caller: &Caller, body: &Value) -> Call {
    caller.call(Method::PATCH, "/users/me/profile").json(body)
}

fn empty_profile() -> Value {
    json!({
        "first_name": null, "last_name": null, "gender": null, "date_of_birth": null, "info": null,
        "avatar_url": null,
    })
}

async fn a_new_account_has_an_empty_profile(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let mut me = ann.get("/users/me").await.expect(200).json();
    let created_at = me["created_at"].take();
    assert!(created_at.as_str().unwrap().ends_with('Z'), "{created_at}");
    let expected = json!({
        "id": ann.id(), "email": "ann@example.com", "role": "user", "is_active": true, "created_at": null,
        "profile": empty_profile(),
    });
    assert_eq!(me, expected);
    assert_eq!(app.admin().await.get("/users/me").await.expect(200).json()["role"], "admin");
    app.anonymous().get("/users/me").await.problem(401, "unauthenticated");
}

async fn a_change_keeps_omitted_fields_and_null_clears_fields(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let all = json!({
        "first_name": "Zoë 🎬", "last_name": "O'Hara", "gender": "other", "date_of_birth": "1984-02-29",
        "info": "two\nlines",
    });
    let mut expected = empty_profile();
    expected.as_object_mut().unwrap().extend(all.as_object().unwrap().clone());
    assert_eq!(change(&ann, &all).await.expect(200).json(), expected);
    let some = json!({"last_name": null, "gender": "woman"});
    expected.as_object_mut().unwrap().extend(some.as_object().unwrap().clone());
    assert_eq!(change(&ann, &some).await.expect(200).json(), expected);
    assert_eq!(ann.get("/users/me").await.expect(200).json()["profile"], expected);
}

async fn an_empty_change_returns_the_profile(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    assert_eq!(change(&ann, &json!({})).await.expect(200).json(), empty_profile());
    change(&ann, &json!({"first_name": "Ann"})).await.expect(200);
    assert_eq!(change(&ann, &json!({})).await.expect(200).json()["first_name"], "Ann");
}

async fn all_invalid_fields_are_reported_together(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let body = json!({
        "first_name": " ", "last_name": "x".repeat(101), "gender": "cat", "date_of_birth": "1985-02-29", "info": 5,
        "avatar_url": "https://evil.example/x.jpg", "role": "admin",
    });
    change(&ann, &body).await.invalid(&[
        ("first_name", "too_short"),
        ("last_name", "too_long"),
        ("gender", "invalid_value"),
        ("date_of_birth", "invalid_format"),
        ("info", "wrong_type"),
        ("avatar_url", "unknown"),
        ("role", "unknown"),
    ]);
    // A body with one invalid field changes nothing.
    let partly = json!({"first_name": "Ann", "info": "x".repeat(2_001)});
    change(&ann, &partly).await.invalid(&[("info", "too_long")]);
    assert_eq!(ann.get("/users/me").await.expect(200).json()["profile"], empty_profile());
}

async fn text_is_trimmed_and_control_characters_are_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let body = json!({"first_name": "\u{3000} Ann ", "info": " one\r\ntwo ", "last_name": "é".repeat(100)});
    let profile = change(&ann, &body).await.expect(200).json();
    assert_eq!((&profile["first_name"], &profile["info"]), (&json!("Ann"), &json!("one\ntwo")));
    for bad in ["a\0b", "a\u{1b}[31mb", "a\u{85}b"] {
        let body = json!({"first_name": bad, "info": bad});
        change(&ann, &body).await.invalid(&[("first_name", "invalid_format"), ("info", "invalid_format")]);
    }
    change(&ann, &json!({"last_name": "a\nb"})).await.invalid(&[("last_name", "invalid_format")]);
    change(&ann, &json!({"last_name": "\u{200b}"})).await.invalid(&[("last_name", "too_short")]);
    let profile = change(&ann, &json!({"first_name": "\u{202e}Ann\u{200b}"})).await.expect(200).json();
    assert_eq!(profile["first_name"], "Ann");
}

async fn a_date_of_birth_must_be_plausible(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    for day in ["2999-01-01", "1850-01-01", "0001-01-01", "9999-12-31"] {
        let body = json!({"date_of_birth": day});
        change(&ann, &body).await.invalid(&[("date_of_birth", "invalid_value")]);
    }
    for day in ["29.2.1984", "1984-2-29", "1984-02-29T00:00:00Z", "-1984-02-29", ""] {
        let body = json!({"date_of_birth": day});
        change(&ann, &body).await.invalid(&[("date_of_birth", "invalid_format")]);
    }
}

async fn a_change_is_json_or_a_merge_patch_and_nothing_else(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let send = |kind: &str, body: &'static str| ann.call(Method::PATCH, "/users/me/profile").body(kind, body);
    for kind in
        ["application/json", "application/merge-patch+json", "application/merge-patch+json; charset=utf-8"]
    {
        let profile = send(kind, r#"{"first_name": "Ann"}"#).await.expect(200).json();
        assert_eq!(profile["first_name"], "Ann");
    }
    for kind in ["application/json-patch+json", "text/plain", "multipart/form-data; boundary=x"] {
        send(kind, r#"{"first_name": "Bob"}"#).await.problem(415, "unsupported_media_type");
    }
    send("application/json", "[]").await.invalid(&[("body", "wrong_type")]);
    send("application/json", "{").await.problem(400, "malformed_request");
    // Only a PATCH request may have the content type of a merge patch.
    ann.call(Method::POST, "/cart/items")
        .body("application/merge-patch+json", "{}")
        .await
        .problem(415, "unsupported_media_type");
}

async fn concurrent_changes_are_all_kept(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let changes = [
        json!({"first_name": "Ann"}),
        json!({"last_name": "Lee"}),
        json!({"gender": "woman"}),
        json!({"date_of_birth": "1984-02-29"}),
        json!({"info": "Hello"}),
    ];
    for answer in join_all(changes.iter().map(|body| change(&ann, body).into_future())).await {
        answer.expect(200);
    }
    let profile = ann.get("/users/me").await.expect(200).json()["profile"].clone();
    for body in changes {
        for (name, value) in body.as_object().unwrap() {
            assert_eq!(profile[name], *value, "{profile}");
        }
    }
}

async fn a_user_cannot_change_the_profile_of_another_user(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    change(&ann, &json!({"first_name": "Ann"})).await.expect(200);
    change(&bob, &json!({"first_name": "Bob"})).await.expect(200);
    let body = json!({"first_name": "Eve", "id": ann.id(), "user_id": ann.id()});
    change(&bob, &body).await.invalid(&[("id", "unknown"), ("user_id", "unknown")]);
    assert_eq!(ann.get("/users/me").await.expect(200).json()["profile"]["first_name"], "Ann");
    change(&app.anonymous(), &json!({"first_name": "Eve"})).await.problem(401, "unauthenticated");
}
