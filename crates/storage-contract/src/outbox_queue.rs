//! The outbox is a table of messages, such as mails. Workers claim messages, and complete, fail or postpone them. A
//! claimed message belongs to its worker until the lease ends. A completed message is done. A message that a worker
//! abandons is dead: it is never claimed again.

use std::collections::HashSet;

use chrono::TimeDelta;
use domain::{
    outbox::{LEASE, NewOutboxMessage},
    time::Instant,
};

use crate::{
    fixtures::{at, id, shifted},
    node::Node,
    outbox::{ids, message, push},
    parallel::at_once,
};

crate::cases! { "outbox_queue":
    a_message_can_be_claimed_when_it_becomes_due,
    only_the_message_due_for_the_longest_time_is_claimed,
    a_message_is_never_claimed_by_two_workers_at_once,
    a_claimed_message_can_be_claimed_again_when_its_lease_has_ended,
    a_completed_message_is_never_claimed_again,
    completing_blanks_the_payload,
    completing_again_is_harmless,
    a_failed_message_waits_for_its_retry,
    an_abandoned_message_is_dead_and_keeps_its_payload,
    a_failure_does_not_change_a_message_that_is_done,
    a_failure_does_not_change_a_message_claimed_by_another_worker,
    a_message_is_done_even_if_another_worker_has_claimed_or_abandoned_it,
    an_unclaimed_message_has_not_been_attempted,
    a_postponed_message_waits_and_has_not_been_tried,
    postponing_does_not_change_messages_of_another_worker,
    a_purge_removes_only_messages_done_before_the_bound,
    a_purge_takes_at_most_the_limit,
}

fn lease_end(claimed: Instant) -> Instant {
    claimed.checked_add_signed(TimeDelta::from_std(LEASE).unwrap()).unwrap()
}

async fn a_message_can_be_claimed_when_it_becomes_due(node: Node) {
    push(&node, vec![NewOutboxMessage { available_at: at(5), ..message(1) }]).await;
    assert!(node.claim_all(shifted(at(5), -1)).await.is_empty());
    assert_eq!(ids(&node.claim_all(at(5)).await), [id(1)]);
}

async fn only_the_message_due_for_the_longest_time_is_claimed(node: Node) {
    let due = |number, second| NewOutboxMessage {
        available_at: at(second),
        created_at: at(second),
        ..message(number)
    };
    push(&node, vec![due(1, 30), due(2, 10), due(3, 40), due(4, 20)]).await;
    for number in [2, 4, 1, 3] {
        let claimed = node.claim_message(at(100)).await.unwrap().unwrap();
        assert_eq!((claimed.id, claimed.attempts), (id(number), 1));
    }
    assert_eq!(node.claim_message(at(100)).await.unwrap(), None);
}

async fn a_message_is_never_claimed_by_two_workers_at_once(node: Node) {
    push(&node, (1..=100).map(message).collect()).await;
    let nodes = [node.clone(), node.another().await];
    let claimed = at_once(10, |number| {
        let node = nodes[usize::try_from(number % 2).unwrap()].clone();
        async move {
            let mut mine = Vec::new();
            // Each worker tries many times, because it may find no message for a moment while other workers are
            // claiming messages.
            for _ in 0..100 {
                mine.extend(ids(&node.claim_all(at(0)).await));
            }
            mine
        }
    })
    .await
    .concat();
    assert_eq!(claimed.len(), 100);
    assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), 100);
}

async fn a_claimed_message_can_be_claimed_again_when_its_lease_has_ended(node: Node) {
    push(&node, vec![message(1)]).await;
    assert_eq!(node.claim_all(at(0)).await[0].attempts, 1);
    assert!(node.claim_all(shifted(lease_end(at(0)), -1)).await.is_empty());
    let again = node.claim_all(shifted(lease_end(at(0)), 1)).await;
    assert_eq!((again[0].id, again[0].attempts), (id(1), 2));
    assert_eq!(again[0].payload, message(1).payload);
}

