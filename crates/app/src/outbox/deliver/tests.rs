use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
};

use domain::mail::{Mail, MailError};

use super::*;
use crate::{
    accounts::doubles::{World, ann, email},
    catalog::doubles::{MockQueries, posters},
    doubles::{FlipSealer, NoWait, storage::TestStorage},
    outbox::doubles::MockPost,
};

fn outbox(world: &World, mailer: MockPost) -> (Outbox, Arc<TestStorage>) {
    let queue = world.store.clone();
    let outbox = Outbox {
        queue: queue.clone(),
        sealer: Arc::new(FlipSealer),
        mailer: Arc::new(mailer),
        signup: world.signup.clone(),
        sessions: world.sessions.clone(),
        profiles: world.profiles.clone(),
        posters: Arc::new(posters(&world.store, &world.media, &world.clock, MockQueries::new())),
        clock: world.clock.clone(),
        backoff: Arc::new(NoWait),
    };
    (outbox, queue)
}

/// A mailer that records what it sends.
fn recording() -> (MockPost, Arc<Mutex<Vec<Mail>>>) {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let mut mailer = MockPost::new();
    let notes = sent.clone();
    mailer.expect_send().returning(move |_, mail| {
        notes.lock().unwrap().push(mail.clone());
        Ok(())
    });
    (mailer, sent)
}

fn failing() -> MockPost {
    let mut mailer = MockPost::new();
    mailer.expect_send().returning(|_, _| Err(MailError::Temporary("no answer".into())));
    mailer
}

#[tokio::test]
async fn mails_are_sent_once_and_oldest_first() {
    let world = World::new().await;
    for name in ["ann", "bob", "cem"] {
        world.registered(&email(&format!("{name}@example.com"))).await;
    }
    let (mailer, sent) = recording();
    let (outbox, queue) = outbox(&world, mailer);
    let written = world.mails();
    assert_eq!(outbox.deliver_due().await.unwrap(), 3);
    assert_eq!(outbox.deliver_due().await.unwrap(), 0);
    assert_eq!(*sent.lock().unwrap(), written);
    assert!(queue.outbox().iter().all(|standing| standing.done_at.is_some()));
}

#[tokio::test]
async fn many_messages_are_handled_in_one_run() {
    let world = World::new().await;
    for number in 0..45 {
        world.signup.resend_activation(email(&format!("user{number}@example.com"))).await.unwrap();
    }
    let (outbox, _) = outbox(&world, MockPost::new());
    assert_eq!(outbox.deliver_due().await.unwrap(), 45);
}

#[tokio::test]
async fn a_request_for_a_link_becomes_a_mail() {
    let world = World::new().await;
    world.registered(&ann()).await;
    world.active(&email("bob@example.com")).await;
    world.signup.resend_activation(ann()).await.unwrap();
    world.sessions.request_password_reset(email("bob@example.com")).await.unwrap();
    let (mailer, sent) = recording();
    let (outbox, _) = outbox(&world, mailer);
    while outbox.deliver_due().await.unwrap() > 0 {}
    let sent = sent.lock().unwrap();
    let subjects: Vec<_> = sent.iter().skip(2).map(|mail| (mail.to.as_str(), &*mail.subject)).collect();
    assert_eq!(
        subjects,
        [
            ("ann@example.com", "Activate your Cinema account"),
            ("bob@example.com", "Set a new Cinema password")
        ]
    );
}

#[tokio::test]
async fn a_failing_mail_is_retried_with_growing_delays_without_delaying_others() {
    let world = World::new().await;
    world.registered(&ann()).await;
    world.signup.resend_activation(email("stranger@example.com")).await.unwrap();
    let (outbox, queue) = outbox(&world, failing());
    assert_eq!(outbox.deliver_due().await.unwrap(), 1);
    for (wait, attempts) in [(1, 1), (2, 2), (4, 3)] {
        let standing = queue.outbox().remove(0);
        assert_eq!((standing.attempts, standing.is_dead), (attempts, false));
        assert_eq!(standing.error.as_deref(), Some("the mail could not be sent: no answer"));
        let waits = standing.not_before - world.clock.now();
        let longest = TimeDelta::seconds(wait);
        assert!(waits >= longest / 2 && waits <= longest, "{waits} after attempt {attempts}");
        world.clock.advance(waits - TimeDelta::microseconds(1));
        assert_eq!(outbox.deliver_due().await.unwrap(), 0);
        assert_eq!(queue.outbox()[0].attempts, attempts, "the message is not due yet");
        world.clock.advance(TimeDelta::microseconds(1));
        outbox.deliver_due().await.unwrap();
    }
    assert_eq!(queue.outbox()[0].attempts, 4);
}

