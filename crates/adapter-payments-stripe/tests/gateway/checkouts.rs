use domain::payments::{CheckoutReport, GatewayError, PaymentGateway};

use crate::support::{Shop, code, id, money, request, shop_id};

#[tokio::test]
async fn a_checkout_has_the_amount_of_the_order_and_the_ids_of_shop_order_and_payment() {
    let shop = Shop::open();
    let request = request(1, &[money(999, "USD"), money(0, "USD"), money(1, "USD")]);
    let checkout = shop.gateway.open_checkout(&request).await.unwrap();
    assert_eq!(checkout.amount, money(1_000, "USD"));
    assert_eq!(checkout.shop_id, Some(shop_id()));
    assert_eq!(checkout.order_id, Some(request.order_id));
    assert_eq!(checkout.payment_id, Some(request.payment_id));
    assert_eq!(checkout.report, CheckoutReport::Open);
    assert_eq!(checkout.charge, None);
    assert_eq!(checkout.expires_at.timestamp(), request.expires_at.timestamp());
    assert!(checkout.url.as_ref().unwrap().starts_with("http"));
    assert_eq!(shop.now(&checkout).await, checkout);
}

#[tokio::test]
async fn a_repeated_request_opens_only_one_checkout() {
    let shop = Shop::open();
    let request = request(1, &[money(999, "USD")]);
    let first = shop.gateway.open_checkout(&request).await.unwrap();
    let again = shop.gateway.open_checkout(&request).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(shop.stripe.books().len(), 1);
}

#[tokio::test]
async fn an_idempotency_key_of_another_request_leaves_the_outcome_unknown() {
    let shop = Shop::open();
    shop.checkout().await;
    let other = request(1, &[money(998, "USD")]);
    let repeated = shop.gateway.open_checkout(&other).await;
    assert!(matches!(repeated, Err(GatewayError::Unknown(_))), "{repeated:?}");
    assert!(shop.gateway.look_up_checkout(&other).await.unwrap().is_some(), "the first checkout is found");
}

#[tokio::test]
async fn each_currency_is_sent_in_the_units_of_the_api_and_read_back() {
    let shop = Shop::open();
    for (number, amount, units) in [
        (1, money(500, "JPY"), 500),
        (2, money(500, "ISK"), 50_000),
        (3, money(5_000, "UGX"), 500_000),
        (4, money(1_000, "KWD"), 1_000),
        (5, money(10_000, "MGA"), 100),
    ] {
        let checkout = shop.gateway.open_checkout(&request(number, &[amount])).await.unwrap();
        assert_eq!(checkout.amount, amount);
        shop.stripe.pay(&checkout.id).unwrap();
        assert_eq!(shop.stripe.books().last().unwrap().captured, units, "{amount}");
    }
}

#[tokio::test]
async fn lines_that_cannot_be_sent_separately_become_one_line() {
    let shop = Shop::open();
    let request = request(1, &[money(1_005, "KWD"), money(1_005, "KWD")]);
    let checkout = shop.gateway.open_checkout(&request).await.unwrap();
    assert_eq!(checkout.amount, money(2_010, "KWD"));
}

