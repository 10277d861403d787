use chrono::TimeDelta;
use domain::purchases::Entitlement;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Caller, Engine, Movies, SignedIn, TestApp, cases};

cases! {
    a_paid_order_is_only_in_the_library_of_its_buyer,
    the_library_is_listed_latest_purchase_first_and_paged_by_cursor,
    the_library_has_the_filters_sorts_and_search_of_the_catalogue,
    a_withdrawn_movie_stays_in_the_library_and_is_found_there,
    a_suspended_purchase_is_marked_and_a_revoked_one_is_not_listed,
    invalid_parameters_of_the_library_are_reported,
}

fn names(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer}");
    let list = answer.json();
    let items = list["items"].as_array().expect("`items` is a list");
    items.iter().map(|item| item["name"].as_str().expect("an item has a name").to_owned()).collect()
}

async fn library(caller: &Caller, query: &str) -> Vec<String> {
    names(&caller.get(format!("/library?{query}")).await)
}

/// Returns Ann, who bought these movies, one per minute.
async fn buyer(app: &TestApp, movies: &Movies, bought: &[&str]) -> SignedIn {
    let ann = app.user("ann").await;
    for name in bought {
        app.advance(TimeDelta::minutes(1));
        app.sell(&ann, movies.id(name)).await;
    }
    ann
}

async fn a_paid_order_is_only_in_the_library_of_its_buyer(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    ann.post("/cart/items", json!({"movie_id": movies.id("Alien")})).await.expect(201);
    let order = ann.call(Method::POST, "/orders").await.expect(201).json();
    assert_eq!(library(&ann, "").await, Vec::<String>::new());
    let pay = format!("/orders/{}/payments", order["id"].as_str().unwrap());
    let payment = ann.call(Method::POST, pay).await.expect(201).json();
    let page = payment["checkout_url"].as_str().unwrap().strip_prefix(app.url()).unwrap().to_owned();
    let form = app.anonymous().call(Method::POST, page);
    form.body("application/x-www-form-urlencoded", "outcome=pay".to_owned()).await.expect(303);
    app.run_payments().await;
    let list = ann.get("/library").await.expect(200);
    assert!(list.header("cache-control").unwrap().contains("no-store"));
    let list = list.json();
    let shown = ann.get(format!("/movies?id={}", movies.id("Alien"))).await.expect(200).json();
    let mut expected = shown["items"][0].clone();
    expected["purchased_at"] = list["items"][0]["purchased_at"].clone();
    expected["is_suspended"] = json!(false);
    assert_eq!(list["items"], json!([expected]));
    assert_eq!(expected["me"]["purchased"], true);
    assert!(list["items"][0]["purchased_at"].is_string());
    assert_eq!((&list["total_items"], &list["corrected_query"]), (&json!(1), &Value::Null));
    assert_eq!(library(&bob, "").await, Vec::<String>::new());
    app.anonymous().get("/library").await.problem(401, "unauthenticated");
}

async fn the_library_is_listed_latest_purchase_first_and_paged_by_cursor(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = buyer(&app, &movies, &["Zootopia", "Alien", "Amélie"]).await;
    assert_eq!(library(&ann, "").await, ["Amélie", "Alien", "Zootopia"]);
    assert_eq!(library(&ann, "sort=purchased_at").await, ["Zootopia", "Alien", "Amélie"]);
    let first = ann.get("/library?page_size=2").await.expect(200).json();
    assert_eq!((&first["total_items"], &first["total_pages"]), (&json!(3), &json!(2)));
    let cursor = first["next_cursor"].as_str().unwrap();
    // A movie that is bought meanwhile comes first, and does not shift the pages that are read by cursor.
    app.advance(TimeDelta::minutes(1));
    app.sell(&ann, movies.id("Aliens")).await;
    assert_eq!(library(&ann, &format!("page_size=2&cursor={cursor}")).await, ["Zootopia"]);
    assert_eq!(library(&ann, "page=2&page_size=2").await, ["Alien", "Zootopia"]);
    assert_eq!(ann.get("/library?page=9").await.expect(200).json()["total_items"], 4);
    let bob = app.user("bob").await;
    bob.get(format!("/library?page_size=2&cursor={cursor}")).await.problem(400, "cursor_invalid");
}

