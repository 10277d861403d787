//! Creates the 429 responses, which say how long the client has to wait.

use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use domain::throttle::{QuotaState, RateLimit, TOLERATED_FAILURES, TooManyFailures};

use super::headers::{RateLimitHeaders, seconds};
use crate::problem::{Kind, Problem, Refusal, kinds};

/// The name that headers use for the limit of failed sign-ins.
const SIGN_IN_FAILURES: &str = "login-failures";

fn refusal(headers: RateLimitHeaders, retry_after: u64) -> Problem {
    let problem = Problem::new(&kinds::RATE_LIMITED).with_header(RETRY_AFTER, HeaderValue::from(retry_after));
    headers.into_headers().fold(problem, |problem, (name, value)| problem.with_header(name, value))
}

/// Creates the 429 response of a limit. Its headers list the quotas that are used up.
pub(super) fn exhausted(limit: &RateLimit, quotas: &[QuotaState]) -> Problem {
    let (mut headers, mut retry_after) = (RateLimitHeaders::default(), 0);
    for (policy, quota) in limit.policies().iter().zip(quotas) {
        if quota.remaining == 0 {
            let resets_in = seconds(quota.resets_in);
            let window = Some(policy.quota.window().num_seconds());
            headers.add(&policy.name, policy.quota.count(), window, 0, resets_in);
            retry_after = resets_in.max(retry_after);
        }
    }
    refusal(headers, retry_after)
}

/// Creates the 429 response for a further operation when `most` operations, the maximum, are already in progress.
/// `policy` is the name of the limit in headers.
pub(crate) fn too_many_at_once(policy: &str, most: u32) -> Problem {
    let mut headers = RateLimitHeaders::default();
    headers.add(policy, most, None, 0, 1);
    refusal(headers, 1)
}

impl Refusal for TooManyFailures {
    fn problem(&self) -> Problem {
        let (mut headers, wait) = (RateLimitHeaders::default(), seconds(self.retry_after));
        headers.add(SIGN_IN_FAILURES, TOLERATED_FAILURES, None, 0, wait);
        refusal(headers, wait)
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.push(&kinds::RATE_LIMITED);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::http::header::HeaderName;
    use domain::throttle::Quota;

    use super::*;
    use crate::limits::{RATE_LIMIT, RATE_LIMIT_POLICY};

    fn header(problem: &Problem, name: &HeaderName) -> String {
        let mut found = problem.headers.iter().filter(|(known, _)| known == name);
        let value = found.next().unwrap().1.to_str().unwrap().to_owned();
        assert!(found.next().is_none());
        value
    }

    #[test]
    fn waiting_for_the_time_in_retry_after_is_enough() {
        let refused = TooManyFailures { retry_after: Duration::from_millis(31_001) }.problem();
        assert_eq!(header(&refused, &RETRY_AFTER), "32");
        assert_eq!(header(&refused, &RATE_LIMIT), "\"login-failures\";r=0;t=32");
        assert_eq!(header(&refused, &RATE_LIMIT_POLICY), "\"login-failures\";q=5");
    }

    #[test]
    fn a_refusal_lists_the_quotas_that_are_used_up() {
        let limit = RateLimit::new("resend-activation", &[Quota::per_minute(1), Quota::per_day(5)]);
        let quota = |remaining, seconds| QuotaState { remaining, resets_in: Duration::from_secs(seconds) };
        let refused = exhausted(&limit, &[quota(0, 60), quota(4, 86_400)]);
        assert_eq!(header(&refused, &RETRY_AFTER), "60");
        assert_eq!(header(&refused, &RATE_LIMIT), "\"resend-activation-1m\";r=0;t=60");
    }
}
