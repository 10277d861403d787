//! The outbox: messages about work to do after a transaction, stored in the same transaction.

use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;

use crate::{
    id::{OutboxId, UserId},
    store::StoreError,
    time::Instant,
};

/// A message for the outbox. Its payload is encrypted, since mails contain tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOutboxMessage {
    /// The identifier of the message, also used in the `Message-ID` of a mail.
    pub id: OutboxId,
    /// Identifies the cause of the message: a message is dropped if another message with the same key is stored, even
    /// if the stored message is done.
    pub dedupe_key: String,
    /// The kind of message, for operators, such as `mail` or `activation_requested`.
    pub kind: String,
    /// The user that the message concerns, when known: the message is deleted with the account.
    pub user_id: Option<UserId>,
    /// The encrypted content.
    pub payload: Vec<u8>,
    /// The earliest time to process the message.
    pub available_at: Instant,
    /// When the message was written.
    pub created_at: Instant,
}

/// A message that one worker holds until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedOutboxMessage {
    /// The identifier of the message.
    pub id: OutboxId,
    /// The kind of message.
    pub kind: String,
    /// The encrypted content.
    pub payload: Vec<u8>,
    /// How often the message was claimed, including this claim, but without claims after which it was postponed. The
    /// number distinguishes this claim from all others, except from claims after which the message was postponed.
    pub attempts: u32,
    /// When the message was written.
    pub created_at: Instant,
}

impl ClaimedOutboxMessage {
    /// When to retry after an attempt that failed at `now`; `None` when there are no more retries: the message is at
    /// least [`GIVE_UP_AFTER`] old and was tried at least [`MIN_ATTEMPTS`] times.
    #[must_use]
    pub fn retry_at(&self, now: Instant) -> Option<Instant> {
        let is_old = now.signed_duration_since(self.created_at) >= GIVE_UP_AFTER;
        (!is_old || self.attempts < MIN_ATTEMPTS).then(|| self.next_attempt(now))
    }

    /// When the next attempt is due after an attempt that failed at `now`: after [`retry_delay`], with jitter. The
    /// number of attempts is not limited.
    #[must_use]
    pub fn next_attempt(&self, now: Instant) -> Instant {
        self.jittered(now, retry_delay(self.attempts))
    }

    /// `now` plus a part of `delay`: at least half of it, at most all of it. The part is computed from the message's
    /// identifier and number of attempts. It differs between messages, so that messages that failed together are not
    /// retried together.
    #[must_use]
    pub fn jittered(&self, now: Instant, delay: Duration) -> Instant {
        let (high, low) = self.id.as_uuid().as_u64_pair();
        // The finalizer of SplitMix64: every bit of the result depends on every bit of the input.
        let mut bits = high ^ low.rotate_left(32) ^ u64::from(self.attempts);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        // How much of the second half of the delay is added to the first half, in units of 1/65,536: from 1 to 65,536.
        let part = ((bits ^ (bits >> 31)) >> 48).saturating_add(1);
        let half = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX) >> 1;
        let micros = half.saturating_add(half.saturating_mul(part) >> 16);
        let delay = TimeDelta::from_std(Duration::from_micros(micros)).unwrap_or_default();
        now.checked_add_signed(delay).unwrap_or(now)
    }
}

/// How long a message is retried before it is abandoned, unless it is of a kind that is retried without limit.
pub const GIVE_UP_AFTER: TimeDelta = TimeDelta::days(2);

/// The minimum number of attempts, even if the message waited for longer than [`GIVE_UP_AFTER`] because no worker ran.
pub const MIN_ATTEMPTS: u32 = 12;

/// How long a worker holds a claimed message. After this time the messages of a crashed worker can be claimed again.
pub const LEASE: Duration = Duration::from_mins(1);

/// The longest delay between two attempts, in seconds.
const LONGEST_DELAY: u64 = 3_600;

/// The maximum delay after the given number of failed attempts: 1 s, doubled each time, up to an hour.
#[must_use]
pub fn retry_delay(attempts: u32) -> Duration {
    let seconds = 2_u64.saturating_pow(attempts.saturating_sub(1)).min(LONGEST_DELAY);
    Duration::from_secs(seconds)
}

/// Writes messages inside a unit of work (transaction).
#[async_trait]
pub trait OutboxRepository: Send {
    /// Adds the message. If a message with the same `dedupe_key` is stored, the new one MUST be dropped without an
    /// error.
    async fn push_message(&mut self, message: NewOutboxMessage) -> Result<(), StoreError>;
    /// Removes a message that is not done, in the same transaction as its effects; `false` when it no longer exists or
    /// is already done. MUST return `true` to at most one of several concurrent callers. Callers use this method only
    /// for messages whose cause never occurs again, since the `dedupe_key` is removed as well.
    async fn remove_message(&mut self, id: OutboxId) -> Result<bool, StoreError>;
}

