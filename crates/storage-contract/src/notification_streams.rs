//! Live streams of notifications: the queries that they use, and the one-time tickets that open them. Each change to
//! the notifications of a user has a position, and a stream sends the notifications after the position that it has
//! reached.

use domain::{
    id::SessionId,
    notifications::{ReadSelection, StreamTicket, UserPosition},
};

use crate::{
    fixtures::{add_user, at, digest, fresh, id, user},
    node::Node,
    notifications::{like, prepare, push, reply},
    parallel::{at_once, count},
    sessions::session,
};

crate::cases! { "notification_streams":
    every_change_advances_only_the_position_of_its_user,
    notifications_after_a_position_are_returned_in_order,
    a_notification_that_became_unread_again_is_sent_again,
    no_change_becomes_visible_before_a_position_that_was_read,
    a_ticket_can_be_used_once,
    only_one_of_several_concurrent_uses_of_a_ticket_succeeds,
    expired_tickets_are_removed,
    active_sessions_are_those_of_active_users_that_have_not_ended,
}

async fn position(node: &Node, user: u64) -> i64 {
    let found = node.notification_positions(&[id(user)]).await.unwrap();
    found.first().map_or(0, |found| found.position)
}

async fn behind(node: &Node, user: u64, position: i64) -> Vec<u64> {
    let behind = UserPosition { user_id: id(user), position };
    let found = node.notifications_behind(behind, 100).await.unwrap();
    let number =
        |one: &domain::notifications::Notification| one.comment_id.unwrap().as_uuid().as_u64_pair().1;
    found.iter().map(|one| number(one) & 0xffff).collect()
}

async fn every_change_advances_only_the_position_of_its_user(node: Node) {
    prepare(&node, 3).await;
    assert_eq!(node.notification_positions(&[id(1), id(2)]).await.unwrap(), []);
    assert_eq!(node.notification_positions(&[]).await.unwrap(), []);
    push(&node, 2, like(3, 20), at(1)).await;
    let other = position(&node, 2).await;
    let mut last = 0;
    let mut moved = async |what: &str| {
        let now = position(&node, 1).await;
        assert!(now > last, "{what}: {now} after {last}");
        last = now;
    };
    push(&node, 1, like(2, 10), at(1)).await;
    moved("a new notification").await;
    push(&node, 1, like(3, 10), at(1)).await;
    moved("a merged like").await;
    for (what, is_read) in [("a withdrawn like", false), ("marking as read", true)] {
        let mut unit = node.unit().await;
        if is_read {
            unit.mark_notifications_read(id(1), &ReadSelection::All, at(2)).await.unwrap();
        } else {
            unit.withdraw_like_notification(id(10), id(3)).await.unwrap();
        }
        unit.commit().await.unwrap();
        moved(what).await;
    }
    let mut unit = node.unit().await;
    unit.remove_comment_notifications(id(10)).await.unwrap();
    unit.commit().await.unwrap();
    moved("a removed comment").await;
    let both = node.notification_positions(&[id(2), id(1), id(3)]).await.unwrap();
    assert_eq!(both.len(), 2);
    assert_eq!(position(&node, 2).await, other);
}

async fn notifications_after_a_position_are_returned_in_order(node: Node) {
    prepare(&node, 2).await;
    for comment in 10..13 {
        push(&node, 1, reply(2, comment), at(5)).await;
    }
    push(&node, 2, reply(1, 20), at(5)).await;
    assert_eq!(behind(&node, 1, 0).await, [10, 11, 12]);
    let all = node.notifications_behind(UserPosition { user_id: id(1), position: 0 }, 2).await.unwrap();
    assert_eq!(all.len(), 2, "not more than the limit");
    assert_eq!(behind(&node, 1, all[0].position).await, [11, 12]);
    assert_eq!(behind(&node, 1, position(&node, 1).await).await, []);
}

async fn a_notification_that_became_unread_again_is_sent_again(node: Node) {
    prepare(&node, 3).await;
    push(&node, 1, like(2, 10), at(1)).await;
    push(&node, 1, reply(2, 11), at(1)).await;
    let seen = position(&node, 1).await;
    push(&node, 1, like(3, 10), at(2)).await;
    assert_eq!(behind(&node, 1, seen).await, [10]);
    assert_eq!(behind(&node, 1, 0).await, [11, 10]);
}

