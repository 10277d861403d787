use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Caller, Engine, SignedIn, TestApp, cases};

cases! {
    the_latest_favorite_is_first,
    favorites_are_filtered_searched_and_sorted_like_the_catalogue,
    favorites_belong_to_the_caller,
    a_withdrawn_movie_is_hidden_from_the_favorites_until_it_is_on_sale_again,
    pages_of_favorites_continue_by_cursor,
    totals_follow_every_change,
    invalid_parameters_of_favorites_are_reported,
}

const CHOSEN: [&str; 4] = ["Alien", "M", "Amélie", "Blade Runner"];

async fn names(caller: &Caller, query: &str) -> Vec<String> {
    let page = caller.get(format!("/favorites?{query}")).await.expect(200).json();
    page["items"].as_array().unwrap().iter().map(|movie| movie["name"].as_str().unwrap().to_owned()).collect()
}

async fn add(caller: &Caller, movie: &str) {
    caller.call(Method::PUT, format!("/favorites/{movie}")).await.expect(204);
}

/// Returns Ann, who has four favourites, added in the order of `CHOSEN`.
async fn ann_with_favorites(app: &TestApp) -> SignedIn {
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    for name in CHOSEN {
        add(&ann, &movies.id(name)).await;
        app.advance(TimeDelta::seconds(1));
    }
    ann
}

async fn the_latest_favorite_is_first(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = ann_with_favorites(&app).await;
    let page = ann.get("/favorites").await.expect(200);
    assert_eq!(page.header("cache-control"), Some("private, no-store"));
    let page = page.json();
    assert_eq!((&page["total_items"], &page["page"]), (&json!(4), &json!(1)));
    for movie in page["items"].as_array().unwrap() {
        assert_eq!(movie["me"]["favorite"], true);
    }
    let mut latest_first = CHOSEN.to_vec();
    latest_first.reverse();
    assert_eq!(names(&ann, "").await, latest_first);
    assert_eq!(names(&ann, "sort=added_at").await, CHOSEN);
    // A movie that is added again keeps its position.
    let alien = page["items"][3]["id"].as_str().unwrap();
    add(&ann, alien).await;
    assert_eq!(names(&ann, "").await, latest_first);
    let listed = ann.get("/movies?title=alien&year_max=1980").await.expect(200).json();
    assert_eq!(listed["items"][0], page["items"][3], "the item is the same as in the catalogue");
}

async fn favorites_are_filtered_searched_and_sorted_like_the_catalogue(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = ann_with_favorites(&app).await;
    for (query, expected) in [
        ("sort=name", vec!["Alien", "Amélie", "Blade Runner", "M"]),
        ("sort=-year", vec!["Amélie", "Blade Runner", "Alien", "M"]),
        ("sort=price", vec!["M", "Alien", "Blade Runner", "Amélie"]),
        ("year_min=1979&year_max=1982&sort=year", vec!["Alien", "Blade Runner"]),
        ("price_max=7.99", vec!["M", "Alien"]),
        ("title=a", vec!["Blade Runner", "Amélie", "Alien"]),
        ("search=alien", vec!["Alien"]),
        ("search=godfather", vec![]),
        ("imdb_min=9", vec![]),
    ] {
        assert_eq!(names(&ann, query).await, expected, "{query}");
    }
    app.refresh_search().await;
    let corrected = ann.get("/favorites?search=alein").await.expect(200).json();
    assert_eq!(
        (&corrected["items"][0]["name"], &corrected["corrected_query"]),
        (&json!("Alien"), &json!("alien"))
    );
    let all = ann.get("/movies?title=alien&year_max=1980").await.expect(200).json();
    let scifi = all["items"][0]["genres"][1]["id"].as_str().unwrap();
    assert_eq!(names(&ann, &format!("genre={scifi}")).await, ["Blade Runner", "Alien"]);
}

async fn favorites_belong_to_the_caller(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    ann_with_favorites(&app).await;
    let bob = app.user("bob").await;
    let page = bob.get("/favorites").await.expect(200).json();
    assert_eq!((&page["items"], &page["total_items"]), (&json!([]), &json!(0)));
    app.anonymous().get("/favorites").await.problem(401, "unauthenticated");
}

async fn a_withdrawn_movie_is_hidden_from_the_favorites_until_it_is_on_sale_again(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = ann_with_favorites(&app).await;
    app.withdraw("Alien").await;
    assert_eq!(names(&ann, "sort=added_at").await, CHOSEN[1..]);
    app.import_small_catalogue().await;
    assert_eq!(names(&ann, "sort=added_at").await, CHOSEN);
}

async fn pages_of_favorites_continue_by_cursor(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = ann_with_favorites(&app).await;
    let bob = app.user("bob").await;
    for sort in ["added_at", "-added_at", "-year,added_at"] {
        let whole = names(&ann, &format!("sort={sort}")).await;
        let mut walked = Vec::new();
        let mut query = format!("sort={sort}&page_size=1");
        loop {
            let page = ann.get(format!("/favorites?{query}")).await.expect(200).json();
            walked.push(page["items"][0]["name"].as_str().unwrap().to_owned());
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            query = format!("sort={sort}&page_size=1&cursor={cursor}");
            let stolen = bob.get(format!("/favorites?{query}")).await;
            stolen.problem(400, "cursor_invalid");
        }
        assert_eq!(walked, whole, "{sort}");
    }
}

async fn totals_follow_every_change(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = ann_with_favorites(&app).await;
    let total = async || -> Value {
        let behind = ann.get("/favorites?price_min=0&page_size=4&page=2").await.expect(200).json();
        let first = ann.get("/favorites?page_size=1").await.expect(200).json();
        assert_eq!(
            behind["total_items"], first["total_items"],
            "a page after the end has the same total as the first page"
        );
        first["total_items"].clone()
    };
    assert_eq!(total().await, 4);
    let page = ann.get("/favorites").await.expect(200).json();
    for left in [3, 2, 1, 0] {
        let id = page["items"][left]["id"].as_str().unwrap();
        ann.delete(format!("/favorites/{id}")).await.expect(204);
        assert_eq!(total().await, left);
    }
}

async fn invalid_parameters_of_favorites_are_reported(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = ann_with_favorites(&app).await;
    ann.get("/favorites?sort=relevance").await.invalid(&[("sort", "invalid_value")]);
    ann.get("/favorites?sort=purchased_at").await.invalid(&[("sort", "invalid_value")]);
    ann.get("/favorites?year_min=x&colour=red")
        .await
        .invalid(&[("year_min", "invalid_format"), ("colour", "unknown")]);
    ann.get("/movies?sort=added_at").await.invalid(&[("sort", "invalid_value")]);
}
