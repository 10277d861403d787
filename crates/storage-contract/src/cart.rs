//! Carts: each user has at most one, and it contains each movie at most once.
//!
//! A unit (of work) is one transaction. If it is dropped without a commit, it is rolled back.

use std::collections::HashSet;

use domain::{
    cart::CartItem,
    id::{CartId, MovieId},
};

use crate::{
    fixtures::{add_movies, add_user, at, facts, fresh, id},
    node::Node,
    parallel::{at_once, count},
};

crate::cases! { "cart":
    a_cart_is_opened_under_the_proposed_identifier_once,
    twenty_concurrent_units_open_the_same_cart,
    each_user_has_a_separate_cart,
    a_movie_is_added_to_a_cart_once,
    a_movie_added_by_fifty_concurrent_units_is_in_the_cart_once,
    fifty_concurrently_added_movies_are_all_in_the_cart,
    an_open_cart_is_filled_by_one_unit_at_a_time,
    a_refused_movie_leaves_the_unit_usable,
    a_movie_is_removed_from_the_cart,
    a_cleared_cart_is_empty_and_keeps_its_identifier,
    a_dropped_unit_adds_no_movies,
}

async fn prepare(node: &Node, movies: u64) {
    add_user(node, 1).await;
    add_user(node, 2).await;
    add_movies(node, (1..=movies).map(|number| facts(&format!("Movie {number}"))).collect()).await;
}

fn item(movie: u64) -> CartItem {
    CartItem { id: fresh(), movie_id: id(movie), added_at: at(i64::try_from(movie).unwrap()) }
}

/// Adds movies that are not yet in the user's cart, in this order. The time of each item depends only on the number of
/// its movie.
pub(crate) async fn put(node: &Node, user: u64, movies: &[u64]) {
    let mut unit = node.unit().await;
    let cart = unit.open_cart_for_update(id(user), fresh()).await.unwrap();
    for movie in movies {
        assert!(unit.add_cart_item(cart, &item(*movie)).await.unwrap());
    }
    unit.commit().await.unwrap();
}

/// Opens the user's cart, which creates it if it does not exist. Returns its identifier and the number of its items.
async fn cart_of(node: &Node, user: u64) -> (CartId, usize) {
    let mut unit = node.unit().await;
    let cart = unit.open_cart_for_update(id(user), fresh()).await.unwrap();
    let count = unit.cart_movies(cart).await.unwrap().len();
    unit.commit().await.unwrap();
    (cart, count)
}

async fn a_cart_is_opened_under_the_proposed_identifier_once(node: Node) {
    prepare(&node, 0).await;
    let mut unit = node.unit().await;
    assert_eq!(unit.open_cart_for_update(id(1), id(10)).await.unwrap(), id(10));
    assert_eq!(unit.open_cart_for_update(id(1), id(11)).await.unwrap(), id(10));
    unit.commit().await.unwrap();
    assert_eq!(cart_of(&node, 1).await, (id(10), 0));
}

async fn twenty_concurrent_units_open_the_same_cart(node: Node) {
    prepare(&node, 0).await;
    let opened = at_once(20, |_| {
        let node = node.clone();
        async move { cart_of(&node, 1).await }
    })
    .await;
    assert_eq!(opened.into_iter().collect::<HashSet<_>>().len(), 1);
}

async fn each_user_has_a_separate_cart(node: Node) {
    prepare(&node, 2).await;
    put(&node, 1, &[1, 2]).await;
    put(&node, 2, &[1]).await;
    let (ann, bob) = (cart_of(&node, 1).await, cart_of(&node, 2).await);
    assert_ne!(ann.0, bob.0);
    assert_eq!((ann.1, bob.1), (2, 1));
}

async fn a_movie_is_added_to_a_cart_once(node: Node) {
    prepare(&node, 2).await;
    let mut unit = node.unit().await;
    let cart = unit.open_cart_for_update(id(1), fresh()).await.unwrap();
    assert!(unit.add_cart_item(cart, &item(1)).await.unwrap());
    assert!(!unit.add_cart_item(cart, &item(1)).await.unwrap());
    assert_eq!(unit.cart_movies(cart).await.unwrap(), [id(1)]);
    unit.commit().await.unwrap();
    assert_eq!(cart_of(&node, 1).await.1, 1);
}

