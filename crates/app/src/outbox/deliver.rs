use std::sync::Arc;

use chrono::TimeDelta;
use domain::{
    entropy::Sealer,
    mail::Mailer,
    outbox::{ClaimedOutboxMessage, LEASE, MAX_ATTEMPTS, OutboxQueue, retry_delay},
    store::StoreError,
    time::{Clock, Instant},
};

use super::Message;
use crate::accounts::Accounts;

/// How many messages are claimed at once.
const BATCH: u32 = 20;

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
            let claimed_at = self.clock.now();
            let claimed = self.queue.claim(claimed_at, BATCH).await?;
            let is_last = u32::try_from(claimed.len()).is_ok_and(|count| count < BATCH);
            for message in claimed {
                if !self.is_surely_ours(claimed_at) {
                    break;
                }
                if self.act(&message).await? {
                    done = done.saturating_add(1);
                }
            }
            if is_last {
                return Ok(done);
            }
        }
    }

    /// Whether what was claimed then can be begun now and be done before its lease ends: slow mails must not let another
    /// worker send the rest of the batch too.
    fn is_surely_ours(&self, claimed_at: Instant) -> bool {
        let held = self.clock.now().signed_duration_since(claimed_at).to_std().unwrap_or_default();
        held.saturating_mul(2) < LEASE
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
    /// When the store fails; what was removed before stays removed.
    pub async fn clean_up(&self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let before = now.checked_sub_signed(KEPT_AFTER_DONE).unwrap_or(now);
        let mut removed = 0_u64;
        loop {
            let batch = self.queue.purge(before, PURGE_BATCH).await?;
            removed = removed.saturating_add(batch);
            if batch < u64::from(PURGE_BATCH) {
                return Ok(removed);
            }
        }
    }
}
