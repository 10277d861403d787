//! The list of notifications, its counts, and marking notifications as read.

use domain::{id::OrderId, notifications::NotificationCause};
use serde_json::{Value, json};

use super::{MOVIE, like, movie, reply};
use crate::support::{Engine, SignedIn, TestApp, cases};

cases! {
    a_notification_is_shown_with_all_its_subjects,
    users_are_not_notified_of_their_own_actions,
    likes_of_a_comment_are_one_notification_that_becomes_unread_again,
    the_list_is_read_by_page_and_cursor_and_for_unread_only,
    notifications_are_counted_and_marked_as_read,
    the_notifications_of_others_are_not_visible,
    invalid_requests_to_mark_as_read_are_refused,
    a_deleted_account_disappears_from_the_notifications_of_others,
}

async fn items(user: &SignedIn, query: &str) -> Vec<Value> {
    let page = user.get(format!("/notifications{query}")).await.expect(200).json();
    page["items"].as_array().unwrap().clone()
}

async fn a_notification_is_shown_with_all_its_subjects(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let order_id: OrderId = app.next_id();
    app.notify(&ann, NotificationCause::OrderPaid { order_id }).await;
    let cause = reply(&app, &bob, movie(&movies));
    let NotificationCause::CommentReply { reply_id, .. } = cause else { unreachable!() };
    app.notify(&ann, cause).await;
    let gone = app.next_id::<domain::id::MovieKind>();
    app.notify(
        &ann,
        NotificationCause::MovieRemovedFromCart { movie_id: gone, movie_name: "Gone".to_owned() },
    )
    .await;
    let found = items(&ann, "").await;
    assert_eq!(found.len(), 3);
    let now = app.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let name = format!("Member {}", &bob.id().to_string()[32..]);
    assert_eq!(
        found[1],
        json!({
            "id": found[1]["id"], "kind": "comment_reply", "created_at": now, "read_at": null,
            "actor": {"id": bob.id(), "name": name}, "count": 1,
            "movie": {"id": movies.id(MOVIE), "name": MOVIE}, "comment_id": reply_id.to_string(),
            "order_id": null,
        })
    );
    assert_eq!(
        found[2],
        json!({
            "id": found[2]["id"], "kind": "order_paid", "created_at": now, "read_at": null, "actor": null,
            "count": 1, "movie": null, "comment_id": null, "order_id": order_id.to_string(),
        })
    );
    assert_eq!(found[0]["movie"], json!({"id": gone.to_string(), "name": "Gone"}));
    bob.call(reqwest::Method::PATCH, "/users/me/profile")
        .json(&json!({"first_name": "Bob"}))
        .await
        .expect(200);
    assert_eq!(items(&ann, "").await[1]["actor"]["name"], "Bob");
}

async fn users_are_not_notified_of_their_own_actions(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    app.notify(&ann, reply(&app, &ann, movie(&movies))).await;
    app.notify(&ann, like(&ann, movie(&movies), app.next_id())).await;
    assert_eq!(items(&ann, "").await, Vec::<Value>::new());
}

async fn likes_of_a_comment_are_one_notification_that_becomes_unread_again(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob, cem) = (app.user("ann").await, app.user("bob").await, app.user("cem").await);
    let comment = app.next_id();
    app.notify(&ann, like(&bob, movie(&movies), comment)).await;
    ann.post("/notifications/read", json!({"all": true})).await.expect(200);
    app.notify(&ann, like(&bob, movie(&movies), comment)).await;
    assert_eq!(
        items(&ann, "?unread=true").await.len(),
        0,
        "a repeated like does not make the notification unread again"
    );
    app.notify(&ann, like(&cem, movie(&movies), comment)).await;
    let found = items(&ann, "?unread=true").await;
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["count"], &found[0]["actor"]["id"]), (&json!(2), &json!(cem.id())));
    assert_eq!(found[0]["comment_id"], comment.to_string());
}

