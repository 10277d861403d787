//! What lists and details of movies show about a signed-in viewer's cart and purchases.

use domain::{
    catalog::{MovieFilter, MovieSort, PersonalView},
    id::UserId,
    page::PageRequest,
};

use crate::{
    cart::put,
    fixtures::{add_movies, add_user, facts, id},
    node::Node,
    purchases::buy,
};

crate::cases! { "viewer":
    a_visitor_has_no_personal_view,
    a_viewer_sees_which_movies_are_in_their_cart_or_bought,
    a_viewer_without_a_cart_and_purchases_has_an_empty_personal_view,
}

async fn prepare(node: &Node) {
    for number in [1, 2] {
        add_user(node, number).await;
    }
    add_movies(node, ["a", "b", "c", "d"].map(facts).into()).await;
    put(node, 1, &[1, 2]).await;
    buy(node, 1, &[2, 3]).await;
}

/// The personal views of the four movies. Checks that lists and details show the same.
async fn views(node: &Node, viewer: Option<UserId>) -> Vec<Option<PersonalView>> {
    let request = PageRequest::numbered(1, 10).unwrap();
    let sorts = [MovieSort { descending: false, ..MovieSort::POPULAR }];
    let page = node.movie_page(&MovieFilter::default(), &sorts, &request, viewer).await.unwrap();
    let listed: Vec<_> = page.items.iter().map(|movie| movie.me).collect();
    let mut alone = Vec::new();
    for movie in 1..=4 {
        alone.push(node.movie_detail(id(movie), viewer).await.unwrap().unwrap().summary.me);
    }
    assert_eq!(listed, alone);
    listed
}

async fn a_visitor_has_no_personal_view(node: Node) {
    prepare(&node).await;
    assert_eq!(views(&node, None).await, [None; 4]);
}

async fn a_viewer_sees_which_movies_are_in_their_cart_or_bought(node: Node) {
    prepare(&node).await;
    let view = |in_cart, purchased| Some(PersonalView { in_cart, purchased, ..PersonalView::default() });
    let expected = [view(true, false), view(true, true), view(false, true), view(false, false)];
    assert_eq!(views(&node, Some(id(1))).await, expected);
}

async fn a_viewer_without_a_cart_and_purchases_has_an_empty_personal_view(node: Node) {
    prepare(&node).await;
    for viewer in [2, 99] {
        assert_eq!(views(&node, Some(id(viewer))).await, [Some(PersonalView::default()); 4]);
    }
}
