//! Counts requests, and writes the rate-limit headers of their responses.

use std::sync::Arc;

use actix_web::{
    HttpMessage, HttpRequest,
    http::{StatusCode, header::HeaderMap},
};
use app::accounts::{MailQuota, PresentedToken};
use domain::{
    accounts::EmailAddress,
    network::Network,
    throttle::{QuotaState, RateLimit, RateLimiter, Verdict},
};

use super::{headers::RateLimitHeaders, refusals::exhausted, settings::RateLimits};
use crate::{client_address::client_address, problem::Problem};

/// Counts requests against the rate limits. Clones share the counts.
#[derive(Clone)]
pub(crate) struct RateLimitCounter {
    limiter: Arc<dyn RateLimiter>,
    limits: Option<Arc<RateLimits>>,
    trusted_proxies: Arc<[Network]>,
}

/// Selects one of the configured limits.
type LimitOf = fn(&RateLimits) -> &RateLimit;

/// The limits that a request was counted against, in the order of counting: first the global limit or the limit of
/// health checks. They are stored in the extensions of the request.
#[derive(Debug, Default)]
struct CountedLimits(Vec<CountedLimit>);

#[derive(Debug)]
struct CountedLimit {
    limit: LimitOf,
    subject: String,
    quotas: Vec<QuotaState>,
    rule: Rule,
}

/// Which requests a limit counts, depending on their responses, and whether the headers of the responses show the
/// limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Counts every request, whatever its response is.
    Always,
    /// Counts every request before it is handled. If the response is a server error (5xx), the counting is undone.
    Refunded,
    /// Like [`Refunded`](Self::Refunded), but the headers of responses do not reveal the limit.
    RefundedAndHidden,
}

impl RateLimitCounter {
    /// Creates a counter. With `None` as limits it counts nothing.
    pub(crate) fn new(
        limiter: Arc<dyn RateLimiter>,
        limits: Option<RateLimits>,
        trusted_proxies: &[Network],
    ) -> Self {
        Self { limiter, limits: limits.map(Arc::new), trusted_proxies: trusted_proxies.into() }
    }

    /// Counts a request against the global limit of its client.
    pub(crate) async fn count_call(&self, request: &HttpRequest) -> Result<(), Problem> {
        self.take(request, |limits| &limits.global, self.client_of(request), Rule::Always).await
    }

    /// Counts a health check against the limit of its client.
    pub(crate) async fn count_health_check(&self, request: &HttpRequest) -> Result<(), Problem> {
        self.take(request, |limits| &limits.fixed.health, self.client_of(request), Rule::Always).await
    }

    /// Counts a request of a client against this limit.
    pub(crate) async fn count_client(&self, request: &HttpRequest, limit: LimitOf) -> Result<(), Problem> {
        self.take(request, limit, self.client_of(request), Rule::Refunded).await
    }

    /// Counts a request against this limit of the subject, such as a user.
    pub(crate) async fn count(
        &self,
        request: &HttpRequest,
        limit: LimitOf,
        subject: &str,
    ) -> Result<(), Problem> {
        self.take(request, limit, subject.to_owned(), Rule::Refunded).await
    }

    /// Counts a refresh against the limit of the token's session. A token that is sent again is not counted again,
    /// because several tabs of a browser may share it, and a client may retry a request whose response was lost.
    pub(crate) async fn count_refresh(
        &self,
        request: &HttpRequest,
        presented: &PresentedToken,
    ) -> Result<(), Problem> {
        let Some(limits) = &self.limits else { return Ok(()) };
        let limit: LimitOf = |limits| &limits.refresh;
        let subject = presented.session_id.to_string();
        let verdict = self.limiter.take_once(limit(limits), &subject, presented.digest.as_str()).await;
        keep(
            request,
            limits,
            verdict,
            CountedLimit { limit, subject, quotas: Vec::new(), rule: Rule::Always },
        )
    }

    /// Counts a request for an activation link against the limits of the client, of the pair of client and email
    /// address, and of the email address, whether or not the address has an account.
    pub(crate) async fn count_activation_link(
        &self,
        request: &HttpRequest,
        email: &EmailAddress,
    ) -> Result<(), Problem> {
        let by_client: LimitOf = |limits| &limits.resend_activation.by_address_and_client;
        self.count_link(request, by_client, |limits| &limits.resend_activation.by_address, email).await
    }

    /// Counts a request for a link to set a new password against the limits of the client, of the pair of client and
    /// email address, and of the email address, whether or not the address has an account.
    pub(crate) async fn count_reset_link(
        &self,
        request: &HttpRequest,
        email: &EmailAddress,
    ) -> Result<(), Problem> {
        let by_client: LimitOf = |limits| &limits.password_reset.by_address_and_client;
        self.count_link(request, by_client, |limits| &limits.password_reset.by_address, email).await
    }

