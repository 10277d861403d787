use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::{cancel, names_in, names_in_cart, place, put_in_cart, text};
use crate::support::{Engine, TestApp, cases, facts, snapshot};

cases! {
    an_order_takes_the_cart_at_current_prices_and_empties_it,
    the_prices_of_an_order_do_not_change_with_the_prices_of_its_movies,
    an_empty_cart_is_not_ordered,
    bought_or_withdrawn_movies_are_excluded_with_the_reason,
    a_cart_without_available_movies_is_neither_ordered_nor_emptied,
    a_movie_in_a_pending_order_is_not_ordered_again,
    only_one_of_ten_concurrent_orders_of_the_same_cart_succeeds,
    fields_in_the_body_of_an_order_are_refused,
    a_canceled_order_returns_its_movies_to_the_cart,
    a_canceled_order_stays_canceled,
    movies_bought_in_the_meantime_are_not_returned_to_the_cart,
    a_nearly_full_cart_accepts_movies_up_to_the_limit,
    the_order_of_another_user_is_not_found,
}

async fn an_order_takes_the_cart_at_current_prices_and_empties_it(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &[movies.id("Amélie"), movies.id("Alien")]).await;
    let placed = place(&ann).await.expect(201).json();
    assert_eq!(text(&placed, "number").len(), 11);
    let mut shown = placed.clone();
    shown["number"] = json!("[number]");
    snapshot!(shown, @r#"
    {
      "id": "[id]",
      "number": "[number]",
      "status": "pending",
      "items": [
        {
          "movie": {
            "id": "[id]",
            "name": "Alien",
            "year": 1979
          },
          "price": {
            "amount": "7.99",
            "currency": "USD"
          }
        },
        {
          "movie": {
            "id": "[id]",
            "name": "Amélie",
            "year": 2001
          },
          "price": {
            "amount": "9.99",
            "currency": "USD"
          }
        }
      ],
      "total": {
        "amount": "17.98",
        "currency": "USD"
      },
      "created_at": "[instant]",
      "paid_at": null,
      "canceled_at": null,
      "cancel_reason": null,
      "expires_at": "[instant]",
      "excluded": []
    }
    "#);
    assert_eq!(names_in_cart(&ann).await, Vec::<String>::new());
    assert_eq!(ann.get(format!("/orders/{}", text(&placed, "id"))).await.expect(200).json(), placed);
}

async fn the_prices_of_an_order_do_not_change_with_the_prices_of_its_movies(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &[movies.id("Alien")]).await;
    let placed = place(&ann).await.expect(201).json();
    app.execute_sql("UPDATE movies SET price_minor = 5000 WHERE name = 'Alien'").await;
    let shown = ann.get(format!("/orders/{}", text(&placed, "id"))).await.expect(200).json();
    assert_eq!(shown, placed);
}

async fn an_empty_cart_is_not_ordered(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    place(&ann).await.problem(409, "cart_empty");
}

async fn bought_or_withdrawn_movies_are_excluded_with_the_reason(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &["Amélie", "Alien", "M"].map(|name| movies.id(name))).await;
    app.sell(&ann, movies.id("Amélie")).await;
    app.withdraw("Alien").await;
    let order = place(&ann).await.expect(201).json();
    assert_eq!(names_in(&order), ["M"]);
    assert_eq!(order["total"]["amount"], "0.00");
    assert_eq!(
        order["excluded"],
        json!([
            {"movie_id": movies.id("Alien"), "reason": "movie_unavailable"},
            {"movie_id": movies.id("Amélie"), "reason": "already_purchased"},
        ])
    );
    let cart = ann.get("/cart").await.expect(200).json();
    assert_eq!((&cart["items"], &cart["unavailable"]), (&json!([]), &json!([])));
    let shown = ann.get(format!("/orders/{}", text(&order, "id"))).await.expect(200).json();
    assert_eq!(shown["excluded"], order["excluded"], "the excluded movies are stored with the order");
}

async fn a_cart_without_available_movies_is_neither_ordered_nor_emptied(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &[movies.id("Alien")]).await;
    app.withdraw("Alien").await;
    place(&ann).await.problem(409, "nothing_to_order");
    let cart = ann.get("/cart").await.expect(200).json();
    assert_eq!(cart["unavailable"].as_array().unwrap().len(), 1);
}

