use std::sync::Arc;

use chrono::TimeDelta;
use domain::{
    entropy::Sealer,
    failure::error_chain,
    mail::Mailer,
    outbox::{ClaimedOutboxMessage, MAX_ATTEMPTS, OutboxQueue, retry_delay},
    store::{StoreError, retried},
    time::{Backoff, Clock},
};

use super::{InvalidMessage, Message};
use crate::accounts::Accounts;

/// How many done messages go at once, so that nobody waits behind the clean-up.
const PURGE_BATCH: u32 = 1_000;

/// How long done messages are kept, so that a repeated cause is still known.
const KEPT_AFTER_DONE: TimeDelta = TimeDelta::days(7);

/// Does what the outbox holds. Any number of nodes may run it at once.
pub struct Outbox {
    /// The claims.
    pub queue: Arc<dyn OutboxQueue>,
    /// Opens the messages.
    pub sealer: Arc<dyn Sealer>,
    /// Sends mails.
    pub mailer: Arc<dyn Mailer>,
    /// Answers requests for links.
    pub accounts: Arc<Accounts>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Waits before what lost a race is done again.
    pub backoff: Arc<dyn Backoff>,
}

impl Outbox {
    /// Acts on every due message, one after the other; says how many were done. What fails is tried again later, with
    /// growing delay, and given up after [`MAX_ATTEMPTS`]; pictures that nobody sees are never given up, or they would stay for ever.
    ///
    /// # Errors
    /// When the store fails; what was claimed is free again after its lease.
    pub async fn deliver_due(&self) -> Result<u64, StoreError> {
        self.deliver_while(|| true).await
    }

    /// The same for as long as another message may be begun: what has not been begun is held by nobody.
    ///
    /// # Errors
    /// When the store fails; what was claimed is free again after its lease.
    pub async fn deliver_while(&self, may_begin: impl Fn() -> bool + Send + Sync) -> Result<u64, StoreError> {
        let mut done = 0_u64;
        while may_begin() {
            let now = self.clock.now();
            let Some(message) = retried(&*self.backoff, |_attempt| self.queue.claim_message(now)).await?
            else {
                break;
            };
            if self.act(&message).await? {
                done = done.saturating_add(1);
            }
        }
        Ok(done)
    }

    async fn act(&self, claimed: &ClaimedOutboxMessage) -> Result<bool, StoreError> {
        match self.try_act(claimed).await {
            Ok(()) => {
                let now = self.clock.now();
                retried(&*self.backoff, |_attempt| self.queue.complete_message(claimed.id, now)).await?;
                Ok(true)
            }
            Err(error) => {
                let may_be_given_up = claimed.kind != "unused_avatar" || error.is::<InvalidMessage>();
                let is_given_up = may_be_given_up && claimed.attempts >= MAX_ATTEMPTS;
                let retry_at = (!is_given_up).then(|| {
                    let delay = TimeDelta::from_std(retry_delay(claimed.attempts)).unwrap_or_default();
                    let now = self.clock.now();
                    now.checked_add_signed(delay).unwrap_or(now)
                });
                tracing::warn!(
                    outbox_id = %claimed.id,
                    kind = claimed.kind,
                    attempts = claimed.attempts,
                    given_up = is_given_up,
                    error = &*error,
                    "an outbox message failed"
                );
                let error = error_chain(&*error);
                retried(&*self.backoff, |_attempt| self.queue.fail_message(claimed, &error, retry_at))
                    .await?;
                Ok(false)
            }
        }
    }

    async fn try_act(
        &self,
        claimed: &ClaimedOutboxMessage,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        match Message::unseal(claimed, &*self.sealer)? {
            Message::Mail(mail) => self.mailer.send(claimed.id, &mail).await?,
            Message::ActivationRequested { email } => {
                self.accounts.send_requested_activation(claimed.id, &email).await?;
            }
            Message::PasswordResetRequested { email } => {
                self.accounts.send_requested_password_reset(claimed.id, &email).await?;
            }
            Message::UnusedAvatar { user_id, key } => {
                self.accounts.remove_unused_avatar(user_id, &key).await?;
            }
        }
        Ok(())
    }

