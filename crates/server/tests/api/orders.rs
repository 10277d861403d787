//! Orders and payments.

mod books;
mod disputes;
mod events;
mod expiry;
mod faults;
mod idempotency;
mod lists;
mod paying;
mod placing;
mod races;
mod refund_requests;
mod refunds;
mod restored;
mod stripe;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Case, SignedIn};

pub(crate) fn cases() -> Vec<Case> {
    [
        placing::cases(),
        expiry::cases(),
        idempotency::cases(),
        lists::cases(),
        paying::cases(),
        events::cases(),
        restored::cases(),
        refunds::cases(),
        disputes::cases(),
        books::cases(),
        refund_requests::cases(),
        stripe::cases(),
        races::cases(),
        faults::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Adds movies to the buyer's cart, one after the other.
async fn put_in_cart(buyer: &SignedIn, movies: &[String]) {
    for movie_id in movies {
        buyer.post("/cart/items", json!({"movie_id": movie_id})).await.expect(201);
    }
}

/// Creates an order from the buyer's cart.
async fn place(buyer: &SignedIn) -> Answer {
    buyer.call(Method::POST, "/orders").await
}

/// Cancels an order.
async fn cancel(buyer: &SignedIn, order: &Value) -> Answer {
    buyer.call(Method::POST, format!("/orders/{}/cancel", text(order, "id"))).await
}

/// Returns a string member of a JSON object.
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// Returns the names of the movies in the buyer's cart, the most recently added one first.
async fn names_in_cart(buyer: &SignedIn) -> Vec<String> {
    let cart = buyer.get("/cart").await.expect(200).json();
    let items = cart["items"].as_array().unwrap().iter();
    items.map(|item| item["movie"]["name"].as_str().unwrap().to_owned()).collect()
}

/// Returns the names of the movies of an order.
fn names_in(order: &Value) -> Vec<&str> {
    order["items"].as_array().unwrap().iter().map(|item| text(&item["movie"], "name")).collect()
}
