use chrono::TimeDelta;
use domain::purchases::Entitlement;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Engine, Movies, SignedIn, TestApp, cases};

cases! {
    the_latest_report_is_kept_in_any_order_of_arrival,
    a_movie_is_watched_beyond_90_percent_and_positions_after_the_end_become_the_end,
    the_list_has_started_movies_most_recently_watched_first,
    a_movie_is_marked_as_watched_and_as_not_watched,
    a_movie_removed_from_the_list_of_started_movies_stays_removed,
    progress_is_stored_only_for_bought_movies,
    invalid_progress_is_reported_by_field,
}

async fn buyer(app: &TestApp, bought: &[&str]) -> (SignedIn, Movies) {
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    for name in bought {
        app.sell(&ann, movies.id(name)).await;
    }
    (ann, movies)
}

#[expect(clippy::needless_pass_by_value, reason = "every caller creates the value for this call")]
fn report(caller: &SignedIn, movie_id: &str, body: Value) -> crate::support::Call {
    caller.call(Method::PUT, format!("/library/{movie_id}/progress")).json(&body)
}

async fn row(caller: &SignedIn) -> Vec<(String, i64)> {
    let list = caller.get("/library/continue-watching").await.expect(200).json();
    let item = |item: &Value| {
        assert!(item["at"].is_string() && item["purchased_at"].is_string());
        (item["name"].as_str().unwrap().to_owned(), item["position_seconds"].as_i64().unwrap())
    };
    list["items"].as_array().unwrap().iter().map(item).collect()
}

fn kept(answer: &Answer) -> (i64, String, bool) {
    let body = answer.json();
    assert_eq!(body.as_object().unwrap().len(), 3, "{body}");
    (
        body["position_seconds"].as_i64().unwrap(),
        body["at"].as_str().unwrap().to_owned(),
        body["is_watched"].as_bool().unwrap(),
    )
}

async fn the_latest_report_is_kept_in_any_order_of_arrival(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, movies) = buyer(&app, &["Alien"]).await;
    let alien = movies.id("Alien");
    let at = |minutes| (app.now() - TimeDelta::minutes(minutes)).to_rfc3339();
    let first = report(&ann, &alien, json!({"position_seconds": 1_000, "at": at(10)})).await.expect(200);
    assert_eq!(kept(&first).0, 1_000);
    let late = report(&ann, &alien, json!({"position_seconds": 500, "at": at(20)})).await.expect(200);
    assert_eq!(kept(&late), kept(&first));
    let next = report(&ann, &alien, json!({"position_seconds": 1_600, "at": at(5)})).await.expect(200);
    assert_eq!(kept(&next).0, 1_600);
    // A report from a client whose clock is fast does not block later reports.
    let ahead = report(&ann, &alien, json!({"position_seconds": 2_000, "at": at(-60)})).await.expect(200);
    app.advance(TimeDelta::minutes(1));
    let now = report(&ann, &alien, json!({"position_seconds": 2_100})).await.expect(200);
    assert_eq!((kept(&ahead).0, kept(&now).0), (2_000, 2_100));
    assert!(kept(&ahead).1 < kept(&now).1);
}

async fn a_movie_is_watched_beyond_90_percent_and_positions_after_the_end_become_the_end(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, movies) = buyer(&app, &["Alien"]).await;
    // 117 minutes are 7,020 seconds.
    for (position, expected, is_watched) in
        [(6_318, 6_318, false), (6_319, 6_319, true), (99_999, 7_020, true), (0, 0, false)]
    {
        app.advance(TimeDelta::seconds(1));
        let answer =
            report(&ann, &movies.id("Alien"), json!({"position_seconds": position})).await.expect(200);
        let (position, _, watched) = kept(&answer);
        assert_eq!((position, watched), (expected, is_watched));
    }
}

