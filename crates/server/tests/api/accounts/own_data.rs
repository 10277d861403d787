//! Export and deletion of a user's own data.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::{
    accounts::{Gender, Profile},
    id::Id,
    notifications::{NewNotification, NotificationCause, StreamTicket},
    payments::{RefundRequest, RefundRequestStatus, RequestedItem},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Call, Caller, Engine, SignedIn, TestApp, cases, email_of, jwt_part, password_of};

cases! {
    the_export_contains_all_data_of_the_caller,
    the_response_to_head_declares_no_other_length_than_the_export,
    the_export_contains_every_comment_of_a_user_with_many,
    the_export_contains_no_data_of_others_and_no_secrets,
    a_deleted_account_is_not_found_by_anyone,
    no_remaining_row_identifies_the_deleted_user,
    no_data_of_a_deleted_account_remain_in_the_file: on_sqlite_only,
    the_deletion_notice_is_the_last_mail,
    a_deletion_requires_the_password,
    the_last_administrator_cannot_be_deleted,
    an_account_with_a_pending_order_cannot_be_deleted,
    of_two_administrators_who_delete_their_accounts_concurrently_one_remains,
    of_two_concurrent_deletions_the_second_is_refused,
    a_deletion_takes_effect_on_every_node_within_five_seconds,
    the_email_address_of_a_deleted_account_can_be_registered_again,
}

const AGENT: &str = "Fireball/7 (of Ann)";
const REFUND_REASON: &str = "Annabel wants her money back";
const COMMENT: &str = "Annabel's favourite of all";

/// For each column that refers to a user, the JSON pointer to the part of the export that shows or counts its rows.
/// `the_export_contains_all_data_of_the_caller` fails if a column that refers to a user is not listed here.
const PLACES: [(&str, &str); 28] = [
    ("activation_tokens.user_id", "/links/0"),
    ("audit_log.actor_id", "/audit/0"),
    ("carts.user_id", "/cart/0"),
    ("comment_likes.user_id", "/liked_comments/0"),
    ("comment_reports.user_id", "/reports/0"),
    ("comments.user_id", "/comments/0"),
    ("favorites.user_id", "/favorites/0"),
    ("idempotency_keys.user_id", "/remembered_requests"),
    ("known_devices.user_id", "/devices/0"),
    ("movie_ratings.user_id", "/ratings/0"),
    ("movie_reactions.user_id", "/reactions/0"),
    ("order_items.user_id", "/orders/0/items/0"),
    ("orders.user_id", "/orders/0"),
    ("notification_actors.user_id", "/notified_acts/0"),
    ("notification_inboxes.user_id", "/notification_settings/mails_comment_reply"),
    ("notifications.actor_id", "/notified_acts/1"),
    ("notifications.user_id", "/notifications/0"),
    ("outbox.user_id", "/pending_mails"),
    ("password_reset_tokens.user_id", "/links/1"),
    ("payments.user_id", "/payments/0"),
    ("purchases.user_id", "/purchases/0"),
    ("refresh_tokens.user_id", "/refresh_tokens/0"),
    ("refund_requests.user_id", "/refund_requests/0"),
    ("sessions.user_id", "/sessions/0"),
    ("stream_tickets.user_id", "/stream_tickets/0"),
    ("user_profiles.user_id", "/account/profile/first_name"),
    ("users.id", "/account/id"),
    ("watch_progress.user_id", "/watched/0"),
];

fn delete(caller: &Caller, password: &str) -> Call {
    caller.delete("/users/me").json(&json!({"password": password}))
}

