use domain::payments::{PaymentGateway, RefundReport};
use test_stripe::{Fault, RefundCourse};

use crate::support::{Shop, code, is_unknown, money, refund_order};

#[tokio::test]
async fn money_is_refunded_in_parts_down_to_the_last_cent() {
    let shop = Shop::open();
    let charge = shop.charge().await;
    for (number, minor) in [(1, 500), (2, 498), (3, 1)] {
        let order = refund_order(number, &charge, minor);
        let refund = shop.gateway.refund(&order).await.unwrap();
        assert_eq!((refund.amount, refund.refund_id), (money(minor, "USD"), Some(order.refund_id)));
        assert_eq!(refund.charge, charge);
        assert!(matches!(refund.report, RefundReport::Succeeded { .. }));
    }
    assert_eq!(shop.stripe.books()[0].refunded, 999);
    let more = shop.gateway.refund(&refund_order(4, &charge, 1)).await;
    assert_eq!(code(more), "charge_already_refunded");
}

#[tokio::test]
async fn a_repeated_refund_happens_once_even_with_a_new_key() {
    let shop = Shop::open();
    let charge = shop.charge().await;
    let mut order = refund_order(1, &charge, 300);
    let first = shop.gateway.refund(&order).await.unwrap();
    order.idempotency_key = "another".to_owned();
    assert_eq!(shop.gateway.refund(&order).await.unwrap(), first);
    assert_eq!(shop.stripe.books()[0].refunded, 300);
}

#[tokio::test]
async fn a_refund_whose_response_was_lost_is_found_and_not_repeated() {
    for fault in [
        Fault::HangUp { has_effect: true },
        Fault::Error { has_effect: true, is_saved: true },
        Fault::Error { has_effect: true, is_saved: false },
    ] {
        let shop = Shop::open();
        let charge = shop.charge().await;
        let order = refund_order(1, &charge, 300);
        shop.stripe.fail("POST /v1/refunds", fault, 1);
        assert!(is_unknown(&shop.gateway.refund(&order).await), "{fault:?}");
        let found = shop.gateway.refund(&order).await.unwrap();
        assert_eq!(found.refund_id, Some(order.refund_id));
        assert_eq!(shop.count("POST /v1/refunds"), 1, "{fault:?}");
        assert_eq!(shop.stripe.books()[0].refunded, 300);
    }
}

#[tokio::test]
async fn a_refund_is_made_with_the_next_key_when_an_error_was_saved() {
    let shop = Shop::open();
    let charge = shop.charge().await;
    let order = refund_order(1, &charge, 300);
    shop.stripe.fail("POST /v1/refunds", Fault::Error { has_effect: false, is_saved: true }, 1);
    assert!(is_unknown(&shop.gateway.refund(&order).await));
    assert!(shop.gateway.refund(&order).await.is_ok());
    assert!(shop.gateway.refund(&order).await.is_ok());
    assert_eq!(shop.stripe.books()[0].refunded, 300);
}

#[tokio::test]
async fn a_pending_refund_succeeds_or_fails_later() {
    let shop = Shop::open();
    let charge = shop.charge().await;
    for (number, is_success) in [(1, true), (2, false)] {
        shop.stripe.next_refund(RefundCourse::StaysPending);
        let refund = shop.gateway.refund(&refund_order(number, &charge, 300)).await.unwrap();
        assert_eq!(refund.report, RefundReport::Pending);
        shop.stripe.finish_refund(&refund.id, is_success).unwrap();
        let refunds = shop.gateway.refunds(&charge).await.unwrap();
        let report = refunds.into_iter().find(|it| it.id == refund.id).unwrap().report;
        assert_eq!(matches!(report, RefundReport::Succeeded { .. }), is_success);
        assert_eq!(matches!(report, RefundReport::Failed { .. }), !is_success);
    }
    assert_eq!(shop.stripe.books()[0].refunded, 300);
}

#[tokio::test]
async fn a_refund_may_fail_at_once_or_after_it_succeeded() {
    let shop = Shop::open();
    let charge = shop.charge().await;
    let refund = shop.gateway.refund(&refund_order(1, &charge, 999)).await.unwrap();
    shop.stripe.finish_refund(&refund.id, false).unwrap();
    let report = shop.gateway.refunds(&charge).await.unwrap()[0].report;
    assert!(matches!(report, RefundReport::Failed { at } if at >= refund.created_at));
    shop.stripe.next_refund(RefundCourse::Fails);
    let refund = shop.gateway.refund(&refund_order(2, &charge, 999)).await.unwrap();
    assert!(matches!(refund.report, RefundReport::Failed { .. }));
}

#[tokio::test]
async fn a_refund_made_in_the_dashboard_has_no_identifier_of_the_shop() {
    let shop = Shop::open();
    let charge = shop.charge().await;
    shop.stripe.refund_in_dashboard(&charge, Some(100)).unwrap();
    shop.gateway.refund(&refund_order(1, &charge, 200)).await.unwrap();
    let refunds = shop.gateway.refunds(&charge).await.unwrap();
    let known: Vec<_> = refunds.iter().map(|it| (it.amount.minor(), it.refund_id.is_some())).collect();
    assert_eq!(known, [(200, true), (100, false)]);
}

#[tokio::test]
async fn disputed_money_is_not_refunded() {
    let shop = Shop::open();
    let charge = shop.charge().await;
    shop.stripe.open_dispute(&charge, None, false).unwrap();
    assert_eq!(code(shop.gateway.refund(&refund_order(1, &charge, 999)).await), "charge_disputed");
}