async fn no_change_becomes_visible_before_a_position_that_was_read(node: Node) {
    prepare(&node, 2).await;
    // The first unit of work (transaction) has pushed a notification, and is not committed yet when the second unit
    // of work pushes another notification.
    let mut first = node.unit().await;
    let new = |comment| domain::notifications::NewNotification {
        id: fresh(),
        receiver: id(1),
        cause: reply(2, comment),
        at: at(1),
    };
    first.push_notification(&new(10)).await.unwrap();
    let second = tokio::spawn({
        let (node, new) = (node.another().await, new(11));
        async move {
            let mut unit = node.unit().await;
            unit.push_notification(&new).await.unwrap();
            unit.commit().await.unwrap();
        }
    });
    assert_eq!(position(&node, 1).await, 0, "neither notification is visible");
    first.commit().await.unwrap();
    second.await.unwrap();
    assert_eq!(behind(&node, 1, 0).await, [10, 11]);
}

fn ticket(number: u64) -> StreamTicket {
    StreamTicket {
        id: id(number),
        user_id: id(1),
        session_id: id(1),
        digest: digest(number),
        expires_at: at(i64::try_from(number).unwrap() * 10),
    }
}

/// Stores user 1 with session 1, and these tickets of the session.
async fn add_tickets(node: &Node, numbers: &[u64]) {
    add_user(node, 1).await;
    let mut unit = node.unit().await;
    unit.insert_session(&session(1, id(1))).await.unwrap();
    for number in numbers {
        unit.insert_stream_ticket(&ticket(*number), at(0)).await.unwrap();
    }
    unit.commit().await.unwrap();
}

async fn take(node: &Node, number: u64) -> Option<StreamTicket> {
    let mut unit = node.unit().await;
    let taken = unit.take_stream_ticket(&digest(number)).await.unwrap();
    unit.commit().await.unwrap();
    taken
}

async fn a_ticket_can_be_used_once(node: Node) {
    add_tickets(&node, &[1, 2]).await;
    assert_eq!(take(&node, 1).await, Some(ticket(1)));
    assert_eq!(take(&node, 1).await, None);
    assert_eq!(take(&node, 9).await, None);
    assert_eq!(take(&node, 2).await, Some(ticket(2)));
}

async fn only_one_of_several_concurrent_uses_of_a_ticket_succeeds(node: Node) {
    add_tickets(&node, &[1]).await;
    let nodes = [node.clone(), node.another().await];
    let taken = at_once(10, |number| {
        let node = nodes[usize::try_from(number % 2).unwrap()].clone();
        async move { take(&node, 1).await.is_some() }
    })
    .await;
    assert_eq!(count(&taken), 1);
}

async fn expired_tickets_are_removed(node: Node) {
    add_tickets(&node, &[1, 2, 3]).await;
    assert_eq!(node.purge_expired(at(15), at(0), 100).await.unwrap(), 1);
    assert_eq!(take(&node, 1).await, None);
    let mut unit = node.unit().await;
    unit.insert_stream_ticket(&ticket(4), at(25)).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(take(&node, 2).await, None, "a new ticket removes the user's expired ones");
    assert_eq!(take(&node, 3).await, Some(ticket(3)));
}

async fn active_sessions_are_those_of_active_users_that_have_not_ended(node: Node) {
    add_user(&node, 1).await;
    let mut inactive = user(2);
    inactive.deactivate(at(2)).unwrap();
    let mut unit = node.unit().await;
    unit.insert_user(&inactive).await.unwrap();
    for (number, owner) in [(1, 1), (2, 1), (3, 2)] {
        unit.insert_session(&session(number, id(owner))).await.unwrap();
    }
    unit.end_sessions(&[id(2)], at(12)).await.unwrap();
    unit.commit().await.unwrap();
    let ids: Vec<SessionId> = [1, 2, 3, 9].map(id).into();
    assert_eq!(node.live_sessions_among(&ids, at(20)).await.unwrap(), [id(1)]);
    assert_eq!(node.live_sessions_among(&[], at(20)).await.unwrap(), []);
    let end = session(1, id(1)).expires_at;
    assert_eq!(node.live_sessions_among(&ids, end).await.unwrap(), []);
}
