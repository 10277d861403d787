//! Payments and the webhook events of payment providers: an order has at most one open payment, and an event is stored
//! and processed once. A worker that claims an event reserves it for a limited time (the lease). A unit (of
//! work) is one transaction.

use domain::{
    id::{OrderId, PaymentId, ShopId},
    money::Money,
    orders::{Order, OrderItem, OrderState, RefundedPart, order_number},
    page::PageRequest,
    payments::{
        CheckoutLine, CheckoutReport, CheckoutRequest, EventSubject, OpenedCheckout, Payment, PaymentFailure,
        PaymentFilter, PaymentItem, PaymentState, PaymentStatus, Settlement, WebhookEvent,
    },
};

use crate::{
    fixtures::{add_movies, add_user, at, currency, facts, fresh, id, price},
    node::{Node, patiently},
    orders::insert,
    parallel::{at_once, count},
};

crate::cases! { "payments":
    a_payment_reads_back_in_every_state,
    an_order_has_at_most_one_open_payment,
    one_of_twenty_concurrent_payments_of_the_same_order_is_stored,
    the_first_identifier_of_the_shop_is_kept,
    twenty_concurrent_units_get_the_same_shop_identifier,
    a_payment_is_found_by_its_checkout,
    payments_to_check_are_sorted_by_the_longest_overdue,
    the_list_of_payments_shows_the_movies_and_the_buyer,
    prices_of_an_order_can_be_written,
    an_event_is_stored_once,
    one_of_fifty_concurrent_copies_of_an_event_is_stored,
    an_event_is_claimed_by_one_worker_until_its_lease_ends,
    a_failed_event_is_claimed_again_later_and_a_done_one_never,
    an_event_without_a_subject_is_never_claimed,
    the_position_in_a_list_of_events_never_decreases,
}

/// Adds user 1, the movies 1 and 2, and the pending order 1 of both movies by user 1.
pub(crate) async fn prepare(node: &Node) {
    add_user(node, 1).await;
    add_movies(node, ["a", "b"].map(facts).into()).await;
    let order_id: OrderId = id(1);
    let item = |number: u64| OrderItem { id: id(number), movie_id: id(number), price: price(100) };
    let order = Order {
        id: order_id,
        number: order_number(order_id),
        user_id: id(1),
        state: OrderState::new(at(0)),
        items: vec![item(1), item(2)],
        total: price(200),
        excluded: Vec::new(),
        created_at: at(0),
    };
    assert!(insert(node, &order).await);
}

/// A new payment for order 1 of [`prepare`], whose checkout has not been opened.
pub(crate) fn payment(number: u64) -> Payment {
    let payment_id: PaymentId = id(number);
    let item = |item: u64| PaymentItem { id: fresh(), order_item_id: id(item), price: price(100) };
    let line = |name: &str| CheckoutLine { name: name.to_owned(), price: price(100) };
    Payment {
        id: payment_id,
        order_id: id(1),
        user_id: id(1),
        provider: "test".to_owned(),
        state: PaymentState::NEW,
        amount: price(200),
        refunded: price(0),
        disputed: price(0),
        free_refund: RefundedPart::Nothing,
        items: vec![item(1), item(2)],
        request: Some(CheckoutRequest {
            payment_id,
            order_id: id(1),
            shop_id: id(9),
            order_number: "A".to_owned(),
            amount: price(200),
            lines: vec![line("a (2000)"), line("\"b\"\n(2000)")],
            email: Some("ann@example.com".to_owned()),
            return_url: "https://shop.example/orders/1".to_owned(),
            expires_at: at(3_600),
            idempotency_key: format!("payment:{payment_id}"),
        }),
        checkout: None,
        charge: None,
        settlement: None,
        created_at: at(10),
        next_check_at: Some(at(60)),
        checks: 3,
    }
}

/// Inserts the payment; returns whether it was stored.
pub(crate) async fn add(node: &Node, payment: &Payment) -> bool {
    let mut unit = node.unit().await;
    let is_kept = unit.insert_payment(payment).await.unwrap();
    if is_kept {
        unit.commit().await.unwrap();
    }
    is_kept
}

