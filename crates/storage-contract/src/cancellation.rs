//! Cancellation: when a client disconnects, the future of its request may be dropped at any await point. The changes of
//! a unit of work (one transaction) must then be made completely or not at all.

use domain::{accounts::LinkKind, id::UserId};
use tokio::time::timeout;

use crate::{
    fixtures::{add_user, at, digest, fresh, id, link, user},
    node::Node,
    outbox::message,
    parallel::{AT_ONCE, cancelled_after},
};

crate::cases! { "cancellation":
    a_unit_cancelled_at_any_point_is_atomic,
    a_task_aborted_in_the_middle_of_a_unit_leaves_nothing_behind,
    a_unit_cancelled_while_it_waits_for_a_lock_does_not_block_others,
    a_query_cancelled_at_any_point_does_not_affect_the_next_one,
}

async fn a_unit_cancelled_at_any_point_is_atomic(node: Node) {
    let owner = add_user(&node, 1_000_000).await;
    // The test is repeated in several rounds, because the timing varies: a statement that is still running when its
    // unit is dropped may end before or after the statements of the next unit, which checks the result.
    for round in 1..=5 {
        let mut is_over = false;
        for waits in 0..500 {
            let number = round * 1000 + u64::try_from(waits).unwrap();
            is_over = happens_as_a_whole_or_not_at_all(&node, owner.id, waits, number).await;
            if is_over {
                break;
            }
        }
        assert!(is_over, "the unit never ended");
    }
}

/// Runs a unit of work, and drops it when it has to wait more than `waits` times. Checks that either all or none of
/// its changes were made. Returns whether the unit was completed before it could be dropped.
async fn happens_as_a_whole_or_not_at_all(node: &Node, owner: UserId, waits: usize, number: u64) -> bool {
    let ended = cancelled_after(waits, async {
        let mut unit = node.unit().await;
        unit.find_user_for_update(owner).await.unwrap().unwrap();
        unit.insert_user(&user(number)).await.unwrap();
        unit.put_link(&link(number, id(number), LinkKind::Activation)).await.unwrap();
        unit.commit().await.unwrap();
    });
    let is_over = timeout(AT_ONCE, ended).await.expect("no other unit holds a lock").is_some();
    let mut unit = timeout(AT_ONCE, node.unit()).await.expect("a unit can begin");
    let lock = unit.find_user_for_update(owner);
    assert!(timeout(AT_ONCE, lock).await.expect("the lock is free").unwrap().is_some());
    let has_user = unit.find_user(id(number)).await.unwrap().is_some();
    let has_link = unit.take_link(LinkKind::Activation, &digest(number)).await.unwrap().is_some();
    assert_eq!(has_user, has_link, "only some of the changes were made after {waits} waits");
    assert!(has_user || !is_over, "a committed change is missing");
    is_over
}

async fn a_task_aborted_in_the_middle_of_a_unit_leaves_nothing_behind(node: Node) {
    let ann = add_user(&node, 1).await;
    let (middle, reached) = tokio::sync::oneshot::channel();
    let task = tokio::spawn({
        let node = node.clone();
        async move {
            let mut unit = node.unit().await;
            unit.find_user_for_update(id(1)).await.unwrap();
            unit.push_message(message(1)).await.unwrap();
            middle.send(()).unwrap();
            std::future::pending::<()>().await;
            unit.commit().await.unwrap();
        }
    });
    reached.await.unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let mut unit = timeout(AT_ONCE, node.unit()).await.expect("a unit can begin");
    let lock = unit.find_user_by_email_for_update(&ann.email);
    assert_eq!(timeout(AT_ONCE, lock).await.expect("the lock is free").unwrap(), Some(ann));
    drop(unit);
    assert!(node.claim_all(at(100)).await.is_empty());
}

async fn a_unit_cancelled_while_it_waits_for_a_lock_does_not_block_others(node: Node) {
    add_user(&node, 1).await;
    for waits in 0..20 {
        let mut holder = node.unit().await;
        holder.find_user_for_update(id(1)).await.unwrap();
        let attempt = cancelled_after(waits, async {
            let mut unit = node.unit().await;
            unit.find_user_for_update(id(1)).await.unwrap();
        });
        // `cancelled_after` can drop the future only when it is polled, and it is possible that a future that waits
        // for the lock is not polled again. So a time limit drops it too.
        let waited = timeout(std::time::Duration::from_millis(20), attempt).await;
        assert!(!matches!(waited, Ok(Some(()))), "two units hold the same lock");
        holder.commit().await.unwrap();
        let mut next = timeout(AT_ONCE, node.unit()).await.expect("a unit can begin");
        let lock = next.find_user_for_update(id(1));
        timeout(AT_ONCE, lock).await.expect("the lock is free").unwrap();
    }
}

async fn a_query_cancelled_at_any_point_does_not_affect_the_next_one(node: Node) {
    let ann = add_user(&node, 1).await;
    for waits in 0..10 {
        let _ = cancelled_after(waits, node.credentials(&ann.email)).await;
        let session = fresh();
        let _ = cancelled_after(waits, node.session_state(session, at(1))).await;
        let read = timeout(AT_ONCE, node.credentials(&ann.email)).await;
        assert_eq!(read.expect("no other unit holds a lock").unwrap().unwrap().user_id, ann.id);
    }
}