#[tokio::test]
async fn unsupported_amounts_and_lines_that_do_not_add_up_are_not_sent() {
    let shop = Shop::open();
    let odd = request(1, &[money(1_005, "KWD")]);
    assert_eq!(code(shop.gateway.open_checkout(&odd).await), "amount_unsupported");
    let mut less = request(1, &[money(999, "USD")]);
    less.amount = money(1_000, "USD");
    assert_eq!(code(shop.gateway.open_checkout(&less).await), "amount_unsupported");
    assert_eq!(shop.stripe.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn a_hundred_lines_long_names_and_a_unicode_email_address_are_accepted() {
    let shop = Shop::open();
    let mut request = request(1, &[money(1, "USD"); 100]);
    request.lines[0].name = "é".repeat(300);
    request.lines[1].name = String::new();
    request.email = Some("añn@example.com".to_owned());
    let checkout = shop.gateway.open_checkout(&request).await.unwrap();
    assert_eq!(checkout.amount, money(100, "USD"));
}

#[tokio::test]
async fn a_paid_checkout_has_a_charge_and_no_url() {
    let shop = Shop::open();
    let checkout = shop.checkout().await;
    shop.stripe.pay(&checkout.id).unwrap();
    let paid = shop.now(&checkout).await;
    assert!(matches!(paid.report, CheckoutReport::Paid { amount, .. } if amount == money(999, "USD")));
    assert!(paid.charge.unwrap().starts_with("pi_"));
    assert_eq!(paid.url, None);
}

#[tokio::test]
async fn a_paid_amount_or_currency_that_differs_is_reported() {
    let shop = Shop::open();
    for (number, units, currency) in [(1, 998, "usd"), (2, 999, "eur")] {
        let request = request(number, &[money(999, "USD")]);
        let checkout = shop.gateway.open_checkout(&request).await.unwrap();
        shop.stripe.pay_otherwise(&checkout.id, units, currency).unwrap();
        let received = money(units, &currency.to_uppercase());
        let report = shop.now(&checkout).await.report;
        assert!(matches!(report, CheckoutReport::Paid { amount, .. } if amount == received), "{report:?}");
    }
}

#[tokio::test]
async fn a_checkout_that_is_complete_is_not_paid_before_its_money_arrives() {
    let shop = Shop::open();
    let checkout = shop.checkout().await;
    shop.stripe.complete_unpaid(&checkout.id).unwrap();
    assert_eq!(shop.now(&checkout).await.report, CheckoutReport::Processing);
    shop.stripe.settle(&checkout.id).unwrap();
    assert!(matches!(shop.now(&checkout).await.report, CheckoutReport::Paid { .. }));
}

#[tokio::test]
async fn a_payment_whose_money_does_not_arrive_is_reported_as_bounced() {
    let shop = Shop::open();
    let checkout = shop.checkout().await;
    shop.stripe.complete_unpaid(&checkout.id).unwrap();
    shop.stripe.bounce(&checkout.id, "debit_not_authorized").unwrap();
    let CheckoutReport::Bounced(failure) = shop.now(&checkout).await.report else { panic!("not bounced") };
    assert_eq!(failure.code, "debit_not_authorized");
}

#[tokio::test]
async fn a_declined_card_leaves_the_checkout_open() {
    let shop = Shop::open();
    let checkout = shop.checkout().await;
    shop.stripe.decline(&checkout.id, "insufficient_funds").unwrap();
    let declined = shop.now(&checkout).await;
    assert!(
        matches!(&declined.report, CheckoutReport::Declined(failure) if failure.code == "insufficient_funds")
    );
    assert_eq!((declined.url, declined.charge), (checkout.url.clone(), None));
    shop.stripe.pay(&checkout.id).unwrap();
    assert!(matches!(shop.now(&checkout).await.report, CheckoutReport::Paid { .. }));
}

#[tokio::test]
async fn expiring_a_checkout_returns_its_actual_state() {
    let shop = Shop::open();
    let open = shop.checkout().await;
    let expired = shop.gateway.expire_checkout(&open.id).await.unwrap();
    assert!(matches!(expired.report, CheckoutReport::Expired { at } if at <= open.expires_at));
    assert_eq!(expired.url, None);
    let again = shop.gateway.expire_checkout(&open.id).await.unwrap();
    assert!(matches!(again.report, CheckoutReport::Expired { .. }));

    let paid = shop.gateway.open_checkout(&request(2, &[money(999, "USD")])).await.unwrap();
    shop.stripe.pay(&paid.id).unwrap();
    let report = shop.gateway.expire_checkout(&paid.id).await.unwrap().report;
    assert!(matches!(report, CheckoutReport::Paid { .. }), "{report:?}");

    let processing = shop.gateway.open_checkout(&request(3, &[money(999, "USD")])).await.unwrap();
    shop.stripe.complete_unpaid(&processing.id).unwrap();
    let report = shop.gateway.expire_checkout(&processing.id).await.unwrap().report;
    assert_eq!(report, CheckoutReport::Processing);
}

#[tokio::test]
async fn a_checkout_that_expires_after_a_decline_keeps_the_failure_code() {
    let shop = Shop::open();
    let checkout = shop.checkout().await;
    shop.stripe.decline(&checkout.id, "expired_card").unwrap();
    let report = shop.gateway.expire_checkout(&checkout.id).await.unwrap().report;
    assert!(matches!(report, CheckoutReport::Bounced(failure) if failure.code == "expired_card"));
}

#[tokio::test]
async fn an_open_checkout_expires_at_its_time() {
    let shop = Shop::open();
    let checkout = shop.checkout().await;
    shop.stripe.advance(3_601);
    assert!(matches!(shop.now(&checkout).await.report, CheckoutReport::Expired { .. }));
}

#[tokio::test]
async fn a_checkout_that_does_not_exist_at_stripe_is_none() {
    let shop = Shop::open();
    assert_eq!(shop.gateway.checkout("cs_test_none").await.unwrap(), None);
    assert_eq!(shop.gateway.checkout("../events?limit=1").await.unwrap(), None);
    assert_eq!(code(shop.gateway.expire_checkout("cs_test_none").await), "resource_missing");
}

#[tokio::test]
async fn a_checkout_whose_response_was_lost_is_found_among_other_sessions() {
    let shop = Shop::open();
    let wanted = request(1, &[money(999, "USD")]);
    assert_eq!(shop.gateway.look_up_checkout(&wanted).await.unwrap(), None);
    let checkout = shop.gateway.open_checkout(&wanted).await.unwrap();
    shop.gateway.open_checkout(&request(2, &[money(999, "USD")])).await.unwrap();
    shop.stripe.open_sessions_of_others(250);
    assert_eq!(shop.gateway.look_up_checkout(&wanted).await.unwrap(), Some(checkout));
    let mut of_another_shop = wanted;
    of_another_shop.shop_id = id(2);
    assert_eq!(shop.gateway.look_up_checkout(&of_another_shop).await.unwrap(), None);
}
