//! Seals of the audit log, and the rows that they cover. A seal proves that the rows of a part of the log were not
//! changed after the seal was made.

use domain::{
    audit::{AuditEntry, AuditObject, LogPlace, Seal, StoredEntry},
    time::Instant,
};

use crate::{
    audit::{append, entry},
    fixtures::{add_user, at, id, shifted, uuid},
    node::{Node, patiently},
    parallel::{at_once, count},
};

crate::cases! { "audit_seals":
    a_seal_reads_back_as_written,
    seals_are_read_in_the_order_of_their_numbers,
    a_second_seal_with_the_same_number_is_not_added,
    one_of_several_concurrent_seals_with_the_same_number_is_added,
    rows_are_read_as_they_are_stored,
    a_part_of_the_log_is_between_two_positions,
    rows_after_a_position_are_counted,
    erasing_a_user_changes_no_row,
}

fn place(number: u64, at: Instant) -> LogPlace {
    LogPlace { at, id: uuid(number) }
}

fn seal(number: u64) -> Seal {
    Seal {
        number,
        sealed_at: shifted(at(100), 1),
        until: place(number, shifted(at(90), 3)),
        rows: number * 10,
        digest: format!("{number:064x}"),
        tag: format!("{:064x}", number + 1),
    }
}

async fn add(node: &Node, seal: &Seal) -> bool {
    patiently(|| node.add_seal(seal)).await
}

async fn numbers(node: &Node, after: Option<LogPlace>, until: LogPlace, limit: u32) -> Vec<u64> {
    let rows = node.log_rows(after, until, limit).await.unwrap();
    let number = |row: &StoredEntry| (1..100).find(|number| row.place.id == uuid(*number)).unwrap();
    rows.iter().map(number).collect()
}

async fn a_seal_reads_back_as_written(node: Node) {
    assert_eq!(node.last_seal().await.unwrap(), None);
    assert!(node.seals_behind(0, 10).await.unwrap().is_empty());
    assert!(add(&node, &seal(1)).await);
    assert_eq!(node.last_seal().await.unwrap(), Some(seal(1)));
    assert_eq!(node.another().await.seals_behind(0, 10).await.unwrap(), [seal(1)]);
}

async fn seals_are_read_in_the_order_of_their_numbers(node: Node) {
    for number in [2, 10, 1, 9] {
        assert!(add(&node, &seal(number)).await);
    }
    assert_eq!(node.last_seal().await.unwrap(), Some(seal(10)));
    assert_eq!(node.seals_behind(0, 3).await.unwrap(), [seal(1), seal(2), seal(9)]);
    assert_eq!(node.seals_behind(2, 3).await.unwrap(), [seal(9), seal(10)]);
}

async fn a_second_seal_with_the_same_number_is_not_added(node: Node) {
    assert!(add(&node, &seal(1)).await);
    assert!(!add(&node, &Seal { rows: 7, ..seal(1) }).await);
    assert_eq!(node.seals_behind(0, 10).await.unwrap(), [seal(1)]);
}

async fn one_of_several_concurrent_seals_with_the_same_number_is_added(node: Node) {
    let nodes = [node.clone(), node.another().await];
    let added = at_once(8, |number| {
        let node = nodes[usize::try_from(number % 2).unwrap()].clone();
        async move { add(&node, &Seal { rows: number, ..seal(1) }).await }
    })
    .await;
    assert_eq!(count(&added), 1);
    let winner = added.iter().position(|is_added| *is_added).unwrap();
    let stored = node.last_seal().await.unwrap().unwrap();
    assert_eq!(stored.rows, u64::try_from(winner).unwrap());
}

async fn rows_are_read_as_they_are_stored(node: Node) {
    let full = AuditEntry {
        object: Some(AuditObject::Movie(id(7))),
        before: Some(domain::audit::AuditState::of([("price", "\"9.99\" é")])),
        after: Some(domain::audit::AuditState::of([("price", "")])),
        ip: Some([203, 0, 113, 9].into()),
        request_id: Some("request-1".to_owned()),
        ..entry(2, shifted(at(1), 1))
    };
    let bare = AuditEntry { actor: None, object: None, ..entry(1, at(1)) };
    append(&node, &[full, bare]).await;
    let rows = node.log_rows(None, place(99, at(9)), 10).await.unwrap();
    let bare = StoredEntry {
        place: place(1, at(1)),
        action: "signed_in".to_owned(),
        actor: None,
        object_kind: None,
        object: None,
        before: None,
        after: None,
        network: None,
        request_id: None,
    };
    let full = StoredEntry {
        place: place(2, shifted(at(1), 1)),
        actor: Some(uuid(1)),
        object_kind: Some("movie".to_owned()),
        object: Some(uuid(7)),
        before: Some("{\"price\":\"\\\"9.99\\\" é\"}".to_owned()),
        after: Some("{\"price\":\"\"}".to_owned()),
        network: Some("203.0.113.0/24".to_owned()),
        request_id: Some("request-1".to_owned()),
        ..bare.clone()
    };
    assert_eq!(rows, [bare, full]);
}

async fn a_part_of_the_log_is_between_two_positions(node: Node) {
    let entries = [entry(1, at(2)), entry(4, at(1)), entry(3, at(2)), entry(2, at(2)), entry(5, at(3))];
    append(&node, &entries).await;
    let far = place(99, at(9));
    assert_eq!(numbers(&node, None, far, 10).await, [4, 1, 2, 3, 5]);
    assert_eq!(numbers(&node, None, far, 2).await, [4, 1]);
    assert_eq!(
        numbers(&node, Some(place(1, at(2))), far, 10).await,
        [2, 3, 5],
        "the first position is excluded"
    );
    assert_eq!(
        numbers(&node, Some(place(1, at(2))), place(3, at(2)), 10).await,
        [2, 3],
        "the last position is included"
    );
    assert_eq!(numbers(&node, Some(place(99, at(1))), place(0, at(2)), 10).await, [0; 0]);
    assert_eq!(numbers(&node, Some(place(5, at(3))), far, 10).await, [0; 0]);
}

async fn rows_after_a_position_are_counted(node: Node) {
    assert_eq!(node.count_log_rows_behind(None).await.unwrap(), 0);
    append(&node, &[entry(1, at(1)), entry(2, at(2)), entry(3, at(2))]).await;
    for (place, expected) in [(None, 3), (Some(place(1, at(1))), 2), (Some(place(2, at(2))), 1)] {
        assert_eq!(node.count_log_rows_behind(place).await.unwrap(), expected);
    }
}

async fn erasing_a_user_changes_no_row(node: Node) {
    add_user(&node, 1).await;
    let about = AuditEntry { object: Some(AuditObject::User(id(1))), ..entry(2, at(2)) };
    append(&node, &[entry(1, at(1)), about]).await;
    let before = node.log_rows(None, place(99, at(99)), 10).await.unwrap();
    assert_eq!(before.len(), 2);
    let mut unit = node.unit().await;
    unit.find_user_for_update(id(1)).await.unwrap();
    unit.erase_user(id(1), at(3)).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(node.log_rows(None, place(99, at(99)), 10).await.unwrap(), before);
}
