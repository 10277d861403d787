//! Tests that the sandbox fulfils the contract of `PaymentGateway`, the port for payment providers.
#![expect(clippy::unwrap_used, reason = "an unexpected result must fail the test")]

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use adapter_payments_sandbox::Sandbox;
use chrono::TimeDelta;
use domain::{
    entropy::Signer,
    id::Id,
    money::Money,
    payments::{
        CheckoutLine, CheckoutReport, CheckoutRequest, GatewayError, PaymentFailure, PaymentGateway,
        RefundOrder, RefundReport, SandboxCheckouts, SandboxOutcome, WebhookError,
    },
    time::{Clock, Instant},
};
use uuid::Uuid;

struct StoppedClock(Mutex<Instant>);

impl StoppedClock {
    fn advance(&self, by: TimeDelta) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add_signed(by).unwrap();
    }
}

impl Clock for StoppedClock {
    fn now(&self) -> Instant {
        *self.0.lock().unwrap()
    }
}

/// A signer that returns the same signature for any data. This is enough, because no test here sends a webhook
/// successfully, and every received webhook must be refused.
struct NoSigner;

impl Signer for NoSigner {
    fn sign(&self, _parts: &[&[u8]]) -> [u8; 32] {
        [7; 32]
    }

    fn verify(&self, _parts: &[&[u8]], tag: &[u8]) -> bool {
        tag == [7; 32]
    }
}

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, "USD".parse().unwrap())
}

fn open(folder: &Path) -> (Sandbox, Arc<StoppedClock>) {
    let clock = Arc::new(StoppedClock(Mutex::new(Instant::from_timestamp(1_800_000_000, 0).unwrap())));
    let urls = ["https://cinema.example", "http://127.0.0.1:1"];
    (Sandbox::open(folder, Arc::new(NoSigner), clock.clone(), urls[0], urls[1]).unwrap(), clock)
}

fn request(number: u128, clock: &StoppedClock) -> CheckoutRequest {
    CheckoutRequest {
        payment_id: Id::from_uuid(Uuid::from_u128(number)),
        order_id: Id::from_uuid(Uuid::from_u128(2)),
        shop_id: Id::from_uuid(Uuid::from_u128(3)),
        order_number: "7K3QX-9MP2B".to_owned(),
        amount: usd(999),
        lines: vec![CheckoutLine { name: "Alien (1979)".to_owned(), price: usd(999) }],
        email: None,
        return_url: "https://shop.example/orders/2".to_owned(),
        expires_at: clock.now().checked_add_signed(TimeDelta::minutes(60)).unwrap(),
        idempotency_key: number.to_string(),
    }
}

#[tokio::test]
async fn a_repeated_request_opens_the_same_checkout_which_other_processes_find() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, clock) = open(folder.path());
    let request = request(1, &clock);
    assert_eq!(sandbox.look_up_checkout(&request).await.unwrap(), None);
    let opened = sandbox.open_checkout(&request).await.unwrap();
    assert_eq!((opened.payment_id, opened.amount), (Some(request.payment_id), usd(999)));
    assert!(opened.url.as_ref().unwrap().starts_with("https://cinema.example/sandbox/checkouts/"));
    assert_eq!(sandbox.open_checkout(&request).await.unwrap(), opened);
    let (other, _) = open(folder.path());
    assert_eq!(other.look_up_checkout(&request).await.unwrap(), Some(opened.clone()));
    assert_eq!(other.checkout(&opened.id).await.unwrap(), Some(opened));
    for unknown in ["", "x", "sandbox_checkout_../../secret"] {
        assert_eq!(other.checkout(unknown).await.unwrap(), None);
    }
}

#[tokio::test]
async fn sending_webhooks_is_retried_after_a_stored_checkout_could_not_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, clock) = open(folder.path());
    let id = sandbox.open_checkout(&request(1, &clock)).await.unwrap().id;
    sandbox.choose_outcome(&id, SandboxOutcome::Pay).await.unwrap();
    let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let book = files.into_iter().find(|path| path.extension().is_some_and(|end| end == "json")).unwrap();
    std::fs::write(book, "damaged").unwrap();
    for attempt in 1..=3 {
        clock.advance(TimeDelta::seconds(5));
        assert!(sandbox.send_webhooks().await.is_err(), "attempt {attempt}");
    }
}

#[tokio::test]
async fn the_outcome_of_a_checkout_is_final() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, clock) = open(folder.path());
    let now = clock.now();
    let declined = PaymentFailure { at: now, code: "insufficient_funds".to_owned() };
    let outcomes = [
        (SandboxOutcome::Pay, CheckoutReport::Paid { amount: usd(999), at: now }),
        (SandboxOutcome::Expire, CheckoutReport::Bounced(declined)),
        (SandboxOutcome::Delay, CheckoutReport::Processing),
    ];
    for (number, (outcome, report)) in (1..).zip(outcomes) {
        let id = sandbox.open_checkout(&request(number, &clock)).await.unwrap().id;
        sandbox.choose_outcome(&id, SandboxOutcome::Decline).await.unwrap();
        assert!(matches!(sandbox.checkout(&id).await.unwrap().unwrap().report, CheckoutReport::Declined(_)));
        sandbox.choose_outcome(&id, outcome).await.unwrap();
        let after = sandbox.expire_checkout(&id).await.unwrap();
        assert_eq!((&after.report, &after.url), (&report, &None));
        sandbox.choose_outcome(&id, SandboxOutcome::Pay).await.unwrap();
        assert_eq!(sandbox.checkout(&id).await.unwrap().unwrap().report, report);
    }
}