async fn the_list_is_read_by_page_and_cursor_and_for_unread_only(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    for _ in 0..5 {
        app.notify(&ann, reply(&app, &bob, movie(&movies))).await;
    }
    let all = items(&ann, "").await;
    ann.post("/notifications/read", json!({"ids": [all[1]["id"], all[3]["id"]]})).await.expect(200);
    for (query, wanted) in [("", vec![0, 1, 2, 3, 4]), ("&unread=true", vec![0, 2, 4])] {
        let mut found = Vec::new();
        let mut target = format!("/notifications?page_size=2{query}");
        loop {
            let page = ann.get(&target).await.expect(200).json();
            if found.is_empty() {
                assert_eq!(page["total_items"], json!(wanted.len()));
            }
            found.extend(page["items"].as_array().unwrap().iter().map(|one| one["id"].clone()));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            target = format!("/notifications?page_size=2{query}&cursor={cursor}");
        }
        assert_eq!(found, wanted.iter().map(|index: &usize| all[*index]["id"].clone()).collect::<Vec<_>>());
    }
    let cursor = ann.get("/notifications?page_size=2").await.expect(200).json()["next_cursor"].clone();
    let cursor = cursor.as_str().unwrap();
    bob.get(format!("/notifications?cursor={cursor}")).await.problem(400, "cursor_invalid");
    ann.get(format!("/notifications?unread=true&cursor={cursor}")).await.problem(400, "cursor_invalid");
    ann.get("/notifications?unread=perhaps").await.invalid(&[("unread", "invalid_format")]);
}

async fn notifications_are_counted_and_marked_as_read(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let empty = json!({"total": 0, "by_kind": {}});
    assert_eq!(ann.get("/notifications/unread-count").await.expect(200).json(), empty);
    app.notify(&ann, reply(&app, &bob, movie(&movies))).await;
    app.notify(&ann, reply(&app, &bob, movie(&movies))).await;
    app.notify(&ann, like(&bob, movie(&movies), app.next_id())).await;
    let counts = json!({"total": 3, "by_kind": {"comment_like": 1, "comment_reply": 2}});
    assert_eq!(ann.get("/notifications/unread-count").await.expect(200).json(), counts);
    let newest = items(&ann, "").await[0]["id"].clone();
    let read = ann.post("/notifications/read", json!({"ids": [newest]})).await.expect(200).json();
    assert_eq!(read, json!({"total": 2, "by_kind": {"comment_reply": 2}}));
    let now = app.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    assert_eq!(items(&ann, "").await[0]["read_at"], now);
    assert_eq!(ann.post("/notifications/read", json!({"ids": []})).await.expect(200).json(), read);
    assert_eq!(ann.post("/notifications/read", json!({"all": true})).await.expect(200).json(), empty);
    assert_eq!(ann.get("/notifications/unread-count").await.expect(200).json(), empty);
}

async fn the_notifications_of_others_are_not_visible(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    app.notify(&ann, reply(&app, &bob, movie(&movies))).await;
    let id = items(&ann, "").await[0]["id"].clone();
    assert_eq!(items(&bob, "").await.len(), 0);
    bob.post("/notifications/read", json!({"ids": [id]})).await.expect(200);
    bob.post("/notifications/read", json!({"all": true})).await.expect(200);
    assert_eq!(items(&ann, "?unread=true").await.len(), 1);
}

async fn invalid_requests_to_mark_as_read_are_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let id = "0190a1b2-0000-7000-8000-000000000000";
    for (body, fault) in [
        (json!({}), ("ids", "required")),
        (json!({"all": false}), ("all", "invalid_value")),
        (json!({"ids": [id], "all": true}), ("all", "invalid_value")),
        (json!({"ids": "x"}), ("ids", "wrong_type")),
        (json!({"ids": ["x"]}), ("ids.0", "invalid_format")),
        (json!({"ids": vec![id; 1_001]}), ("ids", "too_long")),
        (json!({"all": "yes"}), ("all", "wrong_type")),
        (json!({"every": true, "all": true}), ("every", "unknown")),
    ] {
        ann.post("/notifications/read", body).await.invalid(&[fault]);
    }
}

async fn a_deleted_account_disappears_from_the_notifications_of_others(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob, cem) = (app.user("ann").await, app.user("bob").await, app.user("cem").await);
    let (both, one) = (app.next_id(), app.next_id());
    app.notify(&ann, like(&cem, movie(&movies), both)).await;
    app.notify(&ann, like(&bob, movie(&movies), both)).await;
    app.notify(&ann, like(&bob, movie(&movies), one)).await;
    app.notify(&ann, reply(&app, &bob, movie(&movies))).await;
    bob.delete("/users/me").json(&json!({"password": bob.password})).await.expect(204);
    let found = items(&ann, "").await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["count"], &found[0]["actor"]["id"]), (&json!(1), &json!(cem.id())));
    let counts = ann.get("/notifications/unread-count").await.expect(200).json();
    assert_eq!(counts, json!({"total": 1, "by_kind": {"comment_like": 1}}));
}
