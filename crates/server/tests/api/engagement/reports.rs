use std::future::IntoFuture;

use chrono::TimeDelta;
use domain::accounts::Role;
use futures_util::future::join;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Call, Caller, Engine, SignedIn, TestApp, cases, snapshot};

cases! {
    a_reported_comment_is_one_item_with_all_its_reports,
    a_user_reports_a_comment_once,
    invalid_reports_are_reported_by_field,
    invisible_comments_cannot_be_reported,
    a_removed_comment_is_deleted_and_stays_among_the_resolved,
    a_dismissed_comment_stays_and_a_new_report_opens_it_again,
    decisions_are_in_the_audit_log,
    a_moderator_who_deletes_a_comment_resolves_its_reports,
    reports_of_a_comment_that_its_author_deletes_are_dropped,
    of_two_concurrent_decisions_the_second_is_refused,
    a_concurrent_deletion_by_the_author_and_a_decision_remove_the_comment_once,
    only_moderators_see_reports_and_decide,
    reports_of_a_deleted_account_are_removed,
}

const NOTHING: &str = "0190a1b2-0000-7000-8000-000000000000";

/// Starts a server with a comment of Ann on a movie. Returns the server, Ann, a moderator, and the identifier of the
/// comment.
async fn with_comment(engine: Engine) -> (TestApp, SignedIn, SignedIn, String) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, moderator) = (app.user("ann").await, app.user("moderator").await);
    app.change_user(&moderator, |user| user.role = Role::Moderator).await;
    let id = write(&ann, &movies.id("Alien"), "They all die").await;
    (app, ann, moderator, id)
}

async fn write(caller: &Caller, movie: &str, text: &str) -> String {
    let comment = caller.post(format!("/movies/{movie}/comments"), json!({"text": text})).await.expect(201);
    comment.json()["id"].as_str().unwrap().to_owned()
}

fn report(caller: &Caller, comment: &str, reason: &str) -> Call {
    caller.post(format!("/comments/{comment}/reports"), json!({"reason": reason}))
}

fn decide(caller: &Caller, id: &Value, decision: &str) -> Call {
    let path = format!("/admin/comment-reports/{}", id.as_str().unwrap());
    caller.call(Method::PATCH, path).json(&json!({"decision": decision}))
}

async fn listed(moderator: &Caller, query: &str) -> Vec<Value> {
    let page = moderator.get(format!("/admin/comment-reports?{query}")).await.expect(200).json();
    page["items"].as_array().unwrap().clone()
}

async fn a_reported_comment_is_one_item_with_all_its_reports(engine: Engine) {
    let (app, ann, moderator, comment) = with_comment(engine).await;
    let (bob, cleo) = (app.user("bob").await, app.user("cleo").await);
    let named = json!({"first_name": "Ann"});
    ann.call(Method::PATCH, "/users/me/profile").json(&named).await.expect(200);
    let first = json!({"reason": "spoiler", "note": "  It gives away the ending. "});
    bob.post(format!("/comments/{comment}/reports"), first).await.expect(204);
    app.advance(TimeDelta::seconds(1));
    report(&cleo, &comment, "other").await.expect(204);
    let items = listed(&moderator, "").await;
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["comment"]["id"], comment);
    snapshot!(items[0].clone(), @r#"
    {
      "id": "[id]",
      "comment": {
        "id": "[id]",
        "text": "They all die",
        "author": {
          "id": "[id]",
          "name": "Ann",
          "avatar_url": null
        },
        "movie": {
          "id": "[id]",
          "name": "Alien"
        }
      },
      "reports": [
        {
          "reason": "spoiler",
          "note": "It gives away the ending.",
          "created_at": "[instant]"
        },
        {
          "reason": "other",
          "note": null,
          "created_at": "[instant]"
        }
      ],
      "status": "open",
      "decision": null,
      "decided_at": null
    }
    "#);
}

async fn a_user_reports_a_comment_once(engine: Engine) {
    let (app, _, moderator, comment) = with_comment(engine).await;
    let bob = app.user("bob").await;
    for reason in ["spam", "abuse"] {
        report(&bob, &comment, reason).await.expect(204);
    }
    let items = listed(&moderator, "").await;
    let reasons: Vec<_> =
        items[0]["reports"].as_array().unwrap().iter().map(|report| &report["reason"]).collect();
    assert_eq!(reasons, ["spam"]);
}

