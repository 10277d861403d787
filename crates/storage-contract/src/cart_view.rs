//! What users see of their carts. A withdrawn movie is no longer on sale.

use domain::{
    cart::CartView,
    catalog::{Movie, PersonalView},
    id::MovieId,
    purchases::PurchaseRefusal,
};

use crate::{
    cart::put,
    fixtures::{add_movies, add_user, at, detail, facts, id, price, set_available, update},
    node::Node,
    purchases::buy,
};

crate::cases! { "cart_view":
    a_missing_cart_is_empty,
    a_cart_shows_the_newest_first,
    a_cart_shows_the_current_state_of_each_movie,
    withdrawn_movies_are_listed_separately,
    bought_movies_are_listed_separately_even_when_withdrawn,
    a_cart_shows_nothing_of_other_users,
}

async fn prepare(node: &Node) -> Vec<Movie> {
    add_user(node, 1).await;
    add_user(node, 2).await;
    add_movies(node, ["a", "b", "c", "d"].map(facts).into()).await
}

async fn view(node: &Node, user: u64) -> CartView {
    let entries = node.cart_entries(id(user)).await.unwrap();
    CartView::of(entries, price(0).currency()).unwrap()
}

fn items(view: &CartView) -> Vec<MovieId> {
    view.items.iter().map(|line| line.movie.id).collect()
}

fn unavailable(view: &CartView) -> Vec<(MovieId, PurchaseRefusal)> {
    view.unavailable.iter().map(|item| (item.movie.id, item.reason)).collect()
}

async fn a_missing_cart_is_empty(node: Node) {
    prepare(&node).await;
    assert_eq!(node.cart_entries(id(1)).await.unwrap(), []);
    assert_eq!(node.cart_entries(id(99)).await.unwrap(), []);
}

async fn a_cart_shows_the_newest_first(node: Node) {
    prepare(&node).await;
    put(&node, 1, &[2, 4, 1]).await;
    let view = view(&node, 1).await;
    assert_eq!(
        items(&view),
        [id(4), id(2), id(1)],
        "sorted by the time at which they were added, newest first"
    );
    assert_eq!(view.items.iter().map(|line| line.added_at).collect::<Vec<_>>(), [at(4), at(2), at(1)]);
    assert!(view.unavailable.is_empty());
}

async fn a_cart_shows_the_current_state_of_each_movie(node: Node) {
    let movies = prepare(&node).await;
    put(&node, 1, &[1]).await;
    let changed = Movie { price: price(1), votes: 77, ..movies[0].clone() };
    update(&node, &changed).await;
    let mut expected = detail(&changed, &facts("a")).summary;
    expected.me = Some(PersonalView { in_cart: true, ..PersonalView::default() });
    let view = view(&node, 1).await;
    assert_eq!(view.items[0].movie, expected);
    assert_eq!(view.total, price(1));
}

async fn withdrawn_movies_are_listed_separately(node: Node) {
    let movies = prepare(&node).await;
    put(&node, 1, &[1, 2, 3]).await;
    set_available(&node, &movies[1], false).await;
    let before = view(&node, 1).await;
    assert_eq!(items(&before), [id(3), id(1)]);
    assert_eq!(unavailable(&before), [(id(2), PurchaseRefusal::MovieUnavailable)]);
    set_available(&node, &movies[1], true).await;
    assert_eq!(items(&view(&node, 1).await), [id(3), id(2), id(1)]);
}

async fn bought_movies_are_listed_separately_even_when_withdrawn(node: Node) {
    let movies = prepare(&node).await;
    put(&node, 1, &[1, 2, 3, 4]).await;
    buy(&node, 1, &[1, 3]).await;
    buy(&node, 2, &[4]).await;
    set_available(&node, &movies[2], false).await;
    set_available(&node, &movies[1], false).await;
    let view = view(&node, 1).await;
    assert_eq!(items(&view), [id(4)]);
    let expected = [
        (id(3), PurchaseRefusal::AlreadyPurchased),
        (id(2), PurchaseRefusal::MovieUnavailable),
        (id(1), PurchaseRefusal::AlreadyPurchased),
    ];
    assert_eq!(unavailable(&view), expected);
    let me = PersonalView { in_cart: true, purchased: true, ..PersonalView::default() };
    assert_eq!(view.unavailable[0].movie.me, Some(me));
}

async fn a_cart_shows_nothing_of_other_users(node: Node) {
    prepare(&node).await;
    put(&node, 1, &[1, 2]).await;
    put(&node, 2, &[3]).await;
    assert_eq!(items(&view(&node, 2).await), [id(3)]);
}
