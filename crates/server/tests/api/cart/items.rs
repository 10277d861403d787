use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, Engine, TestApp, cases, facts, small_catalogue, snapshot};

cases! {
    an_empty_cart_costs_nothing,
    a_cart_shows_its_movies,
    the_most_recently_added_movie_is_first,
    the_total_is_exact_and_current,
    a_movie_is_added_once,
    of_ten_concurrent_additions_one_succeeds,
    an_unknown_movie_is_not_added,
    a_withdrawn_movie_is_not_added,
    a_movie_priced_in_another_currency_is_not_added,
    a_bought_movie_is_not_added,
    for_a_bought_and_withdrawn_movie_the_reason_is_the_purchase,
    a_cart_holds_a_hundred_movies,
    movies_withdrawn_or_bought_in_the_meantime_are_listed_separately,
    a_movie_is_removed_from_the_cart_once,
    clearing_empties_the_cart_and_may_be_repeated,
    carts_belong_to_their_owners,
    an_invalid_movie_id_is_reported_by_field,
    the_cart_is_never_cached,
}

fn names(cart: &Value) -> Vec<String> {
    cart["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["movie"]["name"].as_str().unwrap().to_owned())
        .collect()
}

async fn an_empty_cart_costs_nothing(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    snapshot!(ann.get("/cart").await.expect(200).json(), @r#"
    {
      "items": [],
      "total": {
        "amount": "0.00",
        "currency": "USD"
      },
      "unavailable": []
    }
    "#);
}

async fn a_cart_shows_its_movies(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let added = ann.post("/cart/items", json!({"movie_id": movies.id("Amélie")})).await.expect(201);
    snapshot!(added.json(), @r#"
    {
      "items": [
        {
          "movie": {
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
            "me": {
              "reaction": null,
              "rating": null,
              "favorite": false,
              "in_cart": true,
              "purchased": false
            }
          },
          "added_at": "[instant]"
        }
      ],
      "total": {
        "amount": "9.99",
        "currency": "USD"
      },
      "unavailable": []
    }
    "#);
    assert_eq!(ann.get("/cart").await.expect(200).json(), added.json());
    let listed = ann.get("/movies?title=Am%C3%A9lie").await.expect(200).json();
    assert_eq!(
        listed["items"][0],
        added.json()["items"][0]["movie"],
        "the cart and the list of movies show the movie in the same way"
    );
}

async fn the_most_recently_added_movie_is_first(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    for name in ["Alien", "M", "Amélie"] {
        app.advance(TimeDelta::seconds(1));
        ann.post("/cart/items", json!({"movie_id": movies.id(name)})).await.expect(201);
    }
    assert_eq!(names(&ann.get("/cart").await.json()), ["Amélie", "M", "Alien"]);
}

async fn the_total_is_exact_and_current(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    for name in ["The Godfather", "Amélie", "M", "Metropolis"] {
        ann.post("/cart/items", json!({"movie_id": movies.id(name)})).await.expect(201);
    }
    assert_eq!(ann.get("/cart").await.json()["total"], json!({"amount": "25.97", "currency": "USD"}));
    let dearer = small_catalogue()
        .into_iter()
        .filter(|movie| movie.identity.name == "M")
        .map(|movie| domain::catalog::Facts {
            price: domain::money::Money::from_minor(10_005, "USD".parse().unwrap()),
            ..movie
        })
        .collect();
    app.import(dearer).await;
    let cart = ann.get("/cart").await.json();
    assert_eq!(cart["total"], json!({"amount": "126.02", "currency": "USD"}));
}

async fn a_movie_priced_in_another_currency_is_not_added(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let euro = domain::money::Money::from_minor(999, "EUR".parse().unwrap());
    let movies = app.import(vec![domain::catalog::Facts { price: euro, ..facts("Alien", 1979) }]).await;
    let ann = app.user("ann").await;
    let body = json!({"movie_id": movies.id("Alien")});
    ann.post("/cart/items", body).await.problem(409, "movie_unavailable");
    let merged = ann.post("/cart/merge", json!({"movie_ids": [movies.id("Alien")]})).await.expect(200).json();
    assert_eq!(merged["skipped"][0]["reason"], "movie_unavailable");
    assert_eq!((&merged["items"], &merged["unavailable"]), (&json!([]), &json!([])));
}

async fn a_movie_is_added_once(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let body = json!({"movie_id": movies.id("Alien")});
    ann.post("/cart/items", body.clone()).await.expect(201);
    let again = ann.post("/cart/items", body.clone()).await.problem(409, "already_in_cart");
    snapshot!(again.json(), @r#"
    {
      "type": "[server]/problems/already-in-cart",
      "title": "Already in the cart",
      "status": 409,
      "code": "already_in_cart",
      "detail": "The movie is in the cart already.",
      "instance": "/api/v1/cart/items",
      "request_id": "[request_id]"
    }
    "#);
    assert_eq!(names(&ann.get("/cart").await.json()), ["Alien"]);
    ann.delete(format!("/cart/items/{}", movies.id("Alien"))).await.expect(204);
    ann.post("/cart/items", body).await.expect(201);
}

async fn of_ten_concurrent_additions_one_succeeds(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let body = json!({"movie_id": movies.id("Alien")});
    let mut answers: Vec<Answer> =
        join_all((0..10).map(|_| ann.post("/cart/items", body.clone()).into_future())).await;
    answers.sort_by_key(|answer| answer.status);
    answers.remove(0).expect(201);
    for answer in answers {
        answer.problem(409, "already_in_cart");
    }
    assert_eq!(names(&ann.get("/cart").await.json()), ["Alien"]);
}

async fn an_unknown_movie_is_not_added(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let unknown = "0190a1b2-0000-7000-8000-000000000000";
    ann.post("/cart/items", json!({"movie_id": unknown})).await.problem(404, "not_found");
    ann.delete(format!("/cart/items/{unknown}")).await.problem(404, "not_found");
    ann.delete("/cart/items/7").await.problem(400, "malformed_request");
}

async fn a_withdrawn_movie_is_not_added(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    app.withdraw("Alien").await;
    ann.post("/cart/items", json!({"movie_id": movies.id("Alien")})).await.problem(409, "movie_unavailable");
}

async fn a_bought_movie_is_not_added(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    app.sell(&ann, movies.id("Alien")).await;
    let body = json!({"movie_id": movies.id("Alien")});
    let answer = ann.post("/cart/items", body.clone()).await.problem(409, "already_purchased");
    assert!(answer.json()["detail"].as_str().unwrap().contains("bought"), "{answer}");
    bob.post("/cart/items", body).await.expect(201);
}

async fn for_a_bought_and_withdrawn_movie_the_reason_is_the_purchase(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    app.sell(&ann, movies.id("Alien")).await;
    app.withdraw("Alien").await;
    ann.post("/cart/items", json!({"movie_id": movies.id("Alien")})).await.problem(409, "already_purchased");
}

async fn a_cart_holds_a_hundred_movies(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import((0..102).map(|n| facts(&format!("Part {n}"), 2000)).collect()).await;
    let id = |n: usize| movies.id(&format!("Part {n}"));
    let ann = app.user("ann").await;
    let ids: Vec<_> = (0..99).map(id).collect();
    ann.post("/cart/merge", json!({"movie_ids": ids})).await.expect(200);
    // Of two concurrent additions for the last free place in the cart, one succeeds.
    let race = [99, 100].map(|n| ann.post("/cart/items", json!({"movie_id": id(n)})).into_future());
    let mut answers = join_all(race).await;
    answers.sort_by_key(|answer| answer.status);
    answers.remove(0).expect(201);
    answers.remove(0).problem(409, "cart_full");
    ann.post("/cart/items", json!({"movie_id": id(101)})).await.problem(409, "cart_full");
    ann.post("/cart/items", json!({"movie_id": id(0)})).await.problem(409, "already_in_cart");
    let cart = ann.get("/cart").await.json();
    assert_eq!(cart["items"].as_array().unwrap().len(), 100);
    assert_eq!(cart["total"]["amount"], "999.00");
    ann.delete(format!("/cart/items/{}", id(0))).await.expect(204);
    ann.post("/cart/items", json!({"movie_id": id(101)})).await.expect(201);
}

async fn movies_withdrawn_or_bought_in_the_meantime_are_listed_separately(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    for name in ["Alien", "M", "Amélie", "Zootopia"] {
        app.advance(TimeDelta::seconds(1));
        ann.post("/cart/items", json!({"movie_id": movies.id(name)})).await.expect(201);
    }
    app.withdraw("Alien").await;
    app.sell(&ann, movies.id("Zootopia")).await;
    let cart = ann.get("/cart").await.expect(200).json();
    assert_eq!(names(&cart), ["Amélie", "M"]);
    assert_eq!(cart["total"], json!({"amount": "9.99", "currency": "USD"}));
    let apart: Vec<_> = cart["unavailable"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            assert_eq!(item.as_object().unwrap().len(), 2, "{item}");
            (item["movie"]["name"].as_str().unwrap(), item["reason"].as_str().unwrap())
        })
        .collect();
    assert_eq!(apart, [("Zootopia", "already_purchased"), ("Alien", "movie_unavailable")]);
    // The unavailable movies can be removed.
    ann.delete(format!("/cart/items/{}", movies.id("Alien"))).await.expect(204);
    ann.delete("/cart").await.expect(204);
    assert_eq!(ann.get("/cart").await.json()["unavailable"], json!([]));
}

async fn a_movie_is_removed_from_the_cart_once(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let path = format!("/cart/items/{}", movies.id("Alien"));
    ann.delete(&path).await.problem(404, "not_found");
    ann.post("/cart/items", json!({"movie_id": movies.id("Alien")})).await.expect(201);
    let mut answers = join_all((0..5).map(|_| ann.delete(&path).into_future())).await;
    answers.sort_by_key(|answer| answer.status);
    answers.remove(0).expect(204);
    for answer in answers {
        answer.problem(404, "not_found");
    }
    assert_eq!(names(&ann.get("/cart").await.json()), [""; 0]);
}

async fn clearing_empties_the_cart_and_may_be_repeated(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    ann.delete("/cart").await.expect(204);
    for name in ["Alien", "M"] {
        ann.post("/cart/items", json!({"movie_id": movies.id(name)})).await.expect(201);
    }
    ann.delete("/cart").await.expect(204);
    ann.delete("/cart").await.expect(204);
    assert_eq!(names(&ann.get("/cart").await.json()), [""; 0]);
    ann.post("/cart/items", json!({"movie_id": movies.id("M")})).await.expect(201);
}

async fn carts_belong_to_their_owners(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    ann.post("/cart/items", json!({"movie_id": movies.id("Alien")})).await.expect(201);
    assert_eq!(names(&bob.get("/cart").await.json()), [""; 0]);
    bob.delete(format!("/cart/items/{}", movies.id("Alien"))).await.problem(404, "not_found");
    bob.delete("/cart").await.expect(204);
    assert_eq!(names(&ann.get("/cart").await.json()), ["Alien"]);
    let of = |caller: &crate::support::Caller| caller.get(format!("/movies/{}", movies.id("Alien")));
    assert_eq!(of(&ann).await.json()["me"]["in_cart"], true);
    assert_eq!(of(&bob).await.json()["me"]["in_cart"], false);
}

async fn an_invalid_movie_id_is_reported_by_field(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    for bad in ["", "7", "0190a1b2000070008000000000000000", "🎬", "' OR 1=1 --"] {
        ann.post("/cart/items", json!({"movie_id": bad})).await.invalid(&[("movie_id", "invalid_format")]);
    }
    ann.post("/cart/items", json!({"movie_id": 7})).await.invalid(&[("movie_id", "wrong_type")]);
    ann.post("/cart/items", json!({})).await.invalid(&[("movie_id", "required")]);
    ann.post("/cart/items", json!({"movie_id": "x", "quantity": 2}))
        .await
        .invalid(&[("movie_id", "invalid_format"), ("quantity", "unknown")]);
    ann.get("/cart?page=1").await.invalid(&[("page", "unknown")]);
    ann.delete("/cart?force=true").await.invalid(&[("force", "unknown")]);
}

async fn the_cart_is_never_cached(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    assert_eq!(ann.get("/cart").await.header("cache-control"), Some("private, no-store"));
    assert_eq!(app.anonymous().get("/cart").await.header("cache-control"), Some("private, no-store"));
}