async fn a_completed_message_is_never_claimed_again(node: Node) {
    push(&node, vec![message(1), message(2)]).await;
    node.claim_all(at(0)).await;
    node.complete_message(id(1), at(1)).await.unwrap();
    assert_eq!(ids(&node.claim_all(at(1_000_000)).await), [id(2)]);
}

async fn completing_blanks_the_payload(node: Node) {
    push(&node, vec![message(1), message(2)]).await;
    node.claim_all(at(0)).await;
    assert_eq!(node.subject.outbox_payload(id(1)).await, Some(message(1).payload));
    node.complete_message(id(1), at(1)).await.unwrap();
    assert_eq!(node.subject.outbox_payload(id(1)).await, Some(Vec::new()));
    assert_eq!(node.subject.outbox_payload(id(2)).await, Some(message(2).payload));
}

async fn completing_again_is_harmless(node: Node) {
    push(&node, vec![message(1)]).await;
    node.claim_all(at(0)).await;
    for second in 1..4 {
        node.complete_message(id(1), at(second)).await.unwrap();
    }
    node.complete_message(id(99), at(1)).await.expect("completing an unknown message succeeds");
    assert!(node.claim_all(at(1_000_000)).await.is_empty());
    assert_eq!(node.purge_messages(at(1_000_000), 10).await.unwrap(), 1);
    node.complete_message(id(1), at(5)).await.expect("completing a purged message succeeds");
}

async fn a_failed_message_waits_for_its_retry(node: Node) {
    push(&node, vec![message(1)]).await;
    let claimed = node.claim_all(at(0)).await;
    node.fail_message(&claimed[0], "no answer \u{1f3ac}", Some(at(7))).await.unwrap();
    assert!(node.claim_all(shifted(at(7), -1)).await.is_empty());
    let again = node.claim_all(at(7)).await;
    assert_eq!((again[0].id, again[0].attempts), (id(1), 2));
    assert_eq!(again[0].payload, message(1).payload);
}

async fn an_abandoned_message_is_dead_and_keeps_its_payload(node: Node) {
    push(&node, vec![message(1), message(2)]).await;
    let claimed = node.claim_all(at(0)).await;
    node.fail_message(&claimed[0], "no such address", None).await.unwrap();
    assert_eq!(ids(&node.claim_all(at(1_000_000)).await), [id(2)]);
    assert_eq!(node.purge_messages(at(2_000_000), 10).await.unwrap(), 0, "a dead message is not purged");
    assert_eq!(node.subject.outbox_payload(id(1)).await, Some(message(1).payload));
}

async fn a_failure_does_not_change_a_message_that_is_done(node: Node) {
    push(&node, vec![message(1)]).await;
    let claimed = node.claim_all(at(0)).await;
    node.complete_message(id(1), at(100)).await.unwrap();
    for retry_at in [Some(at(101)), None] {
        node.fail_message(&claimed[0], "no answer", retry_at).await.unwrap();
        assert!(node.claim_all(at(1_000_000)).await.is_empty());
    }
    assert_eq!(node.purge_messages(at(2_000_000), 10).await.unwrap(), 1, "the message stays done");
}

async fn a_failure_does_not_change_a_message_claimed_by_another_worker(node: Node) {
    push(&node, vec![message(1)]).await;
    let late = node.claim_all(at(0)).await.remove(0);
    let second = lease_end(at(0));
    let holder = node.claim_all(second).await.remove(0);
    for retry_at in [Some(second), None] {
        node.fail_message(&late, "no answer", retry_at).await.unwrap();
        assert!(
            node.claim_all(shifted(lease_end(second), -1)).await.is_empty(),
            "the lease of the second worker has not ended"
        );
    }
    node.fail_message(&holder, "no answer", Some(second)).await.unwrap();
    let again = node.claim_all(second).await.remove(0);
    assert_eq!((again.id, again.attempts), (id(1), 3), "the message is not dead");
}

