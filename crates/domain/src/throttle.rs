//! Rate limits, and the delays after wrong passwords.

mod back_off;
mod ports;
mod rate;

pub use back_off::{Failures, KNOWN_FOR, LONGEST_WAIT, REMEMBERED_FOR, TOLERATED_FAILURES, TooManyFailures};
pub use ports::{RateLimiter, SignInAttempt, SignInGuard, Unguarded};
pub use rate::{InvalidQuota, Policy, Quota, QuotaState, RateLimit, Usage, Verdict};
