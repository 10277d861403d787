//! Purging: rows that are no longer needed are deleted, and no other rows. The first argument of `purge_expired` is
//! the current time: refresh tokens and stream tickets that expired before it are deleted. The second argument is the
//! bound. Links that expired before the bound are deleted, sessions that ended or expired before it, notifications
//! whose likes were all withdrawn and whose most recent like was before the bound, and carts and notifications of
//! users who were erased at the bound or later.

use domain::accounts::{LinkKind, LinkToken, RefreshToken, Session};

use crate::{
    fixtures::{add_user, at, digest, id, link, shifted},
    node::{Node, patiently},
    parallel::at_once,
    sessions::{refresh, session},
};

crate::cases! { "purge":
    links_that_expired_before_the_bound_are_removed,
    refresh_tokens_that_have_expired_are_removed,
    sessions_that_ended_or_expired_before_the_bound_are_removed,
    a_purge_takes_at_most_the_limit_of_each_kind,
    at_most_the_limit_of_carts_of_erased_users_is_removed_at_a_time,
    nodes_that_purge_concurrently_remove_each_row_once,
}

async fn links_that_expired_before_the_bound_are_removed(node: Node) {
    let bound = at(1000);
    let mut unit = node.unit().await;
    for (number, moved) in [(1, -1), (2, 0), (3, 1)] {
        unit.insert_user(&crate::fixtures::user(number)).await.unwrap();
        let token =
            LinkToken { expires_at: shifted(bound, moved), ..link(number, id(number), LinkKind::Activation) };
        unit.put_link(&token).await.unwrap();
    }
    unit.commit().await.unwrap();
    assert_eq!(node.purge_expired(at(5000), bound, 100).await.unwrap(), 1);
    let mut unit = node.unit().await;
    for (number, is_left) in [(1, false), (2, true), (3, true)] {
        let taken = unit.take_link(LinkKind::Activation, &digest(number)).await.unwrap();
        assert_eq!(taken.is_some(), is_left, "{number}");
    }
}

async fn refresh_tokens_that_have_expired_are_removed(node: Node) {
    add_user(&node, 1).await;
    let session = session(1, id(1));
    let now = at(1000);
    let mut unit = node.unit().await;
    unit.insert_session(&session).await.unwrap();
    for (number, moved) in [(1, -1), (2, 0), (3, 1)] {
        let token = RefreshToken { expires_at: shifted(now, moved), ..refresh(number, &session) };
        unit.insert_refresh_token(&token).await.unwrap();
    }
    unit.commit().await.unwrap();
    assert_eq!(node.purge_expired(now, at(0), 100).await.unwrap(), 1);
    let mut unit = node.unit().await;
    for (number, is_left) in [(1, false), (2, true), (3, true)] {
        let found = unit.find_refresh_token(&digest(number)).await.unwrap();
        assert_eq!(found.is_some(), is_left, "{number}");
    }
    assert!(unit.find_session_for_update(session.id).await.unwrap().is_some());
}

async fn sessions_that_ended_or_expired_before_the_bound_are_removed(node: Node) {
    add_user(&node, 1).await;
    let bound = at(1000);
    let mut unit = node.unit().await;
    for (number, ended, expires, _) in SESSIONS {
        let session = Session {
            ended_at: ended.map(|moved| shifted(bound, moved)),
            expires_at: shifted(bound, expires),
            ..session(number, id(1))
        };
        unit.insert_session(&session).await.unwrap();
        // A refresh token that has not expired must not prevent the removal of its session.
        let expires_at = at(1_000_000);
        unit.insert_refresh_token(&RefreshToken { expires_at, ..refresh(number, &session) }).await.unwrap();
    }
    unit.commit().await.unwrap();
    node.purge_expired(at(500), bound, 100).await.unwrap();
    let mut unit = node.unit().await;
    for (number, _, _, is_left) in SESSIONS {
        let found = unit.find_session_for_update(id(number)).await.unwrap();
        assert_eq!(found.is_some(), is_left, "session {number}");
        let token = unit.find_refresh_token(&digest(number)).await.unwrap();
        assert_eq!(token.is_some(), is_left, "refresh token {number}");
    }
}

/// Sessions: the number, the end and the expiry (both in microseconds relative to the bound), and whether the session
/// stays.
const SESSIONS: [(u64, Option<i64>, i64, bool); 5] = [
    (1, Some(-1), 1_000_000, false),
    (2, None, -1, false),
    (3, Some(0), 1_000_000, true),
    (4, None, 0, true),
    (5, Some(1), 1_000_000, true),
];

async fn a_purge_takes_at_most_the_limit_of_each_kind(node: Node) {
    let mut unit = node.unit().await;
    for number in 1..=5 {
        unit.insert_user(&crate::fixtures::user(number)).await.unwrap();
        unit.put_link(&link(number, id(number), LinkKind::PasswordReset)).await.unwrap();
        let session = session(number, id(number));
        unit.insert_session(&session).await.unwrap();
        unit.insert_refresh_token(&refresh(number, &session)).await.unwrap();
    }
    unit.commit().await.unwrap();
    let mut gone = Vec::new();
    for _ in 0..4 {
        gone.push(node.purge_expired(at(10_000), at(10_000), 2).await.unwrap());
    }
    assert_eq!(gone, [4, 4, 2, 0], "two links and two refresh tokens at a time; the sessions stay live");
}

async fn at_most_the_limit_of_carts_of_erased_users_is_removed_at_a_time(node: Node) {
    for number in 1..=6 {
        add_user(&node, number).await;
        if number < 6 {
            let mut unit = node.unit().await;
            unit.find_user_for_update(id(number)).await.unwrap();
            unit.erase_user(id(number), at(40)).await.unwrap();
            unit.commit().await.unwrap();
        }
        let mut unit = node.unit().await;
        unit.open_cart_for_update(id(number), id(number)).await.unwrap();
        unit.commit().await.unwrap();
    }
    let mut gone = Vec::new();
    for _ in 0..4 {
        gone.push(node.purge_expired(at(50), at(40), 2).await.unwrap());
    }
    assert_eq!(gone, [2, 2, 1, 0]);
}

async fn nodes_that_purge_concurrently_remove_each_row_once(node: Node) {
    add_user(&node, 1).await;
    let session = session(1, id(1));
    let mut unit = node.unit().await;
    unit.insert_session(&session).await.unwrap();
    for number in 1..=100 {
        unit.insert_refresh_token(&refresh(number, &session)).await.unwrap();
    }
    unit.commit().await.unwrap();
    let nodes = [node.clone(), node.another().await];
    let gone = at_once(8, |number| {
        let node = nodes[usize::try_from(number % 2).unwrap()].clone();
        async move {
            let mut gone = 0;
            for _ in 0..10 {
                gone += patiently(|| node.purge_expired(at(10_000), at(0), 10)).await;
            }
            gone
        }
    })
    .await;
    assert_eq!(gone.iter().sum::<u64>(), 100);
}