/// Returns the user Ann, who has rows in every table that refers to users.
async fn ann_with_everything(app: &TestApp) -> SignedIn {
    let movies = app.import_small_catalogue().await;
    app.user("ann").await;
    let body = json!({"email": email_of("ann"), "password": password_of("ann")});
    app.anonymous().post("/accounts/login", body).header("user-agent", AGENT).await.expect(200);
    let ann = SignedIn::log_in(&app.anonymous(), &email_of("ann"), &password_of("ann")).await;
    ann.post("/cart/items", json!({"movie_id": movies.id("Alien")})).await.expect(201);
    // The order is canceled, because a pending order prevents the deletion of the account. Its movie is then back in
    // the cart.
    let order =
        ann.call(Method::POST, "/orders").header("idempotency-key", "my order").await.expect(201).json();
    let pay = format!("/orders/{}/payments", order["id"].as_str().unwrap());
    ann.call(Method::POST, pay).await.expect(201);
    let cancel = format!("/orders/{}/cancel", order["id"].as_str().unwrap());
    ann.call(Method::POST, cancel).await.expect(200);
    app.sell(&ann, movies.id("Amélie")).await;
    let progress = format!("/library/{}/progress", movies.id("Amélie"));
    ann.call(Method::PUT, progress).json(&json!({"position_seconds": 600})).await.expect(200);
    let alien = format!("/movies/{}", movies.id("Alien"));
    let put = |path: String| ann.call(Method::PUT, path);
    put(format!("{alien}/reaction")).json(&json!({"value": "like"})).await.expect(200);
    put(format!("{alien}/rating")).json(&json!({"score": 9})).await.expect(200);
    put(format!("/favorites/{}", movies.id("Alien"))).await.expect(204);
    let comment = ann.post(format!("{alien}/comments"), json!({"text": COMMENT})).await.expect(201).json();
    let comment = comment["id"].as_str().unwrap();
    put(format!("/comments/{comment}/like")).await.expect(200);
    let report = json!({"reason": "other", "note": "Annabel's own"});
    ann.post(format!("/comments/{comment}/reports"), report).await.expect(204);
    let other = Id::from_uuid(app.user("receiver").await.id());
    let (mut unit, user) = app.lock_user(&ann).await;
    let profile = Profile {
        first_name: Some("Annabel".to_owned()),
        last_name: Some("Fictitious".to_owned()),
        gender: Some(Gender::Woman),
        info: Some("I like trains".to_owned()),
        ..Profile::empty(app.next_id(), user.id)
    };
    unit.put_profile(&profile).await.unwrap();
    for kind in [domain::accounts::LinkKind::Activation, domain::accounts::LinkKind::PasswordReset] {
        let link = domain::accounts::LinkToken {
            id: app.next_id(),
            user_id: user.id,
            kind,
            digest: domain::entropy::TokenDigest::from_hex(format!("{kind:?}")),
            expires_at: user.created_at + TimeDelta::hours(1),
        };
        unit.put_link(&link).await.unwrap();
    }
    let notify =
        |receiver, cause| NewNotification { id: app.next_id(), receiver, cause, at: user.created_at };
    let (actor, movie_id) = (user.id, movies.id("Alien").parse().unwrap());
    for new in [
        notify(user.id, NotificationCause::OrderPaid { order_id: app.next_id() }),
        notify(other, NotificationCause::CommentLike { actor, movie_id, comment_id: app.next_id() }),
        notify(other, NotificationCause::CommentReply { actor, movie_id, reply_id: app.next_id() }),
    ] {
        assert!(unit.push_notification(&new).await.unwrap().is_some());
    }
    let ticket = StreamTicket {
        id: app.next_id(),
        user_id: user.id,
        session_id: jwt_part(&ann.tokens.access, 1)["sid"].as_str().unwrap().parse().unwrap(),
        digest: domain::entropy::TokenDigest::from_hex("0f1e2d3c".to_owned()),
        expires_at: user.created_at + TimeDelta::hours(1),
    };
    unit.insert_stream_ticket(&ticket, user.created_at).await.unwrap();
    let ordered =
        unit.find_order_for_update(order["id"].as_str().unwrap().parse().unwrap()).await.unwrap().unwrap();
    let item = ordered.items[0];
    let request = RefundRequest {
        id: app.next_id(),
        order_id: ordered.id,
        user_id: user.id,
        items: vec![RequestedItem { order_item_id: item.id, movie_id: item.movie_id }],
        amount: item.price,
        reason: Some(REFUND_REASON.to_owned()),
        status: RefundRequestStatus::Open,
        note: None,
        refund_id: None,
        created_at: user.created_at,
        decided_at: None,
    };
    assert!(unit.insert_refund_request(&request).await.unwrap());
    unit.commit().await.unwrap();
    ann
}

