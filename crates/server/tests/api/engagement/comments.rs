use std::future::IntoFuture;

use chrono::TimeDelta;
use domain::accounts::Role;
use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Call, Caller, Engine, SignedIn, TestApp, cases, snapshot};

cases! {
    a_comment_is_public,
    comments_are_newest_first_and_replies_oldest_first,
    a_page_of_comments_continues_by_cursor,
    a_reply_to_a_reply_joins_the_thread,
    an_author_is_shown_by_the_names_of_the_profile_and_never_by_the_email,
    a_comment_has_1_to_2_000_characters_after_trimming,
    a_text_is_returned_as_it_was_written,
    an_author_edits_the_text,
    a_comment_is_liked_once_and_the_like_removed,
    of_many_concurrent_likes_one_counts,
    a_deleted_comment_without_replies_is_removed,
    a_deleted_comment_with_replies_stays_without_text_until_the_last_reply_is_deleted,
    only_the_author_and_moderators_delete_a_comment,
    a_removal_by_a_moderator_is_in_the_audit_log_without_the_text,
    a_concurrent_deletion_by_author_and_moderator_happens_once,
    comments_of_a_movie_that_the_caller_cannot_see_are_not_found,
    a_demoted_moderator_cannot_act_on_withdrawn_movies_on_another_node,
    comments_and_replies_of_a_user_are_limited,
}

const NO_COMMENT: &str = "0190a1b2-0000-7000-8000-000000000000";

async fn write(caller: &Caller, path: &str, text: &str) -> Value {
    caller.post(path, json!({"text": text})).await.expect(201).json()
}

fn id(comment: &Value) -> &str {
    comment["id"].as_str().unwrap()
}

fn edit(caller: &Caller, comment: &str, text: &str) -> Call {
    caller.call(Method::PATCH, format!("/comments/{comment}")).json(&json!({"text": text}))
}

fn like(caller: &Caller, comment: &str) -> Call {
    caller.call(Method::PUT, format!("/comments/{comment}/like"))
}

async fn texts(caller: &Caller, path: &str) -> Vec<Value> {
    let page = caller.get(path).await.expect(200).json();
    page["items"].as_array().unwrap().iter().map(|comment| comment["text"].clone()).collect()
}

async fn comments_count(app: &TestApp, movie: &str) -> Value {
    app.anonymous().get(format!("/movies/{movie}")).await.expect(200).json()["comments_count"].clone()
}

/// Starts a server with movies. Returns the server, the identifier of Alien, and the path of the comments on Alien.
async fn with_movie(engine: Engine) -> (TestApp, String, String) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let alien = movies.id("Alien");
    let comments = format!("/movies/{alien}/comments");
    (app, alien, comments)
}

async fn moderator(app: &TestApp) -> SignedIn {
    let moderator = app.user("moderator").await;
    app.change_user(&moderator, |user| user.role = Role::Moderator).await;
    moderator
}