/// The worker's side of the outbox: each call is a separate transaction.
#[async_trait]
pub trait OutboxQueue: Send + Sync {
    /// Claims for [`LEASE`] the message that has been due for the longest time, and counts the attempt. A message MUST
    /// never be claimed by two workers at once, and MUST become claimable again when its lease ends.
    async fn claim_message(&self, now: Instant) -> Result<Option<ClaimedOutboxMessage>, StoreError>;
    /// Marks the message as done and removes its payload. MUST be harmless when repeated, and when the message no
    /// longer exists. MUST also be accepted from a worker whose lease has ended, since the work is done even if another
    /// worker has claimed the message.
    async fn complete_message(&self, id: OutboxId, now: Instant) -> Result<(), StoreError>;
    /// Releases the message after a failed attempt. The message can be claimed again at `retry_at`. When `retry_at`
    /// is `None`, the message is dead: it can never be claimed again, and its payload is kept for operators. MUST
    /// change nothing when the message is done or dead, or when its number of attempts is no longer the number in
    /// `claimed`, because another worker has claimed it.
    async fn fail_message(
        &self,
        claimed: &ClaimedOutboxMessage,
        error: &str,
        retry_at: Option<Instant>,
    ) -> Result<(), StoreError>;
    /// Releases the message, which can be claimed again at `available_at`, without counting an attempt: MUST subtract
    /// the attempt that was added by the claim. MUST change nothing when the message is done or dead, or when its
    /// number of attempts is no longer the number in `claimed`, because another worker has claimed it.
    async fn postpone_message(
        &self,
        claimed: &ClaimedOutboxMessage,
        available_at: Instant,
    ) -> Result<(), StoreError>;
    /// Removes up to `limit` messages that were done before `before`; returns how many.
    async fn purge_messages(&self, before: Instant, limit: u32) -> Result<u64, StoreError>;
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "the instants of the tests are far from the bounds")]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::id::Id;

    fn claimed(id: u128, attempts: u32, created_at: Instant) -> ClaimedOutboxMessage {
        let id = Id::from_uuid(Uuid::from_u128(id));
        ClaimedOutboxMessage { id, kind: "mail".to_owned(), payload: Vec::new(), attempts, created_at }
    }

    fn at(seconds: i64) -> Instant {
        Instant::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::seconds(seconds)
    }

    #[test]
    fn the_delay_doubles_up_to_an_hour() {
        let seconds: Vec<_> = [1, 2, 3, 12, 13, 200].map(|n| retry_delay(n).as_secs()).into();
        assert_eq!(seconds, [1, 2, 4, 2048, 3600, 3600]);
    }

    #[test]
    fn a_message_that_always_fails_is_retried_for_two_days_and_then_abandoned() {
        let (mut now, mut attempts) = (at(0), 1);
        while let Some(retry_at) = claimed(7, attempts, at(0)).retry_at(now) {
            now = retry_at;
            attempts += 1;
        }
        let age = now - at(0);
        assert!(age >= GIVE_UP_AFTER && age < GIVE_UP_AFTER + TimeDelta::hours(1), "{age}");
        assert!((50..=110).contains(&attempts), "{attempts}");
    }

    #[test]
    fn a_message_that_waited_for_days_before_its_first_attempt_is_still_retried() {
        let late = at(10 * 24 * 3600);
        assert!(claimed(7, 1, at(0)).retry_at(late).is_some());
        assert!(claimed(7, MIN_ATTEMPTS - 1, at(0)).retry_at(late).is_some());
        assert_eq!(claimed(7, MIN_ATTEMPTS, at(0)).retry_at(late), None);
    }

    #[test]
    fn messages_that_failed_together_are_not_retried_together() {
        let mut moments: Vec<_> = (0..100).map(|id| claimed(id, 13, at(0)).next_attempt(at(0))).collect();
        moments.sort_unstable();
        moments.dedup();
        assert!(moments.len() > 95, "{}", moments.len());
        let spread = *moments.last().unwrap() - moments[0];
        assert!(spread > TimeDelta::minutes(20), "{spread}");
    }

    proptest! {
        #[test]
        fn the_jitter_is_between_half_of_the_delay_and_the_full_delay(
            id: u128, attempts: u32, milliseconds in 0_u64..100_000_000,
        ) {
            let delay = Duration::from_millis(milliseconds);
            let waited = (claimed(id, attempts, at(0)).jittered(at(0), delay) - at(0)).to_std().unwrap();
            prop_assert!(waited >= delay / 2 && waited <= delay, "{:?} of {:?}", waited, delay);
        }
    }
}
