//! What is to happen after a transaction, written down within it.

use std::time::Duration;

use async_trait::async_trait;

use crate::{
    id::{OutboxId, UserId},
    store::StoreError,
    time::Instant,
};

/// A message for the outbox. Its payload is sealed, since mails carry tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOutboxMessage {
    /// Its own identifier, in the `Message-ID` of a mail.
    pub id: OutboxId,
    /// Names the cause: a second message of the same cause is dropped.
    pub dedupe_key: String,
    /// What it is, for operators: `mail`, `activation_requested`.
    pub kind: String,
    /// Whom it is about, when that is known: it goes with the account.
    pub user_id: Option<UserId>,
    /// The sealed content.
    pub payload: Vec<u8>,
    /// When it is to be acted on at the earliest.
    pub available_at: Instant,
    /// When it was written.
    pub created_at: Instant,
}

/// A message that this worker holds until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedOutboxMessage {
    /// Its identifier.
    pub id: OutboxId,
    /// What it is.
    pub kind: String,
    /// The sealed content.
    pub payload: Vec<u8>,
    /// How often it was claimed, this time included: tells this claim from the others.
    pub attempts: u32,
}

/// How often a message is tried before it is given up.
pub const MAX_ATTEMPTS: u32 = 12;

/// How long a worker holds a claimed message; a crashed worker's messages are free again after it.
pub const LEASE: Duration = Duration::from_mins(1);

/// How long to wait after the given number of failed tries: 1 s doubled each time, one hour at most.
#[must_use]
pub fn retry_delay(attempts: u32) -> Duration {
    let seconds = 2_u64.saturating_pow(attempts.saturating_sub(1)).min(3600);
    Duration::from_secs(seconds)
}

/// Writes messages inside a unit of work.
#[async_trait]
pub trait OutboxRepository: Send {
    /// Adds the message. A second one with the same `dedupe_key` MUST be dropped without an error.
    async fn push_message(&mut self, message: NewOutboxMessage) -> Result<(), StoreError>;
    /// Removes a message that is not done, together with what it led to; `false` when there is none such any more. MUST say
    /// `true` to one of several callers at most. For messages whose cause never comes again: its `dedupe_key` is forgotten.
    async fn remove_message(&mut self, id: OutboxId) -> Result<bool, StoreError>;
}

/// The worker's side of the outbox: each call is a transaction of its own.
#[async_trait]
pub trait OutboxQueue: Send + Sync {
    /// Claims the message that is due for longest, for [`LEASE`], and counts the try that its worker is about to make: one at a
    /// time, so that each is counted as often as it is tried. A message MUST never be claimed by two workers at once, and MUST
    /// be free again when its lease ended.
    async fn claim_message(&self, now: Instant) -> Result<Option<ClaimedOutboxMessage>, StoreError>;
    /// Marks it done and blanks its payload. MUST be harmless when repeated, and when it is gone; MUST be taken from a worker
    /// whose lease has ended too: what was done is done, whoever holds it meanwhile.
    async fn complete_message(&self, id: OutboxId, now: Instant) -> Result<(), StoreError>;
    /// Gives it back until `retry_at`, or for good when that is `None` (it is dead, its payload stays for operators). MUST
    /// leave alone what another worker has claimed or done meanwhile.
    async fn fail_message(
        &self,
        claimed: &ClaimedOutboxMessage,
        error: &str,
        retry_at: Option<Instant>,
    ) -> Result<(), StoreError>;
    /// Removes up to `limit` done messages from before `before`; says how many.
    async fn purge_messages(&self, before: Instant, limit: u32) -> Result<u64, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_up_to_an_hour() {
        let seconds: Vec<_> = [1, 2, 3, 12, 13, 200].map(|n| retry_delay(n).as_secs()).into();
        assert_eq!(seconds, [1, 2, 4, 2048, 3600, 3600]);
    }
}