async fn the_export_contains_all_data_of_the_caller(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = ann_with_everything(&app).await;
    app.run_outbox().await;
    // Requests a reset link. Handling one message of the outbox creates the mail but does not send it, so the export
    // contains a pending mail.
    app.anonymous().post("/accounts/password-reset", json!({"email": email_of("ann")})).await.expect(202);
    app.run_outbox_once().await;
    let answer = ann.get("/users/me/export").await.expect(200);
    let file = answer.header("content-disposition").unwrap();
    assert!(
        file.starts_with("attachment; filename=\"cinema-export-20") && file.ends_with(".json\""),
        "{file}"
    );
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    let copy = answer.json();
    let columns =
        include_str!("../../../../../migrations/columns.txt").lines().map(|line| line.replace(' ', "."));
    let tables: BTreeSet<String> = columns
        .map(|column| column.trim_end_matches(".null").to_owned())
        .filter(|column| {
            column == "users.id" || column.ends_with(".user_id") || column.ends_with(".actor_id")
        })
        .collect();
    assert_eq!(tables, PLACES.map(|(column, _)| column.to_owned()).into());
    for (column, place) in PLACES {
        let found = copy.pointer(place);
        assert!(
            found.is_some_and(|found| !found.is_null() && *found != json!(0)),
            "{column} at {place}: {copy}"
        );
    }
    assert_eq!(copy["account"]["email"], email_of("ann"));
    assert_eq!(copy["cart"][0]["name"], "Alien");
    assert_eq!(copy["purchases"][0]["name"], "Amélie");
    for (place, name, value) in [("reactions", "value", json!("like")), ("ratings", "score", json!(9))] {
        assert_eq!((&copy[place][0]["name"], &copy[place][0][name]), (&json!("Alien"), &value));
    }
    assert_eq!(
        (&copy["favorites"][0]["name"], &copy["comments"][0]["text"]),
        (&json!("Alien"), &json!(COMMENT))
    );
    let agents: Vec<_> = copy["sessions"].as_array().unwrap().iter().map(|one| &one["user_agent"]).collect();
    assert!(agents.contains(&&json!(AGENT)), "{agents:?}");
    let told: Vec<_> =
        copy["audit"].as_array().unwrap().iter().map(|deed| deed["action"].as_str().unwrap()).collect();
    assert_eq!(told, ["registered", "activated", "signed_in", "signed_in", "signed_in", "data_exported"]);
}

async fn the_response_to_head_declares_no_other_length_than_the_export(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let get = ann.get("/users/me/export").await.expect(200);
    let head = ann.call(Method::HEAD, "/users/me/export").await.expect(200);
    for name in ["content-length", "transfer-encoding", "content-type"] {
        assert_eq!(head.headers.get(name), get.headers.get(name), "{name}");
    }
    assert!(head.body.is_empty());
}

async fn the_export_contains_every_comment_of_a_user_with_many(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let mut unit = app.unit().await;
    for number in 0..250 {
        let comment = domain::engagement::NewComment {
            id: app.next_id(),
            movie_id: movies.id("Alien").parse().unwrap(),
            thread_id: None,
            author: Id::from_uuid(ann.id()),
            text: format!("\"comments\":[] {number}").parse().unwrap(),
            created_at: app.now() + TimeDelta::milliseconds(number),
        };
        unit.insert_comment(&comment).await.unwrap();
    }
    unit.commit().await.unwrap();
    let answer = ann.get("/users/me/export").await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let export = answer.json();
    let texts: Vec<_> = export["comments"].as_array().unwrap().iter().map(|one| &one["text"]).collect();
    let expected: Vec<_> = (0..250).map(|number| json!(format!("\"comments\":[] {number}"))).collect();
    assert_eq!(texts, expected.iter().collect::<Vec<_>>());
    assert_eq!(export["stream_tickets"], json!([]), "the export continues after the comments");
}

async fn the_export_contains_no_data_of_others_and_no_secrets(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = ann_with_everything(&app).await;
    let bob = app.user("bob").await;
    let body = json!({"email": email_of("ann"), "password": "Wr0ng password"});
    app.anonymous().post("/accounts/login", body).header("x-request-id", "of-a-thief").await.expect(401);
    let copy = ann.get("/users/me/export").await.expect(200).json();
    let text = copy.to_string();
    for other in [bob.id().to_string(), email_of("bob"), "of-a-thief".to_owned(), "argon2".to_owned()] {
        assert!(!text.contains(&other), "{other}: {text}");
    }
    for cell in app.stored_texts().await {
        if ["token", "hashed_password", "payload"].contains(&cell.column.as_str()) && !cell.text.is_empty() {
            assert!(!text.contains(&cell.text), "{} {}", cell.table, cell.column);
        }
    }
    let failed =
        copy["audit"].as_array().unwrap().iter().find(|deed| deed["action"] == "sign_in_failed").unwrap();
    assert_eq!(
        (&failed["by_me"], &failed["ip"], &failed["request_id"]),
        (&json!(false), &Value::Null, &Value::Null)
    );
}

