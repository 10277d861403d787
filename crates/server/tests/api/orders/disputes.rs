//! Disputes at a fake Stripe (see the crate `test_stripe`). The movies of a disputed payment are suspended while the
//! dispute is open, and revoked when the shop loses the dispute.

use chrono::TimeDelta;
use domain::accounts::Role;
use serde_json::{Value, json};
use test_stripe::{Delivery, RefundCourse};

use super::{
    paying::{dollars, order_mails, order_of},
    refunds::{paid_at_stripe, refund, refunds_of},
    stripe::Shop,
    text,
};
use crate::support::{Engine, SignedIn, cases, email_of, snapshot};

cases! {
    an_open_dispute_suspends_the_movie_and_is_reported_to_administrators,
    every_administrator_is_mailed_about_a_dispute,
    a_lost_dispute_revokes_the_movie_and_loses_the_money,
    a_won_dispute_restores_everything,
    a_closed_inquiry_ends_the_suspension_of_the_movie,
    a_dispute_whose_webhooks_were_lost_is_found_by_a_check,
    repeated_and_reordered_events_of_a_dispute_end_in_the_same_state,
    a_dispute_that_is_reported_before_its_payment_takes_effect_later,
    a_pending_refund_is_not_made_while_the_payment_is_disputed,
    a_pending_refund_is_not_made_after_a_lost_dispute,
    a_lost_dispute_of_a_part_of_a_payment_counts_only_that_part,
}

async fn disputes(admin: &SignedIn) -> Vec<Value> {
    let list = admin.get("/admin/disputes").await.expect(200).json();
    list["items"].as_array().unwrap().clone()
}

/// Returns `live` when the buyer can watch the movie, `suspended` when it is in the library but suspended, and
/// `nothing` when it is not in the library.
async fn entitlement(shop: &Shop) -> &'static str {
    let suspended = shop
        .app
        .stored_texts()
        .await
        .iter()
        .any(|cell| cell.table == "purchases" && cell.column == "suspended_at" && !cell.text.is_empty());
    match (shop.is_purchased().await, suspended) {
        (true, true) => "suspended",
        (true, false) => "live",
        (false, _) => "nothing",
    }
}

