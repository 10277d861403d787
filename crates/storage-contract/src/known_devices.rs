//! The devices from which users have signed in.

use domain::{
    accounts::{KnownDevice, MAX_KNOWN_DEVICES},
    id::UserId,
    time::Instant,
};

use crate::{
    fixtures::{add_user, at, digest, id},
    node::Node,
};

crate::cases! { "known_devices":
    an_added_device_is_known_only_for_its_user,
    touching_an_unknown_device_adds_nothing,
    the_least_recently_used_devices_beyond_the_limit_are_removed,
}

async fn add(node: &Node, user_id: UserId, number: u64, seen_at: Instant) {
    let mut unit = node.unit().await;
    let device =
        KnownDevice { user_id, device: digest(number), first_seen_at: seen_at, last_seen_at: seen_at };
    unit.insert_device(&device).await.unwrap();
    unit.commit().await.unwrap();
}

async fn see(node: &Node, user_id: UserId, number: u64, seen_at: Instant) -> bool {
    let mut unit = node.unit().await;
    let is_known = unit.touch_device(user_id, &digest(number), seen_at).await.unwrap();
    unit.commit().await.unwrap();
    is_known
}

async fn has_any(node: &Node, user_id: UserId) -> bool {
    node.unit().await.has_known_devices(user_id).await.unwrap()
}

async fn an_added_device_is_known_only_for_its_user(node: Node) {
    add_user(&node, 1).await;
    add_user(&node, 2).await;
    assert!(!has_any(&node, id(1)).await);
    add(&node, id(1), 7, at(1)).await;
    assert!(has_any(&node, id(1)).await && see(&node, id(1), 7, at(2)).await);
    assert!(!see(&node, id(1), 8, at(2)).await);
    assert!(!has_any(&node, id(2)).await && !see(&node, id(2), 7, at(2)).await);
    add(&node, id(2), 7, at(3)).await;
    assert!(see(&node, id(2), 7, at(4)).await);
}

async fn touching_an_unknown_device_adds_nothing(node: Node) {
    add_user(&node, 1).await;
    assert!(!see(&node, id(1), 7, at(1)).await);
    assert!(!has_any(&node, id(1)).await);
}

async fn the_least_recently_used_devices_beyond_the_limit_are_removed(node: Node) {
    add_user(&node, 1).await;
    add_user(&node, 2).await;
    add(&node, id(2), 1, at(0)).await;
    for number in 1..=u64::from(MAX_KNOWN_DEVICES) {
        add(&node, id(1), number, at(i64::try_from(number).unwrap())).await;
    }
    assert!(see(&node, id(1), 1, at(500)).await);
    add(&node, id(1), 1_000, at(501)).await;
    assert!(!see(&node, id(1), 2, at(502)).await, "the least recently used device is removed");
    for kept in [1, 3, u64::from(MAX_KNOWN_DEVICES), 1_000] {
        assert!(see(&node, id(1), kept, at(502)).await, "{kept}");
    }
    assert!(see(&node, id(2), 1, at(502)).await, "the device of another user stays");
}
