use serde_json::{Value, json};

use crate::support::{Engine, TestApp, cases, facts, snapshot};

cases! {
    a_visitors_cart_is_merged_in_its_order,
    movies_that_are_not_merged_are_listed_with_the_reason,
    merging_the_same_again_changes_nothing,
    merging_nothing_returns_the_cart,
    movies_beyond_the_limit_are_skipped,
    at_most_a_hundred_movies_may_be_sent,
    an_invalid_id_is_reported_by_field_and_nothing_is_merged,
}

fn names(cart: &Value) -> Vec<String> {
    cart["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["movie"]["name"].as_str().unwrap().to_owned())
        .collect()
}

async fn a_visitors_cart_is_merged_in_its_order(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    ann.post("/cart/items", json!({"movie_id": movies.id("M")})).await.expect(201);
    app.advance(chrono::TimeDelta::seconds(1));
    let ids = [movies.id("Zootopia"), movies.id("Alien"), movies.id("Amélie")];
    let merged = ann.post("/cart/merge", json!({"movie_ids": ids})).await.expect(200).json();
    assert_eq!(names(&merged), ["Zootopia", "Alien", "Amélie", "M"]);
    assert_eq!(merged["skipped"], json!([]));
    assert_eq!(merged["total"], json!({"amount": "32.97", "currency": "USD"}));
    let mut members: Vec<_> = merged.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["items", "skipped", "total", "unavailable"]);
    assert_eq!(ann.get("/cart").await.json()["items"], merged["items"]);
}

async fn movies_that_are_not_merged_are_listed_with_the_reason(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    app.withdraw("Alien").await;
    app.sell(&ann, movies.id("Zootopia")).await;
    ann.post("/cart/items", json!({"movie_id": movies.id("M")})).await.expect(201);
    let unknown = "0190a1b2-0000-7000-8000-000000000000";
    let ids = json!([
        movies.id("Alien"),
        movies.id("Zootopia"),
        movies.id("M"),
        unknown,
        movies.id("Amélie"),
        movies.id("Amélie"),
    ]);
    let merged = ann.post("/cart/merge", json!({"movie_ids": ids})).await.expect(200).json();
    assert_eq!(
        merged["skipped"],
        json!([
            {"movie_id": movies.id("Alien"), "reason": "movie_unavailable"},
            {"movie_id": movies.id("Zootopia"), "reason": "already_purchased"},
            {"movie_id": movies.id("M"), "reason": "already_in_cart"},
            {"movie_id": unknown, "reason": "not_found"},
            {"movie_id": movies.id("Amélie"), "reason": "already_in_cart"},
        ])
    );
    let mut inside = names(&merged);
    inside.sort();
    assert_eq!(inside, ["Amélie", "M"]);
    snapshot!(merged["total"], @r#"
    {
      "amount": "9.99",
      "currency": "USD"
    }
    "#);
}

async fn merging_the_same_again_changes_nothing(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let body = json!({"movie_ids": [movies.id("M"), movies.id("Alien")]});
    let first = ann.post("/cart/merge", body.clone()).await.expect(200).json();
    let second = ann.post("/cart/merge", body).await.expect(200).json();
    assert_eq!(second["items"], first["items"]);
    assert_eq!(second["skipped"].as_array().unwrap().len(), 2);
}

async fn merging_nothing_returns_the_cart(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let merged = ann.post("/cart/merge", json!({"movie_ids": []})).await.expect(200).json();
    assert_eq!(merged["items"], json!([]));
    assert_eq!(merged["skipped"], json!([]));
}

async fn movies_beyond_the_limit_are_skipped(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import((0..103).map(|n| facts(&format!("Part {n}"), 2000)).collect()).await;
    let id = |n: usize| movies.id(&format!("Part {n}"));
    let ann = app.user("ann").await;
    for n in 0..3 {
        ann.post("/cart/items", json!({"movie_id": id(n)})).await.expect(201);
    }
    let ids: Vec<_> = (3..103).map(id).collect();
    let merged = ann.post("/cart/merge", json!({"movie_ids": ids})).await.expect(200).json();
    assert_eq!(merged["items"].as_array().unwrap().len(), 100);
    let skipped: Vec<_> = (100..103).map(|n| json!({"movie_id": id(n), "reason": "cart_full"})).collect();
    assert_eq!(merged["skipped"], Value::from(skipped));
}

async fn at_most_a_hundred_movies_may_be_sent(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let ids = |count| vec!["0190a1b2-0000-7000-8000-000000000000"; count];
    ann.post("/cart/merge", json!({"movie_ids": ids(101)})).await.invalid(&[("movie_ids", "too_long")]);
    ann.post("/cart/merge", json!({"movie_ids": ids(100)})).await.expect(200);
}

async fn an_invalid_id_is_reported_by_field_and_nothing_is_merged(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let ids = json!([movies.id("M"), "x", 7, null]);
    ann.post("/cart/merge", json!({"movie_ids": ids})).await.invalid(&[
        ("movie_ids.1", "invalid_format"),
        ("movie_ids.2", "wrong_type"),
        ("movie_ids.3", "wrong_type"),
    ]);
    ann.post("/cart/merge", json!({"movie_ids": "x"})).await.invalid(&[("movie_ids", "wrong_type")]);
    ann.post("/cart/merge", json!({})).await.invalid(&[("movie_ids", "required")]);
    assert_eq!(ann.get("/cart").await.json()["items"], json!([]));
}