async fn invalid_reports_are_reported_by_field(engine: Engine) {
    let (app, _, moderator, comment) = with_comment(engine).await;
    let bob = app.user("bob").await;
    let path = format!("/comments/{comment}/reports");
    bob.post(&path, json!({})).await.invalid(&[("reason", "required")]);
    bob.post(&path, json!({"reason": "boring"})).await.invalid(&[("reason", "invalid_value")]);
    let long = json!({"reason": "spam", "note": "x".repeat(1_001), "why": 1});
    bob.post(&path, long).await.invalid(&[("note", "too_long"), ("why", "unknown")]);
    moderator.get("/admin/comment-reports?status=new").await.invalid(&[("status", "invalid_value")]);
    decide(&moderator, &json!(NOTHING), "keep").await.invalid(&[("decision", "invalid_value")]);
    assert_eq!(listed(&moderator, "").await.len(), 0);
}

async fn invisible_comments_cannot_be_reported(engine: Engine) {
    let (app, ann, moderator, comment) = with_comment(engine).await;
    let bob = app.user("bob").await;
    report(&bob, NOTHING, "spam").await.problem(404, "not_found");
    report(&app.anonymous(), &comment, "spam").await.problem(401, "unauthenticated");
    bob.post(format!("/comments/{comment}/replies"), json!({"text": "Yes"})).await.expect(201);
    ann.delete(format!("/comments/{comment}")).await.expect(204);
    report(&bob, &comment, "spam").await.problem(409, "comment_deleted");
    app.withdraw("Alien").await;
    report(&bob, &comment, "spam").await.problem(404, "not_found");
    assert_eq!(listed(&moderator, "").await.len(), 0);
}

async fn a_removed_comment_is_deleted_and_stays_among_the_resolved(engine: Engine) {
    let (app, ann, moderator, comment) = with_comment(engine).await;
    let bob = app.user("bob").await;
    report(&bob, &comment, "spoiler").await.expect(204);
    let open = listed(&moderator, "status=open").await.remove(0);
    assert_eq!(listed(&moderator, "status=resolved").await.len(), 0);
    let decided = decide(&moderator, &open["id"], "remove").await.expect(200).json();
    assert_eq!((&decided["status"], &decided["decision"]), (&json!("resolved"), &json!("remove")));
    assert!(decided["decided_at"].is_string());
    let gone = &decided["comment"];
    assert_eq!((&gone["id"], &gone["text"], &gone["author"]), (&json!(comment), &Value::Null, &Value::Null));
    assert_eq!(listed(&moderator, "status=open").await.len(), 0);
    assert_eq!(listed(&moderator, "status=resolved").await, std::slice::from_ref(&decided));
    ann.get(format!("/comments/{comment}/replies")).await.problem(404, "not_found");
    for decision in ["remove", "dismiss"] {
        decide(&moderator, &decided["id"], decision).await.problem(409, "already_decided");
    }
    decide(&moderator, &json!(NOTHING), "remove").await.problem(404, "not_found");
}

async fn a_dismissed_comment_stays_and_a_new_report_opens_it_again(engine: Engine) {
    let (app, ann, moderator, comment) = with_comment(engine).await;
    let (bob, cleo) = (app.user("bob").await, app.user("cleo").await);
    report(&bob, &comment, "spam").await.expect(204);
    let open = listed(&moderator, "").await.remove(0);
    let decided = decide(&moderator, &open["id"], "dismiss").await.expect(200).json();
    assert_eq!(decided["comment"]["text"], "They all die");
    ann.get(format!("/comments/{comment}/replies")).await.expect(200);
    report(&bob, &comment, "abuse").await.expect(204);
    assert_eq!(
        listed(&moderator, "status=open").await.len(),
        0,
        "a second report by the same user opens nothing"
    );
    report(&cleo, &comment, "abuse").await.expect(204);
    let again = listed(&moderator, "status=open").await.remove(0);
    assert_eq!((&again["id"], &again["decision"]), (&open["id"], &Value::Null));
    assert_eq!(again["reports"].as_array().unwrap().len(), 2);
}

async fn decisions_are_in_the_audit_log(engine: Engine) {
    let (app, ann, moderator, comment) = with_comment(engine).await;
    let admin = app.admin().await;
    report(&*app.user("bob").await, &comment, "spam").await.expect(204);
    let open = listed(&moderator, "").await.remove(0);
    decide(&moderator, &open["id"], "remove").await.expect(200);
    let log = admin.get(format!("/admin/audit?object_id={comment}")).await.expect(200).json();
    let mut told: Vec<_> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            assert_eq!(entry["actor_id"], moderator.id().to_string());
            (entry["action"].as_str().unwrap(), entry["before"].clone(), entry["after"].clone())
        })
        .collect();
    told.sort_by_key(|(action, ..)| *action);
    let movie = &open["comment"]["movie"]["id"];
    let before = json!({"movie_id": movie, "author_id": ann.id().to_string()});
    let after = json!({"decision": "remove"});
    assert_eq!(
        told,
        [("comment_removed", before, Value::Null), ("comment_report_decided", Value::Null, after)]
    );
}

