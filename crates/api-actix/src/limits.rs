//! How often callers may call: counted, refused with 429, and told in every answer (IETF
//! draft-ietf-httpapi-ratelimit-headers-11).

use std::{fmt::Write as _, sync::Arc, time::Duration};

use actix_web::{
    HttpMessage, HttpRequest,
    http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
};
use app::accounts::{MailQuota, PresentedToken};
use domain::{
    accounts::EmailAddress,
    network::Network,
    throttle::{Quota, RateLimit, RateLimiter, TOLERATED_FAILURES, TooManyFailures, Verdict},
};

use crate::{
    extract::ClientAddress,
    problem::{Kind, Problem, Refusal, kinds},
};

/// What is left of the quotas.
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// The quotas.
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What the back-off of accounts is called among the policies.
const SIGN_IN_FAILURES: &str = "login-failures";

/// What is limited, and how much of it there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimits {
    /// Any call, by client.
    pub global: RateLimit,
    /// Log-ins, by client.
    pub login: RateLimit,
    /// Registrations, by client.
    pub register: RateLimit,
    /// Activation links asked for, by e-mail address.
    pub resend_activation: RateLimit,
    /// Reset links asked for, by e-mail address.
    pub password_reset: RateLimit,
    /// Refresh tokens exchanged, by sign-in; whoever repeats one is not counted again.
    pub refresh: RateLimit,
    /// What no setting changes.
    pub fixed: FixedLimits,
}

/// What is limited for every installation alike, far above what anybody needs who uses it as it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedLimits {
    /// New passwords set by a link, by client: each is hashed. As many as log-ins, but apart from them.
    pub confirm_reset: RateLimit,
    /// Links asked for, for whatever addresses and of either kind, by client: each may become a mail.
    pub request_link: RateLimit,
    /// Avatars uploaded, by user: each is decoded and encoded again.
    pub set_avatar: RateLimit,
    /// Copies of one's own data, by user: each reads all tables.
    pub export: RateLimit,
    /// Registrations that may lead to a mail, by e-mail address. Beyond it they are answered as ever and mail nobody whose
    /// address is known, so no answer may tell of it. The time is no longer than a link to activate an account holds: the
    /// last one that was mailed does.
    pub registration_mails: RateLimit,
}

impl Default for FixedLimits {
    fn default() -> Self {
        Self {
            confirm_reset: RateLimit::new("password-reset-confirm", &[Quota::per_minute(10)]),
            request_link: RateLimit::new("link-requests", &[Quota::per_hour(30)]),
            set_avatar: RateLimit::new("avatar-uploads", &[Quota::per_hour(60)]),
            export: RateLimit::new("data-export", &[Quota::per_hour(10)]),
            registration_mails: RateLimit::new("registration-mails", &[Quota::per_day(5)]),
        }
    }
}

/// Counts the calls; clones share it.
#[derive(Clone)]
pub(crate) struct Limits {
    limiter: Arc<dyn RateLimiter>,
    limits: Option<Arc<RateLimits>>,
}

/// What an answer tells of the limits that its request was counted for. Travels with the request.
#[derive(Debug, Default)]
struct Told {
    policies: String,
    standings: String,
}

impl Limits {
    /// Without limits nothing is counted.
    pub(crate) fn new(limiter: Arc<dyn RateLimiter>, limits: Option<RateLimits>) -> Self {
        Self { limiter, limits: limits.map(Arc::new) }
    }

    /// Counts one more call of the client.
    pub(crate) async fn count_client(
        &self,
        request: &HttpRequest,
        limit: impl FnOnce(&RateLimits) -> &RateLimit,
    ) -> Result<(), Problem> {
        let Some(limits) = &self.limits else { return Ok(()) };
        // Who has no address shares one quota with all such.
        let client = ClientAddress::of(request).0.map(Network::of_client);
        let client = client.map_or_else(|| "-".to_owned(), |client| client.to_string());
        self.take(request, limit(limits), &client).await
    }

    /// Counts one more refresh of the sign-in, unless its token was counted already: clients that share one, or repeat a
    /// call whose answer was lost, rotate it once.
    pub(crate) async fn count_refresh(
        &self,
        request: &HttpRequest,
        presented: &PresentedToken,
    ) -> Result<(), Problem> {
        let Some(limits) = &self.limits else { return Ok(()) };
        let (limit, sign_in) = (&limits.refresh, presented.session_id.to_string());
        let verdict = self.limiter.take_once(limit, &sign_in, presented.digest.as_str()).await;
        judge(request, limit, &verdict)
    }

    /// Counts one more of what is done for the subject.
    pub(crate) async fn count(
        &self,
        request: &HttpRequest,
        limit: impl FnOnce(&RateLimits) -> &RateLimit,
        subject: &str,
    ) -> Result<(), Problem> {
        let Some(limits) = &self.limits else { return Ok(()) };
        self.take(request, limit(limits), subject).await
    }

