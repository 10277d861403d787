use serde_json::json;

use super::names;
use crate::support::{Engine, TestApp, cases, snapshot};

cases! {
    the_list_of_an_empty_catalogue_has_the_complete_envelope,
    a_list_has_the_envelope_of_the_contract,
    an_item_has_the_fields_of_the_contract,
    by_default_the_most_popular_are_first,
    only_a_signed_in_user_has_a_personal_view,
    the_personal_view_shows_cart_and_purchases,
    an_unknown_parameter_is_reported,
    a_parameter_that_may_not_be_repeated_is_reported,
    all_invalid_query_parameters_are_reported_together,
    a_list_takes_at_most_two_statements,
}

async fn the_list_of_an_empty_catalogue_has_the_complete_envelope(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let list = app.anonymous().get("/movies").await.expect(200);
    snapshot!(list.json(), @r#"
    {
      "items": [],
      "page": 1,
      "page_size": 20,
      "total_items": 0,
      "total_pages": 0,
      "total_is_estimate": false,
      "next_cursor": null,
      "corrected_query": null
    }
    "#);
}

async fn a_list_has_the_envelope_of_the_contract(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let mut list = app.anonymous().get("/movies?page=2&page_size=5").await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 5);
    assert!(list["next_cursor"].is_string());
    list["items"] = json!([]);
    list["next_cursor"] = json!("…");
    snapshot!(list, @r#"
    {
      "items": [],
      "page": 2,
      "page_size": 5,
      "total_items": 12,
      "total_pages": 3,
      "total_is_estimate": false,
      "next_cursor": "…",
      "corrected_query": null
    }
    "#);
}

async fn an_item_has_the_fields_of_the_contract(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let list = app.anonymous().get("/movies?title=Metropolis").await.expect(200).json();
    snapshot!(list["items"], @r#"
    [
      {
        "id": "[id]",
        "name": "Metropolis",
        "year": 1927,
        "duration_minutes": 153,
        "imdb": 8.3,
        "votes": 159992,
        "price": {
          "amount": "2.99",
          "currency": "USD"
        },
        "certification": {
          "id": "[id]",
          "name": "Not Rated"
        },
        "genres": [
          {
            "id": "[id]",
            "name": "Drama"
          },
          {
            "id": "[id]",
            "name": "Sci-Fi"
          }
        ],
        "poster_url": null,
        "poster_srcset": null,
        "rating": {
          "average": null,
          "count": 0
        },
        "likes": 0,
        "dislikes": 0,
        "me": null
      }
    ]
    "#);
}

async fn by_default_the_most_popular_are_first(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let list = app.anonymous().get("/movies?page_size=4").await;
    assert_eq!(names(&list), ["The Godfather", "The Godfather: Part II", "Alien", "Amélie"]);
    assert_eq!(names(&app.anonymous().get("/movies?page_size=4&sort=-popularity").await), names(&list));
}

async fn only_a_signed_in_user_has_a_personal_view(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    for item in app.anonymous().get("/movies").await.json()["items"].as_array().unwrap() {
        assert_eq!(item["me"], json!(null));
    }
    let none =
        json!({"reaction": null, "rating": null, "favorite": false, "in_cart": false, "purchased": false});
    for item in ann.get("/movies").await.json()["items"].as_array().unwrap() {
        assert_eq!(item["me"], none);
    }
}

async fn the_personal_view_shows_cart_and_purchases(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    ann.post("/cart/items", json!({"movie_id": movies.id("M")})).await.expect(201);
    app.sell(&ann, movies.id("Alien")).await;
    let seen = |list: serde_json::Value, name: &str| {
        let item =
            list["items"].as_array().unwrap().iter().find(|item| item["name"] == name).cloned().unwrap();
        (item["me"]["in_cart"].as_bool().unwrap(), item["me"]["purchased"].as_bool().unwrap())
    };
    let anns = ann.get("/movies").await.json();
    assert_eq!(seen(anns.clone(), "M"), (true, false));
    assert_eq!(seen(anns.clone(), "Alien"), (false, true));
    assert_eq!(seen(anns, "Amélie"), (false, false));
    let bobs = bob.get("/movies").await.json();
    assert_eq!(seen(bobs.clone(), "M"), (false, false));
    assert_eq!(seen(bobs, "Alien"), (false, false));
}

async fn an_unknown_parameter_is_reported(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let visitor = app.anonymous();
    visitor.get("/movies?colour=red").await.invalid(&[("colour", "unknown")]);
    visitor.get("/movies?Page=1&limit=5").await.invalid(&[("Page", "unknown"), ("limit", "unknown")]);
    visitor.get("/movies?page_size[]=5").await.invalid(&[("page_size[]", "unknown")]);
    visitor.get("/movies?").await.expect(200);
}

async fn a_parameter_that_may_not_be_repeated_is_reported(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for name in
        ["page", "page_size", "cursor", "sort", "search", "title", "year_min", "imdb_max", "price_min"]
    {
        app.anonymous().get(format!("/movies?{name}=1&{name}=1")).await.invalid(&[(name, "repeated")]);
    }
}

async fn all_invalid_query_parameters_are_reported_together(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.anonymous()
        .get("/movies?page=0&page_size=1000&sort=colour&genre=drama&year_min=x&price_max=9.999&imdb_min=11&q=1")
        .await
        .invalid(&[
            ("page", "too_small"),
            ("page_size", "too_large"),
            ("sort", "invalid_value"),
            ("genre", "invalid_format"),
            ("year_min", "invalid_format"),
            ("price_max", "invalid_format"),
            ("imdb_min", "too_large"),
            ("q", "unknown"),
        ]);
}

async fn a_list_takes_at_most_two_statements(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    ann.get("/movies").await.expect(200);
    let genre = movies.genre("Drama").await;
    for path in ["/movies", "/movies?page=2&page_size=3&sort=name,-year", &format!("/movies?genre={genre}")] {
        let statements = app.statements_of(ann.get(path)).await;
        assert!((1..=2).contains(&statements), "{path} took {statements} SQL statements");
    }
    // The second search takes fewer statements, because the results of the first one are cached.
    for most in [6, 3] {
        let statements = app.statements_of(ann.get("/movies?search=the+godfather")).await;
        assert!((1..=most).contains(&statements), "a search took {statements} SQL statements");
    }
}
