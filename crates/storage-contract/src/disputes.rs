//! Disputes about payments, and the ledger.

use domain::{
    id::DisputeId,
    page::PageRequest,
    payments::{
        Account, Dispute, DisputeFilter, DisputeState, DisputeStatus, Movement, Payment, Posting,
        missing_postings,
    },
};

use crate::{
    fixtures::{at, fresh, id, price},
    node::Node,
    refunds::paid,
};

crate::cases! { "disputes":
    a_dispute_reads_back_in_every_state,
    a_dispute_of_the_provider_is_stored_once,
    disputes_to_check_are_sorted_by_the_longest_overdue,
    disputes_are_listed_and_filtered,
    the_ledger_keeps_existing_entries,
}

fn dispute(number: u64, of: &Payment) -> Dispute {
    Dispute {
        id: id(number),
        payment_id: of.id,
        external_id: format!("dispute {number}"),
        amount: price(150),
        withdrawn: price(0),
        reason: "fraudulent".to_owned(),
        state: DisputeState::Open,
        due_by: None,
        created_at: at(100 + i64::try_from(number).unwrap()),
        next_check_at: Some(at(160)),
        checks: 0,
    }
}

async fn insert(node: &Node, dispute: &Dispute) -> bool {
    let mut unit = node.unit().await;
    if unit.insert_dispute(dispute).await.is_err() {
        return false;
    }
    unit.commit().await.unwrap();
    true
}

async fn a_dispute_reads_back_in_every_state(node: Node) {
    let payment = paid(&node).await;
    let mut one = dispute(1, &payment);
    assert!(insert(&node, &one).await);
    for state in [
        DisputeState::Open,
        DisputeState::Won { closed_at: at(200) },
        DisputeState::Lost { closed_at: at(300) },
    ] {
        one.state = state;
        one.withdrawn = price(150);
        one.due_by = Some(at(500));
        one.next_check_at = None;
        one.checks += 1;
        let mut unit = node.unit().await;
        unit.update_dispute(&one).await.unwrap();
        unit.commit().await.unwrap();
        let found = node.unit().await.disputes_of_payment(payment.id).await.unwrap();
        assert_eq!(found, [one.clone()]);
    }
}

async fn a_dispute_of_the_provider_is_stored_once(node: Node) {
    let payment = paid(&node).await;
    assert!(insert(&node, &dispute(1, &payment)).await);
    assert!(!insert(&node, &Dispute { id: fresh(), ..dispute(1, &payment) }).await);
}

async fn disputes_to_check_are_sorted_by_the_longest_overdue(node: Node) {
    let payment = paid(&node).await;
    for (number, due) in [(1, Some(20)), (2, Some(10)), (3, None), (4, Some(30))] {
        let next_check_at = due.map(at);
        assert!(insert(&node, &Dispute { next_check_at, ..dispute(number, &payment) }).await);
    }
    let due = node.disputes_to_check(at(20), 10).await.unwrap();
    assert_eq!(due.iter().map(|due| due.id).collect::<Vec<DisputeId>>(), [id(2), id(1)]);
    assert_eq!((due[0].external_id.as_str(), due[0].payment_id), ("dispute 2", payment.id));
    assert_eq!(node.disputes_to_check(at(20), 1).await.unwrap().len(), 1);
}

async fn disputes_are_listed_and_filtered(node: Node) {
    let payment = paid(&node).await;
    for number in [1, 2] {
        assert!(insert(&node, &dispute(number, &payment)).await);
    }
    let page = |filter: DisputeFilter| {
        let node = node.clone();
        async move {
            let request = PageRequest::numbered(1, 10).unwrap();
            node.dispute_page(&filter, &request).await.unwrap().items
        }
    };
    let all = page(DisputeFilter::default()).await;
    assert_eq!(all.iter().map(|view| view.dispute.id).collect::<Vec<_>>(), [id(2), id(1)]);
    assert_eq!(all[0].order_id, payment.order_id);
    assert_eq!(all[0].buyer.as_ref().map(|buyer| buyer.id), Some(id(1)));
    for (filter, expected) in [
        (DisputeFilter { status: Some(DisputeStatus::Lost), ..DisputeFilter::default() }, 0),
        (DisputeFilter { user_id: Some(id(1)), ..DisputeFilter::default() }, 2),
        (DisputeFilter { email: Some("%".to_owned()), ..DisputeFilter::default() }, 0),
        (DisputeFilter { from: Some(at(102)), ..DisputeFilter::default() }, 1),
        (DisputeFilter { to: Some(at(102)), ..DisputeFilter::default() }, 1),
    ] {
        assert_eq!(page(filter.clone()).await.len(), expected, "{filter:?}");
    }
}

async fn the_ledger_keeps_existing_entries(node: Node) {
    let payment = paid(&node).await;
    let posting = |account, minor| Posting {
        movement: Movement::Payment,
        subject_id: payment.id.as_uuid(),
        account,
        amount: price(minor),
    };
    let book = |postings: Vec<Posting>| {
        let (node, id) = (node.clone(), payment.id);
        async move {
            let mut unit = node.unit().await;
            let entries: Vec<_> = postings.into_iter().map(|posting| (fresh(), posting)).collect();
            unit.book(id, &entries, at(50)).await.unwrap();
            unit.commit().await.unwrap();
        }
    };
    book(vec![posting(Account::Provider, 200), posting(Account::Sales, -200)]).await;
    book(vec![posting(Account::Provider, -50), posting(Account::Sales, 50)]).await;
    book(Vec::new()).await;
    let booked = node.unit().await.booked(payment.id).await.unwrap();
    let wanted = [posting(Account::Provider, 150), posting(Account::Sales, -150)];
    assert_eq!(missing_postings(&wanted, &booked), []);
    assert_eq!(node.unit().await.booked(id(99)).await.unwrap(), []);
}