    /// Counts one more link that the client asks for, for this address, whether or not it is known.
    pub(crate) async fn count_link(
        &self,
        request: &HttpRequest,
        limit: impl FnOnce(&RateLimits) -> &RateLimit,
        email: &EmailAddress,
    ) -> Result<(), Problem> {
        self.count_client(request, |limits| &limits.fixed.request_link).await?;
        self.count(request, limit, email.key()).await
    }

    /// Counts one more registration of the address, whether or not it is known. Whether it may be mailed is for the use case:
    /// an answer that told would tell that there is an account.
    pub(crate) async fn count_registration_mail(&self, email: &EmailAddress) -> MailQuota {
        let Some(limits) = &self.limits else { return MailQuota::Left };
        let verdict = self.limiter.take(&limits.fixed.registration_mails, email.key()).await;
        if verdict.is_allowed { MailQuota::Left } else { MailQuota::UsedUp }
    }

    async fn take(&self, request: &HttpRequest, limit: &RateLimit, subject: &str) -> Result<(), Problem> {
        judge(request, limit, &self.limiter.take(limit, subject).await)
    }
}

/// Refuses what was not allowed, and keeps for the answer how the limit stands.
fn judge(request: &HttpRequest, limit: &RateLimit, verdict: &Verdict) -> Result<(), Problem> {
    let (mut told, mut exhausted, mut retry_after) = (Told::default(), Told::default(), 0);
    for (policy, standing) in limit.policies().iter().zip(&verdict.standings) {
        let (quota, resets_in) = (policy.quota, seconds(standing.resets_in));
        let window = Some(quota.window().num_seconds());
        told.add(&policy.name, quota.count(), window, standing.remaining, resets_in);
        if standing.remaining == 0 {
            exhausted.add(&policy.name, quota.count(), window, 0, resets_in);
            retry_after = resets_in.max(retry_after);
        }
    }
    if !verdict.is_allowed {
        return Err(exhausted.refusal(retry_after));
    }
    let mut extensions = request.extensions_mut();
    match extensions.get_mut::<Told>() {
        Some(before) => before.prepend(&told),
        None => {
            extensions.insert(told);
        }
    }
    Ok(())
}

/// Writes what the request was counted for into its answer. A refusal brings its own: what it was refused for.
pub(crate) fn tell(request: &HttpRequest, is_refused: bool, headers: &mut HeaderMap) {
    if let Some(told) = request.extensions_mut().remove::<Told>()
        && !is_refused
    {
        for (name, value) in told.headers() {
            headers.insert(name, value);
        }
    }
}

impl Told {
    /// Adds a member to each list (RFC 9651). Names are letters, digits and hyphens.
    fn add(&mut self, name: &str, count: u32, window: Option<i64>, remaining: u32, resets_in: u64) {
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

    /// The narrower limit comes first: many clients read no further.
    fn prepend(&mut self, narrower: &Self) {
        self.policies.insert_str(0, &format!("{}, ", narrower.policies));
        self.standings.insert_str(0, &format!("{}, ", narrower.standings));
    }

    fn headers(self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        [(RATE_LIMIT_POLICY, self.policies), (RATE_LIMIT, self.standings)]
            .into_iter()
            .filter_map(|(name, text)| Some((name, HeaderValue::try_from(text).ok()?)))
    }

    fn refusal(self, retry_after: u64) -> Problem {
        let problem =
            Problem::new(&kinds::RATE_LIMITED).with_header(RETRY_AFTER, HeaderValue::from(retry_after));
        self.headers().fold(problem, |problem, (name, value)| problem.with_header(name, value))
    }
}

/// Whole seconds, rounded up: who waits so long has waited long enough.
fn seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

impl Refusal for TooManyFailures {
    fn problem(&self) -> Problem {
        let (mut told, wait) = (Told::default(), seconds(self.retry_after));
        told.add(SIGN_IN_FAILURES, TOLERATED_FAILURES, None, 0, wait);
        told.refusal(wait)
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.push(&kinds::RATE_LIMITED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn the_narrower_limit_comes_first() {
        let mut told = Told::default();
        told.add("global", 600, Some(60), 599, 60);
        let mut narrower = Told::default();
        narrower.add("resend-activation-1m", 1, Some(60), 0, 60);
        narrower.add("resend-activation-1d", 5, Some(86_400), 4, 86_400);
        told.prepend(&narrower);
        let headers: Vec<_> = told.headers().map(|(_, value)| value.to_str().unwrap().to_owned()).collect();
        assert_eq!(
            headers,
            [
                "\"resend-activation-1m\";q=1;w=60, \"resend-activation-1d\";q=5;w=86400, \"global\";q=600;w=60",
                "\"resend-activation-1m\";r=0;t=60, \"resend-activation-1d\";r=4;t=86400, \"global\";r=599;t=60",
            ]
        );
    }
}