    async fn count_link(
        &self,
        request: &HttpRequest,
        by_address_and_client: LimitOf,
        by_address: LimitOf,
        email: &EmailAddress,
    ) -> Result<(), Problem> {
        self.count_client(request, |limits| &limits.fixed.request_link).await?;
        // The quotas of this client are counted first. When they are used up, the requests of this client must not also
        // use up the quota of the email address, because the owner of the address needs that quota.
        let subject = format!("{} {}", email.key(), self.client_of(request));
        self.count(request, by_address_and_client, &subject).await?;
        let counted = self.count(request, by_address, email.key()).await;
        if let (Err(_), Some(limits)) = (&counted, &self.limits) {
            self.limiter.give_back(by_address_and_client(limits), &subject).await;
        }
        counted
    }

    /// Counts a registration against the limit of mails to the email address, whether or not the address has an
    /// account.
    ///
    /// A used-up quota is no error, because a different response would reveal that the address has an account. The use
    /// case decides how a used-up quota affects the mail.
    pub(crate) async fn count_registration_mail(
        &self,
        request: &HttpRequest,
        email: &EmailAddress,
    ) -> MailQuota {
        self.count_hidden(request, |limits| &limits.fixed.registration_mails, email).await
    }

    /// Counts a sign-in against the limit of mails to the email address, whether or not the address has an account. A
    /// used-up quota is no error, for the same reason as in [`Self::count_registration_mail`].
    pub(crate) async fn count_log_in_mail(&self, request: &HttpRequest, email: &EmailAddress) -> MailQuota {
        self.count_hidden(request, |limits| &limits.fixed.log_in_mails, email).await
    }

    async fn count_hidden(&self, request: &HttpRequest, limit: LimitOf, email: &EmailAddress) -> MailQuota {
        match self.take(request, limit, email.key().to_owned(), Rule::RefundedAndHidden).await {
            Ok(()) => MailQuota::Left,
            Err(_) => MailQuota::UsedUp,
        }
    }

    async fn take(
        &self,
        request: &HttpRequest,
        limit: LimitOf,
        subject: String,
        rule: Rule,
    ) -> Result<(), Problem> {
        let Some(limits) = &self.limits else { return Ok(()) };
        if limit(limits).policies().is_empty() {
            return Ok(());
        }
        let verdict = self.limiter.take(limit(limits), &subject).await;
        keep(request, limits, verdict, CountedLimit { limit, subject, quotas: Vec::new(), rule })
    }

    /// Completes the counting of a request when its response is known: undoes the counting after a server error (except
    /// for [`Rule::Always`]), and writes the rate-limit headers. A 429 response already has its own rate-limit headers.
    pub(crate) async fn finish(
        &self,
        request: &HttpRequest,
        status: StatusCode,
        is_rate_limited: bool,
        headers: &mut HeaderMap,
    ) {
        let counted = request.extensions_mut().remove::<CountedLimits>();
        let (Some(limits), Some(CountedLimits(mut counted))) = (&self.limits, counted) else { return };
        if status.is_server_error() {
            for counted in counted.iter_mut().filter(|counted| counted.rule != Rule::Always) {
                self.limiter.give_back((counted.limit)(limits), &counted.subject).await;
                for quota in &mut counted.quotas {
                    quota.remaining = quota.remaining.saturating_add(1);
                }
            }
        }
        if is_rate_limited {
            return;
        }
        let mut written = RateLimitHeaders::default();
        // The limits are written in the reverse order of counting, so that the most specific limit is the first and the
        // global limit is the last: many clients read only the first limit.
        for counted in counted.iter().rev().filter(|counted| counted.rule != Rule::RefundedAndHidden) {
            written.add_limit((counted.limit)(limits), &counted.quotas);
        }
        for (name, value) in written.into_headers() {
            headers.insert(name, value);
        }
    }

    /// Returns the client that a request is counted for. Connections without a network address share one quota.
    fn client_of(&self, request: &HttpRequest) -> String {
        let client = client_address(request, &self.trusted_proxies).map(Network::of_client);
        client.map_or_else(|| "-".to_owned(), |client| client.to_string())
    }
}

/// Stores the limit in the extensions of the request that was counted, or returns a 429 if the quota is used up.
fn keep(
    request: &HttpRequest,
    limits: &RateLimits,
    verdict: Verdict,
    counted: CountedLimit,
) -> Result<(), Problem> {
    let Verdict { is_allowed, quotas } = verdict;
    if !is_allowed {
        return Err(exhausted((counted.limit)(limits), &quotas));
    }
    let counted = CountedLimit { quotas, ..counted };
    let mut extensions = request.extensions_mut();
    match extensions.get_mut::<CountedLimits>() {
        Some(others) => others.0.push(counted),
        None => {
            extensions.insert(CountedLimits(vec![counted]));
        }
    }
    Ok(())
}