pub(crate) async fn find(node: &Node, number: u64) -> Option<Payment> {
    node.unit().await.find_payment_for_update(id(number)).await.unwrap()
}

pub(crate) async fn update(node: &Node, payment: &Payment) {
    let mut unit = node.unit().await;
    unit.update_payment(payment).await.unwrap();
    unit.commit().await.unwrap();
}

async fn a_payment_reads_back_in_every_state(node: Node) {
    prepare(&node).await;
    let mut payment = payment(5);
    assert!(add(&node, &payment).await);
    payment.items.clear();
    assert_eq!(find(&node, 5).await, Some(payment.clone()));
    assert_eq!(find(&node, 6).await, None);
    assert_eq!(node.order_of_payment(id(5)).await.unwrap(), Some(id(1)));
    payment.request = None;
    payment.checkout = Some(OpenedCheckout {
        id: "checkout".to_owned(),
        url: Some("https://pay.example".to_owned()),
        expires_at: at(3_600),
    });
    payment.charge = Some("charge".to_owned());
    let failure = |seconds: i64| PaymentFailure { at: at(seconds), code: "card_declined".to_owned() };
    let paid = |amount: Money| CheckoutReport::Paid { amount, at: at(30) };
    let after = |reports: &[CheckoutReport]| {
        reports.iter().fold(PaymentState::NEW, |state, report| state.apply(price(200), report).0)
    };
    let states = [
        after(&[CheckoutReport::Declined(failure(20))]),
        after(&[CheckoutReport::Declined(failure(20)), CheckoutReport::Processing]),
        after(&[CheckoutReport::Expired { at: at(25) }]),
        after(&[CheckoutReport::Bounced(failure(26))]),
        after(&[paid(Money::from_minor(200, currency("EUR")))]),
        after(&[paid(price(200))]),
    ];
    for state in states {
        let is_settled = state == PaymentState::Successful { completed_at: at(30) };
        payment.state = state;
        payment.settlement = is_settled.then_some(Settlement::PaysOrder);
        if let PaymentState::Mismatched { received, .. } = payment.state {
            (payment.refunded, payment.disputed) =
                (Money::zero(received.currency()), Money::zero(received.currency()));
        } else {
            (payment.refunded, payment.disputed) = (price(0), price(0));
        }
        update(&node, &payment).await;
        assert_eq!(find(&node, 5).await, Some(payment.clone()));
        let view = node.payment_view(id(5)).await.unwrap().unwrap();
        assert_eq!((view.status, view.failure), (payment.status(), payment.state.failure()));
    }
    for (refunded, status) in [(1, PaymentStatus::PartiallyRefunded), (200, PaymentStatus::Refunded)] {
        payment.refunded = price(refunded);
        update(&node, &payment).await;
        assert_eq!(find(&node, 5).await, Some(payment.clone()));
        assert_eq!(node.payment_view(id(5)).await.unwrap().unwrap().status, status);
    }
}

async fn an_order_has_at_most_one_open_payment(node: Node) {
    prepare(&node).await;
    assert!(add(&node, &payment(5)).await);
    assert!(!add(&node, &payment(6)).await);
    let found = node.unit().await.find_open_payment(id(1)).await.unwrap().unwrap();
    assert_eq!(found.id, id(5));
    let ended = PaymentState::Canceled { completed_at: at(20) };
    update(&node, &Payment { state: ended, request: None, ..found }).await;
    assert_eq!(node.unit().await.find_open_payment(id(1)).await.unwrap(), None);
    assert!(add(&node, &payment(6)).await);
}

async fn one_of_twenty_concurrent_payments_of_the_same_order_is_stored(node: Node) {
    prepare(&node).await;
    let kept = at_once(20, |number| {
        let node = node.clone();
        async move { add(&node, &payment(number + 5)).await }
    })
    .await;
    assert_eq!(count(&kept), 1);
}

async fn name_shop(node: &Node, proposed: u64) -> ShopId {
    let mut unit = node.unit().await;
    let shop = unit.shop_id(id(proposed)).await.unwrap();
    unit.commit().await.unwrap();
    shop
}