#[tokio::test]
async fn a_delayed_payment_succeeds_later_and_an_unpaid_checkout_expires() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, clock) = open(folder.path());
    let delayed = sandbox.open_checkout(&request(1, &clock)).await.unwrap();
    let unpaid = sandbox.open_checkout(&request(2, &clock)).await.unwrap();
    sandbox.choose_outcome(&delayed.id, SandboxOutcome::Delay).await.unwrap();
    clock.advance(TimeDelta::seconds(30));
    let arrived = sandbox.checkout(&delayed.id).await.unwrap().unwrap();
    assert_eq!(arrived.report, CheckoutReport::Paid { amount: usd(999), at: clock.now() });
    clock.advance(TimeDelta::hours(1));
    let ended = sandbox.checkout(&unpaid.id).await.unwrap().unwrap();
    assert_eq!(ended.report, CheckoutReport::Expired { at: unpaid.expires_at });
}

#[tokio::test]
async fn a_refund_is_made_once_and_never_exceeds_the_paid_amount() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, clock) = open(folder.path());
    let id = sandbox.open_checkout(&request(1, &clock)).await.unwrap().id;
    sandbox.choose_outcome(&id, SandboxOutcome::Pay).await.unwrap();
    let charge = sandbox.checkout(&id).await.unwrap().unwrap().charge.unwrap();
    let refund = |number: u128, minor: i64| RefundOrder {
        refund_id: Id::from_uuid(Uuid::from_u128(number)),
        shop_id: Id::from_uuid(Uuid::from_u128(3)),
        charge: charge.clone(),
        amount: usd(minor),
        idempotency_key: number.to_string(),
    };
    let made = sandbox.refund(&refund(1, 600)).await.unwrap();
    assert_eq!(made.report, RefundReport::Succeeded { at: clock.now() });
    assert_eq!(sandbox.refund(&refund(1, 600)).await.unwrap(), made);
    assert!(matches!(sandbox.refund(&refund(2, 400)).await, Err(GatewayError::Refused { .. })));
    sandbox.refund(&refund(3, 399)).await.unwrap();
    let amounts: Vec<_> = sandbox.refunds(&charge).await.unwrap().iter().map(|one| one.amount).collect();
    assert_eq!(amounts, [usd(600), usd(399)]);
}

#[tokio::test]
async fn checkouts_and_events_since_a_time_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, clock) = open(folder.path());
    let first = sandbox.open_checkout(&request(1, &clock)).await.unwrap();
    sandbox.choose_outcome(&first.id, SandboxOutcome::Pay).await.unwrap();
    clock.advance(TimeDelta::minutes(1));
    let since = clock.now();
    let second = sandbox.open_checkout(&request(2, &clock)).await.unwrap();
    sandbox.choose_outcome(&second.id, SandboxOutcome::Expire).await.unwrap();
    let (listed, has_more) = sandbox.checkouts_since(since, None).await.unwrap();
    assert_eq!((listed.iter().map(|one| &one.id).collect::<Vec<_>>(), has_more), (vec![&second.id], false));
    let page = sandbox.events_since(since, None).await.unwrap();
    let kinds: Vec<_> = page.events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["checkout.expired"]);
    let rest = sandbox.events_since(since, Some(&page.events[0].id)).await.unwrap();
    assert!(rest.events.is_empty());
}

#[tokio::test]
async fn a_signature_header_that_is_malformed_or_has_a_wrong_time_is_refused_without_the_body() {
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, clock) = open(folder.path());
    let now = clock.now();
    let tag = format!("v1={}", "A".repeat(43));
    let signed = |seconds: i64| format!("t={},{tag}", now.timestamp() + seconds);
    let (stale, early, recent) = (signed(-301), signed(301), signed(-300));
    let time = format!("t={}", now.timestamp());
    let (without_tag, short, no_base64) =
        (format!("{time},v1="), format!("{time},v1=AA"), format!("{time},v1={}", "!".repeat(43)));
    let no_time = format!("t=x,{tag}");
    for signature in [
        None,
        Some(""),
        Some("x"),
        Some(&time),
        Some(&tag),
        Some(&no_time),
        Some(&without_tag),
        Some(&short),
        Some(&no_base64),
        Some(&stale),
        Some(&early),
    ] {
        assert_eq!(sandbox.check_signature_header(signature, now), Err(WebhookError::Signature));
        assert_eq!(sandbox.read_webhook(signature, b"{}", now), Err(WebhookError::Signature));
    }
    // A header with a recent time and a tag of the right length passes the check without the body. Its tag is wrong,
    // which shows only when it is verified with the body.
    assert_eq!(sandbox.check_signature_header(Some(&recent), now), Ok(()));
    assert_eq!(sandbox.read_webhook(Some(&recent), b"{}", now), Err(WebhookError::Signature));
}
