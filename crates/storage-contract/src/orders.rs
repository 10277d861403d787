//! Orders: a movie is in at most one pending order of a user, and a stored order reads back completely.
//!
//! A unit (of work) is one transaction. If it is dropped without a commit, it is rolled back.

use domain::{
    id::OrderId,
    orders::{
        CancelReason, ExcludedMovie, Order, OrderEvent, OrderItem, OrderState, RefundedPart, order_number,
    },
    purchases::PurchaseRefusal,
};

use crate::{
    fixtures::{add_movies, add_user, at, facts, id, price},
    node::{Node, begin_unit},
    parallel::{at_once, count},
};

crate::cases! { "orders":
    an_order_reads_back_in_every_state,
    a_movie_is_in_at_most_one_pending_order_of_a_user,
    one_of_twenty_concurrent_orders_of_the_same_movie_is_stored,
    an_order_that_is_no_longer_pending_frees_its_movies,
    an_order_of_a_dropped_unit_has_no_effect,
    changes_of_an_order_are_serialized,
    price_and_availability_are_returned_for_existing_movies,
    purchases_are_returned_only_for_the_requested_movies,
    the_movies_of_a_cart_come_newest_first,
    expired_orders_are_sorted_by_the_longest_overdue,
}

async fn prepare(node: &Node) {
    add_user(node, 1).await;
    add_user(node, 2).await;
    add_movies(node, ["a", "b", "c"].map(facts).into()).await;
}

/// A pending order of these movies. Its items have identifiers that no order with another number uses.
fn order(number: u64, buyer: u64, movies: &[u64]) -> Order {
    let order_id: OrderId = id(number);
    let item = |movie: &u64| OrderItem {
        id: id(number * 1_000 + movie),
        movie_id: id(*movie),
        price: price(i64::try_from(*movie).unwrap()),
    };
    let items: Vec<_> = movies.iter().map(item).collect();
    Order {
        id: order_id,
        number: order_number(order_id),
        user_id: id(buyer),
        state: OrderState::new(at(0)),
        total: Order::sum(&items, price(0).currency()).unwrap(),
        items,
        excluded: Vec::new(),
        created_at: at(0),
    }
}

/// Inserts the order; returns whether it was stored.
pub(crate) async fn insert(node: &Node, order: &Order) -> bool {
    let mut unit = node.unit().await;
    let is_kept = unit.insert_order(order).await.unwrap();
    if is_kept {
        unit.commit().await.unwrap();
    }
    is_kept
}

async fn find(node: &Node, number: u64) -> Option<Order> {
    node.unit().await.find_order_for_update(id(number)).await.unwrap()
}

async fn update(node: &Node, order: &Order) {
    let mut unit = node.unit().await;
    unit.update_order_state(order).await.unwrap();
    unit.commit().await.unwrap();
}

async fn an_order_reads_back_in_every_state(node: Node) {
    prepare(&node).await;
    let excluded = [(2, PurchaseRefusal::MovieUnavailable), (3, PurchaseRefusal::AlreadyPurchased)];
    let excluded = excluded.map(|(movie, reason)| ExcludedMovie { movie_id: id(movie), reason });
    let mut order = Order { excluded: excluded.into(), ..order(7, 1, &[1]) };
    assert!(insert(&node, &order).await);
    assert_eq!(find(&node, 7).await, Some(order.clone()));
    assert_eq!(find(&node, 8).await, None);
    assert_eq!(node.unit().await.find_buyer(id(7)).await.unwrap(), Some(id(1)));
    let canceled = OrderEvent::Canceled { at: at(5), reason: CancelReason::Expired };
    let states = [
        order.state.apply(OrderEvent::PaymentProcessing).unwrap(),
        order.state.apply(canceled).unwrap(),
        order.state.apply(OrderEvent::Paid { at: at(6) }).unwrap(),
    ];
    let refunded = [RefundedPart::Some, RefundedPart::All]
        .map(|refunded| states[2].apply(OrderEvent::RefundsChanged { refunded }).unwrap());
    for state in states.into_iter().chain(refunded) {
        order.state = state;
        update(&node, &order).await;
        assert_eq!(find(&node, 7).await, Some(order.clone()));
        let view = node.order_view(id(7)).await.unwrap().unwrap();
        assert_eq!((view.state, view.total, view.excluded), (state, order.total, order.excluded.clone()));
        assert_eq!((view.items[0].name.as_str(), view.items[0].price), ("a", price(1)));
        assert_eq!(view.buyer.unwrap().id, id(1));
    }
    assert_eq!(node.orders_of(id(1)).await.unwrap().len(), 1);
    assert_eq!(node.orders_of(id(2)).await.unwrap(), []);
}

async fn a_movie_is_in_at_most_one_pending_order_of_a_user(node: Node) {
    prepare(&node).await;
    assert!(insert(&node, &order(1, 1, &[1, 2])).await);
    assert!(!insert(&node, &order(2, 1, &[2, 3])).await);
    assert_eq!(find(&node, 2).await, None);
    assert!(insert(&node, &order(3, 1, &[3])).await);
    assert!(insert(&node, &order(4, 2, &[1, 2, 3])).await);
    let mut held = node.unit().await.movies_in_pending_orders(id(1)).await.unwrap();
    held.sort_unstable();
    assert_eq!(held, [id(1), id(2), id(3)]);
}