async fn a_movie_added_by_fifty_concurrent_units_is_in_the_cart_once(node: Node) {
    prepare(&node, 1).await;
    // The units do not open the cart, because opening would lock it. So only a constraint of the database can ensure
    // that the movie is added once.
    let cart = cart_of(&node, 1).await.0;
    let added = at_once(50, |_| {
        let node = node.clone();
        async move {
            let mut unit = node.unit().await;
            let added = unit.add_cart_item(cart, &item(1)).await.unwrap();
            unit.commit().await.unwrap();
            added
        }
    })
    .await;
    assert_eq!(count(&added), 1);
    assert_eq!(cart_of(&node, 1).await.1, 1);
}

async fn fifty_concurrently_added_movies_are_all_in_the_cart(node: Node) {
    prepare(&node, 50).await;
    at_once(50, |number| {
        let node = node.clone();
        async move { put(&node, 1, &[number + 1]).await }
    })
    .await;
    assert_eq!(cart_of(&node, 1).await.1, 50);
}

async fn an_open_cart_is_filled_by_one_unit_at_a_time(node: Node) {
    prepare(&node, 20).await;
    let added = at_once(20, |number| {
        let node = node.clone();
        async move {
            let mut unit = node.unit().await;
            let cart = unit.open_cart_for_update(id(1), fresh()).await.unwrap();
            let is_free = unit.cart_movies(cart).await.unwrap().len() < 5;
            tokio::task::yield_now().await;
            let added = is_free && unit.add_cart_item(cart, &item(number + 1)).await.unwrap();
            unit.commit().await.unwrap();
            added
        }
    })
    .await;
    assert_eq!(count(&added), 5);
    assert_eq!(cart_of(&node, 1).await.1, 5, "the units must not exceed the limit of five movies");
}

async fn a_refused_movie_leaves_the_unit_usable(node: Node) {
    prepare(&node, 3).await;
    put(&node, 1, &[1]).await;
    let mut unit = node.unit().await;
    let cart = unit.open_cart_for_update(id(1), fresh()).await.unwrap();
    for (movie, is_new) in [(1, false), (2, true), (1, false), (3, true)] {
        assert!(unit.find_offer(id(movie)).await.unwrap().unwrap().is_available);
        assert!(!unit.is_purchased(id(1), id(movie)).await.unwrap());
        assert_eq!(unit.add_cart_item(cart, &item(movie)).await.unwrap(), is_new);
    }
    unit.commit().await.unwrap();
    assert_eq!(cart_of(&node, 1).await.1, 3);
}

async fn a_movie_is_removed_from_the_cart(node: Node) {
    prepare(&node, 2).await;
    put(&node, 1, &[1, 2]).await;
    put(&node, 2, &[1]).await;
    let remove = |user, movie: MovieId| {
        let node = node.clone();
        async move {
            let mut unit = node.unit().await;
            let removed = unit.remove_cart_item(id(user), movie).await.unwrap();
            unit.commit().await.unwrap();
            removed
        }
    };
    assert!(remove(1, id(1)).await);
    assert!(!remove(1, id(1)).await, "the movie is no longer in the cart");
    assert!(!remove(3, id(1)).await, "there is no cart");
    assert_eq!((cart_of(&node, 1).await.1, cart_of(&node, 2).await.1), (1, 1));
    put(&node, 1, &[1]).await;
}

async fn a_cleared_cart_is_empty_and_keeps_its_identifier(node: Node) {
    prepare(&node, 2).await;
    put(&node, 1, &[1, 2]).await;
    put(&node, 2, &[1]).await;
    let before = cart_of(&node, 1).await.0;
    let mut unit = node.unit().await;
    unit.clear_cart(id(1)).await.unwrap();
    unit.clear_cart(id(1)).await.expect("an empty cart can be cleared");
    unit.clear_cart(id(3)).await.expect("a missing cart can be cleared");
    unit.commit().await.unwrap();
    assert_eq!(cart_of(&node, 1).await, (before, 0));
    assert_eq!(cart_of(&node, 2).await.1, 1);
}

async fn a_dropped_unit_adds_no_movies(node: Node) {
    prepare(&node, 1).await;
    let mut unit = node.unit().await;
    let cart = unit.open_cart_for_update(id(1), id(10)).await.unwrap();
    unit.add_cart_item(cart, &item(1)).await.unwrap();
    drop(unit);
    let mut unit = node.unit().await;
    assert_eq!(
        unit.open_cart_for_update(id(1), id(11)).await.unwrap(),
        id(11),
        "the dropped unit did not create the cart"
    );
    assert!(unit.cart_movies(id(11)).await.unwrap().is_empty());
}
