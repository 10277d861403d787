use std::net::IpAddr;

use async_trait::async_trait;

use super::{RateLimit, TooManyFailures, Verdict};
use crate::{accounts::EmailAddress, network::Network};

/// Counts how often something is done.
///
/// It answers always: an adapter whose store is away counts by itself meanwhile.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Counts one more of what is limited, done by or for the subject, if [`Usage::take`](super::Usage::take) allows it.
    /// MUST be one step: of any number at once no more are allowed than the quotas say. MUST keep subjects and limits
    /// apart, and MUST keep a bounded number of them.
    async fn take(&self, limit: &RateLimit, subject: &str) -> Verdict;
    /// The same for a deed that may be repeated, by [`Usage::take_once`](super::Usage::take_once). MUST be one step: of
    /// any number of repeats at once one is counted. MUST keep the deeds of subjects and limits apart.
    async fn take_once(&self, limit: &RateLimit, subject: &str, deed: &str) -> Verdict;
}

/// Somebody tries a password: for which account, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SignInAttempt {
    account: String,
    client: Option<Network>,
}

impl SignInAttempt {
    /// For the account of this address, whether or not there is one.
    #[must_use]
    pub fn new(email: &EmailAddress, client: Option<IpAddr>) -> Self {
        Self { account: email.key().to_owned(), client: client.map(Network::of_client) }
    }

    /// The key of the e-mail address.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Who tries it.
    #[must_use]
    pub const fn client(&self) -> Option<Network> {
        self.client
    }
}

/// Slows the guessing of passwords down (quality B5), without locking the owner out.
///
/// Failures are counted for an account, by [`Failures`](super::Failures). A client that its owner is known to use is
/// counted by itself instead: what strangers do does not keep it out.
///
/// It answers always: an adapter whose store is away counts by itself meanwhile.
#[async_trait]
pub trait SignInGuard: Send + Sync {
    /// Counts the attempt as a failure before its password is looked at. MUST be one step: of any number at once no more
    /// are let through than one after the other. MUST keep a bounded number of accounts.
    ///
    /// # Errors
    /// When the account has to wait.
    async fn begin(&self, attempt: &SignInAttempt) -> Result<(), TooManyFailures>;
    /// Its client was the account's owner, by password or by a link in a mail: MUST forget the failures, and know the
    /// client from now on.
    async fn was_owner(&self, attempt: &SignInAttempt);
    /// Its password could not be looked at: MUST take the failure back.
    async fn take_back(&self, attempt: &SignInAttempt);
}

/// Guards nothing (`RATE_LIMITS=off`).
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