async fn the_first_identifier_of_the_shop_is_kept(node: Node) {
    assert_eq!(name_shop(&node, 7).await, id(7));
    assert_eq!(name_shop(&node, 8).await, id(7));
    assert_eq!(name_shop(&node.another().await, 9).await, id(7));
}

async fn twenty_concurrent_units_get_the_same_shop_identifier(node: Node) {
    let named = at_once(20, |number| {
        let node = node.clone();
        async move { name_shop(&node, number).await }
    })
    .await;
    assert!(named.iter().all(|shop| *shop == named[0]));
}

async fn a_payment_is_found_by_its_checkout(node: Node) {
    prepare(&node).await;
    let checkout = OpenedCheckout { id: "one".to_owned(), url: None, expires_at: at(3_600) };
    add(&node, &Payment { checkout: Some(checkout), ..payment(5) }).await;
    let find = |provider: &'static str, checkout: &'static str| {
        let node = node.clone();
        async move { node.payment_of_checkout(provider, checkout).await.unwrap() }
    };
    assert_eq!(find("test", "one").await, Some((id(5), id(1))));
    assert_eq!(find("test", "two").await, None);
    assert_eq!(find("other", "one").await, None);
}

async fn payments_to_check_are_sorted_by_the_longest_overdue(node: Node) {
    prepare(&node).await;
    for (number, due) in [(5, Some(20)), (6, Some(10)), (7, None), (8, Some(30))] {
        let state = PaymentState::Canceled { completed_at: at(20) };
        let next_check_at = due.map(at);
        add(&node, &Payment { state, next_check_at, ..payment(number) }).await;
    }
    let due = |limit| {
        let node = node.clone();
        async move { node.payments_to_check(at(20), limit).await.unwrap() }
    };
    assert_eq!(due(10).await, [(id(6), id(1)), (id(5), id(1))]);
    assert_eq!(due(1).await, [(id(6), id(1))]);
}

async fn the_list_of_payments_shows_the_movies_and_the_buyer(node: Node) {
    prepare(&node).await;
    add(&node, &payment(5)).await;
    let page = |filter: PaymentFilter| {
        let node = node.clone();
        async move {
            let request = PageRequest::numbered(1, 10).unwrap();
            node.payment_page(&filter, &request).await.unwrap().items
        }
    };
    let all = page(PaymentFilter::default()).await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].buyer.as_ref().map(|buyer| buyer.id), Some(id(1)));
    let names: Vec<_> = all[0].items.iter().map(|movie| (movie.name.as_str(), movie.price)).collect();
    assert_eq!(names, [("a", price(100)), ("b", price(100))]);
    assert_eq!(node.payments_of(id(1)).await.unwrap(), all);
    assert_eq!(node.payments_of(id(2)).await.unwrap(), []);
    let (pending, successful) = (Some(PaymentStatus::Pending), Some(PaymentStatus::Successful));
    for (filter, expected) in [
        (PaymentFilter { status: pending, ..PaymentFilter::default() }, 1),
        (PaymentFilter { status: successful, ..PaymentFilter::default() }, 0),
        (PaymentFilter { user_id: Some(id(2)), ..PaymentFilter::default() }, 0),
        (PaymentFilter { from: Some(at(10)), to: Some(at(11)), ..PaymentFilter::default() }, 1),
        (PaymentFilter { to: Some(at(10)), ..PaymentFilter::default() }, 0),
        (PaymentFilter { email: Some("%".to_owned()), ..PaymentFilter::default() }, 0),
    ] {
        assert_eq!(page(filter.clone()).await.len(), expected, "{filter:?}");
    }
}

async fn prices_of_an_order_can_be_written(node: Node) {
    prepare(&node).await;
    let mut unit = node.unit().await;
    let mut order = unit.find_order_for_update(id(1)).await.unwrap().unwrap();
    order.items[1].price = price(150);
    order.total = price(250);
    unit.update_order_prices(&order).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(node.unit().await.find_order_for_update(id(1)).await.unwrap(), Some(order));
}

