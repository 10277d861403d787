use std::{error::Error, sync::Arc, time::Duration};

use chrono::TimeDelta;
use domain::{
    entropy::Sealer,
    failure::error_chain,
    id::OutboxId,
    mail::{MailError, Mailer},
    outbox::{ClaimedOutboxMessage, OutboxQueue},
    store::{StoreError, retried},
    time::{Backoff, Clock},
};

use super::{InvalidMessage, Message};
use crate::accounts::{Profiles, Sessions, SignUp};

/// How many done messages are removed at once, so that nobody waits for the clean-up.
const PURGE_BATCH: u32 = 1_000;

/// How long done messages are kept, so that a repeated cause is still recognised.
const KEPT_AFTER_DONE: TimeDelta = TimeDelta::days(7);

/// Handles the messages in the outbox. Any number of nodes and workers may do so at once.
pub struct Outbox {
    /// Claims messages.
    pub queue: Arc<dyn OutboxQueue>,
    /// Unseals them.
    pub sealer: Arc<dyn Sealer>,
    /// Sends mails.
    pub mailer: Arc<dyn Mailer>,
    /// Mails activation links that were asked for.
    pub signup: Arc<SignUp>,
    /// Mails links to set a password that were asked for.
    pub sessions: Arc<Sessions>,
    /// Removes pictures that no profile shows.
    pub profiles: Arc<Profiles>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Waits before a transaction that lost a race is run again.
    pub backoff: Arc<dyn Backoff>,
}

/// A message that this worker holds: to be passed to [`Outbox::handle`] or [`Outbox::postpone`]. One that is dropped can be
/// claimed again when its lease ends.
#[derive(Debug)]
pub struct Delivery {
    claimed: ClaimedOutboxMessage,
    message: Result<Message, InvalidMessage>,
}

impl Delivery {
    /// What it is delivered to, and what may therefore make it slow: the host of the mailbox, or for other messages their
    /// kind.
    #[must_use]
    pub fn destination(&self) -> &str {
        let Ok(Message::Mail(mail)) = &self.message else { return &self.claimed.kind };
        mail.to.key().rsplit_once('@').map_or("mail", |(_, host)| host)
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

impl Outbox {
    /// Claims the message that has been due for longest; `None` when none is due.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn claim(&self) -> Result<Option<Delivery>, StoreError> {
        let now = self.clock.now();
        let claimed = retried(&*self.backoff, |_attempt| self.queue.claim_message(now)).await?;
        Ok(claimed.map(|claimed| {
            let message = Message::unseal(&claimed, &*self.sealer);
            Delivery { claimed, message }
        }))
    }

    /// Handles a message; `false` when that failed. It is then retried later with growing delay, or given up: at once when no
    /// later attempt can succeed, otherwise by [`ClaimedOutboxMessage::retry_at`].
    ///
    /// # Errors
    /// When the store fails to record the outcome; the message can be claimed again when its lease ends.
    pub async fn handle(&self, delivery: Delivery) -> Result<bool, StoreError> {
        let Delivery { claimed, message } = delivery;
        let outcome = match &message {
            Ok(message) => self.act(claimed.id, message).await,
            Err(_) => Err(InvalidMessage.into()),
        };
        let now = self.clock.now();
        let Err(error) = outcome else {
            retried(&*self.backoff, |_attempt| self.queue.complete_message(claimed.id, now)).await?;
            return Ok(true);
        };
        let retry_at = if matches!(error.downcast_ref(), Some(MailError::Permanent(_))) {
            None
        } else if message.is_ok_and(|message| message.is_never_given_up()) {
            Some(claimed.next_attempt(now))
        } else {
            claimed.retry_at(now)
        };
        tracing::warn!(
            outbox_id = %claimed.id,
            kind = claimed.kind,
            attempts = claimed.attempts,
            retry_at = retry_at.map(tracing::field::display),
            error = &*error,
            "{}",
            if retry_at.is_some() { "an outbox message failed" } else { "an outbox message was given up" }
        );
        let error = error_chain(&*error);
        retried(&*self.backoff, |_attempt| self.queue.fail_message(&claimed, &error, retry_at)).await?;
        Ok(false)
    }

    /// Gives a message back without an attempt. It is due again after `delay`, with jitter.
    ///
    /// # Errors
    /// When the store fails; the message can be claimed again when its lease ends.
    pub async fn postpone(&self, delivery: Delivery, delay: Duration) -> Result<(), StoreError> {
        let claimed = delivery.claimed;
        let available_at = claimed.jittered(self.clock.now(), delay);
        retried(&*self.backoff, |_attempt| self.queue.postpone_message(&claimed, available_at)).await
    }

    /// Handles every due message, one after the other; returns how many succeeded.
    ///
    /// # Errors
    /// When the store fails; what was claimed can be claimed again when its lease ends.
    pub async fn deliver_due(&self) -> Result<u64, StoreError> {
        let mut done = 0_u64;
        while let Some(delivery) = self.claim().await? {
            done = done.saturating_add(u64::from(self.handle(delivery).await?));
        }
        Ok(done)
    }

    async fn act(&self, id: OutboxId, message: &Message) -> Result<(), BoxError> {
        match message {
            Message::Mail(mail) => self.mailer.send(id, mail).await?,
            Message::ActivationRequested { email } => {
                self.signup.send_requested_activation(id, email).await?;
            }
            Message::PasswordResetRequested { email } => {
                self.sessions.send_requested_password_reset(id, email).await?;
            }
            Message::UnusedAvatar { user_id, key } => {
                self.profiles.remove_unused_avatar(*user_id, key).await?;
            }
        }
        Ok(())
    }

    /// Removes messages that were done long ago; returns how many.
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
        accounts::doubles::{World, actor, ann, email},
        doubles::{FlipSealer, NoWait},
        outbox::doubles::{MemoryQueue, MockPost, Progress},
    };

