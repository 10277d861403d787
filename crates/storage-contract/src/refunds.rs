//! Refunds: an item of a payment has at most one refund that has not failed, and a purchase can be revoked and
//! restored.

use domain::{
    id::{PurchaseId, RefundId},
    money::Money,
    orders::RefundedPart,
    page::PageRequest,
    payments::{
        Payment, PaymentState, Refund, RefundItem, RefundOrigin, RefundState, RefundStatus, Settlement,
    },
    purchases::{Entitlement, Purchase},
};

use crate::{
    fixtures::{at, fresh, id, price},
    node::Node,
    payments::{add, find, payment, prepare, update},
};

crate::cases! { "refunds":
    a_refund_reads_back_in_every_state,
    an_item_is_refunded_once_unless_its_refund_fails,
    a_payment_has_at_most_one_automatic_refund,
    the_longest_overdue_refunds_are_checked_first,
    refunds_are_listed_newest_first,
    a_payment_is_found_by_its_charge,
    the_payments_of_a_movie_are_those_with_which_the_user_paid_for_it,
    a_free_payment_stores_its_refunded_part,
    a_purchase_is_revoked_and_restored,
    a_purchase_is_not_restored_if_there_is_another_one,
}

/// Adds a successful payment of two movies.
pub(crate) async fn paid(node: &Node) -> Payment {
    prepare(node).await;
    let paid = Payment {
        state: PaymentState::Successful { completed_at: at(30) },
        settlement: Some(Settlement::PaysOrder),
        request: None,
        charge: Some("money".to_owned()),
        next_check_at: None,
        ..payment(5)
    };
    assert!(add(node, &paid).await);
    paid
}

/// A pending refund of the payment's items at these indexes.
pub(crate) fn refund(number: u64, of: &Payment, places: &[usize]) -> Refund {
    let items = places.iter().map(|place| RefundItem {
        id: of.items[*place].id,
        movie_id: id(u64::try_from(*place).unwrap() + 1),
    });
    let mut items: Vec<_> = items.collect();
    items.sort_by_key(|item| item.id);
    Refund {
        id: id(number),
        payment_id: of.id,
        origin: RefundOrigin::Administrator,
        state: RefundState::Pending,
        amount: price(100),
        items,
        reason: "a \"reason\"".to_owned(),
        external_id: None,
        created_at: at(100 + i64::try_from(number).unwrap()),
        next_check_at: Some(at(160)),
        checks: 0,
    }
}

/// Inserts the refund; returns whether it was stored.
pub(crate) async fn insert(node: &Node, refund: &Refund) -> bool {
    let mut unit = node.unit().await;
    if unit.insert_refund(refund).await.is_err() {
        return false;
    }
    unit.commit().await.unwrap();
    true
}

async fn change(node: &Node, refund: &Refund) {
    let mut unit = node.unit().await;
    unit.update_refund(refund).await.unwrap();
    unit.commit().await.unwrap();
}

async fn a_refund_reads_back_in_every_state(node: Node) {
    let payment = paid(&node).await;
    let mut unit = node.unit().await;
    let items = unit.paid_items(payment.id).await.unwrap();
    let mut paid: Vec<_> = items.iter().map(|item| (item.order_item_id, item.movie_id, item.price)).collect();
    paid.sort_by_key(|(id, ..)| *id);
    assert_eq!(paid, [(id(1), id(1), price(100)), (id(2), id(2), price(100))]);
    drop(unit);
    let mut one = refund(1, &payment, &[0, 1]);
    assert!(insert(&node, &one).await);
    for state in
        [RefundState::Pending, RefundState::Succeeded { at: at(200) }, RefundState::Failed { at: at(300) }]
    {
        one.state = state;
        one.external_id = Some("external".to_owned());
        one.next_check_at = (one.state.status() == RefundStatus::Pending).then(|| at(170));
        one.checks += 1;
        change(&node, &one).await;
        assert_eq!(node.refund(one.id).await.unwrap(), Some(one.clone()));
        assert_eq!(node.unit().await.refunds_of_payment(payment.id).await.unwrap(), [one.clone()]);
    }
    assert_eq!(node.refund(id(9)).await.unwrap(), None);
}

async fn an_item_is_refunded_once_unless_its_refund_fails(node: Node) {
    let payment = paid(&node).await;
    let mut first = refund(1, &payment, &[0]);
    assert!(insert(&node, &first).await);
    assert!(!insert(&node, &refund(2, &payment, &[1, 0])).await);
    assert!(insert(&node, &refund(3, &payment, &[1])).await);
    first.state = RefundState::Failed { at: at(200) };
    change(&node, &first).await;
    assert!(insert(&node, &refund(4, &payment, &[0])).await);
}

async fn a_payment_has_at_most_one_automatic_refund(node: Node) {
    let payment = paid(&node).await;
    let automatic = |number| Refund { origin: RefundOrigin::Automatic, ..refund(number, &payment, &[]) };
    assert!(insert(&node, &automatic(1)).await);
    assert!(!insert(&node, &automatic(2)).await);
}