fn event(number: u64, subject: EventSubject) -> WebhookEvent {
    WebhookEvent {
        id: id(number),
        provider: "test".to_owned(),
        event_id: format!("event {number}"),
        kind: "checkout.paid".to_owned(),
        subject,
        received_at: at(10),
    }
}

fn checkout() -> EventSubject {
    EventSubject::Checkout("one".to_owned())
}

async fn the_position_in_a_list_of_events_never_decreases(node: Node) {
    assert_eq!(node.events_read_until("stripe").await.unwrap(), None);
    for (noted, known) in [(5, 5), (7, 7), (6, 7), (7, 7)] {
        node.note_events_read("stripe", at(noted)).await.unwrap();
        assert_eq!(node.events_read_until("stripe").await.unwrap(), Some(at(known)));
    }
    assert_eq!(node.events_read_until("other").await.unwrap(), None);
}

async fn an_event_is_stored_once(node: Node) {
    assert!(node.store_event(&event(1, checkout())).await.unwrap());
    let again = WebhookEvent { id: id(2), ..event(1, checkout()) };
    assert!(!node.store_event(&again).await.unwrap());
    let of_another = WebhookEvent { id: id(3), provider: "other".to_owned(), ..event(1, checkout()) };
    assert!(node.store_event(&of_another).await.unwrap());
}

async fn one_of_fifty_concurrent_copies_of_an_event_is_stored(node: Node) {
    let stored = at_once(50, |number| {
        let node = node.clone();
        let copy = WebhookEvent { id: id(number), ..event(1, checkout()) };
        async move { patiently(|| node.store_event(&copy)).await }
    })
    .await;
    assert_eq!(count(&stored), 1);
}

async fn an_event_is_claimed_by_one_worker_until_its_lease_ends(node: Node) {
    for subject in
        [checkout(), EventSubject::Refunds { charge: "c".to_owned() }, EventSubject::Dispute("d".to_owned())]
    {
        let number = match subject {
            EventSubject::Checkout(_) => 1,
            EventSubject::Refunds { .. } => 2,
            _ => 3,
        };
        node.store_event(&event(number, subject)).await.unwrap();
    }
    assert_eq!(node.claim_event(at(9)).await.unwrap(), None);
    let mut claimed = Vec::new();
    while let Some(event) = node.claim_event(at(20)).await.unwrap() {
        assert_eq!(event.attempts, 1);
        claimed.push(event.event);
    }
    assert_eq!(claimed[0], event(1, checkout()));
    assert_eq!(claimed.iter().map(|event| event.id).collect::<Vec<_>>(), [id(1), id(2), id(3)]);
    assert_eq!(node.claim_event(at(79)).await.unwrap(), None);
    let again = node.claim_event(at(80)).await.unwrap().unwrap();
    assert_eq!((again.event, again.attempts), (event(1, checkout()), 2));
}

async fn a_failed_event_is_claimed_again_later_and_a_done_one_never(node: Node) {
    node.store_event(&event(1, checkout())).await.unwrap();
    let first = node.claim_event(at(20)).await.unwrap().unwrap();
    node.fail_event(&first, "the provider\0 is away", at(30)).await.unwrap();
    assert_eq!(node.claim_event(at(29)).await.unwrap(), None);
    let second = node.claim_event(at(30)).await.unwrap().unwrap();
    node.fail_event(&first, "late", at(31)).await.unwrap();
    assert_eq!(node.claim_event(at(40)).await.unwrap(), None, "the second claim holds the event");
    node.complete_event(second.event.id, at(50)).await.unwrap();
    node.complete_event(second.event.id, at(51)).await.unwrap();
    node.fail_event(&second, "too late", at(52)).await.unwrap();
    assert_eq!(node.claim_event(at(500)).await.unwrap(), None);
}

async fn an_event_without_a_subject_is_never_claimed(node: Node) {
    assert!(node.store_event(&event(1, EventSubject::Other)).await.unwrap());
    assert!(!node.store_event(&event(1, EventSubject::Other)).await.unwrap());
    assert_eq!(node.claim_event(at(500)).await.unwrap(), None);
}
