//! Purchases: a user has at most one active purchase of a movie. A withdrawn movie is no longer on sale.
//!
//! A unit (of work) is one transaction. If it is dropped without a commit, it is rolled back.

use domain::{
    purchases::{Entitlement, Purchase},
    time::Instant,
};

use crate::{
    fixtures::{add_movies, add_user, at, facts, fresh, id, set_available},
    node::Node,
    parallel::{at_once, count},
};

crate::cases! { "purchases":
    a_purchase_belongs_only_to_its_buyer,
    a_second_purchase_is_refused_and_leaves_the_unit_usable,
    one_of_twenty_concurrent_purchases_of_a_movie_is_stored,
    a_purchase_of_a_dropped_unit_has_no_effect,
    a_purchase_stays_when_its_movie_is_withdrawn,
    a_revoked_movie_can_be_bought_again,
    a_suspension_keeps_its_first_time_until_it_ends,
}

fn purchase(user: u64, movie: u64) -> Purchase {
    Purchase { id: fresh(), user_id: id(user), movie_id: id(movie), purchased_at: at(60) }
}

/// Adds a purchase of each movie by the user.
pub(crate) async fn buy(node: &Node, user: u64, movies: &[u64]) {
    let mut unit = node.unit().await;
    for movie in movies {
        assert!(unit.insert_purchase(&purchase(user, *movie)).await.unwrap());
    }
    unit.commit().await.unwrap();
}

/// Changes the user's active purchase of the movie to this entitlement.
pub(crate) async fn put_entitlement(
    node: &Node,
    user: u64,
    movie: u64,
    entitlement: Entitlement,
    now: Instant,
) {
    let bought = node.bought_movie(id(user), id(movie)).await.unwrap().unwrap();
    let mut unit = node.unit().await;
    assert!(unit.put_entitlement(bought.purchase_id, entitlement, now).await.unwrap());
    unit.commit().await.unwrap();
}

async fn is_purchased(node: &Node, user: u64, movie: u64) -> bool {
    node.unit().await.is_purchased(id(user), id(movie)).await.unwrap()
}

async fn prepare(node: &Node) {
    add_user(node, 1).await;
    add_user(node, 2).await;
    add_movies(node, ["a", "b"].map(facts).into()).await;
}

async fn a_purchase_belongs_only_to_its_buyer(node: Node) {
    prepare(&node).await;
    buy(&node, 1, &[1]).await;
    assert!(is_purchased(&node, 1, 1).await);
    assert!(!is_purchased(&node, 1, 2).await);
    assert!(!is_purchased(&node, 2, 1).await);
    buy(&node, 2, &[1]).await;
    assert!(is_purchased(&node, 2, 1).await);
}

async fn a_second_purchase_is_refused_and_leaves_the_unit_usable(node: Node) {
    prepare(&node).await;
    buy(&node, 1, &[1]).await;
    let mut unit = node.unit().await;
    assert!(!unit.insert_purchase(&purchase(1, 1)).await.unwrap());
    assert!(unit.insert_purchase(&purchase(1, 2)).await.unwrap());
    assert!(!unit.insert_purchase(&purchase(1, 2)).await.unwrap());
    unit.commit().await.unwrap();
    assert!(is_purchased(&node, 1, 2).await);
}

async fn one_of_twenty_concurrent_purchases_of_a_movie_is_stored(node: Node) {
    prepare(&node).await;
    let kept = at_once(20, |_| {
        let node = node.clone();
        async move {
            let mut unit = node.unit().await;
            let is_kept = unit.insert_purchase(&purchase(1, 1)).await.unwrap();
            unit.commit().await.unwrap();
            is_kept
        }
    })
    .await;
    assert_eq!(count(&kept), 1);
}

async fn a_purchase_of_a_dropped_unit_has_no_effect(node: Node) {
    prepare(&node).await;
    let mut unit = node.unit().await;
    assert!(unit.insert_purchase(&purchase(1, 1)).await.unwrap());
    drop(unit);
    assert!(!is_purchased(&node, 1, 1).await);
    buy(&node, 1, &[1]).await;
}

async fn a_purchase_stays_when_its_movie_is_withdrawn(node: Node) {
    prepare(&node).await;
    buy(&node, 1, &[1]).await;
    let movie = node.unit().await.find_movies_for_update(&[facts("a").identity]).await.unwrap();
    set_available(&node, &movie[0], false).await;
    assert!(is_purchased(&node, 1, 1).await);
}

async fn a_revoked_movie_can_be_bought_again(node: Node) {
    prepare(&node).await;
    buy(&node, 1, &[1, 2]).await;
    buy(&node, 2, &[1]).await;
    let revoked = node.bought_movie(id(1), id(1)).await.unwrap().unwrap().purchase_id;
    for now in [at(90), at(91)] {
        let mut unit = node.unit().await;
        assert!(unit.put_entitlement(revoked, Entitlement::Revoked, now).await.unwrap());
        unit.commit().await.unwrap();
    }
    assert!(!is_purchased(&node, 1, 1).await);
    assert!(is_purchased(&node, 1, 2).await && is_purchased(&node, 2, 1).await);
    buy(&node, 1, &[1]).await;
    let data = node.personal_data(id(1)).await.unwrap().unwrap();
    let mut ends: Vec<_> = data.purchases.iter().map(|one| (one.movie_id, one.revoked_at)).collect();
    ends.sort();
    assert_eq!(ends, [(id(1), None), (id(1), Some(at(90))), (id(2), None)]);
}

async fn a_suspension_keeps_its_first_time_until_it_ends(node: Node) {
    prepare(&node).await;
    buy(&node, 1, &[1, 2]).await;
    buy(&node, 2, &[1]).await;
    let suspensions = async |user: u64| {
        let data = node.personal_data(id(user)).await.unwrap().unwrap();
        let mut all: Vec<_> = data.purchases.iter().map(|one| (one.movie_id, one.suspended_at)).collect();
        all.sort();
        all
    };
    put_entitlement(&node, 1, 1, Entitlement::Suspended, at(90)).await;
    put_entitlement(&node, 1, 1, Entitlement::Suspended, at(95)).await;
    assert_eq!(suspensions(1).await, [(id(1), Some(at(90))), (id(2), None)]);
    assert_eq!(suspensions(2).await, [(id(1), None)]);
    assert!(is_purchased(&node, 1, 1).await, "a suspended movie counts as bought");
    put_entitlement(&node, 1, 1, Entitlement::Live, at(96)).await;
    assert_eq!(suspensions(1).await, [(id(1), None), (id(2), None)]);
}