async fn a_moderator_who_deletes_a_comment_resolves_its_reports(engine: Engine) {
    let (app, _, moderator, comment) = with_comment(engine).await;
    report(&*app.user("bob").await, &comment, "spam").await.expect(204);
    moderator.delete(format!("/comments/{comment}")).await.expect(204);
    let items = listed(&moderator, "status=resolved").await;
    assert_eq!((items.len(), &items[0]["decision"]), (1, &json!("remove")));
}

async fn reports_of_a_comment_that_its_author_deletes_are_dropped(engine: Engine) {
    let (app, ann, moderator, comment) = with_comment(engine).await;
    report(&*app.user("bob").await, &comment, "spam").await.expect(204);
    let open = listed(&moderator, "").await.remove(0);
    ann.delete(format!("/comments/{comment}")).await.expect(204);
    assert_eq!(listed(&moderator, "").await.len(), 0);
    decide(&moderator, &open["id"], "remove").await.problem(404, "not_found");
}

async fn of_two_concurrent_decisions_the_second_is_refused(engine: Engine) {
    let (app, _, moderator, comment) = with_comment(engine).await;
    let admin = app.admin().await;
    report(&*app.user("bob").await, &comment, "spam").await.expect(204);
    let open = listed(&moderator, "").await.remove(0);
    let one = decide(&moderator, &open["id"], "remove").into_future();
    let other = decide(&admin, &open["id"], "dismiss").into_future();
    let (one, other) = join(one, other).await;
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let log = admin.get("/admin/audit?action=comment_report_decided").await.expect(200).json();
    assert_eq!(log["total_items"], 1);
}

async fn a_concurrent_deletion_by_the_author_and_a_decision_remove_the_comment_once(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob, admin) = (app.user("ann").await, app.user("bob").await, app.admin().await);
    let mut removed = 0;
    for _ in 0..5 {
        let comment = write(&ann, &movies.id("Alien"), "They all die").await;
        report(&bob, &comment, "spoiler").await.expect(204);
        let open = listed(&admin, "status=open").await.remove(0);
        let deletion = ann.delete(format!("/comments/{comment}")).into_future();
        let (deleted, decided) = join(deletion, decide(&admin, &open["id"], "remove").into_future()).await;
        let statuses = (deleted.status, decided.status);
        assert!([(204, 404), (404, 200)].contains(&statuses), "{statuses:?}");
        removed += usize::from(decided.status == 200);
        assert_eq!(listed(&admin, "status=open").await.len(), 0);
    }
    assert_eq!(listed(&admin, "status=resolved").await.len(), removed);
    let log = admin.get("/admin/audit?action=comment_removed").await.expect(200).json();
    assert_eq!(log["total_items"], removed);
    let alien = admin.get(format!("/movies/{}", movies.id("Alien"))).await.expect(200).json();
    assert_eq!(alien["comments_count"], 0);
}

async fn only_moderators_see_reports_and_decide(engine: Engine) {
    let (app, ann, moderator, comment) = with_comment(engine).await;
    let admin = app.admin().await;
    report(&*app.user("bob").await, &comment, "spam").await.expect(204);
    let open = listed(&admin, "").await.remove(0);
    ann.get("/admin/comment-reports").await.problem(403, "forbidden");
    decide(&ann, &open["id"], "dismiss").await.problem(403, "forbidden");
    // The role is checked again in the transaction, even on a node that has cached the old role.
    let other = app.second_node().await;
    let elsewhere = moderator.at(other.url());
    assert_eq!(listed(&elsewhere, "").await.len(), 1, "the other node caches the role");
    app.change_user(&moderator, |user| user.role = Role::User).await;
    decide(&elsewhere, &open["id"], "remove").await.problem(403, "forbidden");
    assert_eq!(listed(&admin, "status=open").await.len(), 1);
}

async fn reports_of_a_deleted_account_are_removed(engine: Engine) {
    let (app, ann, moderator, comment) = with_comment(engine).await;
    let (bob, cleo) = (app.user("bob").await, app.user("cleo").await);
    let note = json!({"reason": "spam", "note": "Written by Bob"});
    bob.post(format!("/comments/{comment}/reports"), note).await.expect(204);
    bob.delete("/users/me").json(&json!({"password": bob.password})).await.expect(204);
    assert_eq!(listed(&moderator, "").await.len(), 0, "no other user has reported the comment");
    report(&cleo, &comment, "abuse").await.expect(204);
    let items = listed(&moderator, "").await;
    assert_eq!(items[0]["reports"].as_array().unwrap().len(), 1);
    ann.delete("/users/me").json(&json!({"password": ann.password})).await.expect(204);
    assert_eq!(listed(&moderator, "").await.len(), 0, "the comment was deleted with its author");
}
