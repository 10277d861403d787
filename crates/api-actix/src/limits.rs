//! Rate limits, and their headers in responses (IETF draft-ietf-httpapi-ratelimit-headers-11).

mod counter;
mod headers;
mod refusals;
mod settings;

pub use self::settings::{FixedLimits, LinkLimit, RateLimits};
pub(crate) use self::{
    counter::RateLimitCounter,
    headers::{RATE_LIMIT, RATE_LIMIT_POLICY},
    refusals::too_many_at_once,
};
