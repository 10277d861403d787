use chrono::TimeDelta;
use domain::accounts::Role;
use serde_json::{Value, json};

use super::{cancel, place, put_in_cart, text};
use crate::support::{Engine, TestApp, cases, email_of};

cases! {
    own_orders_are_listed_newest_first_and_filtered,
    pages_of_orders_are_read_by_cursor,
    moderators_see_the_orders_of_all_users_with_their_buyers,
    invalid_filters_are_reported_by_field,
}

fn ids(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|order| text(order, "id")).collect()
}

async fn own_orders_are_listed_newest_first_and_filtered(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    put_in_cart(&bob, &[movies.id("Alien")]).await;
    place(&bob).await.expect(201);
    put_in_cart(&ann, &[movies.id("Alien")]).await;
    let first = place(&ann).await.expect(201).json();
    cancel(&ann, &first).await.expect(200);
    app.advance(TimeDelta::seconds(1));
    let between = app.now().to_rfc3339();
    app.advance(TimeDelta::seconds(1));
    let second = place(&ann).await.expect(201).json();
    let (first, second) = (text(&first, "id"), text(&second, "id"));
    for (query, expected) in [
        (String::new(), vec![second, first]),
        ("?status=pending".to_owned(), vec![second]),
        ("?status=canceled".to_owned(), vec![first]),
        ("?status=paid".to_owned(), vec![]),
        (format!("?from={}", between.replace('+', "%2B")), vec![second]),
        (format!("?to={}", between.replace('+', "%2B")), vec![first]),
        ("?from=2020-01-01&to=2020-12-31".to_owned(), vec![]),
    ] {
        let list = ann.get(format!("/orders{query}")).await.expect(200).json();
        assert_eq!(ids(&list), expected, "{query}");
        assert_eq!(list["total_items"], expected.len(), "{query}");
    }
}

async fn pages_of_orders_are_read_by_cursor(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let ann = app.user("ann").await;
    let mut placed = Vec::new();
    for name in ["Alien", "M", "Amélie"] {
        put_in_cart(&ann, &[movies.id(name)]).await;
        placed.insert(0, text(&place(&ann).await.expect(201).json(), "id").to_owned());
    }
    let first = ann.get("/orders?page_size=2").await.expect(200).json();
    let cursor = text(&first, "next_cursor");
    let rest = ann.get(format!("/orders?page_size=2&cursor={cursor}")).await.expect(200).json();
    let read: Vec<_> = [ids(&first), ids(&rest)].concat();
    assert_eq!(read, placed);
    assert!(rest["next_cursor"].is_null() && rest["total_items"].is_null());
    let moved = format!("/orders?status=pending&cursor={cursor}");
    ann.get(moved).await.problem(400, "cursor_invalid");
}

async fn moderators_see_the_orders_of_all_users_with_their_buyers(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let movies = app.import_small_catalogue().await;
    let (ann, bob, moderator) = (app.user("ann").await, app.user("bob").await, app.user("mod").await);
    app.change_user(&moderator, |user| user.role = Role::Moderator).await;
    let mut placed = Vec::new();
    for buyer in [&ann, &bob] {
        put_in_cart(buyer, &[movies.id("Alien")]).await;
        placed.push(place(buyer).await.expect(201).json());
    }
    let [of_ann, of_bob] = [0, 1].map(|index| text(&placed[index], "id"));
    for (query, expected) in [
        (String::new(), vec![of_bob, of_ann]),
        (format!("?user_id={}", ann.id()), vec![of_ann]),
        ("?email=BOB%40".to_owned(), vec![of_bob]),
        ("?email=example.com&status=pending".to_owned(), vec![of_bob, of_ann]),
        ("?email=nobody".to_owned(), vec![]),
    ] {
        let list = moderator.get(format!("/admin/orders{query}")).await.expect(200).json();
        assert_eq!(ids(&list), expected, "{query}");
    }
    let list = moderator.get("/admin/orders").await.expect(200).json();
    let user = &list["items"][0]["user"];
    assert_eq!(*user, json!({"id": bob.id(), "email": email_of("bob")}));
    ann.get("/admin/orders").await.problem(403, "forbidden");
}

async fn invalid_filters_are_reported_by_field(engine: Engine) {
    let app = TestApp::spawn(engine).await;
    let ann = app.user("ann").await;
    ann.get("/orders?status=lost&page=0&user_id=7&from=x").await.invalid(&[
        ("status", "invalid_value"),
        ("page", "too_small"),
        ("user_id", "unknown"),
        ("from", "invalid_format"),
    ]);
}
