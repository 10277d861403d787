//! The audit log: an entry is written in the transaction of the action that it records, and the log is read in pages.
//!
//! A unit (of work) is one transaction. If it is dropped without a commit, it is rolled back. A position is a
//! pagination cursor: the next page begins after it.

use domain::{
    audit::{AuditAction, AuditEntry, AuditFilter, AuditObject, AuditRecord, AuditState, RecordedObject},
    page::{Page, PageRequest, Position},
    time::Instant,
};

use crate::{
    fixtures::{add_user, at, id, shifted, uuid},
    node::Node,
};

crate::cases! { "audit":
    an_appended_entry_reads_back_as_written,
    many_entries_are_appended_in_one_call,
    an_entry_of_a_dropped_unit_was_never_written,
    committed_entries_about_a_movie_are_found_by_its_identifier,
    entries_are_kept_when_their_actor_is_erased_and_may_have_an_unknown_actor,
    the_newest_are_first_and_ties_are_broken_by_identifier,
    a_listed_entry_matches_every_filter,
    from_is_inclusive_and_to_is_not,
    a_position_stays_valid_while_entries_are_added,
    numbered_pages_have_the_total_and_pages_after_a_position_have_none,
}

pub(crate) fn entry(number: u64, at: Instant) -> AuditEntry {
    AuditEntry {
        id: id(number),
        at,
        action: AuditAction::SignedIn,
        actor: Some(id(1)),
        object: Some(AuditObject::Session(id(2))),
        before: None,
        after: None,
        ip: None,
        request_id: None,
    }
}

pub(crate) async fn append(node: &Node, entries: &[AuditEntry]) {
    let mut unit = node.unit().await;
    for entry in entries {
        unit.append_audit_entry(entry).await.unwrap();
    }
    unit.commit().await.unwrap();
}

async fn read(node: &Node, filter: AuditFilter, request: PageRequest) -> Page<AuditRecord> {
    node.audit_page(&filter, &request).await.unwrap()
}

async fn numbers(node: &Node, filter: AuditFilter) -> Vec<u64> {
    let page = read(node, filter, PageRequest::numbered(1, 100).unwrap()).await;
    numbers_on(&page)
}

fn numbers_on(page: &Page<AuditRecord>) -> Vec<u64> {
    let number = |record: &AuditRecord| (1..100).find(|number| record.id == id(*number)).unwrap();
    page.items.iter().map(number).collect()
}

async fn an_appended_entry_reads_back_as_written(node: Node) {
    let bare = AuditEntry { actor: None, object: None, ..entry(1, at(1)) };
    let full = AuditEntry {
        action: AuditAction::RoleChanged,
        object: Some(AuditObject::User(id(7))),
        before: Some(AuditState::of([("role", "user"), ("note", "\"Zoë\" 🎬\n\\")])),
        after: Some(AuditState::of([("role", "admin")])),
        ip: Some([203, 0, 113, 9].into()),
        request_id: Some("request-1".to_owned()),
        ..entry(2, at(2))
    };
    append(&node, &[bare, full.clone()]).await;
    let page = read(&node, AuditFilter::default(), PageRequest::numbered(1, 20).unwrap()).await;
    assert_eq!(
        page.items,
        [
            AuditRecord {
                id: id(2),
                at: at(2),
                action: "role_changed".to_owned(),
                actor: Some(id(1)),
                object: Some(RecordedObject { kind: "user".to_owned(), id: uuid(7) }),
                before: full.before,
                after: full.after,
                network: Some("203.0.113.0/24".to_owned()),
                request_id: Some("request-1".to_owned()),
            },
            AuditRecord {
                id: id(1),
                at: at(1),
                action: "signed_in".to_owned(),
                actor: None,
                object: None,
                before: None,
                after: None,
                network: None,
                request_id: None,
            },
        ]
    );
}

