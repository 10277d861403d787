use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Caller, Engine, SignedIn, TestApp, Tokens, cases, email_of, password_of, snapshot};

cases! {
    the_list_shows_where_each_session_began,
    the_list_has_only_the_live_sessions_of_the_caller,
    the_sessions_are_read_by_page_or_by_cursor,
    the_most_recently_used_session_is_first,
    ending_a_session_takes_effect_within_five_seconds_on_every_node,
    an_unknown_session_is_not_found,
    a_session_of_another_user_is_not_found_and_not_ended,
    the_calling_session_can_be_ended,
    all_sessions_except_the_current_one_can_be_ended,
    the_21st_session_ends_the_least_recently_used_one,
    of_thirty_concurrent_log_ins_at_most_twenty_stay,
    a_new_device_is_reported_once_and_the_first_device_never,
    similar_devices_are_distinguished_but_updates_of_a_device_are_not,
    a_device_with_invalid_bytes_in_its_name_is_recognized,
    a_user_agent_cannot_inject_text_into_the_mail,
    reading_the_documentation_with_a_password_begins_no_session,
}

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

async fn log_in_with(app: &TestApp, name: &str, agent: &str) -> SignedIn {
    let (email, password) = (email_of(name), password_of(name));
    let body = json!({"email": email, "password": password});
    let answer = app.anonymous().post("/accounts/login", body).header("user-agent", agent).await;
    SignedIn::holding(&app.anonymous(), &email, &password, Tokens::of(&answer))
}

async fn items(caller: &Caller) -> Vec<Value> {
    let page = caller.get("/users/me/sessions").await.expect(200).json();
    page["items"].as_array().unwrap().clone()
}

