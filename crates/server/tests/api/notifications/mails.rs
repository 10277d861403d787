//! Mails about notifications, and how users switch them off.

use chrono::TimeDelta;
use domain::notifications::NotificationCause;
use reqwest::Method;
use serde_json::json;

use super::{like, movie, reply};
use crate::support::{Call, Engine, SignedIn, TestApp, cases, email_of};

cases! {
    a_reply_is_mailed_once,
    a_user_gets_at_most_twenty_mails_about_replies_and_likes_a_day,
    likes_of_many_comments_are_mailed_at_most_twenty_times_a_day,
    likes_of_a_comment_are_mailed_once_a_day,
    switched_off_kinds_are_not_mailed,
    settings_are_changed_independently_of_each_other,
    unknown_settings_are_refused,
    the_unsubscribe_link_of_a_mail_works_without_signing_in,
    a_forged_link_does_not_unsubscribe_anyone,
}

fn change(user: &SignedIn, mails: &serde_json::Value) -> Call {
    user.call(Method::PATCH, "/users/me/notification-settings").json(&json!({"mails": mails}))
}

/// Sends all pending mails. Returns the subjects of all mails that Ann has got about notifications so far.
async fn subjects(app: &TestApp) -> Vec<String> {
    app.run_outbox().await;
    let mails = app.mails_to(&email_of("ann"));
    let mails = mails.into_iter().filter(|mail| mail.unsubscribe_url.is_some());
    mails.map(|mail| mail.subject).collect()
}

async fn a_reply_is_mailed_once(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let cause = reply(&app, &bob, movie(&movies));
    app.notify(&ann, cause.clone()).await;
    app.notify(&ann, cause).await;
    app.notify(&ann, NotificationCause::OrderPaid { order_id: app.next_id() }).await;
    assert_eq!(subjects(&app).await, ["New reply to your comment on Alien"]);
    let mail = app.mails_to(&email_of("ann")).pop().unwrap();
    assert!(mail.text.contains(" replied to your comment on Alien.\n"), "{}", mail.text);
    assert!(mail.text.contains(&format!("/movies/{}\n", movie(&movies))), "{}", mail.text);
    let url = mail.unsubscribe_url.unwrap();
    assert!(url.starts_with(&format!("{}/unsubscribe?token=", app.url())), "{url}");
}

async fn a_user_gets_at_most_twenty_mails_about_replies_and_likes_a_day(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob, cem) = (app.user("ann").await, app.user("bob").await, app.user("cem").await);
    for number in 0..25 {
        let actor = if number % 2 == 0 { &bob } else { &cem };
        app.notify(&ann, reply(&app, actor, movie(&movies))).await;
    }
    assert_eq!(subjects(&app).await.len(), 20);
    assert_eq!(
        ann.get("/notifications").await.expect(200).json()["total_items"],
        25,
        "all notifications are listed"
    );
    app.notify(&ann, like(&bob, movie(&movies), app.next_id())).await;
    assert_eq!(subjects(&app).await.len(), 20, "replies and likes share one limit");
    app.advance(TimeDelta::hours(24));
    app.notify(&ann, reply(&app, &bob, movie(&movies))).await;
    app.notify(&ann, like(&bob, movie(&movies), app.next_id())).await;
    assert_eq!(subjects(&app).await.len(), 22);
}

async fn likes_of_many_comments_are_mailed_at_most_twenty_times_a_day(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob, cem) = (app.user("ann").await, app.user("bob").await, app.user("cem").await);
    for _ in 0..40 {
        app.notify(&ann, like(&bob, movie(&movies), app.next_id())).await;
    }
    assert_eq!(subjects(&app).await.len(), 20);
    assert_eq!(
        ann.get("/notifications").await.expect(200).json()["total_items"],
        40,
        "all notifications are listed"
    );
    app.notify(&cem, like(&bob, movie(&movies), app.next_id())).await;
    app.run_outbox().await;
    assert!(
        app.mails_to(&email_of("cem")).iter().any(|mail| mail.unsubscribe_url.is_some()),
        "other receivers are still mailed"
    );
}

