//! The entries of the audit log, and who may read them.

use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};

use crate::support::{Caller, Engine, SignedIn, TestApp, cases, email_of, password_of, small_catalogue};

cases! {
    the_events_of_an_account_are_in_the_audit_log,
    a_refused_sign_in_is_recorded_without_the_typed_text,
    a_reused_token_is_recorded,
    a_password_for_the_documentation_is_checked_like_a_log_in,
    an_entry_contains_the_request_id_and_the_network_of_the_client,
    an_import_writes_audit_entries_only_for_changes_of_price_and_availability,
    filters_narrow_the_log,
    reading_by_cursor_returns_each_entry_once_while_others_are_written,
    invalid_parameters_are_reported_together,
    only_administrators_read_the_log,
}

async fn log(admin: &SignedIn, query: &str) -> Vec<Value> {
    let page = admin.get(format!("/admin/audit?page_size=100&{query}")).await.expect(200).json();
    page["items"].as_array().unwrap().clone()
}

fn actions(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect()
}

async fn the_events_of_an_account_are_in_the_audit_log(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    app.log_out(&ann.tokens.refresh).await.expect(200);
    app.anonymous().post("/accounts/password-reset", json!({"email": email_of("ann")})).await.expect(202);
    let token = app.reset_token("ann").await;
    let body = json!({"token": token, "password": "An0ther good one"});
    app.anonymous().post("/accounts/password-reset/confirm", body).await.expect(200);
    let about = log(&admin, &format!("object_id={}", ann.id())).await;
    assert_eq!(actions(&about), ["password_reset", "activated", "registered"]);
    let by = log(&admin, &format!("actor_id={}", ann.id())).await;
    assert_eq!(actions(&by), ["signed_out", "signed_in"]);
    assert_eq!(by[0]["object"]["kind"], "session");
    assert_eq!(by[0]["object"], by[1]["object"]);
    let made = log(&admin, "action=admin_created").await;
    assert_eq!(made[0]["after"], json!({"role": "admin"}));
    assert_eq!(
        (&made[0]["actor_id"], &made[0]["ip"], &made[0]["request_id"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
}

async fn a_refused_sign_in_is_recorded_without_the_typed_text(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    for (name, typed) in [("ann", "Wr0ng password"), ("nobody", "Wr0ng password")] {
        let body = json!({"email": email_of(name), "password": typed});
        app.anonymous().post("/accounts/login", body).await.problem(401, "invalid_credentials");
    }
    app.register("waiting").await.expect(201);
    app.log_in("waiting").await.problem(403, "account_inactive");
    let refused = log(&admin, "action=sign_in_failed").await;
    let reasons: Vec<_> = refused.iter().map(|entry| entry["after"]["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["account_inactive", "invalid_credentials", "invalid_credentials"]);
    assert_eq!(refused[1]["object"], Value::Null);
    assert_eq!(refused[2]["object"], json!({"kind": "user", "id": ann.id().to_string()}));
    assert!(refused.iter().all(|entry| entry["actor_id"].is_null()));
    let text = serde_json::to_string(&refused).unwrap();
    assert!(!text.contains("example.com") && !text.contains("Wr0ng"), "{text}");
}

async fn a_reused_token_is_recorded(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    app.refresh(&ann.tokens.refresh).await.expect(200);
    app.advance(TimeDelta::seconds(31));
    app.refresh(&ann.tokens.refresh).await.expect(401);
    let told = log(&admin, "action=refresh_reused").await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["object"], json!({"kind": "user", "id": ann.id().to_string()}));
}

async fn a_password_for_the_documentation_is_checked_like_a_log_in(engine: Engine) {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let app = TestApp::spawn_with(engine, &[("DOCS_ACCESS", "authenticated")]).await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    let basic =
        |password: &str| format!("Basic {}", STANDARD.encode(format!("{}:{password}", email_of("ann"))));
    let docs = |password: &str| app.anonymous().get("/docs").header("authorization", basic(password));
    docs("Wr0ng password").await.expect(401);
    for _ in 0..2 {
        docs(&password_of("ann")).await.expect(200);
    }
    let by = log(&admin, &format!("actor_id={}", ann.id())).await;
    // The older entry is the log-in by `app.user`. The newer entry is the first documentation request with the correct
    // password. The second such request is not recorded, because the result of the first password check is cached.
    assert_eq!(actions(&by), ["signed_in", "signed_in"]);
    assert_eq!((&by[0]["object"]["kind"], &by[1]["object"]["kind"]), (&json!("user"), &json!("session")));
    assert_eq!(log(&admin, "action=sign_in_failed").await.len(), 1);
}

async fn an_entry_contains_the_request_id_and_the_network_of_the_client(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = app.admin().await;
    app.user("ann").await;
    let body = json!({"email": email_of("ann"), "password": password_of("ann")});
    app.anonymous().post("/accounts/login", body).header("x-request-id", "told-later").await.expect(200);
    let newest = &log(&admin, "action=signed_in").await[0];
    assert_eq!((&newest["request_id"], &newest["ip"]), (&json!("told-later"), &json!("127.0.0.0/24")));
}

async fn an_import_writes_audit_entries_only_for_changes_of_price_and_availability(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = app.admin().await;
    let mut movies = small_catalogue();
    let ids = app.import(movies.clone()).await;
    let of_movies = async || {
        let mut told = log(&admin, "action=price_changed").await;
        told.extend(log(&admin, "action=availability_changed").await);
        told
    };
    assert_eq!(of_movies().await, [Value::Null; 0], "the import of new movies writes no entries");
    for movie in &mut movies {
        movie.votes += 1;
        match movie.identity.name.as_str() {
            "Alien" => movie.price = domain::money::Money::from_minor(500, "USD".parse().unwrap()),
            "M" => movie.is_available = false,
            _ => {}
        }
    }
    for _ in 0..2 {
        app.import_unread(movies.clone()).await;
    }
    let told: Vec<_> = of_movies()
        .await
        .into_iter()
        .map(|entry| json!([entry["object"], entry["actor_id"], entry["before"], entry["after"]]))
        .collect();
    let movie = |name: &str| json!({"kind": "movie", "id": ids.id(name)});
    assert_eq!(
        told,
        [
            json!([movie("Alien"), null, {"price": "7.99 USD"}, {"price": "5.00 USD"}]),
            json!([movie("M"), null, {"is_available": "true"}, {"is_available": "false"}]),
        ]
    );
    let about = log(&admin, &format!("object_id={}", ids.id("Alien"))).await;
    assert_eq!(actions(&about), ["price_changed"]);
}

async fn filters_narrow_the_log(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (admin, ann) = (app.admin().await, app.user("ann").await);
    let at = |entry: &Value| entry["created_at"].as_str().unwrap().to_owned();
    app.advance(TimeDelta::minutes(1));
    app.log_in("ann").await.expect(200);
    let all = log(&admin, "").await;
    assert_eq!(actions(&all[..2]), ["signed_in", "signed_in"]);
    let newest = at(&all[0]);
    assert_eq!(log(&admin, &format!("from={newest}")).await, all[..1]);
    assert_eq!(log(&admin, &format!("to={newest}")).await, all[1..]);
    let moment: chrono::DateTime<chrono::Utc> = newest.parse().unwrap();
    let elsewhere = moment.with_timezone(&chrono::FixedOffset::east_opt(7200).unwrap());
    let elsewhere = elsewhere.to_rfc3339_opts(SecondsFormat::Micros, true).replace('+', "%2B");
    assert_eq!(log(&admin, &format!("from={elsewhere}")).await, all[..1]);
    let query = format!("actor_id={}&action=signed_in&to={newest}", ann.id());
    assert_eq!(log(&admin, &query).await, all[1..2]);
    assert!(log(&admin, &format!("object_id={}&action=signed_in", ann.id())).await.is_empty());
}

async fn reading_by_cursor_returns_each_entry_once_while_others_are_written(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = app.admin().await;
    app.user("ann").await;
    let before = log(&admin, "").await;
    let mut page = admin.get("/admin/audit?page_size=2").await.expect(200).json();
    assert_eq!(page["total_items"], json!(before.len()));
    let mut seen = page["items"].as_array().unwrap().clone();
    while let Some(cursor) = page["next_cursor"].as_str() {
        app.log_in("ann").await.expect(200);
        page = admin.get(format!("/admin/audit?page_size=2&cursor={cursor}")).await.expect(200).json();
        assert_eq!(page["total_items"], Value::Null);
        seen.extend(page["items"].as_array().unwrap().clone());
    }
    assert_eq!(seen, before);
    let cursor = admin.get("/admin/audit?page_size=2").await.json()["next_cursor"].clone();
    let other = format!("/admin/audit?action=signed_in&cursor={}", cursor.as_str().unwrap());
    admin.get(other).await.problem(400, "cursor_invalid");
}

async fn invalid_parameters_are_reported_together(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = app.admin().await;
    let query = "actor_id=ann&object_id=1&action=Signed_In&from=yesterday&to=tomorrow&page=0&x=1";
    let answer = admin.get(format!("/admin/audit?{query}")).await.invalid(&[
        ("actor_id", "invalid_format"),
        ("object_id", "invalid_format"),
        ("action", "invalid_value"),
        ("from", "invalid_format"),
        ("to", "invalid_format"),
        ("page", "too_small"),
        ("x", "unknown"),
    ]);
    let errors = answer.json()["errors"].clone();
    let action = errors.as_array().unwrap().iter().find(|error| error["field"] == "action").unwrap().clone();
    assert!(action["message"].as_str().unwrap().contains("signed_in, sign_in_failed"), "{action}");
    admin.get("/admin/audit?action=signed_in&action=registered").await.invalid(&[("action", "repeated")]);
}

async fn only_administrators_read_the_log(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let moderator = app.user("moderator").await;
    app.change_user(&moderator, |user| user.role = domain::accounts::Role::Moderator).await;
    app.anonymous().get("/admin/audit").await.problem(401, "unauthenticated");
    let callers: [&Caller; 2] = [&ann, &moderator];
    for caller in callers {
        caller.get("/admin/audit?page=0").await.problem(403, "forbidden");
    }
    let admin = app.admin().await;
    let answer = admin.get("/admin/audit").await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    admin.post("/admin/audit", json!({})).await.problem(405, "method_not_allowed");
}
