//! The complete scenario of a visitor who becomes a user and fills a cart.

use chrono::TimeDelta;
use serde_json::json;

use crate::support::{Engine, TestApp, Tokens, cases};

cases! { a_visitor_registers_finds_a_movie_fills_a_cart_and_signs_out }

async fn a_visitor_registers_finds_a_movie_fills_a_cart_and_signs_out(engine: Engine) {
    let app = TestApp::spawn_with(engine, &[("HASH_SLOTS", "1")]).await;
    app.import_small_catalogue().await;
    let visitor = app.anonymous();

    // Ann browses the catalogue, finds a movie, and must sign in to add it.
    let genres = visitor.get("/genres").await.expect(200).json();
    let comedy = genres["items"].as_array().unwrap().iter().find(|genre| genre["name"] == "Comedy").unwrap();
    let comedies = visitor.get(format!("/movies?genre={}&sort=-imdb", comedy["id"].as_str().unwrap())).await;
    let amelie = comedies.expect(200).json()["items"][0].clone();
    assert_eq!(amelie["name"], "Amélie");
    let wanted = json!({"movie_id": amelie["id"]});
    visitor.post("/cart/items", wanted.clone()).await.problem(401, "unauthenticated");

    // She registers, and gets a mail with an activation link.
    let ann = json!({"email": "ann@example.com", "password": "Passw0rd1"});
    visitor.post("/accounts/register", ann.clone()).await.expect(201);
    visitor.post("/accounts/login", ann.clone()).await.problem(403, "account_inactive");
    let stored = app.stored_texts().await;
    let hash =
        stored.iter().find(|cell| cell.column == "hashed_password").expect("a password hash is stored");
    assert!(hash.text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.text);
    app.run_outbox().await;
    let mail = app.mails_to("ann@example.com").pop().expect("Ann has got a mail");
    let (_, token) = mail.text.split_once("/activate?token=").expect("the mail has an activation link");
    let token = token.split_whitespace().next().unwrap();
    visitor.post("/accounts/activate", json!({"token": token})).await.expect(200);

    // She logs in, finds the movie again, adds it to her cart, and merges the cart that her browser has stored.
    let tokens = Tokens::of(&visitor.post("/accounts/login", ann.clone()).await);
    let me = visitor.with_token(&tokens.access);
    let found = me.get("/movies?search=amelie").await.expect(200).json();
    assert_eq!(found["items"][0]["id"], amelie["id"]);
    let page = me.get(format!("/movies/{}", amelie["id"].as_str().unwrap())).await.expect(200).json();
    assert_eq!(page["directors"][0]["name"], "Jean-Pierre Jeunet");
    me.post("/cart/items", wanted.clone()).await.expect(201);
    me.post("/cart/items", wanted.clone()).await.problem(409, "already_in_cart");
    let alien = me.get("/movies?title=alien&sort=year").await.expect(200).json()["items"][0]["id"].clone();
    let merged = me.post("/cart/merge", json!({"movie_ids": [amelie["id"], alien]})).await.expect(200).json();
    assert_eq!(merged["total"], json!({"amount": "17.98", "currency": "USD"}));
    assert_eq!(merged["skipped"], json!([{"movie_id": amelie["id"], "reason": "already_in_cart"}]));

    // After some time her access token expires, and she refreshes it.
    app.advance(TimeDelta::minutes(20));
    me.get("/cart").await.problem(401, "access_token_expired");
    let fresh = Tokens::of(&visitor.post("/accounts/refresh", json!({"refresh": tokens.refresh})).await);
    let me = visitor.with_token(&fresh.access);
    assert_eq!(me.get("/cart").await.expect(200).json()["items"].as_array().unwrap().len(), 2);
    me.delete(format!("/cart/items/{}", alien.as_str().unwrap())).await.expect(204);

    // She signs out; her tokens become invalid, but her cart stays.
    visitor.post("/accounts/logout", json!({"refresh": fresh.refresh})).await.expect(200);
    me.get("/cart").await.problem(401, "access_token_invalid");
    visitor
        .post("/accounts/refresh", json!({"refresh": fresh.refresh}))
        .await
        .problem(401, "refresh_token_invalid");
    let back = Tokens::of(&visitor.post("/accounts/login", ann).await);
    let cart = visitor.with_token(&back.access).get("/cart").await.expect(200).json();
    assert_eq!(cart["items"][0]["movie"]["name"], "Amélie");
}
