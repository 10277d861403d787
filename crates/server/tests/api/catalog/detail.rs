use serde_json::json;

use crate::support::{Engine, TestApp, cases, snapshot};

cases! {
    a_movie_has_the_fields_of_the_contract,
    a_movie_shows_the_relation_of_the_caller,
    an_unknown_movie_is_not_found,
    an_id_that_is_no_uuid_is_malformed,
    a_movie_takes_no_parameters,
    unknown_values_are_null,
    a_movie_takes_at_most_four_statements,
}

async fn a_movie_has_the_fields_of_the_contract(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let answer = app.anonymous().get(format!("/movies/{}", movies.id("Amélie"))).await.expect(200);
    snapshot!(answer.json(), @r#"
    {
      "id": "[id]",
      "name": "Amélie",
      "year": 2001,
      "duration_minutes": 122,
      "imdb": 8.3,
      "votes": 703810,
      "price": {
        "amount": "9.99",
        "currency": "USD"
      },
      "certification": {
        "id": "[id]",
        "name": "U/A"
      },
      "genres": [
        {
          "id": "[id]",
          "name": "Comedy"
        },
        {
          "id": "[id]",
          "name": "Romance"
        }
      ],
      "poster_url": "https://images.example.com/amelie.jpg",
      "poster_srcset": null,
      "rating": {
        "average": null,
        "count": 0
      },
      "likes": 0,
      "dislikes": 0,
      "me": null,
      "meta_score": 69.0,
      "gross": 33225499,
      "description": "Amélie, as it is told.",
      "directors": [
        {
          "id": "[id]",
          "name": "Jean-Pierre Jeunet"
        }
      ],
      "stars": [
        {
          "id": "[id]",
          "name": "Audrey Tautou"
        },
        {
          "id": "[id]",
          "name": "Mathieu Kassovitz"
        },
        {
          "id": "[id]",
          "name": "Rufus"
        }
      ],
      "sort_name": "Amélie",
      "imdb_id": null,
      "tmdb_id": null,
      "trailer_url": null,
      "comments_count": 0,
      "is_available": true,
      "created_at": "[instant]",
      "updated_at": "[instant]"
    }
    "#);
}

async fn a_movie_shows_the_relation_of_the_caller(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let path = format!("/movies/{}", movies.id("Amélie"));
    let me = async || ann.get(&path).await.expect(200).json()["me"].clone();
    let expected = |in_cart: bool, purchased: bool| json!({"reaction": null, "rating": null, "favorite": false, "in_cart": in_cart, "purchased": purchased});
    assert_eq!(me().await, expected(false, false));
    ann.post("/cart/items", json!({"movie_id": movies.id("Amélie")})).await.expect(201);
    assert_eq!(me().await, expected(true, false));
    app.sell(&ann, movies.id("Amélie")).await;
    let after = me().await;
    assert_eq!(after["purchased"], true);
    ann.delete("/cart").await.expect(204);
    assert_eq!(me().await, expected(false, true));
    assert_eq!(app.anonymous().get(&path).await.json()["me"], json!(null));
}

async fn an_unknown_movie_is_not_found(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let id = "0190a1b2-0000-7000-8000-000000000000";
    let answer = app.anonymous().get(format!("/movies/{id}")).await.problem(404, "not_found");
    assert_eq!(answer.json()["instance"], format!("/api/v1/movies/{id}"));
    assert!(answer.header("etag").is_none());
}

async fn an_id_that_is_no_uuid_is_malformed(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    for bad in [
        "7",
        "amelie",
        "0190a1b2000070008000000000000000",
        "%F0%9F%8E%AC",
        "%00",
        "..%2f..",
        "'%20OR%201=1",
        "%FF",
    ] {
        app.anonymous().get(format!("/movies/{bad}")).await.problem(400, "malformed_request");
    }
}

async fn a_movie_takes_no_parameters(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let path = format!("/movies/{}?fields=name", movies.id("Alien"));
    app.anonymous().get(path).await.invalid(&[("fields", "unknown")]);
}

async fn unknown_values_are_null(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let movie = app.anonymous().get(format!("/movies/{}", movies.id("Alien"))).await.json();
    for member in ["meta_score", "gross", "poster_url", "me"] {
        assert_eq!(movie.get(member), Some(&json!(null)), "{member}");
    }
}

async fn a_movie_takes_at_most_four_statements(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    ann.get("/genres").await.expect(200);
    let statements = app.statements_of(ann.get(format!("/movies/{}", movies.id("Amélie")))).await;
    assert!((1..=4).contains(&statements), "the request took {statements} SQL statements");
}