async fn a_message_is_done_even_if_another_worker_has_claimed_or_abandoned_it(node: Node) {
    push(&node, vec![message(1)]).await;
    node.claim_all(at(0)).await;
    let holder = node.claim_all(lease_end(at(0))).await.remove(0);
    node.complete_message(id(1), at(100)).await.unwrap();
    node.fail_message(&holder, "no answer", Some(at(101))).await.unwrap();
    assert!(node.claim_all(at(1_000_000)).await.is_empty());

    push(&node, vec![message(2)]).await;
    node.claim_all(at(0)).await;
    let holder = node.claim_all(lease_end(at(0))).await.remove(0);
    node.fail_message(&holder, "no answer", None).await.unwrap();
    node.complete_message(id(2), at(100)).await.unwrap();
    assert_eq!(node.subject.outbox_payload(id(2)).await, Some(Vec::new()));
    assert_eq!(node.purge_messages(at(2_000_000), 10).await.unwrap(), 2);
}

async fn an_unclaimed_message_has_not_been_attempted(node: Node) {
    push(&node, (1..=30).map(message).collect()).await;
    for tries in 1..=3 {
        let mut begun = Vec::new();
        for _ in 0..10 {
            begun.push(node.claim_message(at(0)).await.unwrap().unwrap());
        }
        for claimed in begun {
            assert_eq!(claimed.attempts, tries);
            node.fail_message(&claimed, "no answer", Some(at(0))).await.unwrap();
        }
    }
    let attempts: Vec<u32> = node.claim_all(at(0)).await.iter().map(|message| message.attempts).collect();
    assert_eq!(attempts, [[4; 10], [1; 10], [1; 10]].concat(), "the other messages were never tried");
}

async fn a_postponed_message_waits_and_has_not_been_tried(node: Node) {
    push(&node, vec![message(1)]).await;
    for (now, later) in [(0, 7), (7, 14)] {
        let claimed = node.claim_message(at(now)).await.unwrap().unwrap();
        assert_eq!((claimed.id, claimed.attempts), (id(1), 1));
        node.postpone_message(&claimed, at(later)).await.unwrap();
        assert_eq!(node.claim_message(shifted(at(later), -1)).await.unwrap(), None);
    }
    let claimed = node.claim_message(at(14)).await.unwrap().unwrap();
    assert_eq!((claimed.id, claimed.attempts, claimed.payload), (id(1), 1, message(1).payload));
}

async fn postponing_does_not_change_messages_of_another_worker(node: Node) {
    push(&node, vec![message(1)]).await;
    let late = node.claim_message(at(0)).await.unwrap().unwrap();
    let second = lease_end(at(0));
    let holder = node.claim_message(second).await.unwrap().unwrap();
    node.postpone_message(&late, second).await.unwrap();
    assert_eq!(
        node.claim_message(shifted(lease_end(second), -1)).await.unwrap(),
        None,
        "the lease of the second worker has not ended"
    );
    node.complete_message(id(1), second).await.unwrap();
    node.postpone_message(&holder, second).await.unwrap();
    assert!(node.claim_all(at(1_000_000)).await.is_empty(), "the message stays done");
}

async fn a_purge_removes_only_messages_done_before_the_bound(node: Node) {
    push(&node, (1..=4).map(message).collect()).await;
    node.claim_all(at(0)).await;
    for (number, done) in [(1, at(9)), (2, shifted(at(10), -1)), (3, at(11))] {
        node.complete_message(id(number), done).await.unwrap();
    }
    assert_eq!(node.purge_messages(at(10), 10).await.unwrap(), 2);
    for (number, is_left) in [(1, false), (2, false), (3, true), (4, true)] {
        assert_eq!(node.subject.outbox_payload(id(number)).await.is_some(), is_left, "{number}");
    }
}

async fn a_purge_takes_at_most_the_limit(node: Node) {
    push(&node, (1..=5).map(message).collect()).await;
    for number in 1..=5 {
        node.complete_message(id(number), at(1)).await.unwrap();
    }
    let mut gone = Vec::new();
    for _ in 0..4 {
        gone.push(node.purge_messages(at(10), 2).await.unwrap());
    }
    assert_eq!(gone, [2, 2, 1, 0]);
}
