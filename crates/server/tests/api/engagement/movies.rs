use std::future::IntoFuture;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Call, Caller, Engine, TestApp, cases};

cases! {
    a_reaction_is_counted_once_and_can_be_replaced_and_removed,
    a_rating_changes_the_average_and_can_be_replaced_and_removed,
    a_favorite_is_stored_once_and_can_be_removed_repeatedly,
    opinions_are_shown_only_to_their_owner,
    invalid_reactions_and_ratings_are_reported,
    a_movie_that_the_caller_cannot_see_cannot_be_rated,
    of_many_equal_concurrent_calls_one_counts,
    concurrent_opinions_of_many_users_are_all_counted,
    a_list_with_opinions_takes_as_many_statements_as_one_without,
    a_deleted_account_is_no_longer_counted,
}

const NO_MOVIE: &str = "0190a1b2-0000-7000-8000-000000000000";

fn put(caller: &Caller, path: impl AsRef<str>, body: &Value) -> Call {
    caller.call(Method::PUT, path).json(body)
}

fn react(caller: &Caller, movie: &str, value: &str) -> Call {
    put(caller, format!("/movies/{movie}/reaction"), &json!({"value": value}))
}

fn rate(caller: &Caller, movie: &str, score: i32) -> Call {
    put(caller, format!("/movies/{movie}/rating"), &json!({"score": score}))
}

async fn shown(caller: &Caller, movie: &str) -> Value {
    caller.get(format!("/movies/{movie}")).await.expect(200).json()
}

async fn a_reaction_is_counted_once_and_can_be_replaced_and_removed(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let alien = movies.id("Alien");
    let counts = |likes, dislikes| json!({"likes": likes, "dislikes": dislikes});
    for _ in 0..2 {
        assert_eq!(react(&ann, &alien, "like").await.expect(200).json(), counts(1, 0));
    }
    assert_eq!(react(&bob, &alien, "dislike").await.expect(200).json(), counts(1, 1));
    assert_eq!(react(&ann, &alien, "dislike").await.expect(200).json(), counts(0, 2));
    let movie = shown(&ann, &alien).await;
    assert_eq!((&movie["likes"], &movie["dislikes"]), (&json!(0), &json!(2)));
    assert_eq!(movie["me"]["reaction"], "dislike");
    for _ in 0..2 {
        let removed = ann.delete(format!("/movies/{alien}/reaction")).await.expect(200).json();
        assert_eq!(removed, counts(0, 1));
    }
    assert_eq!(shown(&ann, &alien).await["me"]["reaction"], Value::Null);
}

async fn a_rating_changes_the_average_and_can_be_replaced_and_removed(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob, cleo) = (app.user("ann").await, app.user("bob").await, app.user("cleo").await);
    let alien = movies.id("Alien");
    let summary = |average: f64, count: i32| json!({"average": average, "count": count});
    for _ in 0..2 {
        assert_eq!(rate(&ann, &alien, 9).await.expect(200).json(), summary(9.0, 1));
    }
    assert_eq!(rate(&bob, &alien, 8).await.expect(200).json(), summary(8.5, 2));
    assert_eq!(rate(&cleo, &alien, 8).await.expect(200).json(), summary(8.33, 3));
    assert_eq!(rate(&bob, &alien, 9).await.expect(200).json(), summary(8.67, 3));
    let movie = shown(&bob, &alien).await;
    assert_eq!((&movie["rating"], &movie["me"]["rating"]), (&summary(8.67, 3), &json!(9)));
    for caller in [&ann, &bob, &bob] {
        caller.delete(format!("/movies/{alien}/rating")).await.expect(200);
    }
    assert_eq!(shown(&app.anonymous(), &alien).await["rating"], summary(8.0, 1));
    let none = cleo.delete(format!("/movies/{alien}/rating")).await.expect(200).json();
    assert_eq!(none, json!({"average": null, "count": 0}));
}

async fn a_favorite_is_stored_once_and_can_be_removed_repeatedly(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let alien = movies.id("Alien");
    for _ in 0..2 {
        ann.call(Method::PUT, format!("/favorites/{alien}")).await.expect(204);
        assert_eq!(shown(&ann, &alien).await["me"]["favorite"], true);
    }
    for _ in 0..2 {
        ann.delete(format!("/favorites/{alien}")).await.expect(204);
        assert_eq!(shown(&ann, &alien).await["me"]["favorite"], false);
    }
    ann.call(Method::PUT, format!("/favorites/{NO_MOVIE}")).await.problem(404, "not_found");
    ann.delete(format!("/favorites/{NO_MOVIE}")).await.expect(204);
}

async fn opinions_are_shown_only_to_their_owner(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let alien = movies.id("Alien");
    react(&ann, &alien, "like").await.expect(200);
    rate(&ann, &alien, 10).await.expect(200);
    ann.call(Method::PUT, format!("/favorites/{alien}")).await.expect(204);
    let mine =
        json!({"reaction": "like", "rating": 10, "favorite": true, "in_cart": false, "purchased": false});
    let nothing =
        json!({"reaction": null, "rating": null, "favorite": false, "in_cart": false, "purchased": false});
    for (caller, expected) in [(&*ann, &mine), (&*bob, &nothing), (&app.anonymous(), &Value::Null)] {
        let listed = caller.get("/movies?title=alien&year_max=1980").await.expect(200).json();
        assert_eq!(listed["items"][0]["me"], *expected);
        assert_eq!(shown(caller, &alien).await["me"], *expected);
    }
}

