//! What is limited, and by how much.

use chrono::TimeDelta;
use domain::throttle::{Quota, RateLimit};

/// The rate limits of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimits {
    /// Any call, by client.
    pub global: RateLimit,
    /// Log-ins, by client.
    pub login: RateLimit,
    /// Registrations, by client.
    pub register: RateLimit,
    /// Requests for an activation link.
    pub resend_activation: LinkLimit,
    /// Requests for a link to set a new password.
    pub password_reset: LinkLimit,
    /// Exchanges of refresh tokens, by session. The same token sent again is not counted again.
    pub refresh: RateLimit,
    /// The limits that no setting changes.
    pub fixed: FixedLimits,
}

/// The limit of requests for links that are mailed to an address.
///
/// Anybody may ask for a link to any address. So that nobody uses up the quota of its owner, quotas over more than a minute are
/// counted for each client that asks for the address. Shorter ones are counted for the address alone: they bound the mails that
/// it gets, and nobody has to wait longer for them than a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkLimit {
    configured: RateLimit,
    pub(crate) by_address: RateLimit,
    pub(crate) by_address_and_client: RateLimit,
}

impl LinkLimit {
    /// The limit as it was configured.
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

/// The limits that are the same in every installation. They are far above what normal use needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedLimits {
    /// Health checks, by client: far more than orchestrators and load balancers send.
    pub health: RateLimit,
    /// New passwords set by a link, by client: each is hashed. Counted apart from log-ins.
    pub confirm_reset: RateLimit,
    /// Requests for links of either kind and for any address, by client: each may send a mail.
    pub request_link: RateLimit,
    /// Uploads of avatars, by user: each is decoded and encoded again.
    pub set_avatar: RateLimit,
    /// Copies of the caller's data, by user: each reads all tables.
    pub export: RateLimit,
    /// Tickets for live streams, by user: each is stored until it is used or expires.
    pub stream_tickets: RateLimit,
    /// Comments and replies, by user: each is shown to everybody, and a reply may send a mail.
    pub comments: RateLimit,
    /// Registrations that may send a mail, by e-mail address. Beyond it a registration is answered as usual but sends no
    /// mail to a known address, so no answer may mention this limit. Its window must not be longer than an activation link
    /// is valid: the last one that was sent must still work.
    pub registration_mails: RateLimit,
    /// Refused log-ins that may send an activation link, by e-mail address, where registration does not reveal addresses. As
    /// with `registration_mails`, no answer may mention this limit.
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
