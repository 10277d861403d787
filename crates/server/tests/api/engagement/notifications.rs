//! What the authors of comments are notified about.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Caller, Engine, SignedIn, TestApp, cases, email_of};

cases! {
    a_reply_tells_the_author_of_what_was_answered,
    likes_are_one_notification_that_follows_them,
    nobody_is_told_of_own_comments_and_likes,
    notifications_of_deleted_comments_leave_the_list,
    a_refused_act_notifies_nobody,
}

async fn with_comment(engine: Engine) -> (TestApp, SignedIn, SignedIn, String) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let id = write(&ann, &format!("/movies/{}/comments", movies.id("Alien"))).await;
    (app, ann, bob, id)
}

async fn write(caller: &Caller, path: &str) -> String {
    let comment = caller.post(path, json!({"text": "In space"})).await.expect(201).json();
    comment["id"].as_str().unwrap().to_owned()
}

async fn told(user: &SignedIn) -> Vec<Value> {
    let page = user.get("/notifications").await.expect(200).json();
    page["items"].as_array().unwrap().clone()
}

async fn like(caller: &Caller, method: Method, comment: &str) {
    caller.call(method, format!("/comments/{comment}/like")).await.expect(200);
}

async fn a_reply_tells_the_author_of_what_was_answered(engine: Engine) {
    let (app, ann, bob, begun) = with_comment(engine).await;
    let cleo = app.user("cleo").await;
    let reply = write(&bob, &format!("/comments/{begun}/replies")).await;
    let found = told(&ann).await;
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["kind"], &found[0]["comment_id"]), (&json!("comment_reply"), &json!(reply)));
    assert_eq!(found[0]["actor"]["id"], bob.id().to_string());
    assert_eq!(found[0]["movie"]["name"], "Alien");
    // The reply to a reply joins the thread, but tells its own author.
    let second = write(&cleo, &format!("/comments/{reply}/replies")).await;
    assert_eq!(told(&ann).await.len(), 1);
    assert_eq!(told(&bob).await[0]["comment_id"], second);
    app.run_outbox().await;
    for (name, count) in [("ann", 1), ("bob", 1), ("cleo", 0)] {
        let mails = app.mails_to(&email_of(name)).len();
        assert_eq!(mails - 1, count, "{name}: beside the activation link");
    }
}

async fn likes_are_one_notification_that_follows_them(engine: Engine) {
    let (app, ann, bob, comment) = with_comment(engine).await;
    let cleo = app.user("cleo").await;
    for user in [&bob, &bob, &cleo] {
        like(user, Method::PUT, &comment).await;
    }
    let found = told(&ann).await;
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["kind"], &found[0]["count"]), (&json!("comment_like"), &json!(2)));
    ann.post("/notifications/read", json!({"all": true})).await.expect(200);
    app.advance(TimeDelta::seconds(1));
    // Liking again changes nothing.
    like(&cleo, Method::PUT, &comment).await;
    assert!(told(&ann).await[0]["read_at"].is_string());
    like(&bob, Method::DELETE, &comment).await;
    assert_eq!(told(&ann).await[0]["count"], 1);
    like(&bob, Method::PUT, &comment).await;
    let again = told(&ann).await;
    assert_eq!((&again[0]["count"], &again[0]["read_at"]), (&json!(2), &Value::Null));
    for user in [&bob, &cleo, &cleo] {
        like(user, Method::DELETE, &comment).await;
    }
    assert_eq!(told(&ann).await, Vec::<Value>::new());
}

async fn nobody_is_told_of_own_comments_and_likes(engine: Engine) {
    let (_app, ann, _, comment) = with_comment(engine).await;
    write(&ann, &format!("/comments/{comment}/replies")).await;
    like(&ann, Method::PUT, &comment).await;
    assert_eq!(told(&ann).await, Vec::<Value>::new());
}

async fn notifications_of_deleted_comments_leave_the_list(engine: Engine) {
    let (app, ann, bob, comment) = with_comment(engine).await;
    let admin = app.admin().await;
    let reply = write(&bob, &format!("/comments/{comment}/replies")).await;
    like(&bob, Method::PUT, &comment).await;
    like(&ann, Method::PUT, &reply).await;
    assert_eq!((told(&ann).await.len(), told(&bob).await.len()), (2, 1));
    admin.delete(format!("/comments/{reply}")).await.expect(204);
    assert_eq!((told(&ann).await.len(), told(&bob).await.len()), (1, 0));
    ann.delete(format!("/comments/{comment}")).await.expect(204);
    assert_eq!(told(&ann).await.len(), 0);
    let counts = ann.get("/notifications/unread-count").await.expect(200).json();
    assert_eq!(counts["total"], 0);
}

async fn a_refused_act_notifies_nobody(engine: Engine) {
    let (app, ann, bob, comment) = with_comment(engine).await;
    app.withdraw("Alien").await;
    bob.post(format!("/comments/{comment}/replies"), json!({"text": "x"})).await.problem(404, "not_found");
    bob.call(Method::PUT, format!("/comments/{comment}/like")).await.problem(404, "not_found");
    assert_eq!(told(&ann).await, Vec::<Value>::new());
}
