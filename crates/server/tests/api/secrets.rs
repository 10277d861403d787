//! Changing `APP_SECRET_KEY`: everything continues to work while the old secret is set as `APP_SECRET_KEY_PREVIOUS`.

use serde_json::json;

use crate::support::{Engine, SECRET, TestApp, Tokens, cases};

cases! {
    a_rotated_secret_keeps_everybody_signed_in,
    a_repeated_refresh_after_a_change_of_the_secret_gets_the_same_token,
    without_the_previous_secret_everyone_must_sign_in_again,
}

const NEW: &str = "the-next-secret-of-the-tests-with-enough-bytes";

async fn a_rotated_secret_keeps_everybody_signed_in(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    app.register("bob").await.expect(201);
    let cursor = app.anonymous().get("/movies?page_size=5").await.json()["next_cursor"].clone();

    let node = app.node_with(&[("APP_SECRET_KEY", NEW), ("APP_SECRET_KEY_PREVIOUS", SECRET)]).await;
    let there = ann.at(node.url());
    there.get("/cart").await.expect(200);
    let pair = Tokens::of(&node.refresh(&ann.tokens.refresh).await);
    node.anonymous().with_token(&pair.access).get("/cart").await.expect(200);
    let walk = format!("/movies?page_size=5&cursor={}", cursor.as_str().unwrap());
    node.anonymous().get(walk).await.expect(200);
    // A mail that was encrypted with the old secret is sent, and its link works.
    let token = node.activation_token("bob").await;
    node.activate(&token).await.expect(200);
    node.log_in("bob").await.expect(200);
}

async fn a_repeated_refresh_after_a_change_of_the_secret_gets_the_same_token(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let successor = Tokens::of(&app.refresh(&ann.tokens.refresh).await);
    let node = app.node_with(&[("APP_SECRET_KEY", NEW), ("APP_SECRET_KEY_PREVIOUS", SECRET)]).await;
    let repeated = Tokens::of(&node.refresh(&ann.tokens.refresh).await);
    assert_eq!(repeated.refresh, successor.refresh, "both refresh tokens are the same");
    node.anonymous().with_token(&repeated.access).get("/cart").await.expect(200);
    // The node `slow` knows the new secret, but still uses the old one. When a node that uses the new secret has
    // already replaced a refresh token, `slow` returns the same replacement.
    let rotated = Tokens::of(&node.refresh(&successor.refresh).await);
    let slow = app.node_with(&[("APP_SECRET_KEY", SECRET), ("APP_SECRET_KEY_PREVIOUS", NEW)]).await;
    assert_eq!(Tokens::of(&slow.refresh(&successor.refresh).await).refresh, rotated.refresh);
    app.advance(chrono::TimeDelta::seconds(31));
    node.refresh(&ann.tokens.refresh).await.problem(401, "refresh_token_invalid");
}

async fn without_the_previous_secret_everyone_must_sign_in_again(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    let node = app.node_with(&[("APP_SECRET_KEY", NEW)]).await;
    ann.at(node.url()).get("/cart").await.problem(401, "access_token_invalid");
    node.refresh(&ann.tokens.refresh).await.problem(401, "refresh_token_invalid");
    let answer = node.anonymous().post("/accounts/logout", json!({"refresh": ann.tokens.refresh})).await;
    answer.expect(200);
    node.log_in("ann").await.expect(200);
    ann.get("/cart").await.expect(200);
}