    fn outbox(world: &World, mailer: MockPost) -> (Outbox, Arc<MemoryQueue>) {
        let queue = Arc::new(MemoryQueue::of(&world.store));
        let outbox = Outbox {
            queue: queue.clone(),
            sealer: Arc::new(FlipSealer),
            mailer: Arc::new(mailer),
            signup: world.signup.clone(),
            sessions: world.sessions.clone(),
            profiles: world.profiles.clone(),
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
    async fn mails_go_out_once_and_oldest_first() {
        let world = World::new();
        for name in ["ann", "bob", "cem"] {
            world.registered(&email(&format!("{name}@example.com"))).await;
        }
        let (mailer, sent) = recording();
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
            world.signup.resend_activation(email(&format!("user{number}@example.com"))).await.unwrap();
        }
        let (outbox, _) = outbox(&world, MockPost::new());
        assert_eq!(outbox.deliver_due().await.unwrap(), 45);
    }

    #[tokio::test]
    async fn a_wish_for_a_link_becomes_a_mail() {
        let world = World::new();
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
    async fn a_mail_that_fails_waits_longer_each_time_and_holds_nobody_up() {
        let world = World::new();
        world.registered(&ann()).await;
        world.signup.resend_activation(email("stranger@example.com")).await.unwrap();
        let (outbox, queue) = outbox(&world, failing());
        assert_eq!(outbox.deliver_due().await.unwrap(), 1);
        for (wait, attempts) in [(1, 1), (2, 2), (4, 3)] {
            let standing = queue.standings().remove(0);
            assert_eq!((standing.attempts, standing.is_dead), (attempts, false));
            assert_eq!(standing.error.as_deref(), Some("the mail could not be sent: no answer"));
            let waits = standing.not_before.unwrap() - world.clock.now();
            let longest = TimeDelta::seconds(wait);
            assert!(waits >= longest / 2 && waits <= longest, "{waits} after attempt {attempts}");
            world.clock.advance(waits - TimeDelta::microseconds(1));
            assert_eq!(outbox.deliver_due().await.unwrap(), 0);
            assert_eq!(queue.standings()[0].attempts, attempts, "it is not due yet");
            world.clock.advance(TimeDelta::microseconds(1));
            outbox.deliver_due().await.unwrap();
        }
        assert_eq!(queue.standings()[0].attempts, 4);
    }

    #[tokio::test]
    async fn a_mail_that_is_refused_for_good_is_given_up_at_once() {
        let world = World::new();
        world.registered(&ann()).await;
        let mut mailer = MockPost::new();
        mailer.expect_send().once().returning(|_, _| Err(MailError::Permanent("550".into())));
        let (outbox, queue) = outbox(&world, mailer);
        assert_eq!(outbox.deliver_due().await.unwrap(), 0);
        let standing = queue.standings().remove(0);
        assert_eq!((standing.attempts, standing.is_dead), (1, true));
        assert_eq!(standing.error.as_deref(), Some("the mail was refused: 550"));
        world.seconds_pass(1_000_000);
        assert_eq!(outbox.deliver_due().await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_mail_that_always_fails_is_given_up_after_two_days() {
        let world = World::new();
        world.registered(&ann()).await;
        let written = world.clock.now();
        let (outbox, queue) = outbox(&world, failing());
        while !queue.standings()[0].is_dead {
            outbox.deliver_due().await.unwrap();
            world.seconds_pass(60);
        }
        let age = world.clock.now() - written;
        assert!(age >= TimeDelta::days(2) && age < TimeDelta::hours(50), "{age}");
    }

    #[tokio::test]
    async fn a_postponed_message_is_due_again_later_and_was_not_tried() {
        let world = World::new();
        world.registered(&ann()).await;
        let (mailer, sent) = recording();
        let (outbox, queue) = outbox(&world, mailer);
        let delivery = outbox.claim().await.unwrap().unwrap();
        assert_eq!(delivery.destination(), "example.com");
        outbox.postpone(delivery, Duration::from_secs(20)).await.unwrap();
        assert_eq!(queue.standings()[0].attempts, 0);
        world.seconds_pass(9);
        assert_eq!(outbox.deliver_due().await.unwrap(), 0);
        world.seconds_pass(11);
        assert_eq!(outbox.deliver_due().await.unwrap(), 1);
        assert_eq!(sent.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_picture_that_cannot_be_removed_is_never_given_up() {
        let world = World::new();
        world.active(&ann()).await;
        let id = world.user(&ann()).id;
        world.profiles.set_avatar(actor(id), b"photo".to_vec()).await.unwrap();
        world.profiles.remove_avatar(actor(id)).await.unwrap();
        let (mailer, _) = recording();
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
    async fn what_cannot_be_read_fails_and_holds_nobody_up() {
        let world = World::new();
        world.registered(&ann()).await;
        world.registered(&email("bob@example.com")).await;
        world.registered(&email("cem@example.com")).await;
        world.store.rows().outbox[0].payload = b"sealed with a lost key".to_vec();
        world.store.rows().outbox[1].payload = Sealer::seal(&FlipSealer, b"{\"kind\":\"fax\"}");
        let (mailer, sent) = recording();
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
        let (mailer, sent) = recording();
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
        world.signup.resend_activation(ann()).await.unwrap();
        world.fail_on_commit();
        let (mailer, _) = recording();
        let (outbox, queue) = outbox(&world, mailer);
        assert_eq!(outbox.deliver_due().await.unwrap(), 1);
        assert_eq!(queue.standings()[1].error.as_deref(), Some("the store failed: the disk is full"));
        world.store.fails_on_commit.store(false, Ordering::Relaxed);
        world.seconds_pass(1);
        assert_eq!(outbox.deliver_due().await.unwrap(), 2, "the wish, and the mail that it led to");
        assert_eq!(world.mails().len(), 2);
    }

    /// Handles up to so many messages.
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
        for count in [1, 7, 100] {
            handle(&outbox, count).await;
            let counted: u32 = queue.standings().iter().map(|standing| standing.attempts).sum();
            assert_eq!(counted, sends.load(Ordering::Relaxed));
        }
        for _ in 0..60 {
            outbox.deliver_due().await.unwrap();
            world.seconds_pass(3600);
        }
        assert!(queue.standings().iter().all(|standing| standing.is_dead));
        let counted: u32 = queue.standings().iter().map(|standing| standing.attempts).sum();
        assert_eq!(counted, sends.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn however_slow_the_server_is_each_mail_is_held_for_a_whole_lease_and_no_longer() {
        let world = thirty_mails().await;
        let (mailer, sends) = slow(&world, || Ok(()));
        let (outbox, queue) = outbox(&world, mailer);
        handle(&outbox, 10).await;
        // A worker that stopped holds none of the messages that it did not begin.
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
