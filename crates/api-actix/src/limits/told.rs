//! What an answer tells of the limits that its request was counted for.

use std::{fmt::Write as _, time::Duration};

use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use domain::throttle::{RateLimit, Standing};

use crate::problem::{Problem, kinds};

/// What is left of the quotas.
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The quotas.
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The two headers, being written.
#[derive(Debug, Default)]
pub(super) struct Told {
    policies: String,
    standings: String,
}

impl Told {
    /// Adds every quota of a limit.
    pub(super) fn add_limit(&mut self, limit: &RateLimit, standings: &[Standing]) {
        for (policy, standing) in limit.policies().iter().zip(standings) {
            let window = Some(policy.quota.window().num_seconds());
            let resets_in = seconds(standing.resets_in);
            self.add(&policy.name, policy.quota.count(), window, standing.remaining, resets_in);
        }
    }

    /// Adds a member to each list (RFC 9651). Names are letters, digits and hyphens.
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
            self.standings.push_str(", ");
        }
        // Writing to a text cannot fail.
        let _ = write!(self.policies, "\"{name}\";q={count}");
        if let Some(window) = window {
            let _ = write!(self.policies, ";w={window}");
        }
        let _ = write!(self.standings, "\"{name}\";r={remaining};t={resets_in}");
    }

    pub(super) fn headers(self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        [(RATE_LIMIT_POLICY, self.policies), (RATE_LIMIT, self.standings)]
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .filter_map(|(name, text)| Some((name, HeaderValue::try_from(text).ok()?)))
    }

    /// The 429 that tells of this.
    pub(super) fn refusal(self, retry_after: u64) -> Problem {
        let problem =
            Problem::new(&kinds::RATE_LIMITED).with_header(RETRY_AFTER, HeaderValue::from(retry_after));
        self.headers().fold(problem, |problem, (name, value)| problem.with_header(name, value))
    }

    /// The 429 of a limit, which names the quotas that are used up.
    pub(super) fn exhausted(limit: &RateLimit, standings: &[Standing]) -> Problem {
        let (mut told, mut retry_after) = (Self::default(), 0);
        for (policy, standing) in limit.policies().iter().zip(standings) {
            if standing.remaining == 0 {
                let resets_in = seconds(standing.resets_in);
                let window = Some(policy.quota.window().num_seconds());
                told.add(&policy.name, policy.quota.count(), window, 0, resets_in);
                retry_after = resets_in.max(retry_after);
            }
        }
        told.refusal(retry_after)
    }
}

/// Whole seconds, rounded up: who waits so long has waited long enough.
pub(super) fn seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use domain::throttle::{Quota, TooManyFailures};

    use super::*;
    use crate::problem::Refusal;

    fn header(problem: &Problem, name: &HeaderName) -> String {
        let mut found = problem.headers.iter().filter(|(known, _)| known == name);
        let value = found.next().unwrap().1.to_str().unwrap().to_owned();
        assert!(found.next().is_none());
        value
    }

    #[test]
    fn who_waits_as_long_as_told_has_waited_long_enough() {
        let refused = TooManyFailures { retry_after: Duration::from_millis(31_001) }.problem();
        assert_eq!(header(&refused, &RETRY_AFTER), "32");
        assert_eq!(header(&refused, &RATE_LIMIT), "\"login-failures\";r=0;t=32");
        assert_eq!(header(&refused, &RATE_LIMIT_POLICY), "\"login-failures\";q=5");
    }

    #[test]
    fn every_quota_of_a_limit_is_told_and_a_refusal_names_those_used_up() {
        let limit = RateLimit::new("resend-activation", &[Quota::per_minute(1), Quota::per_day(5)]);
        let standing = |remaining, seconds| Standing { remaining, resets_in: Duration::from_secs(seconds) };
        let standings = [standing(0, 60), standing(4, 86_400)];
        let mut told = Told::default();
        told.add_limit(&limit, &standings);
        told.add("global", 600, Some(60), 599, 60);
        let headers: Vec<_> = told.headers().map(|(_, value)| value.to_str().unwrap().to_owned()).collect();
        assert_eq!(
            headers,
            [
                "\"resend-activation-1m\";q=1;w=60, \"resend-activation-1d\";q=5;w=86400, \"global\";q=600;w=60",
                "\"resend-activation-1m\";r=0;t=60, \"resend-activation-1d\";r=4;t=86400, \"global\";r=599;t=60",
            ]
        );
        let refused = Told::exhausted(&limit, &standings);
        assert_eq!(header(&refused, &RETRY_AFTER), "60");
        assert_eq!(header(&refused, &RATE_LIMIT), "\"resend-activation-1m\";r=0;t=60");
    }
}
