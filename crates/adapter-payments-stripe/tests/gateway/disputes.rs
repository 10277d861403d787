use domain::payments::{DisputeReport, DisputeStatus, PaymentGateway};

use crate::support::{Shop, money};

#[tokio::test]
async fn a_dispute_withdraws_its_own_amount() {
    let shop = Shop::open();
    let charge = shop.charge().await;
    let id = shop.stripe.open_dispute(&charge, Some(700), false).unwrap();
    let dispute = shop.gateway.dispute(&id).await.unwrap().unwrap();
    assert_eq!((dispute.amount, dispute.withdrawn), (money(700, "USD"), money(700, "USD")));
    assert_eq!((dispute.report, dispute.charge.as_str()), (DisputeReport::Open, charge.as_str()));
    assert_eq!(dispute.reason, "fraudulent");
    assert!(dispute.due_by.unwrap() > dispute.created_at);
    assert_eq!(shop.gateway.disputes(&charge).await.unwrap(), [dispute]);
}

#[tokio::test]
async fn an_inquiry_withdraws_no_money_until_it_becomes_a_dispute() {
    let shop = Shop::open();
    let charge = shop.charge().await;
    let id = shop.stripe.open_dispute(&charge, None, true).unwrap();
    let withdrawn = async || shop.gateway.dispute(&id).await.unwrap().unwrap().withdrawn;
    assert_eq!(withdrawn().await, money(0, "USD"));
    shop.stripe.escalate_dispute(&id).unwrap();
    assert_eq!(withdrawn().await, money(999, "USD"));
}

#[tokio::test]
async fn each_final_status_of_a_dispute_is_won_or_lost() {
    for (status, is_inquiry, outcome) in [
        ("won", false, DisputeStatus::Won),
        ("lost", false, DisputeStatus::Lost),
        ("warning_closed", true, DisputeStatus::Won),
        ("prevented", true, DisputeStatus::Won),
    ] {
        let shop = Shop::open();
        let charge = shop.charge().await;
        let id = shop.stripe.open_dispute(&charge, None, is_inquiry).unwrap();
        shop.stripe.close_dispute(&id, status).unwrap();
        let dispute = shop.gateway.dispute(&id).await.unwrap().unwrap();
        assert_eq!(dispute.report.status(), outcome, "{status}");
        let withdrawn = if is_inquiry { 0 } else { 999 };
        assert_eq!(dispute.withdrawn, money(withdrawn, "USD"), "{status}");
    }
}

#[tokio::test]
async fn a_dispute_that_does_not_exist_at_stripe_is_none() {
    let shop = Shop::open();
    assert_eq!(shop.gateway.dispute("du_test_none").await.unwrap(), None);
}