async fn likes_of_a_comment_are_mailed_once_a_day(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let (bob, cem, dan) = (app.user("bob").await, app.user("cem").await, app.user("dan").await);
    let comment = app.next_id();
    app.notify(&ann, like(&bob, movie(&movies), comment)).await;
    app.notify(&ann, like(&cem, movie(&movies), comment)).await;
    assert_eq!(subjects(&app).await, ["Your comment on Alien was liked"]);
    app.advance(TimeDelta::hours(24));
    app.notify(&ann, like(&dan, movie(&movies), comment)).await;
    assert_eq!(subjects(&app).await.len(), 2);
    let mail = app.mails_to(&email_of("ann")).pop().unwrap();
    assert!(mail.text.contains(" and 2 others like your comment on Alien.\n"), "{}", mail.text);
}

async fn switched_off_kinds_are_not_mailed(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    change(&ann, &json!({"comment_like": false})).await.expect(200);
    app.notify(&ann, like(&bob, movie(&movies), app.next_id())).await;
    assert_eq!(subjects(&app).await, Vec::<String>::new());
    app.notify(&ann, reply(&app, &bob, movie(&movies))).await;
    assert_eq!(subjects(&app).await.len(), 1);
    assert_eq!(ann.get("/notifications").await.expect(200).json()["total_items"], 2, "both are listed");
}

async fn settings_are_changed_independently_of_each_other(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let mails = |reply: bool, like: bool| json!({"mails": {"comment_reply": reply, "comment_like": like}});
    let path = "/users/me/notification-settings";
    assert_eq!(ann.get(path).await.expect(200).json(), mails(true, true));
    for (changes, settings) in [
        (json!({"comment_like": false}), mails(true, false)),
        (json!({}), mails(true, false)),
        (json!({"comment_reply": false}), mails(false, false)),
        (json!({"comment_reply": true, "comment_like": true}), mails(true, true)),
    ] {
        assert_eq!(change(&ann, &changes).await.expect(200).json(), settings);
        assert_eq!(ann.get(path).await.expect(200).json(), settings);
    }
    ann.call(Method::PATCH, path).json(&json!({})).await.expect(200);
}

async fn unknown_settings_are_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    for (mails, fault) in [
        (json!({"order_paid": false}), ("mails.order_paid", "unknown")),
        (json!({"comment_like": "no"}), ("mails.comment_like", "wrong_type")),
        (json!({"comment_like": null}), ("mails.comment_like", "wrong_type")),
        (json!([]), ("mails", "wrong_type")),
    ] {
        change(&ann, &mails).await.invalid(&[fault]);
    }
}

async fn the_unsubscribe_link_of_a_mail_works_without_signing_in(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    app.notify(&ann, reply(&app, &bob, movie(&movies))).await;
    app.run_outbox().await;
    let url = app.mails_to(&email_of("ann")).pop().unwrap().unsubscribe_url.unwrap();
    let target = url.strip_prefix(app.url()).unwrap().to_owned();
    let visitor = app.anonymous();
    let page = visitor.get(&target).await.expect(200);
    assert!(page.text().contains("<form method=\"post\" action=\"unsubscribe?token="), "{page}");
    let settings =
        async || ann.get("/users/me/notification-settings").await.expect(200).json()["mails"].clone();
    assert_eq!(settings().await["comment_reply"], true, "opening the page changes nothing");
    // Mail programs unsubscribe with this request (RFC 8058). Repeating it changes nothing.
    for _ in 0..2 {
        let ended = visitor
            .call(Method::POST, &target)
            .body("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click")
            .await
            .expect(200);
        assert!(ended.text().contains("replies to your comments"), "{ended}");
    }
    assert_eq!(settings().await, json!({"comment_reply": false, "comment_like": true}));
    app.notify(&ann, reply(&app, &bob, movie(&movies))).await;
    assert_eq!(subjects(&app).await.len(), 1, "no mail is sent after unsubscribing");
}

async fn a_forged_link_does_not_unsubscribe_anyone(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let visitor = app.anonymous();
    for target in
        ["/unsubscribe", "/unsubscribe?token=", "/unsubscribe?token=abc", "/unsubscribe?token=%F0%9F"]
    {
        for method in [Method::GET, Method::POST] {
            let answer = visitor.call(method, target).await.expect(400);
            assert!(answer.text().contains("This link does not work"), "{answer}");
        }
    }
}