async fn many_entries_are_appended_in_one_call(node: Node) {
    let all: Vec<AuditEntry> = (1..=2_500)
        .map(|number| AuditEntry {
            actor: (number % 2 == 0).then(|| id(number)),
            object: (number % 3 == 0).then(|| AuditObject::Movie(id(number))),
            before: (number % 5 == 0).then(|| AuditState::of([("price", number.to_string())])),
            ip: (number % 7 == 0).then(|| [198, 51, 100, 7].into()),
            request_id: (number % 11 == 0).then(|| number.to_string()),
            ..entry(number, at(0))
        })
        .collect();
    let mut unit = node.unit().await;
    unit.append_audit_entries(&[]).await.unwrap();
    unit.append_audit_entries(&all).await.unwrap();
    unit.commit().await.unwrap();
    let mut number = 2_500;
    let mut request = PageRequest::numbered(1, 100).unwrap();
    loop {
        let page = read(&node, AuditFilter::default(), request).await;
        for record in &page.items {
            let written = &all[usize::try_from(number).unwrap() - 1];
            let object = written.object.map(|object| (object.kind().to_owned(), object.id()));
            assert_eq!((record.id, record.actor), (id(number), written.actor));
            assert_eq!(record.object.clone().map(|object| (object.kind, object.id)), object);
            assert_eq!((&record.before, &record.after), (&written.before, &None));
            assert_eq!((&record.network, &record.request_id), (&written.network(), &written.request_id));
            number -= 1;
        }
        let Some(next) = page.next else { break };
        request = PageRequest::after(next, 100).unwrap();
    }
    assert_eq!(number, 0);
}

async fn committed_entries_about_a_movie_are_found_by_its_identifier(node: Node) {
    let about = |number| AuditEntry { object: Some(AuditObject::Movie(id(7))), ..entry(number, at(1)) };
    let mut unit = node.unit().await;
    unit.append_audit_entries(&[about(1), about(2)]).await.unwrap();
    unit.commit().await.unwrap();
    let mut dropped = node.unit().await;
    dropped.append_audit_entry(&about(3)).await.unwrap();
    drop(dropped);
    append(&node, &[entry(4, at(1))]).await;
    let filter = AuditFilter { object: Some(uuid(7)), ..AuditFilter::default() };
    let page = read(&node, filter, PageRequest::numbered(1, 100).unwrap()).await;
    assert_eq!(numbers_on(&page), [2, 1]);
    let object = RecordedObject { kind: "movie".to_owned(), id: uuid(7) };
    assert_eq!(page.items[0].object, Some(object));
}

async fn an_entry_of_a_dropped_unit_was_never_written(node: Node) {
    let mut unit = node.unit().await;
    unit.append_audit_entry(&entry(1, at(1))).await.unwrap();
    drop(unit);
    append(&node, &[entry(2, at(2))]).await;
    assert_eq!(numbers(&node, AuditFilter::default()).await, [2]);
}

async fn entries_are_kept_when_their_actor_is_erased_and_may_have_an_unknown_actor(node: Node) {
    add_user(&node, 1).await;
    append(&node, &[entry(1, at(1)), AuditEntry { actor: Some(id(99)), ..entry(2, at(2)) }]).await;
    let mut unit = node.unit().await;
    unit.find_user_for_update(id(1)).await.unwrap();
    unit.erase_user(id(1), at(3)).await.unwrap();
    unit.commit().await.unwrap();
    let filter = AuditFilter { actor: Some(id(1)), ..AuditFilter::default() };
    assert_eq!(numbers(&node, filter).await, [1]);
    assert_eq!(numbers(&node, AuditFilter::default()).await, [2, 1]);
}

async fn the_newest_are_first_and_ties_are_broken_by_identifier(node: Node) {
    let entries = [entry(1, at(5)), entry(3, at(1)), entry(2, at(1)), entry(4, shifted(at(1), 1))];
    append(&node, &entries).await;
    assert_eq!(numbers(&node, AuditFilter::default()).await, [1, 4, 3, 2]);
}

