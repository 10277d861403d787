use chrono::TimeDelta;

use super::{cancel, names_in_cart, place, put_in_cart, text};
use crate::support::{Engine, TestApp, cases};

cases! {
    an_order_that_is_not_paid_in_time_expires_and_returns_its_movies,
    an_order_expires_once_on_two_nodes,
    an_account_with_an_expired_order_can_order_again,
}

async fn an_order_that_is_not_paid_in_time_expires_and_returns_its_movies(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &[movies.id("Alien")]).await;
    let order = place(&ann).await.expect(201).json();
    app.advance(TimeDelta::minutes(30) - TimeDelta::seconds(1));
    assert_eq!(app.expire_orders().await, 0);
    app.advance(TimeDelta::seconds(1));
    assert_eq!(app.expire_orders().await, 1);
    let ann = app.signed_in_again(&ann).await;
    let expired = ann.get(format!("/orders/{}", text(&order, "id"))).await.expect(200).json();
    assert_eq!((text(&expired, "status"), text(&expired, "cancel_reason")), ("canceled", "expired"));
    assert_eq!(names_in_cart(&ann).await, ["Alien"]);
    assert_eq!(cancel(&ann, &order).await.expect(200).json(), expired);
    assert_eq!(app.expire_orders().await, 0);
}

async fn an_order_expires_once_on_two_nodes(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let other = app.second_node().await;
    let movies = app.import_small_catalogue().await;
    let people = [app.user("ann").await, app.user("bob").await, app.user("cid").await];
    for buyer in &people {
        put_in_cart(buyer, &[movies.id("Alien")]).await;
        place(buyer).await.expect(201);
    }
    app.advance(TimeDelta::minutes(31));
    let (one, two) = tokio::join!(app.expire_orders(), other.expire_orders());
    assert_eq!(one + two, 3);
}

async fn an_account_with_an_expired_order_can_order_again(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    put_in_cart(&ann, &[movies.id("Alien")]).await;
    place(&ann).await.expect(201);
    app.advance(TimeDelta::minutes(30));
    app.expire_orders().await;
    let ann = app.signed_in_again(&ann).await;
    place(&ann).await.expect(201);
}