async fn one_of_twenty_concurrent_orders_of_the_same_movie_is_stored(node: Node) {
    prepare(&node).await;
    let kept = at_once(20, |number| {
        let node = node.clone();
        async move { insert(&node, &order(number + 1, 1, &[1])).await }
    })
    .await;
    assert_eq!(count(&kept), 1);
}

async fn an_order_that_is_no_longer_pending_frees_its_movies(node: Node) {
    prepare(&node).await;
    let mut first = order(1, 1, &[1]);
    insert(&node, &first).await;
    let canceled = OrderEvent::Canceled { at: at(5), reason: CancelReason::ByUser };
    first.state = first.state.apply(canceled).unwrap();
    update(&node, &first).await;
    assert_eq!(node.unit().await.movies_in_pending_orders(id(1)).await.unwrap(), []);
    let mut second = order(2, 1, &[1]);
    assert!(insert(&node, &second).await);
    second.state = second.state.apply(OrderEvent::Paid { at: at(6) }).unwrap();
    update(&node, &second).await;
    assert!(insert(&node, &order(3, 1, &[1])).await);
}

async fn an_order_of_a_dropped_unit_has_no_effect(node: Node) {
    prepare(&node).await;
    let mut unit = node.unit().await;
    assert!(unit.insert_order(&order(1, 1, &[1])).await.unwrap());
    drop(unit);
    assert_eq!(find(&node, 1).await, None);
    assert!(insert(&node, &order(1, 1, &[1])).await);
}

async fn changes_of_an_order_are_serialized(node: Node) {
    prepare(&node).await;
    insert(&node, &order(1, 1, &[1])).await;
    let canceled = at_once(20, |_| {
        let node = node.clone();
        async move {
            let begun = begin_unit(|attempt| node.begin_order(attempt, id(1))).await.unwrap();
            let (mut unit, mut order) = begun.expect("the order exists");
            let canceled = OrderEvent::Canceled { at: at(5), reason: CancelReason::ByUser };
            let is_pending = order.state.expires_at().is_some();
            tokio::task::yield_now().await;
            order.state = order.state.apply(canceled).unwrap();
            unit.update_order_state(&order).await.unwrap();
            unit.commit().await.unwrap();
            is_pending
        }
    })
    .await;
    assert_eq!(count(&canceled), 1);
    assert!(begin_unit(|attempt| node.begin_order(attempt, id(9))).await.unwrap().is_none());
}

async fn price_and_availability_are_returned_for_existing_movies(node: Node) {
    prepare(&node).await;
    let mut unit = node.unit().await;
    let mut found = unit.find_offers(&[id(3), id(99), id(1)]).await.unwrap();
    found.sort_unstable_by_key(|(id, _)| *id);
    let ids: Vec<_> = found.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [id(1), id(3)]);
    assert_eq!(Some(found[0].1), unit.find_offer(id(1)).await.unwrap());
    assert_eq!(unit.find_offers(&[]).await.unwrap(), []);
}

async fn purchases_are_returned_only_for_the_requested_movies(node: Node) {
    prepare(&node).await;
    crate::purchases::buy(&node, 1, &[1, 2]).await;
    crate::purchases::buy(&node, 2, &[3]).await;
    let mut unit = node.unit().await;
    assert_eq!(unit.purchased_among(id(1), &[id(2), id(3)]).await.unwrap(), [id(2)]);
    assert_eq!(unit.purchased_among(id(1), &[]).await.unwrap(), []);
}

async fn the_movies_of_a_cart_come_newest_first(node: Node) {
    prepare(&node).await;
    crate::cart::put(&node, 1, &[2, 1, 3]).await;
    let mut unit = node.unit().await;
    let cart = unit.open_cart_for_update(id(1), id(50)).await.unwrap();
    // `put` added each movie at the second that equals its number.
    assert_eq!(unit.cart_movies(cart).await.unwrap(), [id(3), id(2), id(1)]);
}

async fn expired_orders_are_sorted_by_the_longest_overdue(node: Node) {
    prepare(&node).await;
    for (number, movie, made_at) in [(1, 1, 20), (2, 2, 10), (3, 3, 30)] {
        let order = Order { state: OrderState::new(at(made_at)), ..order(number, 1, &[movie]) };
        insert(&node, &order).await;
    }
    let minutes = 30 * 60;
    let [second, first] = [(at(minutes + 10), id(2)), (at(minutes + 20), id(1))];
    assert_eq!(node.expired_orders(at(minutes + 20), None, 10).await.unwrap(), [second, first]);
    assert_eq!(node.expired_orders(at(minutes + 20), None, 1).await.unwrap(), [second]);
    assert_eq!(node.expired_orders(at(minutes + 20), Some(second), 10).await.unwrap(), [first]);
    assert_eq!(node.expired_orders(at(minutes + 20), Some(first), 10).await.unwrap(), []);
    let mut processing = find(&node, 2).await.unwrap();
    processing.state = processing.state.apply(OrderEvent::PaymentProcessing).unwrap();
    update(&node, &processing).await;
    assert_eq!(node.expired_orders(at(minutes + 20), None, 10).await.unwrap(), [first]);
}