async fn a_listed_entry_matches_every_filter(node: Node) {
    let by_another = AuditEntry { actor: Some(id(8)), ..entry(2, at(2)) };
    let on_another = AuditEntry { object: Some(AuditObject::User(id(9))), ..entry(3, at(3)) };
    let deed_of_another_kind = AuditEntry { action: AuditAction::SignedOut, ..entry(4, at(4)) };
    append(&node, &[entry(1, at(1)), by_another, on_another, deed_of_another_kind]).await;
    let all = AuditFilter::default;
    for (filter, found) in [
        (AuditFilter { actor: Some(id(1)), ..all() }, vec![4, 3, 1]),
        (AuditFilter { actor: Some(id(77)), ..all() }, vec![]),
        (AuditFilter { object: Some(uuid(2)), ..all() }, vec![4, 2, 1]),
        (AuditFilter { object: Some(uuid(9)), ..all() }, vec![3]),
        (AuditFilter { action: Some(AuditAction::SignedIn), ..all() }, vec![3, 2, 1]),
        (AuditFilter { action: Some(AuditAction::RoleChanged), ..all() }, vec![]),
        (
            AuditFilter {
                actor: Some(id(1)),
                object: Some(uuid(2)),
                action: Some(AuditAction::SignedIn),
                from: Some(at(0)),
                to: Some(at(9)),
            },
            vec![1],
        ),
    ] {
        assert_eq!(numbers(&node, filter.clone()).await, found, "{filter:?}");
    }
}

async fn from_is_inclusive_and_to_is_not(node: Node) {
    append(&node, &[entry(1, at(1)), entry(2, at(2)), entry(3, at(3))]).await;
    let between = |from, to| AuditFilter { from, to, ..AuditFilter::default() };
    assert_eq!(numbers(&node, between(Some(at(2)), None)).await, [3, 2]);
    assert_eq!(numbers(&node, between(None, Some(at(2)))).await, [1]);
    assert_eq!(numbers(&node, between(Some(at(2)), Some(shifted(at(2), 1)))).await, [2]);
    assert!(numbers(&node, between(Some(at(3)), Some(at(1)))).await.is_empty());
}

async fn a_position_stays_valid_while_entries_are_added(node: Node) {
    append(&node, &(1..=5).map(|number| entry(number, at(1))).collect::<Vec<_>>()).await;
    let first = read(&node, AuditFilter::default(), PageRequest::numbered(1, 2).unwrap()).await;
    assert_eq!(numbers_on(&first), [5, 4]);
    append(&node, &[entry(6, at(1)), entry(7, at(2))]).await;
    let behind = |position: &Position| PageRequest::after(position.clone(), 2).unwrap();
    let second = read(&node, AuditFilter::default(), behind(first.next.as_ref().unwrap())).await;
    assert_eq!(numbers_on(&second), [3, 2]);
    let last = read(&node, AuditFilter::default(), behind(second.next.as_ref().unwrap())).await;
    assert_eq!((numbers_on(&last), last.next), (vec![1], None));
}

async fn numbered_pages_have_the_total_and_pages_after_a_position_have_none(node: Node) {
    append(&node, &(1..=5).map(|number| entry(number, at(1))).collect::<Vec<_>>()).await;
    for (number, found) in [(1, 2), (2, 2), (3, 1), (4, 0)] {
        let page = read(&node, AuditFilter::default(), PageRequest::numbered(number, 2).unwrap()).await;
        assert_eq!((page.items.len(), page.total.unwrap().items), (found, 5), "page {number}");
    }
    let first = read(&node, AuditFilter::default(), PageRequest::numbered(1, 2).unwrap()).await;
    let behind = PageRequest::after(first.next.unwrap(), 2).unwrap();
    assert_eq!(read(&node, AuditFilter::default(), behind).await.total, None);
}
