//! The outbox is a table of messages, such as mails, which workers process later. Messages are written within a unit of
//! work (one transaction); if it is dropped without a commit, it is rolled back. Of several messages with the same
//! cause, only the first one is stored.

use domain::{
    id::OutboxId,
    outbox::{ClaimedOutboxMessage, NewOutboxMessage},
};

use crate::{
    fixtures::{add_user, at, id, shifted, stored_user, user},
    node::Node,
    parallel::at_once,
};

crate::cases! { "outbox":
    a_pushed_message_is_claimed_as_written,
    a_message_of_a_dropped_unit_is_never_claimed,
    a_second_message_of_the_same_cause_is_dropped,
    a_dropped_message_leaves_the_unit_usable,
    only_one_of_several_concurrent_messages_with_the_same_cause_stays,
    a_message_with_an_already_handled_cause_is_dropped,
    a_message_is_removed_once_together_with_its_effects,
    a_message_that_was_done_is_not_removed,
}

/// A message that is due at the time `at(0)`. Messages with different numbers have different causes (`dedupe_key`).
pub(crate) fn message(number: u64) -> NewOutboxMessage {
    NewOutboxMessage {
        id: id(number),
        dedupe_key: format!("cause {number}"),
        kind: "mail".to_owned(),
        user_id: None,
        payload: number.to_be_bytes().to_vec(),
        available_at: at(0),
        created_at: at(0),
    }
}

pub(crate) fn ids(messages: &[ClaimedOutboxMessage]) -> Vec<OutboxId> {
    messages.iter().map(|message| message.id).collect()
}

pub(crate) async fn push(node: &Node, messages: Vec<NewOutboxMessage>) {
    let mut unit = node.unit().await;
    for message in messages {
        unit.push_message(message).await.unwrap();
    }
    unit.commit().await.unwrap();
}

async fn a_pushed_message_is_claimed_as_written(node: Node) {
    let payload: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    let written = NewOutboxMessage {
        payload: payload.clone(),
        kind: "activation_requested".to_owned(),
        created_at: at(-5),
        ..message(1)
    };
    push(&node, vec![written]).await;
    let claimed = node.claim_all(at(0)).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].id, id(1));
    assert_eq!(claimed[0].kind, "activation_requested");
    assert_eq!(claimed[0].payload, payload);
    assert_eq!(claimed[0].attempts, 1);
    assert_eq!(claimed[0].created_at, at(-5));
}

async fn a_message_of_a_dropped_unit_is_never_claimed(node: Node) {
    let mut unit = node.unit().await;
    unit.push_message(message(1)).await.unwrap();
    drop(unit);
    assert!(node.claim_all(at(100)).await.is_empty());
}

async fn a_second_message_of_the_same_cause_is_dropped(node: Node) {
    let second = |number| NewOutboxMessage {
        dedupe_key: message(1).dedupe_key,
        available_at: shifted(at(0), -1),
        ..message(number)
    };
    push(&node, vec![message(1), second(2)]).await;
    push(&node, vec![second(3)]).await;
    let claimed = node.claim_all(at(0)).await;
    assert_eq!(ids(&claimed), [id(1)]);
}

async fn a_dropped_message_leaves_the_unit_usable(node: Node) {
    push(&node, vec![message(1)]).await;
    let mut unit = node.unit().await;
    unit.push_message(NewOutboxMessage { id: id(2), ..message(1) }).await.unwrap();
    unit.insert_user(&user(1)).await.unwrap();
    unit.push_message(message(3)).await.unwrap();
    unit.commit().await.unwrap();
    assert!(stored_user(&node, id(1)).await.is_some());
    assert_eq!(node.claim_all(at(0)).await.len(), 2);
}

async fn only_one_of_several_concurrent_messages_with_the_same_cause_stays(node: Node) {
    add_user(&node, 1).await;
    at_once(20, |number| {
        let node = node.clone();
        async move { push(&node, vec![NewOutboxMessage { id: id(number), ..message(7) }]).await }
    })
    .await;
    assert_eq!(node.claim_all(at(0)).await.len(), 1);
}

async fn a_message_with_an_already_handled_cause_is_dropped(node: Node) {
    push(&node, vec![message(1)]).await;
    node.claim_all(at(0)).await;
    node.complete_message(id(1), at(1)).await.unwrap();
    push(&node, vec![NewOutboxMessage { id: id(2), ..message(1) }]).await;
    assert!(node.claim_all(at(1000)).await.is_empty());
}

async fn a_message_is_removed_once_together_with_its_effects(node: Node) {
    push(&node, vec![message(1), message(2)]).await;
    let mut unit = node.unit().await;
    assert!(unit.remove_message(id(1)).await.unwrap());
    assert!(!unit.remove_message(id(1)).await.unwrap());
    drop(unit);
    let claimed = node.claim_all(at(0)).await;
    assert_eq!(ids(&claimed), [id(1), id(2)]);
    let nodes = [node.clone(), node.another().await];
    let removed = at_once(10, |number| {
        let node = nodes[usize::try_from(number % 2).unwrap()].clone();
        async move {
            let mut unit = node.unit().await;
            let is_first = unit.remove_message(id(1)).await.unwrap();
            unit.push_message(message(number + 100)).await.unwrap();
            unit.commit().await.unwrap();
            is_first
        }
    })
    .await;
    assert_eq!(removed.into_iter().filter(|is_first| *is_first).count(), 1);
    assert_eq!(node.subject.outbox_payload(id(1)).await, None);
    assert_eq!(node.subject.outbox_payload(id(2)).await, Some(message(2).payload));
    node.complete_message(id(1), at(1)).await.expect("completing a removed message succeeds");
    node.fail_message(&claimed[0], "no answer", Some(at(1)))
        .await
        .expect("failing a removed message succeeds");
    let others = node.claim_all(at(1000)).await;
    assert!(others.len() == 11 && others.iter().all(|message| message.id != id(1)));
}

async fn a_message_that_was_done_is_not_removed(node: Node) {
    push(&node, vec![message(1)]).await;
    node.complete_message(id(1), at(1)).await.unwrap();
    let mut unit = node.unit().await;
    assert!(!unit.remove_message(id(1)).await.unwrap());
    unit.commit().await.unwrap();
    assert_eq!(node.subject.outbox_payload(id(1)).await, Some(Vec::new()));
}