async fn invalid_reactions_and_ratings_are_reported(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let reaction = format!("/movies/{}/reaction", movies.id("Alien"));
    let rating = format!("/movies/{}/rating", movies.id("Alien"));
    for (path, body, field, code) in [
        (&reaction, json!({"value": "love"}), "value", "invalid_value"),
        (&reaction, json!({"value": null}), "value", "wrong_type"),
        (&reaction, json!({}), "value", "required"),
        (&rating, json!({"score": 0}), "score", "too_small"),
        (&rating, json!({"score": 11}), "score", "too_large"),
        (&rating, json!({"score": 7.5}), "score", "wrong_type"),
        (&rating, json!({"score": "7"}), "score", "wrong_type"),
        (&rating, json!({}), "score", "required"),
    ] {
        put(&ann, path, &body).await.invalid(&[(field, code)]);
    }
    put(&ann, &rating, &json!({"score": 7, "stars": 5})).await.invalid(&[("stars", "unknown")]);
    put(&ann, "/movies/no-uuid/rating", &json!({"score": 7})).await.problem(400, "malformed_request");
    assert_eq!(shown(&ann, &movies.id("Alien")).await["rating"]["count"], 0);
}

async fn a_movie_that_the_caller_cannot_see_cannot_be_rated(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob, admin) = (app.user("ann").await, app.user("bob").await, app.admin().await);
    let alien = movies.id("Alien");
    app.sell(&ann, alien.clone()).await;
    app.withdraw("Alien").await;
    for movie in [&alien, NO_MOVIE] {
        react(&bob, movie, "like").await.problem(404, "not_found");
        rate(&bob, movie, 7).await.problem(404, "not_found");
        bob.delete(format!("/movies/{movie}/reaction")).await.problem(404, "not_found");
        bob.delete(format!("/movies/{movie}/rating")).await.problem(404, "not_found");
        bob.call(Method::PUT, format!("/favorites/{movie}")).await.problem(404, "not_found");
    }
    for caller in [&ann, &admin] {
        react(caller, &alien, "like").await.expect(200);
    }
}

async fn of_many_equal_concurrent_calls_one_counts(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let alien = movies.id("Alien");
    let likes = (0..25).map(|_| react(&ann, &alien, "like").into_future());
    let ratings = (0..25).map(|_| rate(&ann, &alien, 8).into_future());
    for answer in join_all(likes.chain(ratings)).await {
        answer.expect(200);
    }
    let movie = shown(&ann, &alien).await;
    assert_eq!((&movie["likes"], &movie["rating"]), (&json!(1), &json!({"average": 8.0, "count": 1})));
    let unlikes = (0..50).map(|_| ann.delete(format!("/movies/{alien}/reaction")).into_future());
    for answer in join_all(unlikes).await {
        assert_eq!(answer.expect(200).json(), json!({"likes": 0, "dislikes": 0}));
    }
}

async fn concurrent_opinions_of_many_users_are_all_counted(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let alien = movies.id("Alien");
    let mut users = Vec::new();
    for number in 0..10 {
        users.push(app.user(&format!("user{number}")).await);
    }
    let likes = users.iter().map(|user| react(user, &alien, "like").into_future());
    let ratings = users.iter().map(|user| rate(user, &alien, 6).into_future());
    for answer in join_all(likes.chain(ratings)).await {
        answer.expect(200);
    }
    let movie = shown(&app.anonymous(), &alien).await;
    assert_eq!((&movie["likes"], &movie["rating"]), (&json!(10), &json!({"average": 6.0, "count": 10})));
}

async fn a_list_with_opinions_takes_as_many_statements_as_one_without(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    ann.get("/movies").await.expect(200);
    let before = app.statements_of(ann.get("/movies")).await;
    for name in ["Alien", "Aliens", "M"] {
        react(&ann, &movies.id(name), "like").await.expect(200);
        rate(&ann, &movies.id(name), 7).await.expect(200);
    }
    assert_eq!(app.statements_of(ann.get("/movies")).await, before);
}

async fn a_deleted_account_is_no_longer_counted(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let alien = movies.id("Alien");
    let comments = format!("/movies/{alien}/comments");
    let begun = bob.post(&comments, json!({"text": "It begins"})).await.expect(201).json();
    let begun = begun["id"].as_str().unwrap();
    for user in [&ann, &bob] {
        react(user, &alien, "like").await.expect(200);
        rate(user, &alien, if user.id() == ann.id() { 2 } else { 9 }).await.expect(200);
        user.post(format!("/comments/{begun}/replies"), json!({"text": "Really"})).await.expect(201);
        user.call(Method::PUT, format!("/comments/{begun}/like")).await.expect(200);
    }
    let own = ann.post(&comments, json!({"text": "Mine"})).await.expect(201).json();
    let own = own["id"].as_str().unwrap();
    bob.post(format!("/comments/{own}/replies"), json!({"text": "Yours"})).await.expect(201);
    ann.post(&comments, json!({"text": "Without replies"})).await.expect(201);
    ann.delete("/users/me").json(&json!({"password": ann.password})).await.expect(204);
    let movie = shown(&bob, &alien).await;
    assert_eq!((&movie["likes"], &movie["rating"]), (&json!(1), &json!({"average": 9.0, "count": 1})));
    assert_eq!(movie["comments_count"], 3, "Bob's comment and his two replies");
    let listed = bob.get(&comments).await.expect(200).json();
    let kept: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|comment| (&comment["text"], &comment["likes"], &comment["replies_count"]))
        .collect();
    assert_eq!(kept, [(&Value::Null, &json!(0), &json!(1)), (&json!("It begins"), &json!(1), &json!(1))]);
}