#[tokio::test]
async fn a_permanently_refused_mail_is_abandoned_immediately() {
    let world = World::new().await;
    world.registered(&ann()).await;
    let mut mailer = MockPost::new();
    mailer.expect_send().once().returning(|_, _| Err(MailError::Permanent("550".into())));
    let (outbox, queue) = outbox(&world, mailer);
    assert_eq!(outbox.deliver_due().await.unwrap(), 0);
    let standing = queue.outbox().remove(0);
    assert_eq!((standing.attempts, standing.is_dead), (1, true));
    assert_eq!(standing.error.as_deref(), Some("the mail was refused: 550"));
    world.seconds_pass(1_000_000);
    assert_eq!(outbox.deliver_due().await.unwrap(), 0);
}

#[tokio::test]
async fn a_mail_that_always_fails_is_abandoned_after_two_days() {
    let world = World::new().await;
    world.registered(&ann()).await;
    let written = world.clock.now();
    let (outbox, queue) = outbox(&world, failing());
    while !queue.outbox()[0].is_dead {
        outbox.deliver_due().await.unwrap();
        world.seconds_pass(60);
    }
    let age = world.clock.now() - written;
    assert!(age >= TimeDelta::days(2) && age < TimeDelta::hours(50), "{age}");
}

#[tokio::test]
async fn a_postponed_message_is_due_again_later_and_counts_no_attempt() {
    let world = World::new().await;
    world.registered(&ann()).await;
    let (mailer, sent) = recording();
    let (outbox, queue) = outbox(&world, mailer);
    let delivery = outbox.claim().await.unwrap().unwrap();
    assert_eq!(delivery.destination(), "example.com");
    outbox.postpone(delivery, Duration::from_secs(20)).await.unwrap();
    assert_eq!(queue.outbox()[0].attempts, 0);
    world.seconds_pass(9);
    assert_eq!(outbox.deliver_due().await.unwrap(), 0);
    world.seconds_pass(11);
    assert_eq!(outbox.deliver_due().await.unwrap(), 1);
    assert_eq!(sent.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn removing_a_picture_is_retried_without_limit() {
    let world = World::new().await;
    world.active(&ann()).await;
    let id = world.user(&ann()).await.id;
    world.profiles.set_avatar(world.actor(id).await, b"photo".to_vec()).await.unwrap();
    world.profiles.remove_avatar(world.actor(id).await).await.unwrap();
    let (mailer, _) = recording();
    let (outbox, queue) = outbox(&world, mailer);
    world.media.is_away.store(true, Ordering::Relaxed);
    for _ in 0..20 {
        outbox.deliver_due().await.unwrap();
        world.seconds_pass(3600);
    }
    assert!(queue.outbox().iter().all(|standing| !standing.is_dead));
    world.media.is_away.store(false, Ordering::Relaxed);
    outbox.deliver_due().await.unwrap();
    assert!(world.media.keys().is_empty());
}

#[tokio::test]
async fn unreadable_messages_fail_without_delaying_others() {
    let world = World::new().await;
    world.registered(&ann()).await;
    world.registered(&email("bob@example.com")).await;
    world.registered(&email("cem@example.com")).await;
    world.store.set_payload(1, b"sealed with a lost key").await;
    world.store.set_payload(2, &Sealer::seal(&FlipSealer, b"{\"kind\":\"fax\"}")).await;
    let (mailer, sent) = recording();
    let (outbox, queue) = outbox(&world, mailer);
    assert_eq!(outbox.deliver_due().await.unwrap(), 1);
    assert_eq!(sent.lock().unwrap()[0].to.as_str(), "cem@example.com");
    for standing in &queue.outbox()[..2] {
        assert_eq!(standing.error.as_deref(), Some("the message cannot be read"));
        assert_eq!(standing.done_at, None);
    }
}

#[tokio::test]
async fn a_message_that_could_not_be_marked_as_done_can_be_claimed_after_the_lease() {
    let world = World::new().await;
    world.registered(&ann()).await;
    let (mailer, sent) = recording();
    let (outbox, queue) = outbox(&world, mailer);
    queue.fail_at(Some("complete_message"));
    assert!(matches!(outbox.deliver_due().await, Err(StoreError::Unavailable(_))));
    queue.fail_at(None);
    assert_eq!(outbox.deliver_due().await.unwrap(), 0);
    world.seconds_pass(60);
    assert_eq!(outbox.deliver_due().await.unwrap(), 1);
    assert_eq!(sent.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn every_step_that_loses_a_race_is_retried_and_a_mail_is_sent_once() {
    let world = World::new().await;
    world.registered(&ann()).await;
    let mut mailer = MockPost::new();
    let store = world.store.clone();
    // After each attempt to send, the transaction that records the outcome loses four races: first the transaction that
    // schedules a retry, then the transaction that marks the message as done.
    mailer.expect_send().times(2).returning(move |_, _| {
        let is_first = store.outbox()[0].attempts == 1;
        store.lose_commits(4);
        if is_first { Err(MailError::Temporary("no route".into())) } else { Ok(()) }
    });
    let (outbox, queue) = outbox(&world, mailer);
    queue.lose_commits(4);
    assert_eq!(outbox.deliver_due().await.unwrap(), 0);
    world.seconds_pass(1);
    queue.lose_commits(4);
    assert_eq!(outbox.deliver_due().await.unwrap(), 1);
    world.seconds_pass(8 * 24 * 3600);
    queue.lose_commits(4);
    assert_eq!(outbox.clean_up().await.unwrap(), 1);
}

#[tokio::test]
async fn a_request_that_fails_in_the_store_is_retried() {
    let world = World::new().await;
    world.registered(&ann()).await;
    world.signup.resend_activation(ann()).await.unwrap();
    world.fail_on_commit();
    let (mailer, sent) = recording();
    let (outbox, queue) = outbox(&world, mailer);
    assert_eq!(outbox.deliver_due().await.unwrap(), 1);
    assert_eq!(queue.outbox()[1].error.as_deref(), Some("the store failed: the disk is full"));
    world.store.let_commits_succeed();
    world.seconds_pass(1);
    assert_eq!(outbox.deliver_due().await.unwrap(), 2, "the request, and the mail that it led to");
    assert_eq!(sent.lock().unwrap().len(), 2);
}

/// Handles up to this many messages.
async fn handle(outbox: &Outbox, count: u32) {
    for _ in 0..count {
        let Some(delivery) = outbox.claim().await.unwrap() else { break };
        outbox.handle(delivery).await.unwrap();
    }
}

/// A mailer that takes ten seconds for each mail.
fn slow(world: &World, answer: fn() -> Result<(), MailError>) -> (MockPost, Arc<AtomicU32>) {
    let sends = Arc::new(AtomicU32::new(0));
    let mut mailer = MockPost::new();
    let (clock, counted) = (world.clock.clone(), sends.clone());
    mailer.expect_send().returning(move |_, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        clock.advance(TimeDelta::seconds(10));
        answer()
    });
    (mailer, sends)
}

async fn thirty_mails() -> World {
    let world = World::new().await;
    for number in 0..30 {
        world.registered(&email(&format!("user{number}@example.com"))).await;
    }
    world
}

#[tokio::test]
async fn every_attempt_to_send_to_a_slow_server_is_counted() {
    let world = thirty_mails().await;
    let (mailer, sends) = slow(&world, || Err(MailError::Temporary("it hung up".into())));
    let (outbox, queue) = outbox(&world, mailer);
    for count in [1, 7, 100] {
        handle(&outbox, count).await;
        let counted: u32 = queue.outbox().iter().map(|standing| standing.attempts).sum();
        assert_eq!(counted, sends.load(Ordering::Relaxed));
    }
    for _ in 0..60 {
        outbox.deliver_due().await.unwrap();
        world.seconds_pass(3600);
    }
    assert!(queue.outbox().iter().all(|standing| standing.is_dead));
    let counted: u32 = queue.outbox().iter().map(|standing| standing.attempts).sum();
    assert_eq!(counted, sends.load(Ordering::Relaxed));
}

#[tokio::test]
async fn each_mail_is_claimed_and_sent_once_even_with_a_slow_server() {
    let world = thirty_mails().await;
    let (mailer, sends) = slow(&world, || Ok(()));
    let (outbox, queue) = outbox(&world, mailer);
    handle(&outbox, 10).await;
    // A worker claims one message at a time, so it has not claimed the messages that it did not handle.
    assert!(queue.outbox().iter().skip(10).all(|standing| standing.attempts == 0));
    assert_eq!(outbox.deliver_due().await.unwrap(), 20);
    assert_eq!(sends.load(Ordering::Relaxed), 30);
}

#[tokio::test]
async fn all_done_messages_are_removed_after_a_week() {
    let world = World::new().await;
    let (outbox, queue) = outbox(&world, MockPost::new());
    queue
        .execute(&format!(
            "INSERT INTO outbox (id, dedupe_key, kind, payload, available_at, created_at, sent_at) \
         WITH RECURSIVE numbers (number) AS \
            (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 2500) \
         SELECT randomblob(16), number, 'mail', x'', 0, 0, {} FROM numbers",
            world.clock.now().timestamp_micros()
        ))
        .await;
    queue
        .execute(
            "INSERT INTO outbox (id, dedupe_key, kind, payload, available_at, created_at, dead_at) \
         VALUES (randomblob(16), 'dead', 'mail', x'', 0, 0, 0)",
        )
        .await;
    world.clock.advance(KEPT_AFTER_DONE);
    assert_eq!(outbox.clean_up().await.unwrap(), 0);
    world.seconds_pass(1);
    assert_eq!(outbox.clean_up().await.unwrap(), 2_500);
    assert_eq!(queue.outbox().len(), 1);
}