async fn an_open_dispute_suspends_the_movie_and_is_reported_to_administrators(engine: Engine) {
    let (shop, admin, order, payment) = paid_at_stripe(engine).await;
    shop.stripe.open_dispute(&shop.charge(), None, false).expect("a charge that can be disputed");
    shop.settle().await;
    let mut open = disputes(&admin).await.remove(0);
    assert_eq!(open["user"], json!({"id": shop.buyer.id(), "email": email_of("ann")}));
    assert_eq!((&open["payment_id"], &open["order_id"]), (&payment["id"], &order["id"]));
    open["due_by"] = json!("[due]");
    open["user"]["email"] = json!("[email]");
    open["created_at"] = json!("[opened]");
    snapshot!(open, @r#"
    {
      "id": "[id]",
      "payment_id": "[id]",
      "order_id": "[id]",
      "user": {
        "id": "[id]",
        "email": "[email]"
      },
      "amount": {
        "amount": "7.99",
        "currency": "USD"
      },
      "reason": "fraudulent",
      "status": "open",
      "due_by": "[due]",
      "created_at": "[opened]",
      "closed_at": null
    }
    "#);
    assert_eq!(entitlement(&shop).await, "suspended");
    assert_eq!(shop.order_status(&order).await, "paid", "the status of the order does not change");
    let disputed = shop.payment().await;
    assert_eq!((text(&disputed, "status"), &disputed["disputed_amount"]), ("successful", &dollars("7.99")));
    refund(&admin, &payment, None).await.problem(409, "payment_disputed");
    let subject = format!("A dispute of a payment for Cinema order {} was opened", {
        let order = order_of(&shop.buyer, &order).await;
        text(&order, "number").to_owned()
    });
    assert_eq!(order_mails(&shop.app, "admin").await, [subject]);
    shop.buyer.get("/admin/disputes").await.problem(403, "forbidden");
    shop.app.check_money().await;
}

async fn every_administrator_is_mailed_about_a_dispute(engine: Engine) {
    // More administrators than fit on one page of the list of users, which has at most 100 items.
    const ADMINISTRATORS: usize = 102;
    let (shop, ..) = paid_at_stripe(engine).await;
    for number in 1..ADMINISTRATORS {
        let user = shop.app.user(&format!("admin{number}")).await;
        shop.app.change_user(&user, |user| user.role = Role::Admin).await;
    }
    shop.stripe.open_dispute(&shop.charge(), None, false).expect("a charge that can be disputed");
    shop.settle().await;
    assert_eq!(order_mails(&shop.app, "admin").await.len(), 1);
    for number in 1..ADMINISTRATORS {
        assert_eq!(order_mails(&shop.app, &format!("admin{number}")).await.len(), 1, "{number}");
    }
}

async fn a_lost_dispute_revokes_the_movie_and_loses_the_money(engine: Engine) {
    let (shop, admin, order, payment) = paid_at_stripe(engine).await;
    let dispute =
        shop.stripe.open_dispute(&shop.charge(), None, false).expect("a charge that can be disputed");
    shop.settle().await;
    shop.stripe.close_dispute(&dispute, "lost").expect("an open dispute");
    shop.settle().await;
    let lost = disputes(&admin).await.remove(0);
    assert!(lost["status"] == "lost" && lost["closed_at"].is_string(), "{lost}");
    assert_eq!(entitlement(&shop).await, "nothing");
    assert_eq!(shop.order_status(&order).await, "paid", "the order was not refunded");
    assert_eq!(shop.payment().await["disputed_amount"], dollars("7.99"));
    refund(&admin, &payment, None).await.problem(409, "refund_exceeds_payment");
    assert_eq!(order_mails(&shop.app, "admin").await.len(), 2);
    shop.app.check_money().await;
    let report = admin.get("/admin/analytics/sales").await.expect(200).json();
    assert_eq!(
        (&report["totals"]["refunds"], &report["totals"]["net"]),
        (&dollars("7.99"), &dollars("0.00"))
    );
}

async fn a_won_dispute_restores_everything(engine: Engine) {
    let (shop, admin, order, payment) = paid_at_stripe(engine).await;
    let dispute =
        shop.stripe.open_dispute(&shop.charge(), None, false).expect("a charge that can be disputed");
    shop.settle().await;
    shop.stripe.close_dispute(&dispute, "won").expect("an open dispute");
    shop.settle().await;
    assert_eq!(disputes(&admin).await[0]["status"], "won");
    assert_eq!(entitlement(&shop).await, "live");
    assert_eq!(shop.payment().await["disputed_amount"], dollars("0.00"));
    shop.app.check_money().await;
    assert_eq!(shop.order_status(&order).await, "paid");
    assert_eq!(refunds_of(&admin, &payment).await.len(), 0);
}

async fn a_closed_inquiry_ends_the_suspension_of_the_movie(engine: Engine) {
    let (shop, admin, ..) = paid_at_stripe(engine).await;
    let dispute =
        shop.stripe.open_dispute(&shop.charge(), None, true).expect("a charge that can be disputed");
    shop.settle().await;
    assert_eq!(entitlement(&shop).await, "suspended");
    shop.app.check_money().await;
    shop.stripe.close_dispute(&dispute, "warning_closed").expect("an open inquiry");
    shop.settle().await;
    assert_eq!(disputes(&admin).await[0]["status"], "won");
    assert_eq!(entitlement(&shop).await, "live");
    shop.app.check_money().await;
}

async fn a_dispute_whose_webhooks_were_lost_is_found_by_a_check(engine: Engine) {
    let (shop, admin, ..) = paid_at_stripe(engine).await;
    let dispute =
        shop.stripe.open_dispute(&shop.charge(), None, false).expect("a charge that can be disputed");
    shop.settle().await;
    shop.stripe.set_delivery(Delivery { dropped: 100, ..Delivery::RELIABLE });
    shop.stripe.close_dispute(&dispute, "lost").expect("an open dispute");
    shop.app.advance(TimeDelta::minutes(2));
    shop.settle().await;
    assert_eq!(disputes(&admin).await[0]["status"], "lost");
    assert_eq!(entitlement(&shop).await, "nothing");
    shop.app.check_money().await;
}

async fn repeated_and_reordered_events_of_a_dispute_end_in_the_same_state(engine: Engine) {
    let (shop, admin, ..) = paid_at_stripe(engine).await;
    shop.stripe.set_delivery(Delivery { seed: 3, duplicated: 100, dropped: 0, longest_delay_ms: 50 });
    let dispute =
        shop.stripe.open_dispute(&shop.charge(), None, true).expect("a charge that can be disputed");
    shop.stripe.escalate_dispute(&dispute).expect("an inquiry");
    shop.stripe.close_dispute(&dispute, "lost").expect("an open dispute");
    shop.settle().await;
    let found = disputes(&admin).await;
    assert_eq!((found.len(), text(&found[0], "status")), (1, "lost"));
    assert_eq!(entitlement(&shop).await, "nothing");
    shop.app.check_money().await;
}

async fn a_dispute_that_is_reported_before_its_payment_takes_effect_later(engine: Engine) {
    let shop = Shop::open(engine).await;
    let admin = shop.app.admin().await;
    let (order, started) = shop.started().await;
    started.expect(201);
    // Stripe does not report the payment, only its dispute.
    shop.stripe.set_delivery(Delivery { dropped: 100, ..Delivery::RELIABLE });
    shop.stripe.pay(&shop.session()).expect("an open session");
    shop.settle().await;
    shop.stripe.set_delivery(Delivery::RELIABLE);
    let dispute =
        shop.stripe.open_dispute(&shop.charge(), None, false).expect("a charge that can be disputed");
    shop.stripe.close_dispute(&dispute, "lost").expect("an open dispute");
    shop.settle().await;
    assert_eq!(disputes(&admin).await.len(), 0);
    shop.app.advance(TimeDelta::minutes(3));
    shop.settle().await;
    assert_eq!(shop.order_status(&order).await, "paid");
    shop.app.advance(TimeDelta::minutes(10));
    shop.settle().await;
    let admin = shop.app.signed_in_again(&admin).await;
    assert_eq!(disputes(&admin).await[0]["status"], "lost");
    let buyer = shop.app.signed_in_again(&shop.buyer).await;
    let movie = buyer.get(format!("/movies/{}", shop.movie_id)).await.expect(200).json();
    assert_eq!(movie["me"]["purchased"], false);
    shop.app.check_money().await;
}

async fn a_pending_refund_is_not_made_while_the_payment_is_disputed(engine: Engine) {
    let (shop, admin, _, payment) = paid_at_stripe(engine).await;
    let fault = test_stripe::Fault::Error { has_effect: false, is_saved: false };
    shop.stripe.fail("GET /v1/refunds", fault, 1_000);
    let made = refund(&admin, &payment, None).await.expect(201).json();
    assert_eq!(made["status"], "pending");
    shop.stripe.heal();
    shop.stripe.set_delivery(Delivery { dropped: 100, ..Delivery::RELIABLE });
    let dispute =
        shop.stripe.open_dispute(&shop.charge(), None, false).expect("a charge that can be disputed");
    shop.app.advance(TimeDelta::minutes(2));
    shop.settle().await;
    assert_eq!(refunds_of(&admin, &payment).await[0]["status"], "pending");
    assert!(!shop.stripe.calls().contains(&"POST /v1/refunds".to_owned()));
    shop.stripe.close_dispute(&dispute, "won").expect("an open dispute");
    shop.app.advance(TimeDelta::minutes(3));
    shop.settle().await;
    shop.app.advance(TimeDelta::minutes(6));
    shop.settle().await;
    let admin = shop.app.signed_in_again(&admin).await;
    assert_eq!(refunds_of(&admin, &payment).await[0]["status"], "succeeded");
    shop.app.check_money().await;
}

async fn a_pending_refund_is_not_made_after_a_lost_dispute(engine: Engine) {
    let (shop, admin, _, payment) = paid_at_stripe(engine).await;
    let fault = test_stripe::Fault::Error { has_effect: false, is_saved: false };
    shop.stripe.fail("GET /v1/refunds", fault, 1_000);
    refund(&admin, &payment, None).await.expect(201);
    shop.stripe.heal();
    shop.stripe.set_delivery(Delivery { dropped: 100, ..Delivery::RELIABLE });
    let dispute =
        shop.stripe.open_dispute(&shop.charge(), None, false).expect("a charge that can be disputed");
    shop.stripe.close_dispute(&dispute, "lost").expect("an open dispute");
    shop.app.advance(TimeDelta::minutes(2));
    shop.settle().await;
    assert_eq!(refunds_of(&admin, &payment).await[0]["status"], "failed");
    assert!(!shop.stripe.calls().contains(&"POST /v1/refunds".to_owned()));
    assert_eq!(entitlement(&shop).await, "nothing");
    shop.app.check_money().await;
}

async fn a_lost_dispute_of_a_part_of_a_payment_counts_only_that_part(engine: Engine) {
    let (shop, admin, _, payment) = paid_at_stripe(engine).await;
    shop.stripe.next_refund(RefundCourse::Succeeds);
    shop.stripe.refund_in_dashboard(&shop.charge(), Some(300)).expect("a charge that can be refunded");
    shop.settle().await;
    let dispute =
        shop.stripe.open_dispute(&shop.charge(), Some(400), false).expect("a charge that can be disputed");
    shop.stripe.close_dispute(&dispute, "lost").expect("an open dispute");
    shop.settle().await;
    let after = shop.payment().await;
    assert_eq!((&after["refunded_amount"], &after["disputed_amount"]), (&dollars("3.00"), &dollars("4.00")));
    assert_eq!(after["status"], "partially_refunded", "a dispute is not a refund");
    assert_eq!(entitlement(&shop).await, "nothing");
    shop.app.check_money().await;
    assert_eq!(refunds_of(&admin, &payment).await.len(), 1);
}
