use std::sync::Arc;

use chrono::TimeDelta;
use domain::{
    entropy::Sealer,
    mail::Mailer,
    outbox::{ClaimedOutboxMessage, MAX_ATTEMPTS, OutboxQueue, retry_delay},
    store::StoreError,
    time::Clock,
};

use super::Message;
use crate::accounts::Accounts;

/// How many messages are claimed at once.
const BATCH: u32 = 20;

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
}

impl Outbox {
    /// Acts on every due message, one batch after the other; says how many were done. What fails is tried again later, with
    /// growing delay, and given up after [`MAX_ATTEMPTS`].
    ///
    /// # Errors
    /// When the store fails; what was claimed is free again after its lease.
    pub async fn deliver_due(&self) -> Result<u64, StoreError> {
        let mut done = 0_u64;
        loop {
            let claimed = self.queue.claim(self.clock.now(), BATCH).await?;
            let is_last = u32::try_from(claimed.len()).is_ok_and(|count| count < BATCH);
            for message in claimed {
                if self.act(&message).await? {
                    done = done.saturating_add(1);
                }
            }
            if is_last {
                return Ok(done);
            }
        }
    }

    async fn act(&self, claimed: &ClaimedOutboxMessage) -> Result<bool, StoreError> {
        match self.try_act(claimed).await {
            Ok(()) => {
                self.queue.complete(claimed.id, self.clock.now()).await?;
                Ok(true)
            }
            Err(error) => {
                let retry_at = (claimed.attempts < MAX_ATTEMPTS).then(|| {
                    let delay = TimeDelta::from_std(retry_delay(claimed.attempts)).unwrap_or_default();
                    let now = self.clock.now();
                    now.checked_add_signed(delay).unwrap_or(now)
                });
                tracing::warn!(
                    outbox_id = %claimed.id,
                    kind = claimed.kind,
                    attempts = claimed.attempts,
                    given_up = retry_at.is_none(),
                    error = &*error,
                    "an outbox message failed"
                );
                self.queue.fail(claimed.id, &error.to_string(), retry_at).await?;
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
            Message::ActivationRequested(email) => self.accounts.send_requested_activation(&email).await?,
            Message::PasswordResetRequested(email) => {
                self.accounts.send_requested_password_reset(&email).await?;
            }
        }
        Ok(())
    }

    /// Removes messages that were done long ago; says how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clean_up(&self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        self.queue.purge(now.checked_sub_signed(KEPT_AFTER_DONE).unwrap_or(now), 1_000).await
    }
}