async fn the_list_has_started_movies_most_recently_watched_first(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, movies) = buyer(&app, &["Alien", "Aliens", "Amélie", "Zootopia", "M"]).await;
    for (name, position) in
        [("Alien", 351), ("Aliens", 1_000), ("Amélie", 365), ("Zootopia", 6_000), ("M", 3_000)]
    {
        app.advance(TimeDelta::minutes(1));
        report(&ann, &movies.id(name), json!({"position_seconds": position})).await.expect(200);
    }
    // Amélie is missing because 365 s are less than 5 percent (366 s), and Zootopia because 6,000 s are more than 90
    // percent.
    let expected = [("M", 3_000), ("Aliens", 1_000), ("Alien", 351)].map(|(name, at)| (name.to_owned(), at));
    assert_eq!(row(&ann).await, expected);
    app.withdraw("Aliens").await;
    assert_eq!(row(&ann).await, expected);
    let page = ann.get("/library/continue-watching?page_size=2").await.expect(200).json();
    assert_eq!((&page["total_items"], page["items"].as_array().unwrap().len()), (&json!(3), 2));
    let next =
        format!("/library/continue-watching?page_size=2&cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(ann.get(next).await.expect(200).json()["items"][0]["name"], "Alien");
    let bob = app.user("bob").await;
    assert!(row(&bob).await.is_empty());
    // A movie whose purchase was revoked is not in the list.
    app.put_entitlement(&ann, &movies.id("M"), Entitlement::Revoked).await;
    assert_eq!(row(&ann).await, expected[1..]);
}

async fn a_movie_is_marked_as_watched_and_as_not_watched(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, movies) = buyer(&app, &["Alien", "Aliens"]).await;
    let alien = movies.id("Alien");
    let mark = |is_watched: bool| {
        ann.call(Method::PUT, format!("/library/{alien}/watched")).json(&json!({"is_watched": is_watched}))
    };
    let first = mark(true).await.expect(200);
    assert_eq!((kept(&first).0, kept(&first).2), (0, true));
    app.advance(TimeDelta::minutes(1));
    report(&ann, &alien, json!({"position_seconds": 2_000})).await.expect(200);
    assert_eq!(row(&ann).await.len(), 1);
    assert_eq!(kept(&mark(true).await.expect(200)).0, 2_000);
    assert!(row(&ann).await.is_empty());
    let again = mark(false).await.expect(200);
    assert_eq!((kept(&again).0, kept(&again).2), (2_000, false));
    assert_eq!(row(&ann).await.len(), 1);
}

async fn a_movie_removed_from_the_list_of_started_movies_stays_removed(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, movies) = buyer(&app, &["Alien"]).await;
    let alien = movies.id("Alien");
    let path = format!("/library/{alien}/progress");
    let first = app.now().to_rfc3339();
    app.advance(TimeDelta::minutes(1));
    ann.delete(&path).await.expect(204);
    report(&ann, &alien, json!({"position_seconds": 1_000, "at": first})).await.expect(200);
    assert!(row(&ann).await.is_empty(), "a first report from before the removal does not restore it");
    report(&ann, &alien, json!({"position_seconds": 2_000})).await.expect(200);
    let late = (app.now() + TimeDelta::minutes(1)).to_rfc3339();
    app.advance(TimeDelta::minutes(5));
    ann.delete(&path).await.expect(204);
    ann.delete(&path).await.expect(204);
    assert!(row(&ann).await.is_empty());
    report(&ann, &alien, json!({"position_seconds": 2_500, "at": late})).await.expect(200);
    assert!(row(&ann).await.is_empty(), "a report from before the removal does not restore it");
    app.advance(TimeDelta::minutes(5));
    report(&ann, &alien, json!({"position_seconds": 3_000})).await.expect(200);
    assert_eq!(row(&ann).await, [("Alien".to_owned(), 3_000)]);
}

async fn progress_is_stored_only_for_bought_movies(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (_ann, movies) = buyer(&app, &["Alien"]).await;
    let bob = app.user("bob").await;
    let alien = movies.id("Alien");
    report(&bob, &alien, json!({"position_seconds": 1})).await.problem(404, "not_found");
    let watched = bob.call(Method::PUT, format!("/library/{alien}/watched"));
    watched.json(&json!({"is_watched": true})).await.problem(404, "not_found");
    bob.delete(format!("/library/{alien}/progress")).await.problem(404, "not_found");
}

async fn invalid_progress_is_reported_by_field(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let (ann, movies) = buyer(&app, &["Alien"]).await;
    let alien = movies.id("Alien");
    for (body, fault) in [
        (json!({}), ("position_seconds", "required")),
        (json!({"position_seconds": -1}), ("position_seconds", "too_small")),
        (json!({"position_seconds": "1"}), ("position_seconds", "wrong_type")),
        (json!({"position_seconds": 1, "at": "yesterday"}), ("at", "invalid_format")),
        (json!({"position_seconds": 1, "speed": 2}), ("speed", "unknown")),
    ] {
        report(&ann, &alien, body).await.invalid(&[fault]);
    }
    let watched = ann.call(Method::PUT, format!("/library/{alien}/watched"));
    watched.json(&json!({"is_watched": null})).await.problem(422, "validation_failed");
}
