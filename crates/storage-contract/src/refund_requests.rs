//! Refund requests: an item of an order is in at most one open request.

use domain::{
    page::PageRequest,
    payments::{RefundRequest, RefundRequestFilter, RefundRequestStatus, RequestedItem},
};

use crate::{
    fixtures::{at, fresh, id, price},
    node::Node,
    parallel::{at_once, count},
    refunds::{insert as insert_refund, paid, refund},
};

crate::cases! { "refund_requests":
    a_request_reads_back_open_and_decided,
    an_item_is_in_at_most_one_open_request,
    one_of_twenty_concurrent_requests_for_an_item_is_stored,
    requests_are_listed_and_filtered,
    the_payment_that_pays_an_order_is_found,
}

fn request(number: u64, items: &[u64]) -> RefundRequest {
    let item = |item: &u64| RequestedItem { order_item_id: id(*item), movie_id: id(*item) };
    RefundRequest {
        id: id(number),
        order_id: id(1),
        user_id: id(1),
        items: items.iter().map(item).collect(),
        amount: price(100),
        reason: Some("it's \"broken\"".to_owned()),
        status: RefundRequestStatus::Open,
        note: None,
        refund_id: None,
        created_at: at(100 + i64::try_from(number).unwrap()),
        decided_at: None,
    }
}

async fn insert(node: &Node, request: &RefundRequest) -> bool {
    let mut unit = node.unit().await;
    let is_kept = unit.insert_refund_request(request).await.unwrap();
    if is_kept {
        unit.commit().await.unwrap();
    }
    is_kept
}

async fn decide(node: &Node, request: &RefundRequest) {
    let mut unit = node.unit().await;
    unit.decide_refund_request(request).await.unwrap();
    unit.commit().await.unwrap();
}

async fn a_request_reads_back_open_and_decided(node: Node) {
    let payment = paid(&node).await;
    let open = request(1, &[1, 2]);
    assert!(insert(&node, &open).await);
    assert_eq!(node.unit().await.find_refund_request(id(1)).await.unwrap(), Some(open.clone()));
    assert!(insert_refund(&node, &refund(1, &payment, &[0, 1])).await);
    let approved = RefundRequest {
        status: RefundRequestStatus::Approved,
        note: Some("a note".to_owned()),
        refund_id: Some(id(1)),
        decided_at: Some(at(200)),
        ..open
    };
    decide(&node, &approved).await;
    assert_eq!(node.unit().await.find_refund_request(id(1)).await.unwrap(), Some(approved.clone()));
    let view = node.refund_request(id(1)).await.unwrap().unwrap();
    assert_eq!((view.request, view.buyer.map(|buyer| buyer.id)), (approved, Some(id(1))));
    assert_eq!(node.refund_request(id(9)).await.unwrap(), None);
}

async fn an_item_is_in_at_most_one_open_request(node: Node) {
    paid(&node).await;
    let first = request(1, &[1]);
    assert!(insert(&node, &first).await);
    assert!(!insert(&node, &request(2, &[2, 1])).await);
    assert!(insert(&node, &request(3, &[2])).await);
    let rejected =
        RefundRequest { status: RefundRequestStatus::Rejected, decided_at: Some(at(200)), ..first };
    decide(&node, &rejected).await;
    assert!(insert(&node, &request(4, &[1])).await);
}

async fn one_of_twenty_concurrent_requests_for_an_item_is_stored(node: Node) {
    paid(&node).await;
    let kept = at_once(20, |number| {
        let node = node.clone();
        async move { insert(&node, &request(number + 1, &[1])).await }
    })
    .await;
    assert_eq!(count(&kept), 1);
}

async fn requests_are_listed_and_filtered(node: Node) {
    paid(&node).await;
    for number in [1, 2] {
        assert!(insert(&node, &request(number, &[number])).await);
    }
    let page = |filter: RefundRequestFilter| {
        let node = node.clone();
        async move {
            let request = PageRequest::numbered(1, 10).unwrap();
            node.refund_request_page(&filter, &request).await.unwrap().items
        }
    };
    let all = page(RefundRequestFilter::default()).await;
    assert_eq!(
        all.iter().map(|view| view.request.clone()).collect::<Vec<_>>(),
        [request(2, &[2]), request(1, &[1]),]
    );
    assert_eq!(node.refund_requests_of(id(1)).await.unwrap(), [request(1, &[1]), request(2, &[2])]);
    for (filter, expected) in [
        (RefundRequestFilter { order_id: Some(id(1)), ..RefundRequestFilter::default() }, 2),
        (RefundRequestFilter { order_id: Some(fresh()), ..RefundRequestFilter::default() }, 0),
        (RefundRequestFilter { user_id: Some(id(1)), ..RefundRequestFilter::default() }, 2),
        (RefundRequestFilter { email: Some("_".to_owned()), ..RefundRequestFilter::default() }, 0),
        (
            RefundRequestFilter {
                status: Some(RefundRequestStatus::Approved),
                ..RefundRequestFilter::default()
            },
            0,
        ),
        (RefundRequestFilter { from: Some(at(102)), ..RefundRequestFilter::default() }, 1),
        (RefundRequestFilter { to: Some(at(102)), ..RefundRequestFilter::default() }, 1),
    ] {
        assert_eq!(page(filter.clone()).await.len(), expected, "{filter:?}");
    }
}

async fn the_payment_that_pays_an_order_is_found(node: Node) {
    let payment = paid(&node).await;
    assert_eq!(node.unit().await.paying_payment(payment.order_id).await.unwrap(), Some(payment.id));
    assert_eq!(node.unit().await.paying_payment(fresh()).await.unwrap(), None);
}
