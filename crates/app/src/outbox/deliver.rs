use std::{error::Error, sync::Arc, time::Duration};

use chrono::TimeDelta;
use domain::{
    catalog::UploadedPoster,
    entropy::Sealer,
    failure::error_chain,
    id::OutboxId,
    mail::{MailError, Mailer},
    outbox::{ClaimedOutboxMessage, OutboxQueue},
    store::{StoreError, retried},
    time::{Backoff, Clock},
};

use super::{InvalidMessage, Message};
use crate::{
    accounts::{Profiles, Sessions, SignUp},
    catalog::Posters,
};

/// The maximum number of messages that one transaction removes, so that other transactions do not wait long for it.
const PURGE_BATCH: u32 = 1_000;

/// How long done messages are kept, so that another message with the same `dedupe_key` is dropped.
const KEPT_AFTER_DONE: TimeDelta = TimeDelta::days(7);

/// Handles the messages in the outbox. Several nodes and workers may handle messages concurrently.
pub struct Outbox {
    /// Claims messages and stores the outcomes of handling them.
    pub queue: Arc<dyn OutboxQueue>,
    /// Decrypts messages.
    pub sealer: Arc<dyn Sealer>,
    /// Sends mails.
    pub mailer: Arc<dyn Mailer>,
    /// Mails requested activation links.
    pub signup: Arc<SignUp>,
    /// Mails requested links to set a password.
    pub sessions: Arc<Sessions>,
    /// Removes pictures that no profile uses.
    pub profiles: Arc<Profiles>,
    /// Removes posters that no movie uses.
    pub posters: Arc<Posters>,
    /// Provides the current time.
    pub clock: Arc<dyn Clock>,
    /// Waits before a transaction is retried after a conflict with a concurrent one.
    pub backoff: Arc<dyn Backoff>,
}

/// A message that this worker has claimed. The worker must pass the delivery to [`Outbox::handle`] or
/// [`Outbox::postpone`]. If the worker drops the delivery, the message can be claimed again when its lease (the time
/// limit of the claim) ends.
#[derive(Debug)]
pub struct Delivery {
    claimed: ClaimedOutboxMessage,
    message: Result<Message, InvalidMessage>,
}

impl Delivery {
    /// Returns the destination, so that deliveries to a slow destination can be limited: for a mail, the domain of
    /// the email address of its recipient; for any other message, its kind.
    #[must_use]
    pub fn destination(&self) -> &str {
        let Ok(Message::Mail(mail)) = &self.message else { return &self.claimed.kind };
        mail.to.key().rsplit_once('@').map_or("mail", |(_, host)| host)
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

impl Outbox {
    /// Claims the message that has been due for the longest time; `None` when no message is due.
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

    /// Handles a message. Returns `false` when the message failed. A failed message is retried later with increasing
    /// delay. It is abandoned immediately after [`MailError::Permanent`], and otherwise when it is too old and was
    /// tried often enough ([`ClaimedOutboxMessage::retry_at`] returns `None`). Messages about unused avatars and
    /// posters are retried until they succeed.
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
            if retry_at.is_some() { "an outbox message failed" } else { "an outbox message was abandoned" }
        );
        let error = error_chain(&*error);
        retried(&*self.backoff, |_attempt| self.queue.fail_message(&claimed, &error, retry_at)).await?;
        Ok(false)
    }

    /// Releases a message without handling it. The message is due again after `delay`, with jitter; the claim does not
    /// count as an attempt.
    ///
    /// # Errors
    /// When the store fails; the message can be claimed again when its lease ends.
    pub async fn postpone(&self, delivery: Delivery, delay: Duration) -> Result<(), StoreError> {
        let claimed = delivery.claimed;
        let available_at = claimed.jittered(self.clock.now(), delay);
        retried(&*self.backoff, |_attempt| self.queue.postpone_message(&claimed, available_at)).await
    }

    /// Handles all due messages, one after the other; returns the number of messages that succeeded.
    ///
    /// # Errors
    /// When the store fails. Claimed messages can be claimed again when their leases end.
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
            Message::UnusedPoster { movie_id, poster_id, width } => {
                let poster = UploadedPoster { id: *poster_id, width: *width };
                self.posters.remove_unused_poster(*movie_id, poster).await?;
            }
        }
        Ok(())
    }

    /// Removes messages that were done more than 7 days ago; returns their number.
    ///
    /// # Errors
    /// When the store fails. Messages that were removed before the failure stay removed.
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
mod tests;
