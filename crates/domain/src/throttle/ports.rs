use std::net::IpAddr;

use async_trait::async_trait;

use super::{RateLimit, TooManyFailures, Verdict};
use crate::{accounts::EmailAddress, network::Network};

/// Counts uses for rate limits.
///
/// No call can fail: an adapter whose store cannot be reached counts in memory.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Counts one more use by the subject, if [`Usage::take`](super::Usage::take) allows it. MUST be atomic:
    /// simultaneous uses must not exceed the quotas. MUST count subjects and limits separately, and MUST store the
    /// counts of a bounded number of subjects only.
    async fn take(&self, limit: &RateLimit, subject: &str) -> Verdict;
    /// Counts a use, but only once for each key, as in [`Usage::take_once`](super::Usage::take_once): a repetition of a
    /// counted use is allowed and not counted again. MUST be atomic: of simultaneous uses with the same key, at most
    /// one is counted. MUST keep the keys of subjects and limits separate.
    async fn take_once(&self, limit: &RateLimit, subject: &str, key: &str) -> Verdict;
    /// Reverts the count of a use that was allowed and then failed through no fault of the client. MUST do so for every
    /// quota whose window has not ended, atomically, and MUST change nothing when nothing was counted.
    async fn give_back(&self, limit: &RateLimit, subject: &str);
}

/// An attempt to sign in with a password: the account and the client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SignInAttempt {
    account: String,
    client: Option<Network>,
}

impl SignInAttempt {
    /// Creates an attempt for the account with this address, whether or not the account exists.
    #[must_use]
    pub fn new(email: &EmailAddress, client: Option<IpAddr>) -> Self {
        Self { account: email.key().to_owned(), client: client.map(Network::of_client) }
    }

    /// The key of the email address.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The network that identifies the client, if it is known.
    #[must_use]
    pub const fn client(&self) -> Option<Network> {
        self.client
    }
}

/// Slows down guessing of passwords without locking out the owner.
///
/// [`Failures`](super::Failures) are counted for each account. A client that the owner is known to use has a separate
/// count, so that other clients cannot lock out this client.
///
/// Only [`SignInGuard::begin`] can refuse an attempt. No call can fail: an adapter whose store cannot be reached counts
/// in memory.
#[async_trait]
pub trait SignInGuard: Send + Sync {
    /// Counts the attempt as a failure before its password is checked. MUST be atomic: simultaneous attempts must not
    /// be allowed more often than consecutive ones. MUST keep a bounded number of accounts.
    ///
    /// # Errors
    /// When the account must wait.
    async fn begin(&self, attempt: &SignInAttempt) -> Result<(), TooManyFailures>;
    /// Records that the client belongs to the account's owner, who confirmed it with the password or a link in a mail.
    /// MUST delete both the failures of the account and those of this client, and MUST remember the client if its
    /// network is known.
    async fn was_owner(&self, attempt: &SignInAttempt);
    /// Records that the password could not be checked. MUST revert the count of the failure.
    async fn take_back(&self, attempt: &SignInAttempt);
}

/// A guard that allows every attempt, for servers without rate limits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unguarded;

#[async_trait]
impl SignInGuard for Unguarded {
    async fn begin(&self, _attempt: &SignInAttempt) -> Result<(), TooManyFailures> {
        Ok(())
    }

    async fn was_owner(&self, _attempt: &SignInAttempt) {}

    async fn take_back(&self, _attempt: &SignInAttempt) {}
}