async fn a_comment_is_public(engine: Engine) {
    let (app, alien, comments) = with_movie(engine).await;
    let ann = app.user("ann").await;
    let comment = ann.post(&comments, json!({"text": "  In space no one can hear you scream. "})).await;
    let comment = comment.expect(201).json();
    let name = format!("Member {}", &ann.id().to_string()[32..]);
    assert_eq!(comment["author"], json!({"id": ann.id().to_string(), "name": name, "avatar_url": null}));
    let mut nameless = comment.clone();
    nameless["author"]["name"] = json!("Member");
    snapshot!(nameless, @r#"
    {
      "id": "[id]",
      "author": {
        "id": "[id]",
        "name": "Member",
        "avatar_url": null
      },
      "text": "In space no one can hear you scream.",
      "likes": 0,
      "replies_count": 0,
      "liked_by_me": false,
      "created_at": "[instant]",
      "edited_at": null
    }
    "#);
    for caller in [&app.anonymous(), &*ann] {
        let listed = caller.get(&comments).await.expect(200).json();
        assert_eq!((&listed["items"], &listed["total_items"]), (&json!([comment]), &json!(1)));
    }
    assert_eq!(comments_count(&app, &alien).await, 1);
    app.anonymous().post(&comments, json!({"text": "me too"})).await.problem(401, "unauthenticated");
}

async fn comments_are_newest_first_and_replies_oldest_first(engine: Engine) {
    let (app, alien, comments) = with_movie(engine).await;
    let ann = app.user("ann").await;
    let mut first = Value::Null;
    for text in ["one", "two", "three"] {
        let comment = write(&ann, &comments, text).await;
        if first.is_null() {
            first = comment;
        }
        app.advance(TimeDelta::seconds(1));
    }
    let replies = format!("/comments/{}/replies", id(&first));
    for text in ["a", "b", "c"] {
        write(&ann, &replies, text).await;
        app.advance(TimeDelta::seconds(1));
    }
    assert_eq!(texts(&app.anonymous(), &comments).await, ["three", "two", "one"]);
    assert_eq!(texts(&app.anonymous(), &replies).await, ["a", "b", "c"]);
    let listed = ann.get(&comments).await.expect(200).json();
    assert_eq!((&listed["items"][2]["replies_count"], &listed["total_items"]), (&json!(3), &json!(3)));
    assert_eq!(comments_count(&app, &alien).await, 6);
}

async fn a_page_of_comments_continues_by_cursor(engine: Engine) {
    let (app, _, comments) = with_movie(engine).await;
    let ann = app.user("ann").await;
    for number in 0..5 {
        write(&ann, &comments, &number.to_string()).await;
    }
    let mut seen = Vec::new();
    let mut page = ann.get(format!("{comments}?page_size=2")).await.expect(200).json();
    assert_eq!((&page["total_items"], &page["total_pages"]), (&json!(5), &json!(3)));
    loop {
        seen.extend(page["items"].as_array().unwrap().iter().map(|comment| comment["text"].clone()));
        let Some(cursor) = page["next_cursor"].as_str().map(str::to_owned) else { break };
        // When new comments are written, later pages neither repeat nor omit existing comments.
        write(&ann, &comments, "later").await;
        page = ann.get(format!("{comments}?page_size=2&cursor={cursor}")).await.expect(200).json();
    }
    assert_eq!(seen, ["4", "3", "2", "1", "0"]);
    ann.get(format!("{comments}?page=0&sort=likes"))
        .await
        .invalid(&[("page", "too_small"), ("sort", "unknown")]);
    ann.get(format!("/movies/{NO_COMMENT}/comments")).await.problem(404, "not_found");
}

async fn a_reply_to_a_reply_joins_the_thread(engine: Engine) {
    let (app, alien, comments) = with_movie(engine).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let begun = write(&ann, &comments, "begun").await;
    let thread = format!("/comments/{}/replies", id(&begun));
    let first = write(&bob, &thread, "first").await;
    app.advance(TimeDelta::seconds(1));
    write(&ann, &format!("/comments/{}/replies", id(&first)), "second").await;
    assert_eq!(texts(&ann, &thread).await, ["first", "second"]);
    assert_eq!(texts(&ann, &format!("/comments/{}/replies", id(&first))).await, Vec::<Value>::new());
    assert_eq!(texts(&ann, &comments).await, ["begun"]);
    assert_eq!(comments_count(&app, &alien).await, 3);
    let nowhere = format!("/comments/{NO_COMMENT}/replies");
    ann.post(&nowhere, json!({"text": "x"})).await.problem(404, "not_found");
    ann.get(&nowhere).await.problem(404, "not_found");
}

async fn an_author_is_shown_by_the_names_of_the_profile_and_never_by_the_email(engine: Engine) {
    let (app, _, comments) = with_movie(engine).await;
    let ann = app.user("ann").await;
    write(&ann, &comments, "hello").await;
    let names = json!({"first_name": "Ann", "last_name": "Lee"});
    ann.call(Method::PATCH, "/users/me/profile").json(&names).await.expect(200);
    let listed = app.anonymous().get(&comments).await.expect(200);
    assert!(!listed.text().contains("@example.com"), "{listed}");
    assert_eq!(listed.json()["items"][0]["author"]["name"], "Ann Lee");
}

async fn a_comment_has_1_to_2_000_characters_after_trimming(engine: Engine) {
    let (app, _, comments) = with_movie(engine).await;
    let ann = app.user("ann").await;
    for (text, code) in [
        (json!(""), "too_short"),
        (json!(" \n\t"), "too_short"),
        (json!("é".repeat(2_001)), "too_long"),
        (json!("a\0b"), "invalid_format"),
        (json!(null), "wrong_type"),
        (json!(["x"]), "wrong_type"),
    ] {
        ann.post(&comments, json!({"text": text})).await.invalid(&[("text", code)]);
    }
    ann.post(&comments, json!({})).await.invalid(&[("text", "required")]);
    ann.post(&comments, json!({"text": "x", "html": true})).await.invalid(&[("html", "unknown")]);
    let longest = format!(" {} ", "é".repeat(2_000));
    assert_eq!(write(&ann, &comments, &longest).await["text"], longest.trim());
}

async fn a_text_is_returned_as_it_was_written(engine: Engine) {
    let (app, _, comments) = with_movie(engine).await;
    let ann = app.user("ann").await;
    for text in [
        "<script>alert(1)</script> & <b>\"bold\"</b>",
        "line\none\r\ntwo",
        "שלום 你好 🎬",
        "'; DROP TABLE comments; --",
    ] {
        assert_eq!(write(&ann, &comments, text).await["text"], text);
        assert_eq!(texts(&app.anonymous(), &comments).await[0], text);
        app.advance(TimeDelta::seconds(1));
    }
}

async fn an_author_edits_the_text(engine: Engine) {
    let (app, _, comments) = with_movie(engine).await;
    let (ann, bob, admin) = (app.user("ann").await, app.user("bob").await, app.admin().await);
    let comment = write(&ann, &comments, "frist").await;
    app.advance(TimeDelta::minutes(1));
    let edited = edit(&ann, id(&comment), " first ").await.expect(200).json();
    assert_eq!((&edited["text"], &edited["created_at"]), (&json!("first"), &comment["created_at"]));
    assert!(edited["edited_at"].as_str() > comment["created_at"].as_str(), "{edited}");
    assert_eq!(ann.get(&comments).await.expect(200).json()["items"], json!([edited]));
    for other in [&bob, &admin] {
        edit(other, id(&comment), "mine").await.problem(403, "forbidden");
    }
    edit(&app.anonymous(), id(&comment), "mine").await.problem(401, "unauthenticated");
    edit(&ann, NO_COMMENT, "x").await.problem(404, "not_found");
    edit(&ann, id(&comment), " ").await.invalid(&[("text", "too_short")]);
    ann.call(Method::PATCH, format!("/comments/{}", id(&comment)))
        .body("application/merge-patch+json", r#"{"text": "merged"}"#)
        .await
        .expect(200);
}

async fn a_comment_is_liked_once_and_the_like_removed(engine: Engine) {
    let (app, _, comments) = with_movie(engine).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let comment = write(&ann, &comments, "like me").await;
    for _ in 0..2 {
        assert_eq!(like(&bob, id(&comment)).await.expect(200).json(), json!({"likes": 1}));
    }
    assert_eq!(like(&ann, id(&comment)).await.expect(200).json(), json!({"likes": 2}));
    for (caller, is_liked) in [(&*bob, true), (&app.anonymous(), false)] {
        let listed = caller.get(&comments).await.expect(200).json();
        let first = &listed["items"][0];
        assert_eq!((&first["likes"], &first["liked_by_me"]), (&json!(2), &json!(is_liked)));
    }
    for _ in 0..2 {
        let removed = bob.delete(format!("/comments/{}/like", id(&comment))).await.expect(200).json();
        assert_eq!(removed, json!({"likes": 1}));
    }
    like(&bob, NO_COMMENT).await.problem(404, "not_found");
    like(&app.anonymous(), id(&comment)).await.problem(401, "unauthenticated");
}

async fn of_many_concurrent_likes_one_counts(engine: Engine) {
    let (app, _, comments) = with_movie(engine).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let comment = write(&ann, &comments, "like me").await;
    like(&ann, id(&comment)).await.expect(200);
    for answer in join_all((0..50).map(|_| like(&bob, id(&comment)).into_future())).await {
        assert_eq!(answer.expect(200).json(), json!({"likes": 2}));
    }
    let path = format!("/comments/{}/like", id(&comment));
    for answer in join_all((0..50).map(|_| bob.delete(&path).into_future())).await {
        assert_eq!(answer.expect(200).json(), json!({"likes": 1}));
    }
}

async fn a_deleted_comment_without_replies_is_removed(engine: Engine) {
    let (app, alien, comments) = with_movie(engine).await;
    let ann = app.user("ann").await;
    let comment = write(&ann, &comments, "oops").await;
    let path = format!("/comments/{}", id(&comment));
    ann.delete(&path).await.expect(204);
    ann.delete(&path).await.problem(404, "not_found");
    edit(&ann, id(&comment), "back").await.problem(404, "not_found");
    like(&ann, id(&comment)).await.problem(404, "not_found");
    ann.get(format!("{path}/replies")).await.problem(404, "not_found");
    ann.post(format!("{path}/replies"), json!({"text": "x"})).await.problem(404, "not_found");
    assert_eq!(texts(&ann, &comments).await, Vec::<Value>::new());
    assert_eq!(comments_count(&app, &alien).await, 0);
}

async fn a_deleted_comment_with_replies_stays_without_text_until_the_last_reply_is_deleted(engine: Engine) {
    let (app, alien, comments) = with_movie(engine).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let begun = write(&ann, &comments, "begun").await;
    let path = format!("/comments/{}", id(&begun));
    let replies = format!("{path}/replies");
    let (one, two) = (write(&bob, &replies, "one").await, write(&bob, &replies, "two").await);
    like(&bob, id(&begun)).await.expect(200);
    ann.delete(&path).await.expect(204);
    let listed = bob.get(&comments).await.expect(200).json();
    let place = &listed["items"][0];
    assert_eq!((&place["id"], &place["text"], &place["author"]), (&begun["id"], &Value::Null, &Value::Null));
    assert_eq!(
        (&place["likes"], &place["liked_by_me"], &place["replies_count"]),
        (&json!(0), &json!(false), &json!(2))
    );
    assert_eq!(comments_count(&app, &alien).await, 2);
    assert_eq!(texts(&bob, &replies).await.len(), 2);
    bob.post(&replies, json!({"text": "three"})).await.problem(409, "comment_deleted");
    like(&bob, id(&begun)).await.problem(409, "comment_deleted");
    edit(&ann, id(&begun), "back").await.problem(404, "not_found");
    ann.delete(&path).await.problem(404, "not_found");
    bob.delete(format!("/comments/{}", id(&one))).await.expect(204);
    // The second reply still exists, so users can reply to it, although the first comment was deleted.
    let more = write(&bob, &format!("/comments/{}/replies", id(&two)), "more").await;
    for reply in [&two, &more] {
        bob.delete(format!("/comments/{}", id(reply))).await.expect(204);
    }
    assert_eq!(texts(&bob, &comments).await, Vec::<Value>::new());
    bob.get(&replies).await.problem(404, "not_found");
    assert_eq!(comments_count(&app, &alien).await, 0);
}

async fn only_the_author_and_moderators_delete_a_comment(engine: Engine) {
    let (app, _, comments) = with_movie(engine).await;
    let (ann, bob, moderator) = (app.user("ann").await, app.user("bob").await, moderator(&app).await);
    let comment = write(&ann, &comments, "bad words").await;
    let path = format!("/comments/{}", id(&comment));
    bob.delete(&path).await.problem(403, "forbidden");
    app.anonymous().delete(&path).await.problem(401, "unauthenticated");
    moderator.delete(&path).await.expect(204);
    bob.delete(&path).await.problem(404, "not_found");
}

async fn a_removal_by_a_moderator_is_in_the_audit_log_without_the_text(engine: Engine) {
    let (app, alien, comments) = with_movie(engine).await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    let (kept, removed) = (write(&ann, &comments, "mine").await, write(&ann, &comments, "bad words").await);
    ann.delete(format!("/comments/{}", id(&kept))).await.expect(204);
    admin.delete(format!("/comments/{}", id(&removed))).await.expect(204);
    let log = admin.get("/admin/audit?action=comment_removed").await.expect(200);
    assert!(!log.text().contains("bad words"), "{log}");
    let log = log.json();
    assert_eq!(log["total_items"], 1);
    let entry = &log["items"][0];
    assert_eq!(entry["actor_id"], admin.id().to_string());
    assert_eq!(entry["object"], json!({"kind": "comment", "id": removed["id"]}));
    assert_eq!(entry["before"], json!({"movie_id": alien, "author_id": ann.id().to_string()}));
}

async fn a_concurrent_deletion_by_author_and_moderator_happens_once(engine: Engine) {
    let (app, alien, comments) = with_movie(engine).await;
    let (ann, moderator) = (app.user("ann").await, moderator(&app).await);
    for _ in 0..5 {
        let comment = write(&ann, &comments, "bad words").await;
        let path = format!("/comments/{}", id(&comment));
        let (one, other) = join(ann.delete(&path).into_future(), moderator.delete(&path).into_future()).await;
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 404]);
    }
    assert_eq!(comments_count(&app, &alien).await, 0);
}

