//! Units of work: each is one atomic transaction. A unit that is dropped without a commit is rolled back, and does not
//! block other units.

use domain::outbox::NewOutboxMessage;
use tokio::time::timeout;

use crate::{
    fixtures::{add_movie, add_user, at, facts, fresh, id, stored_user, user},
    node::Node,
    outbox::message,
    parallel::{AT_ONCE, at_once},
};

crate::cases! { "units":
    a_dropped_unit_has_no_effect,
    a_dropped_unit_releases_its_locks_immediately,
    a_dropped_cart_unit_releases_its_locks_immediately,
    dropped_units_release_their_connections,
    writes_of_a_unit_are_visible_to_others_only_after_its_commit,
    a_unit_sees_its_own_writes,
    a_unit_that_did_nothing_can_be_committed,
    two_hundred_read_then_write_units_at_once_all_succeed,
    units_of_two_nodes_wait_for_each_other,
}

async fn a_dropped_unit_has_no_effect(node: Node) {
    let mut unit = node.unit().await;
    unit.insert_user(&user(1)).await.unwrap();
    unit.push_message(message(1)).await.unwrap();
    drop(unit);
    assert_eq!(stored_user(&node, id(1)).await, None);
    assert!(node.claim_all(at(100)).await.is_empty());
}

async fn a_dropped_unit_releases_its_locks_immediately(node: Node) {
    add_user(&node, 1).await;
    for _ in 0..20 {
        let mut unit = node.unit().await;
        timeout(AT_ONCE, unit.find_user_for_update(id(1))).await.expect("the lock is free").unwrap();
        drop(unit);
    }
    let mut unit = timeout(AT_ONCE, node.unit()).await.expect("a unit can begin");
    timeout(AT_ONCE, unit.find_user_for_update(id(1))).await.expect("the lock is free").unwrap();
}

async fn a_dropped_cart_unit_releases_its_locks_immediately(node: Node) {
    add_user(&node, 1).await;
    for _ in 0..20 {
        let mut unit = node.unit().await;
        let open = unit.open_cart_for_update(id(1), fresh());
        timeout(AT_ONCE, open).await.expect("the lock is free").unwrap();
        drop(unit);
    }
}

async fn dropped_units_release_their_connections(node: Node) {
    add_user(&node, 1).await;
    for _ in 0..100 {
        let mut unit = timeout(AT_ONCE, node.unit()).await.expect("a unit can begin");
        unit.find_user(id(1)).await.unwrap();
    }
}

async fn writes_of_a_unit_are_visible_to_others_only_after_its_commit(node: Node) {
    let ann = user(1);
    let mut unit = node.unit().await;
    unit.insert_user(&ann).await.unwrap();
    assert_eq!(node.credentials(&ann.email).await.unwrap(), None);
    unit.commit().await.unwrap();
    assert!(node.credentials(&ann.email).await.unwrap().is_some());
}

async fn a_unit_sees_its_own_writes(node: Node) {
    let ann = user(1);
    let mut unit = node.unit().await;
    unit.insert_user(&ann).await.unwrap();
    assert_eq!(unit.find_user(ann.id).await.unwrap(), Some(ann));
}

async fn a_unit_that_did_nothing_can_be_committed(node: Node) {
    node.unit().await.commit().await.unwrap();
    node.unit().await.commit().await.unwrap();
    node.unit().await.commit().await.unwrap();
}

async fn two_hundred_read_then_write_units_at_once_all_succeed(node: Node) {
    add_user(&node, 1).await;
    at_once(200, |number| {
        let node = node.clone();
        async move {
            let mut unit = node.unit().await;
            unit.find_user(id(1)).await.unwrap().unwrap();
            unit.push_message(message(number)).await.unwrap();
            unit.commit().await.unwrap();
        }
    })
    .await;
    assert_eq!(node.claim_all(at(100)).await.len(), 200);
}

async fn units_of_two_nodes_wait_for_each_other(node: Node) {
    add_user(&node, 1).await;
    add_movie(&node, 1, facts("Up")).await;
    let other = node.another().await;
    let mut unit = node.unit().await;
    unit.find_user_for_update(id(1)).await.unwrap().unwrap();
    let waiting = tokio::spawn(async move {
        let mut unit = other.unit().await;
        let ann = unit.find_user_for_update(id(1)).await.unwrap().unwrap();
        let message = NewOutboxMessage { dedupe_key: format!("version {}", ann.version), ..message(1) };
        unit.push_message(message).await.unwrap();
        unit.commit().await.unwrap();
        ann.version
    });
    let mut ann = unit.find_user(id(1)).await.unwrap().unwrap();
    ann.version = 40;
    unit.update_user(&ann).await.unwrap();
    unit.commit().await.unwrap();
    let version = timeout(AT_ONCE, waiting).await.expect("the lock is free").unwrap();
    assert_eq!(version, 40, "the other unit reads the user after the commit of this unit");
}
