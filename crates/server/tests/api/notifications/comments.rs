//! The effect of replies, likes and deletions of comments on notifications.

use domain::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::MOVIE;
use crate::support::{Caller, Engine, SignedIn, TestApp, cases, email_of};

cases! {
    a_reply_notifies_the_author_of_the_comment_that_was_answered,
    users_are_not_notified_of_their_own_replies_and_likes,
    likes_are_merged_and_removed,
    the_notifications_of_a_deleted_comment_are_removed,
    deleting_an_account_removes_its_replies_and_likes_from_the_notifications_of_others,
}

/// Writes a comment or a reply; returns its identifier.
async fn write(author: &Caller, path: &str) -> String {
    author.post(path, json!({"text": "Hear, hear"})).await.expect(201).json()["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn reply(author: &Caller, comment: &str) -> String {
    write(author, &format!("/comments/{comment}/replies")).await
}

async fn like(user: &Caller, comment: &str, is_liked: bool) {
    let method = if is_liked { Method::PUT } else { Method::DELETE };
    user.call(method, format!("/comments/{comment}/like")).await.expect(200);
}

/// Returns the kind, comment and count of each of the user's notifications.
async fn notified(user: &SignedIn) -> Vec<(String, String, u64)> {
    let page = user.get("/notifications").await.expect(200).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one =
        |item: &Value| (text(&item["kind"]), text(&item["comment_id"]), item["count"].as_u64().unwrap());
    page["items"].as_array().unwrap().iter().map(one).collect()
}

async fn total(user: &SignedIn) -> Value {
    user.get("/notifications/unread-count").await.expect(200).json()["total"].clone()
}

fn replied(id: &str) -> (String, String, u64) {
    ("comment_reply".to_owned(), id.to_owned(), 1)
}

fn liked(id: &str, count: u64) -> (String, String, u64) {
    ("comment_like".to_owned(), id.to_owned(), count)
}

/// Starts a server. Returns it with the path of a movie's comments and three users.
async fn with_comments(engine: Engine) -> (TestApp, String, [SignedIn; 3]) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let users = [app.user("ann").await, app.user("bob").await, app.user("cem").await];
    (app, format!("/movies/{}/comments", movies.id(MOVIE)), users)
}

async fn a_reply_notifies_the_author_of_the_comment_that_was_answered(engine: Engine) {
    let (app, comments, [ann, bob, cem]) = with_comments(engine).await;
    let comment = write(&ann, &comments).await;
    let first = reply(&bob, &comment).await;
    let second = reply(&cem, &first).await;
    assert_eq!(notified(&ann).await, [replied(&first)]);
    assert_eq!(notified(&bob).await, [replied(&second)]);
    assert_eq!(notified(&cem).await, []);
    app.run_outbox().await;
    for (name, mails) in [("ann", 1), ("bob", 1), ("cem", 0)] {
        let found = app.mails_to(&email_of(name));
        assert_eq!(found.iter().filter(|mail| mail.unsubscribe_url.is_some()).count(), mails, "{name}");
    }
}

async fn users_are_not_notified_of_their_own_replies_and_likes(engine: Engine) {
    let (_app, comments, [ann, ..]) = with_comments(engine).await;
    let comment = write(&ann, &comments).await;
    reply(&ann, &comment).await;
    like(&ann, &comment, true).await;
    like(&ann, &comment, false).await;
    assert_eq!(notified(&ann).await, []);
}

async fn likes_are_merged_and_removed(engine: Engine) {
    let (_app, comments, [ann, bob, cem]) = with_comments(engine).await;
    let comment = write(&ann, &comments).await;
    for user in [&bob, &bob, &cem] {
        like(user, &comment, true).await;
    }
    assert_eq!(notified(&ann).await, [liked(&comment, 2)]);
    assert_eq!(total(&ann).await, 1);
    like(&cem, &comment, false).await;
    like(&cem, &comment, false).await;
    assert_eq!(notified(&ann).await, [liked(&comment, 1)]);
    ann.post("/notifications/read", json!({"all": true})).await.expect(200);
    like(&cem, &comment, true).await;
    assert_eq!(total(&ann).await, 1, "the notification is unread again");
    for user in [&bob, &cem] {
        like(user, &comment, false).await;
    }
    assert_eq!((notified(&ann).await, total(&ann).await), (vec![], json!(0)));
}

async fn the_notifications_of_a_deleted_comment_are_removed(engine: Engine) {
    let (app, comments, [ann, bob, cem]) = with_comments(engine).await;
    app.change_user(&cem, |user| user.role = Role::Moderator).await;
    let comment = write(&ann, &comments).await;
    let (kept, gone) = (reply(&bob, &comment).await, reply(&bob, &comment).await);
    like(&ann, &gone, true).await;
    like(&bob, &comment, true).await;
    assert_eq!((total(&ann).await, total(&bob).await), (json!(3), json!(1)));
    bob.delete(format!("/comments/{gone}")).await.expect(204);
    assert_eq!(notified(&ann).await, [liked(&comment, 1), replied(&kept)]);
    assert_eq!((total(&ann).await, total(&bob).await), (json!(2), json!(0)));
    cem.delete(format!("/comments/{comment}")).await.expect(204);
    assert_eq!(notified(&ann).await, [replied(&kept)], "the notification about the remaining reply is kept");
}

async fn deleting_an_account_removes_its_replies_and_likes_from_the_notifications_of_others(engine: Engine) {
    let (_app, comments, [ann, bob, cem]) = with_comments(engine).await;
    let comment = write(&ann, &comments).await;
    reply(&bob, &comment).await;
    let kept = reply(&cem, &comment).await;
    like(&bob, &comment, true).await;
    like(&cem, &comment, true).await;
    bob.delete("/users/me").json(&json!({"password": bob.password})).await.expect(204);
    assert_eq!(notified(&ann).await, [liked(&comment, 1), replied(&kept)]);
}