    /// Removes messages that were done long ago; says how many.
    ///
    /// # Errors
    /// When the store fails; what was removed before stays removed.
    pub async fn clean_up(&self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let before = now.checked_sub_signed(KEPT_AFTER_DONE).unwrap_or(now);
        let mut removed = 0_u64;
        loop {
            let batch =
                retried(&*self.backoff, |_attempt| self.queue.purge_messages(before, PURGE_BATCH)).await?;
            removed = removed.saturating_add(batch);
            if batch < u64::from(PURGE_BATCH) {
                return Ok(removed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    };

    use domain::{
        id::Id,
        mail::{Mail, MailError},
    };
    use uuid::Uuid;

    use super::*;
    use crate::{
        accounts::doubles::{World, ann, email},
        doubles::{FlipSealer, NoWait},
        outbox::doubles::{MemoryQueue, MockPost, Progress},
    };

    fn outbox(world: &World, mailer: MockPost) -> (Outbox, Arc<MemoryQueue>) {
        let queue = Arc::new(MemoryQueue::of(&world.store));
        let outbox = Outbox {
            queue: queue.clone(),
            sealer: Arc::new(FlipSealer),
            mailer: Arc::new(mailer),
            accounts: world.accounts.clone(),
            clock: world.clock.clone(),
            backoff: Arc::new(NoWait),
        };
        (outbox, queue)
    }

    /// A mailer that notes what it sends.
    fn noting() -> (MockPost, Arc<Mutex<Vec<Mail>>>) {
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
    async fn mails_go_out_once_and_oldest_first() {
        let world = World::new();
        for name in ["ann", "bob", "cem"] {
            world.registered(&email(&format!("{name}@example.com"))).await;
        }
        let (mailer, sent) = noting();
        let (outbox, queue) = outbox(&world, mailer);
        assert_eq!(outbox.deliver_due().await.unwrap(), 3);
        assert_eq!(outbox.deliver_due().await.unwrap(), 0);
        assert_eq!(*sent.lock().unwrap(), world.mails());
        assert!(queue.standings().iter().all(|standing| standing.done_at.is_some()));
    }

    #[tokio::test]
    async fn many_messages_are_done_in_one_go() {
        let world = World::new();
        for number in 0..45 {
            world.accounts.resend_activation(email(&format!("user{number}@example.com"))).await.unwrap();
        }
        let (outbox, _) = outbox(&world, MockPost::new());
        assert_eq!(outbox.deliver_due().await.unwrap(), 45);
    }

    #[tokio::test]
    async fn a_wish_for_a_link_becomes_a_mail() {
        let world = World::new();
        world.registered(&ann()).await;
        world.active(&email("bob@example.com")).await;
        world.accounts.resend_activation(ann()).await.unwrap();
        world.accounts.request_password_reset(email("bob@example.com")).await.unwrap();
        let (mailer, sent) = noting();
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
    async fn a_mail_that_fails_waits_longer_each_time_and_holds_nobody_up() {
        let world = World::new();
        world.registered(&ann()).await;
        world.accounts.resend_activation(email("stranger@example.com")).await.unwrap();
        let (outbox, queue) = outbox(&world, failing());
        assert_eq!(outbox.deliver_due().await.unwrap(), 1);
        for (wait, attempts) in [(1, 1), (2, 2), (4, 3)] {
            world.seconds_pass(wait - 1);
            outbox.deliver_due().await.unwrap();
            let standing = queue.standings().remove(0);
            assert_eq!((standing.attempts, standing.is_dead), (attempts, false));
            assert_eq!(standing.error.as_deref(), Some("the mail could not be sent: no answer"));
            world.seconds_pass(1);
            outbox.deliver_due().await.unwrap();
        }
        assert_eq!(queue.standings()[0].attempts, 4);
    }

    #[tokio::test]
    async fn a_picture_that_cannot_be_removed_is_never_given_up() {
        let world = World::new();
        world.active(&ann()).await;
        let id = world.user(&ann()).id;
        world.accounts.set_avatar(id, b"photo".to_vec()).await.unwrap();
        world.accounts.remove_avatar(id).await.unwrap();
        let (mailer, _) = noting();
        let (outbox, queue) = outbox(&world, mailer);
        world.media.is_away.store(true, Ordering::Relaxed);
        for _ in 0..20 {
            outbox.deliver_due().await.unwrap();
            world.seconds_pass(3600);
        }
        assert!(queue.standings().iter().all(|standing| !standing.is_dead));
        world.media.is_away.store(false, Ordering::Relaxed);
        outbox.deliver_due().await.unwrap();
        assert!(world.media.keys().is_empty());
    }

    #[tokio::test]
    async fn a_mail_is_given_up_after_twelve_tries() {
        let world = World::new();
        world.registered(&ann()).await;
        let (outbox, queue) = outbox(&world, failing());
        for _ in 0..20 {
            assert_eq!(outbox.deliver_due().await.unwrap(), 0);
            world.seconds_pass(3600);
        }
        let standing = queue.standings().remove(0);
        assert_eq!((standing.attempts, standing.is_dead), (12, true));
    }

    #[tokio::test]
    async fn what_cannot_be_read_fails_and_holds_nobody_up() {
        let world = World::new();
        world.registered(&ann()).await;
        world.registered(&email("bob@example.com")).await;
        world.registered(&email("cem@example.com")).await;
        world.store.rows().outbox[0].payload = b"sealed with a lost key".to_vec();
        world.store.rows().outbox[1].payload = Sealer::seal(&FlipSealer, b"{\"kind\":\"fax\"}");
        let (mailer, sent) = noting();
        let (outbox, queue) = outbox(&world, mailer);
        assert_eq!(outbox.deliver_due().await.unwrap(), 1);
        assert_eq!(sent.lock().unwrap()[0].to.as_str(), "cem@example.com");
        for standing in &queue.standings()[..2] {
            assert_eq!(standing.error.as_deref(), Some("the message cannot be read"));
            assert_eq!(standing.done_at, None);
        }
    }

    #[tokio::test]
    async fn what_could_not_be_marked_done_is_free_again_after_the_lease() {
        let world = World::new();
        world.registered(&ann()).await;
        let (mailer, sent) = noting();
        let (outbox, queue) = outbox(&world, mailer);
        queue.fails_to_complete.store(true, Ordering::Relaxed);
        assert!(matches!(outbox.deliver_due().await, Err(StoreError::Unavailable(_))));
        queue.fails_to_complete.store(false, Ordering::Relaxed);
        assert_eq!(outbox.deliver_due().await.unwrap(), 0);
        world.seconds_pass(60);
        assert_eq!(outbox.deliver_due().await.unwrap(), 1);
        assert_eq!(sent.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn every_step_that_loses_a_race_is_done_again_and_a_mail_is_sent_once() {
        let world = World::new();
        world.registered(&ann()).await;
        let mut mailer = MockPost::new();
        let (outbox, queue) = {
            let queue = Arc::new(MemoryQueue::of(&world.store));
            let races = queue.clone();
            // Once it is sent, marking it done loses; so does giving it back before.
            mailer.expect_send().times(2).returning(move |_, _| {
                let is_first = races.standings()[0].attempts == 1;
                races.races.lose(4);
                if is_first { Err(MailError::Temporary("no route".into())) } else { Ok(()) }
            });
            let (outbox, _) = outbox(&world, mailer);
            (Outbox { queue: queue.clone(), ..outbox }, queue)
        };
        queue.races.lose(4);
        assert_eq!(outbox.deliver_due().await.unwrap(), 0);
        world.seconds_pass(1);
        queue.races.lose(4);
        assert_eq!(outbox.deliver_due().await.unwrap(), 1);
        world.seconds_pass(8 * 24 * 3600);
        queue.races.lose(4);
        assert_eq!(outbox.clean_up().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_wish_that_fails_in_the_store_is_tried_again() {
        let world = World::new();
        world.registered(&ann()).await;
        world.accounts.resend_activation(ann()).await.unwrap();
        world.fail_on_commit();
        let (mailer, _) = noting();
        let (outbox, queue) = outbox(&world, mailer);
        assert_eq!(outbox.deliver_due().await.unwrap(), 1);
        assert_eq!(queue.standings()[1].error.as_deref(), Some("the store failed: the disk is full"));
        world.store.fails_on_commit.store(false, Ordering::Relaxed);
        world.seconds_pass(1);
        assert_eq!(outbox.deliver_due().await.unwrap(), 2, "the wish, and the mail that it led to");
        assert_eq!(world.mails().len(), 2);
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
        let world = World::new();
        for number in 0..30 {
            world.registered(&email(&format!("user{number}@example.com"))).await;
        }
        world
    }

    #[tokio::test]
    async fn of_many_mails_to_a_slow_server_each_is_counted_as_often_as_it_is_tried() {
        let world = thirty_mails().await;
        let (mailer, sends) = slow(&world, || Err(MailError::Temporary("it hung up".into())));
        let (outbox, queue) = outbox(&world, mailer);
        for rounds in [1, 7, 100] {
            let begun = AtomicU32::new(0);
            let may_begin = || begun.fetch_add(1, Ordering::Relaxed) < rounds;
            assert_eq!(outbox.deliver_while(may_begin).await.unwrap(), 0);
            let counted: u32 = queue.standings().iter().map(|standing| standing.attempts).sum();
            assert_eq!(counted, sends.load(Ordering::Relaxed));
        }
        for _ in 0..12 {
            outbox.deliver_due().await.unwrap();
            world.seconds_pass(3600);
        }
        assert!(queue.standings().iter().all(|standing| standing.is_dead && standing.attempts == 12));
        assert_eq!(sends.load(Ordering::Relaxed), 30 * 12);
    }

    #[tokio::test]
    async fn however_slow_the_server_is_each_mail_is_held_for_a_whole_lease_and_no_longer() {
        let world = thirty_mails().await;
        let (mailer, sends) = slow(&world, || Ok(()));
        let (outbox, queue) = outbox(&world, mailer);
        let begun = AtomicU32::new(0);
        outbox.deliver_while(|| begun.fetch_add(1, Ordering::Relaxed) < 10).await.unwrap();
        // Who stopped holds none of those that it did not begin.
        assert!(queue.standings().iter().skip(10).all(|standing| *standing == Progress::default()));
        assert_eq!(outbox.deliver_due().await.unwrap(), 20);
        assert_eq!(sends.load(Ordering::Relaxed), 30);
    }

    #[tokio::test]
    async fn done_messages_go_after_a_week_all_of_them() {
        let world = World::new();
        let (outbox, queue) = outbox(&world, MockPost::new());
        let done = Progress { done_at: Some(world.clock.now()), ..Progress::default() };
        let dead = Progress { is_dead: true, ..Progress::default() };
        for number in 0..2_500 {
            queue.progress.lock().unwrap().insert(Id::from_uuid(Uuid::from_u128(number)), done.clone());
        }
        queue.progress.lock().unwrap().insert(Id::from_uuid(Uuid::from_u128(9_999)), dead);
        world.clock.advance(KEPT_AFTER_DONE);
        assert_eq!(outbox.clean_up().await.unwrap(), 0);
        world.seconds_pass(1);
        assert_eq!(outbox.clean_up().await.unwrap(), 2_500);
        assert_eq!(queue.progress.lock().unwrap().len(), 1);
    }
}
