//! How often callers may call: counted, refused with 429, and told in every answer (IETF
//! draft-ietf-httpapi-ratelimit-headers-11).

mod told;

use std::sync::Arc;

use actix_web::{
    HttpMessage, HttpRequest,
    http::{StatusCode, header::HeaderMap},
};
use app::accounts::{MailQuota, PresentedToken};
use domain::{
    accounts::EmailAddress,
    network::Network,
    throttle::{Quota, RateLimit, RateLimiter, Standing, TOLERATED_FAILURES, TooManyFailures, Verdict},
};

pub(crate) use self::told::{RATE_LIMIT, RATE_LIMIT_POLICY};
use self::told::{Told, seconds};
use crate::{
    extract::ClientAddress,
    problem::{Kind, Problem, Refusal, kinds},
};

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
    /// Health checks, by client: far more than any orchestrator or load balancer sends.
    pub health: RateLimit,
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
            health: RateLimit::new("health", &[Quota::per_minute(1_200)]),
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

/// Names one of the limits.
type Which = fn(&RateLimits) -> &RateLimit;

/// What a request was counted for, the widest limit first. Travels with the request.
#[derive(Debug, Default)]
struct Tally(Vec<Counted>);

#[derive(Debug)]
struct Counted {
    which: Which,
    subject: String,
    standings: Vec<Standing>,
    reach: Reach,
}

/// What a limit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Any call: even one that comes to nothing is work.
    Calls,
    /// A deed that is counted once however often it is repeated: when it comes to nothing, its repeat is free.
    Repeats,
    /// A deed, which counts when it was done or refused.
    Deeds,
    /// A deed that no answer tells of.
    Untold,
}

impl Reach {
    /// Whether a request that came to nothing was not to be counted.
    const fn is_given_back(self) -> bool {
        matches!(self, Self::Deeds | Self::Untold)
    }
}

/// Keeps with the request what it was counted for.
fn note(request: &HttpRequest, counted: Counted) {
    let mut extensions = request.extensions_mut();
    match extensions.get_mut::<Tally>() {
        Some(tally) => tally.0.push(counted),
        None => {
            extensions.insert(Tally(vec![counted]));
        }
    }
}

impl Limits {
    /// Without limits nothing is counted.
    pub(crate) fn new(limiter: Arc<dyn RateLimiter>, limits: Option<RateLimits>) -> Self {
        Self { limiter, limits: limits.map(Arc::new) }
    }

    /// Counts one more call of the client, whatever it is.
    pub(crate) async fn count_call(&self, request: &HttpRequest) -> Result<(), Problem> {
        self.take(request, |limits| &limits.global, client_of(request), Reach::Calls).await
    }

    /// Counts one more health check of the client.
    pub(crate) async fn count_health_check(&self, request: &HttpRequest) -> Result<(), Problem> {
        self.take(request, |limits| &limits.fixed.health, client_of(request), Reach::Calls).await
    }

    /// Counts one more of what the client does.
    pub(crate) async fn count_client(&self, request: &HttpRequest, limit: Which) -> Result<(), Problem> {
        self.take(request, limit, client_of(request), Reach::Deeds).await
    }

    /// Counts one more refresh of the sign-in, unless its token was counted already: clients that share one, or repeat a
    /// call whose answer was lost, rotate it once.
    pub(crate) async fn count_refresh(
        &self,
        request: &HttpRequest,
        presented: &PresentedToken,
    ) -> Result<(), Problem> {
        let Some(limits) = &self.limits else { return Ok(()) };
        let which: Which = |limits| &limits.refresh;
        let (limit, subject) = (which(limits), presented.session_id.to_string());
        let Verdict { is_allowed, standings } =
            self.limiter.take_once(limit, &subject, presented.digest.as_str()).await;
        if !is_allowed {
            return Err(Told::exhausted(limit, &standings));
        }
        note(request, Counted { which, subject, standings, reach: Reach::Repeats });
        Ok(())
    }

    /// Counts one more of what is done for the subject.
    pub(crate) async fn count(
        &self,
        request: &HttpRequest,
        limit: Which,
        subject: &str,
    ) -> Result<(), Problem> {
        self.take(request, limit, subject.to_owned(), Reach::Deeds).await
    }

    /// Counts one more link that the client asks for, for this address, whether or not it is known.
    pub(crate) async fn count_link(
        &self,
        request: &HttpRequest,
        limit: Which,
        email: &EmailAddress,
    ) -> Result<(), Problem> {
        self.count_client(request, |limits| &limits.fixed.request_link).await?;
        self.count(request, limit, email.key()).await
    }

    /// Counts one more registration of the address, whether or not it is known. Whether it may be mailed is for the use case:
    /// an answer that told would tell that there is an account.
    pub(crate) async fn count_registration_mail(
        &self,
        request: &HttpRequest,
        email: &EmailAddress,
    ) -> MailQuota {
        let limit: Which = |limits| &limits.fixed.registration_mails;
        match self.take(request, limit, email.key().to_owned(), Reach::Untold).await {
            Ok(()) => MailQuota::Left,
            Err(_) => MailQuota::UsedUp,
        }
    }

    async fn take(
        &self,
        request: &HttpRequest,
        which: Which,
        subject: String,
        reach: Reach,
    ) -> Result<(), Problem> {
        let Some(limits) = &self.limits else { return Ok(()) };
        let limit = which(limits);
        let Verdict { is_allowed, standings } = self.limiter.take(limit, &subject).await;
        if !is_allowed {
            return Err(Told::exhausted(limit, &standings));
        }
        note(request, Counted { which, subject, standings, reach });
        Ok(())
    }

    /// Ends the counting of a request, once its answer is known. What the server could not do is not counted, so that who
    /// comes back as told is not refused; the answer tells of it so. A refusal brings its own: what it was refused for.
    pub(crate) async fn settle(
        &self,
        request: &HttpRequest,
        status: StatusCode,
        is_refused: bool,
        headers: &mut HeaderMap,
    ) {
        let tally = request.extensions_mut().remove::<Tally>();
        let (Some(limits), Some(Tally(mut tally))) = (&self.limits, tally) else { return };
        if status.is_server_error() {
            for counted in tally.iter_mut().filter(|counted| counted.reach.is_given_back()) {
                self.limiter.give_back((counted.which)(limits), &counted.subject).await;
                for standing in &mut counted.standings {
                    standing.remaining = standing.remaining.saturating_add(1);
                }
            }
        }
        if is_refused {
            return;
        }
        let mut told = Told::default();
        // The narrower limit comes first: many clients read no further.
        for counted in tally.iter().rev().filter(|counted| counted.reach != Reach::Untold) {
            told.add_limit((counted.which)(limits), &counted.standings);
        }
        for (name, value) in told.headers() {
            headers.insert(name, value);
        }
    }
}

/// The 429 of somebody who does too much at once, which is over in a moment.
pub(crate) fn too_many_at_once(name: &str, most: u32) -> Problem {
    let mut told = Told::default();
    told.add(name, most, None, 0, 1);
    told.refusal(1)
}

/// The client that asks. Who has no address shares one quota with all such.
fn client_of(request: &HttpRequest) -> String {
    let client = ClientAddress::of(request).0.map(Network::of_client);
    client.map_or_else(|| "-".to_owned(), |client| client.to_string())
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
