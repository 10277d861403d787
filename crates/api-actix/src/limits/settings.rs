//! What is limited, and by how much.

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
    /// Requests for an activation link, by e-mail address.
    pub resend_activation: RateLimit,
    /// Requests for a link to set a new password, by e-mail address.
    pub password_reset: RateLimit,
    /// Exchanges of refresh tokens, by session. The same token sent again is not counted again.
    pub refresh: RateLimit,
    /// The limits that no setting changes.
    pub fixed: FixedLimits,
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
    /// Registrations that may send a mail, by e-mail address. Beyond it a registration is answered as usual but sends no
    /// mail to a known address, so no answer may mention this limit. Its window must not be longer than an activation link
    /// is valid: the last one that was sent must still work.
    pub registration_mails: RateLimit,
}

impl Default for FixedLimits {
    fn default() -> Self {
        Self {
            health: RateLimit::new("health", &[Quota::per_minute(1_200)]),
            confirm_reset: RateLimit::new("password-reset-confirm", &[Quota::per_minute(10)]),
            request_link: RateLimit::new("link-requests", &[Quota::per_hour(30)]),
            set_avatar: RateLimit::new("avatar-uploads", &[Quota::per_hour(60)]),
            export: RateLimit::new("data-export", &[Quota::per_hour(10)]),
            registration_mails: RateLimit::new("registration-mails", &[Quota::per_day(5)]),
        }
    }
}