async fn the_longest_overdue_refunds_are_checked_first(node: Node) {
    let payment = paid(&node).await;
    for (number, due) in [(1, Some(20)), (2, Some(10)), (3, None), (4, Some(30))] {
        let refund = Refund { next_check_at: due.map(at), ..refund(number, &payment, &[]) };
        assert!(insert(&node, &refund).await);
    }
    let due: Vec<RefundId> =
        node.refunds_to_check(at(20), 10).await.unwrap().into_iter().map(|(id, ..)| id).collect();
    assert_eq!(due, [id(2), id(1)]);
    assert_eq!(node.refunds_to_check(at(20), 1).await.unwrap(), [(id(2), payment.id, payment.order_id)]);
}

async fn refunds_are_listed_newest_first(node: Node) {
    let payment = paid(&node).await;
    for number in [1, 2, 3] {
        assert!(insert(&node, &refund(number, &payment, &[])).await);
    }
    let page = node.refund_page(payment.id, &PageRequest::numbered(1, 2).unwrap()).await.unwrap();
    assert_eq!(page.items.iter().map(|refund| refund.id).collect::<Vec<_>>(), [id(3), id(2)]);
    assert_eq!(page.total.map(|total| total.items), Some(3));
    let rest =
        node.refund_page(payment.id, &PageRequest::after(page.next.unwrap(), 2).unwrap()).await.unwrap();
    assert_eq!(rest.items, [refund(1, &payment, &[])]);
}

async fn the_payments_of_a_movie_are_those_with_which_the_user_paid_for_it(node: Node) {
    let payment = paid(&node).await;
    let buyer = payment.user_id;
    let mut unit = node.unit().await;
    assert_eq!(unit.payments_of_movie(buyer, id(1)).await.unwrap(), [payment.id]);
    assert_eq!(unit.payments_of_movie(buyer, id(2)).await.unwrap(), [payment.id]);
    assert_eq!(unit.payments_of_movie(buyer, id(3)).await.unwrap(), []);
    assert_eq!(unit.payments_of_movie(id(99), id(1)).await.unwrap(), []);
    drop(unit);
    let returned = Payment { settlement: Some(Settlement::ReturnedOrderCanceled), ..payment.clone() };
    update(&node, &returned).await;
    assert_eq!(node.unit().await.payments_of_movie(buyer, id(1)).await.unwrap(), []);
}

async fn a_payment_is_found_by_its_charge(node: Node) {
    let payment = paid(&node).await;
    let found = node.payment_of_charge("test", "money").await.unwrap();
    assert_eq!(found, Some((payment.id, payment.order_id)));
    assert_eq!(node.payment_of_charge("other", "money").await.unwrap(), None);
    assert_eq!(node.payment_of_charge("test", "other").await.unwrap(), None);
}

async fn a_free_payment_stores_its_refunded_part(node: Node) {
    prepare(&node).await;
    let state = PaymentState::Successful { completed_at: at(30) };
    let free = Payment { state, amount: Money::zero(price(0).currency()), request: None, ..payment(5) };
    assert!(add(&node, &free).await);
    for free_refund in [RefundedPart::Some, RefundedPart::All, RefundedPart::Nothing] {
        let changed = Payment { free_refund, items: Vec::new(), ..free.clone() };
        update(&node, &changed).await;
        assert_eq!(find(&node, 5).await, Some(changed));
    }
}

/// Adds the purchase `number` of movie 1 by user 1.
async fn give(node: &Node, number: u64) -> PurchaseId {
    let mut unit = node.unit().await;
    let purchase = Purchase { id: id(number), user_id: id(1), movie_id: id(1), purchased_at: at(40) };
    assert!(unit.insert_purchase(&purchase).await.unwrap());
    unit.commit().await.unwrap();
    purchase.id
}

async fn put(node: &Node, id: PurchaseId, entitlement: Entitlement) -> bool {
    let mut unit = node.unit().await;
    let is_put = unit.put_entitlement(id, entitlement, at(50)).await.unwrap();
    unit.commit().await.unwrap();
    is_put
}

async fn is_purchased(node: &Node) -> bool {
    node.unit().await.is_purchased(id(1), id(1)).await.unwrap()
}

async fn a_purchase_is_revoked_and_restored(node: Node) {
    prepare(&node).await;
    let purchase = give(&node, 1).await;
    for (entitlement, has) in [
        (Entitlement::Live, true),
        (Entitlement::Revoked, false),
        (Entitlement::Revoked, false),
        (Entitlement::Live, true),
        (Entitlement::Suspended, true),
    ] {
        assert!(put(&node, purchase, entitlement).await);
        assert_eq!(is_purchased(&node).await, has, "{entitlement:?}");
    }
    assert!(!put(&node, fresh(), Entitlement::Live).await);
}

async fn a_purchase_is_not_restored_if_there_is_another_one(node: Node) {
    prepare(&node).await;
    let first = give(&node, 1).await;
    assert!(put(&node, first, Entitlement::Revoked).await);
    let second = give(&node, 2).await;
    assert!(!put(&node, first, Entitlement::Live).await);
    assert!(is_purchased(&node).await);
    assert!(put(&node, second, Entitlement::Revoked).await);
    assert!(put(&node, first, Entitlement::Live).await);
}