async fn a_deleted_account_is_not_found_by_anyone(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (admin, ann) = (app.admin().await, ann_with_everything(&app).await);
    let id = ann.id();
    delete(&ann, &ann.password).await.expect(204);
    ann.get("/cart").await.problem(401, "access_token_invalid");
    app.refresh(&ann.tokens.refresh).await.problem(401, "refresh_token_invalid");
    app.log_in("ann").await.problem(401, "invalid_credentials");
    delete(&ann, &ann.password).await.problem(401, "access_token_invalid");
    admin.get(format!("/users/{id}")).await.problem(404, "not_found");
    let users = admin.get("/users?role=admin").await.expect(200).json();
    assert_eq!((&users["total_items"], &users["items"][0]["email"]), (&json!(1), &json!(email_of("admin"))));
    assert_eq!(admin.get("/users?email=ann%40").await.expect(200).json()["total_items"], 0);
    assert_eq!(admin.get("/users?email=deleted").await.expect(200).json()["total_items"], 0);
    let told =
        admin.get(format!("/admin/audit?object_id={id}&action=account_deleted")).await.expect(200).json();
    assert_eq!((&told["items"][0]["before"], &told["items"][0]["after"]), (&Value::Null, &Value::Null));
    // Nobody can sign in with the placeholder email address that the row of the deleted user contains, and no mails
    // are sent to that address.
    let nameless = format!("deleted-{id}@deleted.invalid");
    let body = json!({"email": nameless, "password": password_of("ann")});
    app.anonymous().post("/accounts/login", body).await.problem(401, "invalid_credentials");
    for call in ["/accounts/password-reset", "/accounts/resend-activation"] {
        app.anonymous().post(call, json!({"email": nameless})).await;
    }
    app.run_outbox().await;
    assert!(app.mails_to(&nameless).is_empty());
}

async fn no_remaining_row_identifies_the_deleted_user(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.admin().await;
    let ann = ann_with_everything(&app).await;
    let names = [
        email_of("ann"),
        "Annabel".into(),
        "Fictitious".into(),
        "I like trains".into(),
        AGENT.into(),
        COMMENT.into(),
        "127.0.0.1".into(),
    ];
    let holds = |cells: &[crate::support::Cell], name: &str| {
        cells.iter().any(|cell| cell.table != "movies" && cell.text.contains(name))
    };
    let before = app.stored_texts().await;
    for name in &names {
        assert!(holds(&before, name), "{name} is stored before the deletion");
    }
    // The same IP address is also stored for the administrator and the receiver of notifications, and remains there.
    let before_sessions =
        before.iter().filter(|cell| cell.column == "ip" && cell.text == "127.0.0.1").count();
    delete(&ann, &ann.password).await.expect(204);
    app.run_outbox().await;
    let after = app.stored_texts().await;
    assert!(after.len() > 100, "the tables are read");
    for name in &names[..6] {
        let found: Vec<_> = after.iter().filter(|cell| cell.text.contains(name.as_str())).collect();
        assert!(found.is_empty(), "{name}: {found:?}");
    }
    let left = after.iter().filter(|cell| cell.text == "127.0.0.1").count();
    assert!(left < before_sessions && left <= 2, "{left} of {before_sessions}");
    let bought = after.iter().any(|cell| cell.table == "purchases" && cell.column == "purchased_at");
    assert!(bought, "the purchase is kept");
}

async fn no_data_of_a_deleted_account_remain_in_the_file(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = ann_with_everything(&app).await;
    let names =
        ["ann@example.com", "Annabel", "Fictitious", "I like trains", COMMENT, AGENT].map(str::as_bytes);
    let found = || -> Vec<_> {
        let bytes = app.file_bytes();
        let holds = |name: &[u8]| bytes.windows(name.len()).any(|part| part == name);
        names.into_iter().filter(|name| holds(name)).map(String::from_utf8_lossy).collect()
    };
    assert_eq!(found().len(), names.len(), "all are in the file before the deletion: {:?}", found());
    delete(&ann, &ann.password).await.expect(204);
    // Deleted data are overwritten in the background, so that no writer waits for readers.
    let begun = std::time::Instant::now();
    while !found().is_empty() {
        assert!(begun.elapsed().as_secs() < 30, "{:?}", found());
        tokio::task::yield_now().await;
    }
}

