//! A database that was restored from a backup lacks the payments that were made at Stripe after the backup. The
//! server finds these payments in Stripe's list of events. It restores a payment if the database has the order;
//! otherwise it returns the money.

use super::{
    cancel,
    stripe::{Shop, without_webhooks},
    text,
};
use crate::support::{Engine, cases, email_of};

cases! {
    a_payment_missing_in_the_database_is_restored_from_the_list_of_events,
    a_missing_payment_of_a_canceled_order_is_returned,
    a_missing_payment_pays_the_order_although_another_payment_is_open,
    money_for_a_missing_order_is_returned_once,
    pending_money_for_a_missing_order_is_returned_when_it_arrives,
    the_events_of_lost_webhooks_are_read_from_the_list_of_events,
}

/// Deletes the rows that are missing in a backup that was made before the payment was started.
const FORGET_PAYMENTS: &str = "DELETE FROM payment_items; DELETE FROM payments; DELETE FROM webhook_events";

/// Deletes the rows that are missing in a backup that was made before the order was created.
const FORGET_ORDERS: &str = "DELETE FROM payment_items; DELETE FROM payments; DELETE FROM webhook_events; \
                             DELETE FROM order_exclusions; DELETE FROM order_items; DELETE FROM orders";

async fn a_payment_missing_in_the_database_is_restored_from_the_list_of_events(engine: Engine) {
    let shop = without_webhooks(Shop::open(engine).await);
    let (order, started) = shop.started().await;
    let payment = started.expect(201).json();
    shop.stripe.pay(&shop.session()).expect("an open session");
    shop.app.execute_sql(FORGET_PAYMENTS).await;
    for _ in 0..2 {
        shop.app.run_payments_with_event_list().await;
        assert_eq!(shop.order_status(&order).await, "paid");
        let restored = shop.payment().await;
        for member in ["id", "order_id", "amount", "items", "provider"] {
            assert_eq!(restored[member], payment[member], "{member}");
        }
        assert_eq!(text(&restored, "status"), "successful");
        assert!(shop.is_purchased().await);
        assert_eq!(shop.paid_mails().await, 1);
        assert_eq!(shop.stripe.books()[0].refunded, 0);
    }
}

async fn a_missing_payment_of_a_canceled_order_is_returned(engine: Engine) {
    let shop = without_webhooks(Shop::open(engine).await);
    let (order, started) = shop.started().await;
    started.expect(201);
    let session = shop.session();
    shop.app.execute_sql(FORGET_PAYMENTS).await;
    cancel(&shop.buyer, &order).await.expect(200);
    shop.stripe.pay(&session).expect("an open session");
    shop.app.run_payments_with_event_list().await;
    assert_eq!(shop.order_status(&order).await, "canceled");
    assert_eq!(text(&shop.payment().await, "status"), "refunded");
    assert_eq!(shop.stripe.books()[0].refunded, 799);
    assert!(!shop.is_purchased().await);
}

async fn a_missing_payment_pays_the_order_although_another_payment_is_open(engine: Engine) {
    let shop = without_webhooks(Shop::open(engine).await);
    let (order, started) = shop.started().await;
    started.expect(201);
    let session = shop.session();
    shop.app.execute_sql(FORGET_PAYMENTS).await;
    shop.pay(&order).await.expect(201);
    shop.stripe.pay(&session).expect("an open session");
    shop.app.run_payments_with_event_list().await;
    assert_eq!(shop.order_status(&order).await, "paid");
    // When the other checkout is paid too, its money is returned.
    let books = shop.stripe.books();
    let other = books.iter().find(|entry| entry.session != session).expect("two sessions");
    shop.stripe.pay(&other.session).expect("an open session");
    shop.app.run_payments_with_event_list().await;
    let refunded = |entry: &test_stripe::BookEntry| (entry.captured, entry.refunded);
    let books = shop.stripe.books();
    for entry in &books {
        let expected = if entry.session == session { (799, 0) } else { (799, 799) };
        assert_eq!(refunded(entry), expected, "{books:?}");
    }
    assert_eq!(shop.paid_mails().await, 2, "one for the paid order, one for the refund");
}

async fn money_for_a_missing_order_is_returned_once(engine: Engine) {
    let shop = without_webhooks(Shop::open(engine).await);
    let admin = shop.app.admin().await;
    let (_, started) = shop.started().await;
    started.expect(201);
    shop.stripe.pay(&shop.session()).expect("an open session");
    shop.app.execute_sql(FORGET_ORDERS).await;
    let found = shop.app.money_violations().await;
    assert!(
        found[0].starts_with("the payment provider has money for a payment that is not known"),
        "{found:?}"
    );
    for _ in 0..2 {
        shop.app.run_payments_with_event_list().await;
        shop.app.check_money().await;
        let books = shop.stripe.books();
        assert_eq!((books[0].captured, books[0].refunded), (799, 799));
    }
    assert!(!shop.is_purchased().await);
    assert_eq!(admin.get("/admin/payments").await.expect(200).json()["total_items"], 0);
    let returned = "Cinema returned 7.99 USD for an order that it does not know";
    shop.app.run_outbox().await;
    let mails = shop.app.mails_to(&email_of("admin"));
    assert_eq!(mails.iter().filter(|mail| mail.subject == returned).count(), 1, "{mails:?}");
}

async fn pending_money_for_a_missing_order_is_returned_when_it_arrives(engine: Engine) {
    let shop = without_webhooks(Shop::open(engine).await);
    let (_, started) = shop.started().await;
    started.expect(201);
    let session = shop.session();
    shop.stripe.complete_unpaid(&session).expect("an open session");
    shop.app.execute_sql(FORGET_ORDERS).await;
    shop.app.run_payments_with_event_list().await;
    assert_eq!(shop.stripe.books()[0].captured, 0);
    shop.stripe.settle(&session).expect("a payment in progress");
    shop.app.run_payments_with_event_list().await;
    assert_eq!((shop.stripe.books()[0].captured, shop.stripe.books()[0].refunded), (799, 799));
}

async fn the_events_of_lost_webhooks_are_read_from_the_list_of_events(engine: Engine) {
    let shop = without_webhooks(Shop::open(engine).await);
    let (order, started) = shop.started().await;
    started.expect(201);
    shop.stripe.pay(&shop.session()).expect("an open session");
    shop.app.run_payments().await;
    assert_eq!(
        shop.order_status(&order).await,
        "pending",
        "the server does not know yet that the order was paid"
    );
    shop.app.run_payments_with_event_list().await;
    assert_eq!(shop.order_status(&order).await, "paid");
}