async fn a_movie_in_a_pending_order_is_not_ordered_again(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    put_in_cart(&ann, &[movies.id("Alien")]).await;
    let first = place(&ann).await.expect(201).json();
    put_in_cart(&ann, &[movies.id("Alien"), movies.id("M")]).await;
    place(&ann).await.problem(409, "order_pending");
    assert_eq!(names_in_cart(&ann).await, ["M", "Alien"]);
    put_in_cart(&bob, &[movies.id("Alien")]).await;
    place(&bob).await.expect(201);
    cancel(&ann, &first).await.expect(200);
    place(&ann).await.expect(201);
}

async fn only_one_of_ten_concurrent_orders_of_the_same_cart_succeeds(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &[movies.id("Alien"), movies.id("Amélie")]).await;
    let answers = join_all((0..10).map(|_| place(&ann))).await;
    let (placed, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(placed.len(), 1);
    for answer in refused {
        answer.problem(409, "cart_empty");
    }
    let listed = ann.get("/orders").await.expect(200).json();
    assert_eq!(listed["total_items"], 1);
}

async fn fields_in_the_body_of_an_order_are_refused(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    ann.post("/orders", json!({"total": 1})).await.invalid(&[("total", "unknown")]);
}

async fn a_canceled_order_returns_its_movies_to_the_cart(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &["Amélie", "Alien", "M"].map(|name| movies.id(name))).await;
    let order = place(&ann).await.expect(201).json();
    app.withdraw("M").await;
    put_in_cart(&ann, &[movies.id("Alien")]).await;
    let canceled = cancel(&ann, &order).await.expect(200).json();
    assert_eq!((text(&canceled, "status"), text(&canceled, "cancel_reason")), ("canceled", "by_user"));
    assert!(canceled["canceled_at"].is_string() && canceled["expires_at"].is_null(), "{canceled}");
    assert_eq!(names_in_cart(&ann).await, ["Amélie", "Alien"]);
    let cart = ann.get("/cart").await.expect(200).json();
    assert_eq!(cart["unavailable"][0]["movie"]["name"], "M");
}

async fn a_canceled_order_stays_canceled(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &[movies.id("Alien")]).await;
    let order = place(&ann).await.expect(201).json();
    let canceled = cancel(&ann, &order).await.expect(200).json();
    ann.delete("/cart").await.expect(204);
    assert_eq!(cancel(&ann, &order).await.expect(200).json(), canceled);
    assert_eq!(
        names_in_cart(&ann).await,
        Vec::<String>::new(),
        "the second cancellation returns no movies to the cart"
    );
}

async fn movies_bought_in_the_meantime_are_not_returned_to_the_cart(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &[movies.id("Alien"), movies.id("M")]).await;
    let order = place(&ann).await.expect(201).json();
    app.sell(&ann, movies.id("Alien")).await;
    cancel(&ann, &order).await.expect(200);
    assert_eq!(names_in_cart(&ann).await, ["M"]);
}

async fn a_nearly_full_cart_accepts_movies_up_to_the_limit(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let names: Vec<_> = (0..102).map(|number| format!("Movie {number}")).collect();
    let movies = app.import(names.iter().map(|name| facts(name, 2000)).collect()).await;
    let ids: Vec<_> = names.iter().map(|name| movies.id(name)).collect();
    let ann = app.user("ann").await;
    put_in_cart(&ann, &ids[..3]).await;
    let order = place(&ann).await.expect(201).json();
    ann.post("/cart/merge", json!({"movie_ids": ids[3..102]})).await.expect(200);
    cancel(&ann, &order).await.expect(200);
    let cart = ann.get("/cart").await.expect(200).json();
    assert_eq!(cart["items"].as_array().unwrap().len(), 100);
}

async fn the_order_of_another_user_is_not_found(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, admin) = (app.user("ann").await, app.admin().await);
    put_in_cart(&ann, &[movies.id("Alien")]).await;
    let order = place(&ann).await.expect(201).json();
    let path = format!("/orders/{}", text(&order, "id"));
    admin.get(&path).await.problem(404, "not_found");
    cancel(&admin, &order).await.problem(404, "not_found");
    app.anonymous().call(Method::POST, "/orders").await.problem(401, "unauthenticated");
    ann.get("/orders/7").await.problem(400, "malformed_request");
    assert_eq!(ann.get(&path).await.expect(200).json()["status"], "pending");
}