async fn ids(caller: &Caller) -> Vec<String> {
    items(caller).await.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// Returns the identifier of the caller's current session.
async fn own(caller: &Caller) -> String {
    let items = items(caller).await;
    let own: Vec<_> = items.iter().filter(|item| item["current"] == true).collect();
    assert_eq!(own.len(), 1, "{items:?}");
    own[0]["id"].as_str().unwrap().to_owned()
}

async fn the_list_shows_where_each_session_began(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    app.advance(TimeDelta::seconds(1));
    log_in_with(&app, "ann", FIREFOX).await;
    snapshot!(ann.get("/users/me/sessions").await.expect(200).json(), @r#"
    {
      "items": [
        {
          "id": "[id]",
          "created_at": "[instant]",
          "last_used_at": "[instant]",
          "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
          "ip": "127.0.0.1",
          "current": false
        },
        {
          "id": "[id]",
          "created_at": "[instant]",
          "last_used_at": "[instant]",
          "user_agent": null,
          "ip": "127.0.0.1",
          "current": true
        }
      ],
      "page": 1,
      "page_size": 20,
      "total_items": 2,
      "total_pages": 1,
      "total_is_estimate": false,
      "next_cursor": null
    }
    "#);
    ann.get("/users/me/sessions?colour=red").await.invalid(&[("colour", "unknown")]);
    app.anonymous().get("/users/me/sessions").await.problem(401, "unauthenticated");
}

async fn the_list_has_only_the_live_sessions_of_the_caller(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let gone = Tokens::of(&app.log_in("ann").await);
    app.log_out(&gone.refresh).await.expect(200);
    assert_eq!(ids(&ann).await.len(), 1);
    assert_eq!(ids(&bob).await.len(), 1);
    assert_ne!(ids(&ann).await, ids(&bob).await);
    app.advance(TimeDelta::days(90));
    let later = SignedIn::log_in(&app.anonymous(), &ann.email, &ann.password).await;
    assert_eq!(ids(&later).await.len(), 1, "only the new session is live");
}

async fn the_sessions_are_read_by_page_or_by_cursor(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    for _ in 0..2 {
        app.advance(TimeDelta::seconds(1));
        app.log_in("ann").await.expect(200);
    }
    let all = ids(&ann).await;
    let second = ann.get("/users/me/sessions?page=2&page_size=2").await.expect(200).json();
    assert_eq!(second["items"][0]["id"], all[2].as_str());
    assert_eq!((&second["total_items"], &second["total_pages"]), (&json!(3), &json!(2)));
    let first = ann.get("/users/me/sessions?page_size=2").await.expect(200).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = ann.get(format!("/users/me/sessions?page_size=2&cursor={cursor}")).await.expect(200).json();
    assert_eq!((&rest["items"], &rest["next_cursor"]), (&second["items"], &Value::Null));
    bob.get(format!("/users/me/sessions?cursor={cursor}")).await.problem(400, "cursor_invalid");
    ann.get("/users/me/sessions?page=500").await.expect(200);
    ann.get("/users/me/sessions?page=501").await.problem(400, "use_cursor");
}

async fn the_most_recently_used_session_is_first(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let first = app.user("ann").await;
    app.advance(TimeDelta::seconds(1));
    let second = SignedIn::log_in(&app.anonymous(), &first.email, &first.password).await;
    let (one, two) = (own(&first).await, own(&second).await);
    assert_eq!(ids(&first).await, [two.clone(), one.clone()]);
    app.advance(TimeDelta::seconds(1));
    app.refresh(&first.tokens.refresh).await.expect(200);
    let items = items(&first).await;
    assert_eq!(ids(&first).await, [one, two]);
    assert!(items[0]["last_used_at"].as_str() > items[0]["created_at"].as_str(), "{items:?}");
    assert_eq!(items[1]["last_used_at"], items[1]["created_at"]);
}

async fn ending_a_session_takes_effect_within_five_seconds_on_every_node(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let other_node = app.second_node().await;
    let laptop = app.user("ann").await;
    let phone = SignedIn::log_in(&app.anonymous(), &laptop.email, &laptop.password).await;
    let there = phone.at(other_node.url());
    there.get("/cart").await.expect(200);
    let id = own(&phone).await;
    let done = laptop.delete(format!("/users/me/sessions/{id}")).await.expect(204);
    assert!(done.body.is_empty(), "{done}");
    phone.get("/cart").await.problem(401, "access_token_invalid");
    let body = json!({"refresh": phone.tokens.refresh});
    let refused = app.visitor_at(other_node.url()).post("/accounts/refresh", body).await;
    refused.problem(401, "refresh_token_invalid");
    app.advance(TimeDelta::seconds(5));
    there.get("/cart").await.problem(401, "access_token_invalid");
    laptop.get("/cart").await.expect(200);
}

async fn an_unknown_session_is_not_found(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let other = SignedIn::log_in(&app.anonymous(), &ann.email, &ann.password).await;
    let gone = own(&other).await;
    ann.delete(format!("/users/me/sessions/{gone}")).await.expect(204);
    for id in [&gone, "0190a1b2-0000-7000-8000-000000000000", &ann.id().to_string()] {
        ann.delete(format!("/users/me/sessions/{id}")).await.problem(404, "not_found");
    }
    ann.delete("/users/me/sessions/mine").await.problem(400, "malformed_request");
    ann.delete("/users/me/sessions?all=true").await.invalid(&[("all", "unknown")]);
    ann.get("/cart").await.expect(200);
}

async fn a_session_of_another_user_is_not_found_and_not_ended(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let id = own(&ann).await;
    admin.delete(format!("/users/me/sessions/{id}")).await.problem(404, "not_found");
    admin.delete("/users/me/sessions").await.expect(204);
    ann.get("/cart").await.expect(200);
    app.refresh(&ann.tokens.refresh).await.expect(200);
}

async fn the_calling_session_can_be_ended(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let id = own(&ann).await;
    ann.delete(format!("/users/me/sessions/{id}")).await.expect(204);
    ann.delete(format!("/users/me/sessions/{id}")).await.problem(401, "access_token_invalid");
    app.refresh(&ann.tokens.refresh).await.problem(401, "refresh_token_invalid");
}

async fn all_sessions_except_the_current_one_can_be_ended(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let laptop = app.user("ann").await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(SignedIn::log_in(&app.anonymous(), &laptop.email, &laptop.password).await);
    }
    others[0].get("/cart").await.expect(200);
    for _ in 0..2 {
        laptop.delete("/users/me/sessions").await.expect(204);
    }
    for other in &others {
        other.get("/cart").await.problem(401, "access_token_invalid");
        app.refresh(&other.tokens.refresh).await.problem(401, "refresh_token_invalid");
    }
    assert_eq!(ids(&laptop).await, [own(&laptop).await]);
    app.refresh(&laptop.tokens.refresh).await.expect(200);
}

async fn the_21st_session_ends_the_least_recently_used_one(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let first = app.user("ann").await;
    app.advance(TimeDelta::seconds(1));
    let second = SignedIn::log_in(&app.anonymous(), &first.email, &first.password).await;
    for _ in 2..20 {
        app.advance(TimeDelta::seconds(1));
        app.log_in("ann").await.expect(200);
    }
    let refreshed = Tokens::of(&app.refresh(&first.tokens.refresh).await);
    second.get("/cart").await.expect(200);
    app.log_in("ann").await.expect(200);
    second.get("/cart").await.problem(401, "access_token_invalid");
    app.refresh(&second.tokens.refresh).await.problem(401, "refresh_token_invalid");
    assert_eq!(ids(&first).await.len(), 20);
    app.refresh(&refreshed.refresh).await.expect(200);
}

async fn of_thirty_concurrent_log_ins_at_most_twenty_stay(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let other_node = app.second_node().await;
    app.user("ann").await;
    let body = json!({"email": email_of("ann"), "password": password_of("ann")});
    let nodes = [app.anonymous(), app.visitor_at(other_node.url())];
    let log_ins = (0..30).map(|number| nodes[number % 2].post("/accounts/login", body.clone()).into_future());
    let answers = join_all(log_ins).await;
    assert!(answers.iter().all(|answer| [200, 503].contains(&answer.status)), "{answers:?}");
    let mut last = app.log_in("ann").await.expect(200);
    for _ in answers.iter().filter(|answer| answer.status == 503) {
        last = app.log_in("ann").await.expect(200);
    }
    assert_eq!(ids(&app.anonymous().with_token(&Tokens::of(&last).access)).await.len(), 20);
    let mut live = 0;
    for answer in answers.iter().filter(|answer| answer.status == 200) {
        live += usize::from(app.refresh(&Tokens::of(answer).refresh).await.status == 200);
    }
    assert!(live < 20, "{live} sessions are live besides the last one");
}

async fn a_new_device_is_reported_once_and_the_first_device_never(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.user("ann").await;
    app.log_in("ann").await.expect(200);
    app.run_outbox().await;
    let before = app.mail_count();
    for agent in [FIREFOX, FIREFOX, "Mozilla/5.0 (X11; Linux x86_64; rv:129.0) Gecko/20100101 Firefox/129.0"]
    {
        log_in_with(&app, "ann", agent).await;
    }
    app.run_outbox().await;
    assert_eq!(app.mail_count(), before + 1);
    let mail = app.mails_to(&email_of("ann")).pop().unwrap();
    assert_eq!(mail.subject, "New sign-in to your Cinema account");
    assert!(mail.text.contains("Device: Firefox on Linux\nNetwork address: 127.0.0.1\n"), "{}", mail.text);
    assert!(mail.text.contains(&format!("{}/reset-password\n", app.url())), "{}", mail.text);
}

async fn similar_devices_are_distinguished_but_updates_of_a_device_are_not(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.user("ann").await;
    app.run_outbox().await;
    let mut mails = app.mail_count();
    let iphone = |system: &str, version: &str| {
        format!(
            "Mozilla/5.0 (iPhone; CPU iPhone OS {system} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
             Version/{version} Mobile/15E148 Safari/604.1"
        )
    };
    let chrome = |version: &str| {
        format!(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version} \
             Safari/537.36"
        )
    };
    for (first, second, is_update) in [
        ("device-1".to_owned(), "device-2".to_owned(), false),
        ("CinemaApp/1.0 (iPhone14,3; iOS)".to_owned(), "CinemaApp/1.0 (iPhone15,2; iOS)".to_owned(), false),
        ("app (Android 14; Pixel 7)".to_owned(), "app (Android 14; Pixel 8)".to_owned(), false),
        ("app (Android 14; SM-G991B)".to_owned(), "app (Android 14; SM-G996B)".to_owned(), false),
        (chrome("130.0.0.0"), chrome("131.0.0.0"), true),
        (iphone("17_5_1", "17.5"), iphone("18_0", "18.0"), true),
    ] {
        log_in_with(&app, "ann", &first).await;
        log_in_with(&app, "ann", &second).await;
        app.run_outbox().await;
        let told = app.mail_count() - mails;
        mails = app.mail_count();
        assert_eq!(told, if is_update { 1 } else { 2 }, "{first}, {second}");
    }
}