async fn the_deletion_notice_is_the_last_mail(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    app.anonymous().post("/accounts/password-reset", json!({"email": email_of("ann")})).await.expect(202);
    // After these two calls, the outbox contains the mail for the first request, which is not sent yet, and for the
    // second request only the request.
    app.run_outbox_once().await;
    app.anonymous().post("/accounts/password-reset", json!({"email": email_of("ann")})).await.expect(202);
    let before = app.mails_to(&email_of("ann")).len();
    delete(&ann, &ann.password).await.expect(204);
    app.run_outbox().await;
    let mails = app.mails_to(&email_of("ann"));
    let subjects: Vec<_> = mails[before..].iter().map(|mail| mail.subject.as_str()).collect();
    assert_eq!(subjects, ["Your Cinema account is deleted"]);
}

async fn a_deletion_requires_the_password(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    delete(&ann, "Wr0ng password").await.invalid(&[("password", "wrong_password")]);
    delete(&ann, "").await.invalid(&[("password", "wrong_password")]);
    delete(&ann, &"x".repeat(2_000)).await.invalid(&[("password", "too_long")]);
    ann.delete("/users/me").json(&json!({})).await.invalid(&[("password", "required")]);
    ann.delete("/users/me")
        .json(&json!({"password": 1, "sure": true}))
        .await
        .invalid(&[("password", "wrong_type"), ("sure", "unknown")]);
    ann.delete("/users/me").await.problem(415, "unsupported_media_type");
    delete(&app.anonymous(), &ann.password).await.problem(401, "unauthenticated");
    ann.get("/cart").await.expect(200);
    assert_eq!(app.mails_to(&email_of("ann")).len(), 1);
}

async fn an_account_with_a_pending_order_cannot_be_deleted(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    ann.post("/cart/items", json!({"movie_id": movies.id("Alien")})).await.expect(201);
    let order = ann.call(Method::POST, "/orders").await.expect(201).json();
    delete(&ann, &ann.password).await.problem(409, "order_pending");
    let cancel = format!("/orders/{}/cancel", order["id"].as_str().unwrap());
    ann.call(Method::POST, cancel).await.expect(200);
    delete(&ann, &ann.password).await.expect(204);
    let kept = app.admin().await.get("/admin/orders").await.expect(200).json();
    assert_eq!((&kept["items"][0]["id"], &kept["items"][0]["user"]), (&order["id"], &Value::Null));
}

async fn the_last_administrator_cannot_be_deleted(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let admin = app.admin().await;
    app.user("ann").await;
    delete(&admin, "Wr0ng password").await.invalid(&[("password", "wrong_password")]);
    delete(&admin, &admin.password).await.problem(409, "last_admin");
    admin.get("/admin/audit").await.expect(200);
}

async fn of_two_administrators_who_delete_their_accounts_concurrently_one_remains(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let node = app.second_node().await;
    let (one, other) = (app.admin().await, app.user("other").await);
    app.change_user(&other, |user| user.role = domain::accounts::Role::Admin).await;
    let there = other.at(node.url());
    let (first, second) = tokio::join!(
        delete(&one, &one.password).into_future(),
        delete(&there, &other.password).into_future()
    );
    let mut ends = [first.status, second.status];
    ends.sort_unstable();
    assert_eq!(ends, [204, 409], "{first} {second}");
}

async fn of_two_concurrent_deletions_the_second_is_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let node = app.second_node().await;
    let ann = app.user("ann").await;
    let there = ann.at(node.url());
    let (first, second) =
        tokio::join!(delete(&ann, &ann.password).into_future(), delete(&there, &ann.password).into_future());
    let mut ends = [first.status, second.status];
    ends.sort_unstable();
    assert_eq!(ends, [204, 401], "{first} {second}");
    app.run_outbox().await;
    assert_eq!(app.mails_to(&email_of("ann")).len(), 2);
}

async fn a_deletion_takes_effect_on_every_node_within_five_seconds(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let node = app.second_node().await;
    let ann = app.user("ann").await;
    let there = ann.at(node.url());
    there.get("/cart").await.expect(200);
    delete(&ann, &ann.password).await.expect(204);
    app.advance(TimeDelta::seconds(5));
    there.get("/cart").await.problem(401, "access_token_invalid");
}

async fn the_email_address_of_a_deleted_account_can_be_registered_again(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = ann_with_everything(&app).await;
    delete(&ann, &ann.password).await.expect(204);
    let again = app.user("ann").await;
    assert_ne!(again.id(), ann.id());
    let copy = again.get("/users/me/export").await.expect(200).json();
    assert_eq!((&copy["purchases"], &copy["cart"]), (&json!([]), &json!([])));
    ann.get("/cart").await.problem(401, "access_token_invalid");
}
