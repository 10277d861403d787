//! The rate-limit headers of responses.

use std::{fmt::Write as _, time::Duration};

use actix_web::http::header::{HeaderName, HeaderValue};
use domain::throttle::{QuotaState, RateLimit};

/// The header with the remaining quotas.
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The header with the quota policies.
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Builds the values of `RateLimit-Policy` and `RateLimit`.
#[derive(Debug, Default)]
pub(super) struct RateLimitHeaders {
    policies: String,
    quotas: String,
}

impl RateLimitHeaders {
    /// Adds every quota of a limit.
    pub(super) fn add_limit(&mut self, limit: &RateLimit, quotas: &[QuotaState]) {
        for (policy, quota) in limit.policies().iter().zip(quotas) {
            let window = Some(policy.quota.window().num_seconds());
            self.add(&policy.name, policy.quota.count(), window, quota.remaining, seconds(quota.resets_in));
        }
    }

    /// Adds one quota to both headers, whose values are lists in the format of RFC 9651. `window` and `resets_in` are
    /// in seconds. The name may consist only of letters, digits and hyphens.
    pub(super) fn add(
        &mut self,
        name: &str,
        count: u32,
        window: Option<i64>,
        remaining: u32,
        resets_in: u64,
    ) {
        if !self.policies.is_empty() {
            self.policies.push_str(", ");
            self.quotas.push_str(", ");
        }
        // Writing to a string cannot fail.
        let _ = write!(self.policies, "\"{name}\";q={count}");
        if let Some(window) = window {
            let _ = write!(self.policies, ";w={window}");
        }
        let _ = write!(self.quotas, "\"{name}\";r={remaining};t={resets_in}");
    }

    /// Returns the headers that have a value.
    pub(super) fn into_headers(self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        [(RATE_LIMIT_POLICY, self.policies), (RATE_LIMIT, self.quotas)]
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .filter_map(|(name, text)| Some((name, HeaderValue::try_from(text).ok()?)))
    }
}

/// Converts a time to whole seconds. It is rounded up, so that waiting this long is enough.
pub(super) fn seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use domain::throttle::Quota;

    use super::*;

    #[test]
    fn every_quota_of_a_limit_is_listed() {
        let limit = RateLimit::new("resend-activation", &[Quota::per_minute(1), Quota::per_day(5)]);
        let quota = |remaining, seconds| QuotaState { remaining, resets_in: Duration::from_secs(seconds) };
        let mut headers = RateLimitHeaders::default();
        headers.add_limit(&limit, &[quota(0, 60), quota(4, 86_400)]);
        headers.add("global", 600, Some(60), 599, 60);
        let values: Vec<_> =
            headers.into_headers().map(|(_, value)| value.to_str().unwrap().to_owned()).collect();
        assert_eq!(
            values,
            [
                "\"resend-activation-1m\";q=1;w=60, \"resend-activation-1d\";q=5;w=86400, \"global\";q=600;w=60",
                "\"resend-activation-1m\";r=0;t=60, \"resend-activation-1d\";r=4;t=86400, \"global\";r=599;t=60",
            ]
        );
    }

    #[test]
    fn a_time_is_rounded_up_to_seconds() {
        assert_eq!(seconds(Duration::from_secs(31)), 31);
        assert_eq!(seconds(Duration::from_millis(31_001)), 32);
    }
}