async fn the_library_has_the_filters_sorts_and_search_of_the_catalogue(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    app.refresh_search().await;
    let ann = buyer(&app, &movies, &["Zootopia", "Aliens", "Alien", "Amélie"]).await;
    // For each query, the library must list those bought movies that the catalogue lists, in the same order.
    let owned = ["Zootopia", "Aliens", "Alien", "Amélie"];
    for query in [
        "sort=name",
        "sort=-name",
        "sort=year,-name",
        "sort=-price,name",
        "sort=imdb",
        "sort=-votes",
        "sort=-rating",
        "sort=rating",
        "sort=-popularity",
        "sort=created_at",
        "search=alien",
        "search=alien&sort=year",
        "search=amelei",
        "title=ALI&sort=name",
        "year_min=1980&sort=name",
        "year_min=1979&year_max=1979",
        "imdb_min=8&sort=name",
        "price_min=0.01&sort=name",
        "duration_max=110&sort=name",
    ] {
        let catalogue = names(&ann.get(format!("/movies?{query}&page_size=100")).await);
        let expected: Vec<String> =
            catalogue.into_iter().filter(|name| owned.contains(&name.as_str())).collect();
        assert_eq!(library(&ann, query).await, expected, "{query}");
    }
    assert_eq!(library(&ann, "search=alien").await.len(), 2);
    let id = movies.id("Alien");
    let ids = format!("id={id}&id={}", movies.id("M"));
    assert_eq!(library(&ann, &ids).await, ["Alien"]);
    let genre = ann.get(format!("/movies/{id}")).await.json()["genres"][0]["id"].clone();
    let query = format!("genre={}&sort=-purchased_at,name", genre.as_str().unwrap());
    let list = ann.get(format!("/library?{query}")).await.expect(200).json();
    assert!(
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|item| { item["genres"].as_array().unwrap().iter().any(|one| one["id"] == genre) })
    );
    let corrected = ann.get("/library?search=amelei").await.expect(200).json();
    assert_eq!(corrected["corrected_query"], "amelie");
}

async fn a_withdrawn_movie_stays_in_the_library_and_is_found_there(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = buyer(&app, &movies, &["Aliens", "Alien"]).await;
    app.withdraw("Alien").await;
    for query in ["", "search=alien", "title=alien", "year_max=1979", &format!("id={}", movies.id("Alien"))] {
        assert!(library(&ann, query).await.contains(&"Alien".to_owned()), "{query}");
    }
    assert_eq!(library(&ann, "sort=year").await, ["Alien", "Aliens"]);
}

async fn a_suspended_purchase_is_marked_and_a_revoked_one_is_not_listed(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = buyer(&app, &movies, &["Aliens", "Alien"]).await;
    let alien = movies.id("Alien");
    app.put_entitlement(&ann, &alien, Entitlement::Suspended).await;
    let list = ann.get("/library").await.expect(200).json();
    assert_eq!(
        (&list["items"][0]["name"], &list["items"][0]["is_suspended"]),
        (&json!("Alien"), &json!(true))
    );
    assert_eq!(
        (&list["items"][1]["name"], &list["items"][1]["is_suspended"]),
        (&json!("Aliens"), &json!(false))
    );
    app.put_entitlement(&ann, &alien, Entitlement::Revoked).await;
    assert_eq!(library(&ann, "").await, ["Aliens"]);
    assert_eq!(ann.get("/library?page=2").await.expect(200).json()["total_items"], 1);
}

async fn invalid_parameters_of_the_library_are_reported(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    for (query, field) in [
        ("sort=relevance", "sort"),
        ("sort=added_at", "sort"),
        ("colour=red", "colour"),
        ("is_available=false", "is_available"),
        ("page=0", "page"),
    ] {
        let refused = ann.get(format!("/library?{query}")).await.problem(422, "validation_failed");
        assert_eq!(refused.json()["errors"][0]["field"], field, "{query}");
    }
    app.anonymous().get("/movies?sort=purchased_at").await.problem(422, "validation_failed");
}
