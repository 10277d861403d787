//! Links in mails: each user has at most one of each kind, and each can be used once.
//!
//! A unit (of work) is one transaction. If it is dropped without a commit, it is rolled back.

use domain::accounts::{LinkKind, LinkToken};

use crate::{
    fixtures::{add_user, at, digest, fresh, id, link, shifted},
    node::Node,
    parallel::{at_once, count},
};

crate::cases! { "links":
    a_taken_link_is_returned_as_written_and_removed,
    an_expired_link_is_also_returned,
    an_unknown_link_is_none,
    finding_a_link_does_not_remove_it,
    a_link_is_read_without_a_unit,
    a_link_is_returned_to_only_one_of_twenty_callers,
    a_link_taken_by_a_dropped_unit_is_still_there,
    a_new_link_replaces_only_the_earlier_one_of_its_kind,
    only_one_of_several_concurrently_stored_links_stays,
    a_link_is_taken_only_as_its_own_kind,
    a_removed_link_cannot_be_taken,
}

async fn put(node: &Node, token: &LinkToken) {
    let mut unit = node.unit().await;
    unit.put_link(token).await.unwrap();
    unit.commit().await.unwrap();
}

async fn take(node: &Node, kind: LinkKind, number: u64) -> Option<LinkToken> {
    let mut unit = node.unit().await;
    let taken = unit.take_link(kind, &digest(number)).await.unwrap();
    unit.commit().await.unwrap();
    taken
}

async fn a_taken_link_is_returned_as_written_and_removed(node: Node) {
    add_user(&node, 1).await;
    for (number, kind) in [(1, LinkKind::Activation), (2, LinkKind::PasswordReset)] {
        let written = LinkToken { expires_at: shifted(at(60), 1), ..link(number, id(1), kind) };
        put(&node, &written).await;
        assert_eq!(take(&node, kind, number).await, Some(written));
        assert_eq!(take(&node, kind, number).await, None);
    }
}

async fn an_expired_link_is_also_returned(node: Node) {
    add_user(&node, 1).await;
    let written = LinkToken { expires_at: at(-1_000_000_000), ..link(1, id(1), LinkKind::Activation) };
    put(&node, &written).await;
    assert_eq!(take(&node, LinkKind::Activation, 1).await, Some(written));
}

async fn an_unknown_link_is_none(node: Node) {
    assert_eq!(take(&node, LinkKind::Activation, 1).await, None);
}

async fn finding_a_link_does_not_remove_it(node: Node) {
    add_user(&node, 1).await;
    let written = LinkToken { expires_at: at(-1), ..link(1, id(1), LinkKind::PasswordReset) };
    put(&node, &written).await;
    let mut unit = node.unit().await;
    for _ in 0..2 {
        let found = unit.find_link(LinkKind::PasswordReset, &digest(1)).await.unwrap();
        assert_eq!(found.as_ref(), Some(&written));
    }
    assert_eq!(unit.find_link(LinkKind::Activation, &digest(1)).await.unwrap(), None, "another kind");
    assert_eq!(unit.take_link(LinkKind::PasswordReset, &digest(1)).await.unwrap(), Some(written));
    assert_eq!(unit.find_link(LinkKind::PasswordReset, &digest(1)).await.unwrap(), None);
}

async fn a_link_is_read_without_a_unit(node: Node) {
    let read = |kind, number| {
        let node = node.clone();
        async move { node.find_link(kind, &digest(number)).await.unwrap() }
    };
    add_user(&node, 1).await;
    for (number, kind, other) in [
        (1, LinkKind::Activation, LinkKind::PasswordReset),
        (2, LinkKind::PasswordReset, LinkKind::Activation),
    ] {
        let expired = LinkToken { expires_at: shifted(at(-60), 1), ..link(number, id(1), kind) };
        assert_eq!(read(kind, number).await, None);
        put(&node, &expired).await;
        for _ in 0..2 {
            assert_eq!(read(kind, number).await, Some(expired.clone()));
        }
        assert_eq!(read(other, number).await, None, "another kind");
        take(&node, kind, number).await.unwrap();
        assert_eq!(read(kind, number).await, None);
    }
}

async fn a_link_is_returned_to_only_one_of_twenty_callers(node: Node) {
    add_user(&node, 1).await;
    put(&node, &link(1, id(1), LinkKind::Activation)).await;
    let given = at_once(20, |_| {
        let node = node.clone();
        async move { take(&node, LinkKind::Activation, 1).await.is_some() }
    })
    .await;
    assert_eq!(count(&given), 1);
}

async fn a_link_taken_by_a_dropped_unit_is_still_there(node: Node) {
    add_user(&node, 1).await;
    put(&node, &link(1, id(1), LinkKind::Activation)).await;
    let mut unit = node.unit().await;
    assert!(unit.take_link(LinkKind::Activation, &digest(1)).await.unwrap().is_some());
    drop(unit);
    assert!(take(&node, LinkKind::Activation, 1).await.is_some());
}

async fn a_new_link_replaces_only_the_earlier_one_of_its_kind(node: Node) {
    add_user(&node, 1).await;
    add_user(&node, 2).await;
    put(&node, &link(1, id(1), LinkKind::Activation)).await;
    put(&node, &link(2, id(1), LinkKind::PasswordReset)).await;
    put(&node, &link(3, id(2), LinkKind::Activation)).await;
    let second = LinkToken { expires_at: at(7200), ..link(4, id(1), LinkKind::Activation) };
    put(&node, &second).await;
    assert_eq!(take(&node, LinkKind::Activation, 1).await, None);
    assert_eq!(take(&node, LinkKind::Activation, 4).await, Some(second));
    assert!(take(&node, LinkKind::PasswordReset, 2).await.is_some());
    assert!(take(&node, LinkKind::Activation, 3).await.is_some());
}

async fn only_one_of_several_concurrently_stored_links_stays(node: Node) {
    add_user(&node, 1).await;
    at_once(20, |number| {
        let node = node.clone();
        async move { put(&node, &LinkToken { id: fresh(), ..link(number, id(1), LinkKind::Activation) }).await }
    })
    .await;
    let mut left = Vec::new();
    for number in 0..20 {
        left.push(take(&node, LinkKind::Activation, number).await.is_some());
    }
    assert_eq!(count(&left), 1);
}

async fn a_link_is_taken_only_as_its_own_kind(node: Node) {
    add_user(&node, 1).await;
    put(&node, &link(1, id(1), LinkKind::Activation)).await;
    assert_eq!(take(&node, LinkKind::PasswordReset, 1).await, None);
    assert!(take(&node, LinkKind::Activation, 1).await.is_some());
}

async fn a_removed_link_cannot_be_taken(node: Node) {
    add_user(&node, 1).await;
    put(&node, &link(1, id(1), LinkKind::Activation)).await;
    put(&node, &link(2, id(1), LinkKind::PasswordReset)).await;
    let mut unit = node.unit().await;
    unit.remove_link(LinkKind::Activation, id(1)).await.unwrap();
    unit.remove_link(LinkKind::Activation, id(1)).await.expect("removing a missing link succeeds");
    unit.commit().await.unwrap();
    assert_eq!(take(&node, LinkKind::Activation, 1).await, None);
    assert!(take(&node, LinkKind::PasswordReset, 2).await.is_some());
}