async fn a_device_with_invalid_bytes_in_its_name_is_recognized(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.user("ann").await;
    app.run_outbox().await;
    let mails = app.mail_count();
    let log_in = async |agent: &[u8]| {
        let body = json!({"email": email_of("ann"), "password": password_of("ann")});
        Tokens::of(&app.anonymous().post("/accounts/login", body).header("user-agent", agent).await)
    };
    let mut last = log_in("Amélie's phone 1".as_bytes()).await;
    for agent in ["Amélie's phone 2".as_bytes(), b"Am\xe9lie's phone 2", b"Am\xe9lie's phone 2"] {
        last = log_in(agent).await;
    }
    app.run_outbox().await;
    assert_eq!(app.mail_count() - mails, 3);
    let sessions =
        app.anonymous().with_token(&last.access).get("/users/me/sessions").await.expect(200).json();
    assert_eq!(sessions["items"][0]["user_agent"], "Am\u{fffd}lie's phone 2");
    assert_eq!(sessions["items"][3]["user_agent"], "Amélie's phone 1");
}

async fn a_user_agent_cannot_inject_text_into_the_mail(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.user("ann").await;
    let hostile = "Call-us https://evil.example <b>now</b> or your account is lost";
    log_in_with(&app, "ann", hostile).await;
    app.run_outbox().await;
    let mail = app.mails_to(&email_of("ann")).pop().unwrap();
    assert!(mail.text.contains("Device: Call-us\n") && !mail.text.contains("evil"), "{}", mail.text);
    let ann = log_in_with(&app, "ann", hostile).await;
    assert_eq!(items(&ann).await[0]["user_agent"], hostile, "the list shows the user agent unchanged");
}

async fn reading_the_documentation_with_a_password_begins_no_session(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("DOCS_ACCESS", "authenticated")]).await;
    let ann = app.user("ann").await;
    app.run_outbox().await;
    let before = app.mail_count();
    let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", ann.email, ann.password)));
    let read = app.anonymous().get("/openapi.json").header("authorization", basic);
    read.header("user-agent", FIREFOX).await.expect(200);
    assert_eq!(ids(&ann).await.len(), 1);
    app.run_outbox().await;
    assert_eq!(app.mail_count(), before, "no mail about a new device is sent");
}