async fn comments_of_a_movie_that_the_caller_cannot_see_are_not_found(engine: Engine) {
    let (app, alien, comments) = with_movie(engine).await;
    let (ann, bob, admin) = (app.user("ann").await, app.user("bob").await, app.admin().await);
    let comment = write(&bob, &comments, "before").await;
    let path = format!("/comments/{}", id(&comment));
    app.sell(&ann, alien).await;
    app.withdraw("Alien").await;
    for stranger in [&*bob, &app.anonymous()] {
        stranger.get(&comments).await.problem(404, "not_found");
        stranger.get(format!("{path}/replies")).await.problem(404, "not_found");
    }
    bob.post(&comments, json!({"text": "x"})).await.problem(404, "not_found");
    bob.post(format!("{path}/replies"), json!({"text": "x"})).await.problem(404, "not_found");
    like(&bob, id(&comment)).await.problem(404, "not_found");
    edit(&bob, id(&comment), "after").await.problem(404, "not_found");
    bob.delete(&path).await.problem(404, "not_found");
    for caller in [&ann, &admin] {
        assert_eq!(texts(caller, &comments).await, ["before"]);
        write(caller, &format!("{path}/replies"), "still here").await;
    }
    admin.delete(&path).await.expect(204);
}

async fn a_demoted_moderator_cannot_act_on_withdrawn_movies_on_another_node(engine: Engine) {
    let (app, alien, comments) = with_movie(engine).await;
    let moderator = moderator(&app).await;
    let comment = write(&moderator, &comments, "mine").await;
    app.withdraw("Alien").await;
    let other = app.second_node().await;
    let elsewhere = moderator.at(other.url());
    // The other node reads the role and caches it for a short time.
    elsewhere.get(&comments).await.expect(200);
    app.change_user(&moderator, |user| user.role = Role::User).await;
    for refused in [
        elsewhere.post(&comments, json!({"text": "x"})).await,
        like(&elsewhere, id(&comment)).await,
        edit(&elsewhere, id(&comment), "x").await,
        elsewhere.call(Method::PUT, format!("/favorites/{alien}")).await,
    ] {
        refused.problem(404, "not_found");
    }
    let admin = app.admin().await;
    assert_eq!(texts(&admin, &comments).await, ["mine"]);
}

async fn comments_and_replies_of_a_user_are_limited(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("RATE_LIMITS", "on")]).await;
    let movies = app.import_small_catalogue().await;
    let comments = format!("/movies/{}/comments", movies.id("Alien"));
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let begun = write(&ann, &comments, "begun").await;
    let replies = format!("/comments/{}/replies", id(&begun));
    for number in 0..59 {
        let path = if number % 2 == 0 { &replies } else { &comments };
        write(&ann, path, "again").await;
    }
    for path in [&replies, &comments] {
        let refused = ann.post(path, json!({"text": "once more"})).await;
        assert!(refused.header("retry-after").is_some(), "{refused}");
        refused.problem(429, "rate_limited");
    }
    write(&bob, &replies, "not mine").await;
    app.advance(TimeDelta::minutes(1));
    write(&ann, &replies, "later").await;
}
