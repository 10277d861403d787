use domain::{
    payments::{EventSubject, PaymentGateway},
    time::Instant,
};

use crate::support::Shop;

/// All events, read page by page with the last event as the cursor.
async fn all_events(shop: &Shop) -> Vec<domain::payments::ProviderEvent> {
    let mut all: Vec<domain::payments::ProviderEvent> = Vec::new();
    loop {
        let after = all.last().map(|event| event.id.clone());
        let page = shop.gateway.events_since(Instant::UNIX_EPOCH, after.as_deref()).await.unwrap();
        all.extend(page.events);
        if !page.has_more {
            return all;
        }
    }
}

#[tokio::test]
async fn events_are_listed_once_oldest_first() {
    let shop = Shop::open();
    let checkout = shop.checkout().await;
    for _ in 0..130 {
        shop.stripe.decline(&checkout.id, "do_not_honor").unwrap();
    }
    let listed: Vec<_> = all_events(&shop).await.into_iter().map(|event| event.id).collect();
    let made: Vec<_> =
        shop.stripe.events().iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(made.len(), 260);
    assert_eq!(listed, made);
}

#[tokio::test]
async fn events_are_read_from_the_beginning_when_the_last_one_no_longer_exists() {
    let shop = Shop::open();
    shop.charge().await;
    let page = shop.gateway.events_since(Instant::UNIX_EPOCH, Some("evt_of_last_month")).await.unwrap();
    let kinds: Vec<_> = page.events.iter().map(|event| event.kind.clone()).collect();
    assert_eq!(kinds, shop.stripe.event_kinds());
    assert!(!page.has_more);
}

#[tokio::test]
async fn a_page_of_unreadable_events_does_not_end_the_list() {
    let shop = Shop::open();
    for number in 0..120 {
        let id = format!("evt_unreadable_{number}");
        shop.stripe.send_event(&id, "unreadable", serde_json::json!({"id": id, "object": "event"}));
    }
    shop.charge().await;
    let page = shop.gateway.events_since(Instant::UNIX_EPOCH, None).await.unwrap();
    assert!(!page.events.is_empty() && !page.has_more, "{page:?}");
}

#[tokio::test]
async fn events_before_the_requested_time_are_omitted() {
    let shop = Shop::open();
    shop.charge().await;
    let page = shop.gateway.events_since("2100-01-01T00:00:00Z".parse().unwrap(), None).await.unwrap();
    assert_eq!(page, domain::payments::EventPage::default());
}

#[tokio::test]
async fn each_kind_of_event_has_its_subject() {
    let shop = Shop::open();
    let charge = shop.charge().await;
    let checkout = shop.stripe.books()[0].session.clone();
    shop.stripe.refund_in_dashboard(&charge, None).unwrap();
    let subjects: Vec<_> = all_events(&shop).await.into_iter().map(|it| (it.kind, it.subject)).collect();
    for (kind, subject) in [
        ("checkout.session.completed", EventSubject::Checkout(checkout)),
        ("refund.created", EventSubject::Refunds { charge: charge.clone() }),
        ("charge.refunded", EventSubject::Refunds { charge }),
        ("charge.succeeded", EventSubject::Other),
    ] {
        assert!(subjects.contains(&(kind.to_owned(), subject)), "{kind}: {subjects:?}");
    }
}

#[tokio::test]
async fn checkouts_are_listed_oldest_first_without_sessions_that_take_no_payment() {
    let shop = Shop::open();
    shop.stripe.open_sessions_of_others(3);
    let mine = shop.checkout().await;
    shop.stripe.open_sessions_of_others(220);
    let mut listed: Vec<domain::payments::ProviderCheckout> = Vec::new();
    loop {
        let after = listed.last().map(|checkout| checkout.id.clone());
        let (page, has_more) =
            shop.gateway.checkouts_since(Instant::UNIX_EPOCH, after.as_deref()).await.unwrap();
        listed.extend(page);
        if !has_more {
            break;
        }
    }
    // Every second session of the others takes no payment: 2 of their first 3 and 110 of their next 220 are listed.
    assert_eq!(listed.len(), 2 + 1 + 110);
    assert_eq!(listed[2], mine);
    assert!(listed.iter().filter(|checkout| checkout.shop_id.is_some()).count() == 1);
}
