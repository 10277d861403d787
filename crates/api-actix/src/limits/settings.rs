//! The configured and the fixed rate limits.

use chrono::TimeDelta;
use domain::throttle::{Quota, RateLimit};

/// The rate limits of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimits {
    /// All requests except health checks, by client.
    pub global: RateLimit,
    /// Sign-ins, and password checks for the documentation, by client.
    pub login: RateLimit,
    /// Registrations, by client.
    pub register: RateLimit,
    /// Requests for an activation link.
    pub resend_activation: LinkLimit,
    /// Requests for a link to set a new password.
    pub password_reset: LinkLimit,
    /// Exchanges of refresh tokens, by session. A token that is sent again is not counted again.
    pub refresh: RateLimit,
    /// The limits that cannot be configured.
    pub fixed: FixedLimits,
}

/// The limit of requests for links that are mailed to an email address.
///
/// Any client may request a link for any email address. Quotas with a window of more than a minute are therefore
/// counted for each pair of email address and client, so that other clients cannot use up the quota of the owner.
/// Quotas with a window of at most a minute are counted for the email address only: they limit how many mails are sent
/// to the address, and an owner whose quota other clients used up waits for at most a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkLimit {
    configured: RateLimit,
    pub(crate) by_address: RateLimit,
    pub(crate) by_address_and_client: RateLimit,
}

impl LinkLimit {
    /// Returns the configured limit.
    #[must_use]
    pub const fn configured(&self) -> &RateLimit {
        &self.configured
    }
}

impl From<RateLimit> for LinkLimit {
    fn from(configured: RateLimit) -> Self {
        let (by_address, by_address_and_client) = configured.clone().split_at(TimeDelta::minutes(1));
        Self { configured, by_address, by_address_and_client }
    }
}

/// The limits that are the same in every installation. They are far above normal use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedLimits {
    /// Health checks, by client. Orchestrators and load balancers send far fewer.
    pub health: RateLimit,
    /// Password resets with a mailed link, by client: each hashes a password. Counted separately from sign-ins.
    pub confirm_reset: RateLimit,
    /// Requests for activation links and for links to set a password, by client: each may send a mail.
    pub request_link: RateLimit,
    /// Uploads of avatars, by user: each is decoded and encoded again.
    pub set_avatar: RateLimit,
    /// Exports of the caller's data, by user: each reads many tables.
    pub export: RateLimit,
    /// Tickets for live streams, by user: each is stored until it is used or expires.
    pub stream_tickets: RateLimit,
    /// Comments and replies, by user: each is public, and a reply may send a mail.
    pub comments: RateLimit,
    /// Registrations that may send a mail, by email address. Above the limit, a registration gets the usual response,
    /// but sends no mail to an address that is already registered. Therefore no response may mention this limit. The
    /// window must not be longer than an activation link is valid, so that the last link that was sent still works.
    pub registration_mails: RateLimit,
    /// Sign-ins, by email address: a refused sign-in may send an activation link. Counted only if registration does
    /// not reveal which addresses have an account, because only then may a sign-in send a link. As for
    /// `registration_mails`, no response may mention this limit.
    pub log_in_mails: RateLimit,
}

impl Default for FixedLimits {
    fn default() -> Self {
        Self {
            health: RateLimit::new("health", &[Quota::per_minute(1_200)]),
            confirm_reset: RateLimit::new("password-reset-confirm", &[Quota::per_minute(10)]),
            request_link: RateLimit::new("link-requests", &[Quota::per_hour(30)]),
            set_avatar: RateLimit::new("avatar-uploads", &[Quota::per_hour(60)]),
            export: RateLimit::new("data-export", &[Quota::per_hour(10)]),
            stream_tickets: RateLimit::new("stream-tickets", &[Quota::per_minute(60)]),
            comments: RateLimit::new("comments", &[Quota::per_minute(60)]),
            registration_mails: RateLimit::new("registration-mails", &[Quota::per_day(5)]),
            log_in_mails: RateLimit::new("log-in-mails", &[Quota::per_day(5)]),
        }
    }
}
