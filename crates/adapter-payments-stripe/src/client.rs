//! The HTTP client for Stripe's API, with timeouts, a rate limit, and retries only where they are safe.

use std::time::Duration;

use domain::payments::GatewayError;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use tls_trust::{Authorities, Trust, TrustError};
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    breaker::Breaker,
    json,
    objects::ErrorBody,
    pace::Pace,
    settings::{StripeSecret, StripeSettings},
};

/// The version of the API that this code was written for.
const API_VERSION: &str = "2026-10-28.endive";

/// The time limit for a new connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The time limit for a call with all its retries and waits.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum number of attempts of a call, including the first one.
const TRIES: u32 = 3;

/// The wait before the first retry. Each later wait is longer than the previous one by this duration.
const RETRY_DELAY: Duration = Duration::from_millis(300);

/// The largest response body that is read, in bytes. A page of 100 objects fits.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// Stripe's error type for a call whose idempotency key was already used with other parameters.
const OTHER_REQUEST: &str = "idempotency_error";

/// Why the client cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum StripeSetupError {
    /// TLS cannot be set up.
    #[error("the TLS configuration for Stripe cannot be created ({0})")]
    Encryption(#[from] TrustError),
    /// The HTTP client cannot be built.
    #[error("the Stripe client cannot be created ({0})")]
    Client(#[from] reqwest::Error),
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("too many of the last calls to Stripe failed, so no call is made for up to 30 seconds")]
    CircuitOpen,
    #[error("Stripe did not answer within {} seconds", CALL_TIMEOUT.as_secs())]
    TimedOut,
    #[error("Stripe answered {0}")]
    Status(StatusCode),
    #[error("the connection to Stripe failed")]
    Connection(#[source] reqwest::Error),
    #[error("the answer of Stripe is too long")]
    TooLong,
    #[error("the answer of Stripe cannot be read")]
    Unreadable(#[source] serde_json::Error),
}

/// What is known about the effect of a failed call.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Stripe refused the call: nothing was done.
    Refused { status: StatusCode, code: String },
    /// The call had no effect, and may succeed later.
    NotReached(Box<dyn std::error::Error + Send + Sync>),
    /// It is unknown whether the call took effect.
    Unknown(Box<dyn std::error::Error + Send + Sync>),
    /// Stripe returned the stored error of an earlier attempt with the same idempotency key, as it does for every later
    /// attempt with this key. The earlier attempt has ended, so its effect can be looked up now.
    SavedError(Box<dyn std::error::Error + Send + Sync>),
}

impl Failure {
    /// Whether Stripe refused the call because no object has the requested identifier.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status, code } if *status == StatusCode::NOT_FOUND || code == "resource_missing")
    }
}

/// Returns the failure to report after the latest attempt of a call. If an earlier attempt may have taken effect, and
/// the latest attempt was refused or did not reach Stripe, returns the failure of the earlier attempt: the latest
/// attempt does not show whether the earlier attempt took effect.
fn after_uncertain(earlier: Option<Failure>, failure: Failure) -> Failure {
    match (earlier, failure) {
        (Some(earlier), Failure::Refused { .. } | Failure::NotReached(_)) => earlier,
        (_, failure) => failure,
    }
}

impl From<Failure> for GatewayError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused { code, .. } => Self::Refused { code },
            Failure::NotReached(source) => Self::NotReached(source),
            Failure::Unknown(source) | Failure::SavedError(source) => Self::Unknown(source),
        }
    }
}

/// A call to Stripe's API.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    /// The method, and the path without identifiers. The rate limit counts calls for each endpoint.
    pub(crate) endpoint: &'static str,
    /// The path and query after `/v1/`.
    pub(crate) path: &'a str,
    /// The form to post; `None` for a GET.
    pub(crate) form: Option<&'a str>,
    /// The idempotency key of a POST that must have its effect only once.
    pub(crate) idempotency_key: Option<&'a str>,
}

/// The failure of one attempt.
struct FailedAttempt {
    failure: Failure,
    /// Whether a retry is safe and useful.
    may_retry: bool,
}

/// A client for Stripe's API.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    secret_key: StripeSecret,
    pace: Pace,
    breaker: Breaker,
}

impl Client {
    /// Creates the client. Does not call Stripe.
    ///
    /// # Errors
    /// When TLS cannot be set up, or the HTTP client cannot be built.
    pub(crate) fn new(settings: &StripeSettings) -> Result<Self, StripeSetupError> {
        // Only a fake Stripe on this machine has an `http://` URL; without TLS, no certificate is checked.
        let is_encrypted = settings.api_base.starts_with("https://");
        let trust =
            if is_encrypted { Trust::SignedForName(Authorities::OfThisMachine) } else { Trust::Anybody };
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls_trust::client_config(&trust)?)
            .https_only(is_encrypted)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .build()?;
        Ok(Self {
            http,
            base: settings.api_base.clone(),
            secret_key: settings.secret_key.clone(),
            pace: Pace::default(),
            breaker: Breaker::default(),
        })
    }

    /// Makes a call with retries, and parses the response.
    pub(crate) async fn call<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Failure> {
        let answer = self.answer(call).await?;
        json::parse(&answer).map_err(|error| {
            tracing::error!(endpoint = call.endpoint, %error, "an answer of Stripe cannot be read");
            // Stripe answered with success, so a POST has taken effect.
            Failure::Unknown(CallError::Unreadable(error).into())
        })
    }

    async fn answer(&self, call: Call<'_>) -> Result<Vec<u8>, Failure> {
        let begin = Instant::now();
        let deadline = begin.checked_add(CALL_TIMEOUT).unwrap_or(begin);
        let mut attempt = 1_u32;
        let mut uncertain = None;
        loop {
            let failed = match self.try_once(call, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let failure = after_uncertain(uncertain.take(), failed.failure);
            let delay = RETRY_DELAY.saturating_mul(attempt);
            let is_late = Instant::now().checked_add(delay).is_none_or(|next| next >= deadline);
            if !failed.may_retry || attempt >= TRIES || is_late {
                return Err(failure);
            }
            uncertain = Some(failure).filter(|failure| matches!(failure, Failure::Unknown(_)));
            sleep(delay).await;
            attempt = attempt.saturating_add(1);
        }
    }

    async fn try_once(&self, call: Call<'_>, deadline: Instant) -> Result<Vec<u8>, FailedAttempt> {
        let not_sent =
            |error: CallError| FailedAttempt { failure: Failure::NotReached(error.into()), may_retry: false };
        if timeout_at(deadline, self.pace.wait(call.endpoint)).await.is_err() {
            return Err(not_sent(CallError::TimedOut));
        }
        let Some(permit) = self.breaker.permit(Instant::now()) else {
            return Err(not_sent(CallError::CircuitOpen));
        };
        let tried = timeout_at(deadline, self.send(call)).await.unwrap_or_else(|_| {
            Err(FailedAttempt { failure: uncertain(call, CallError::TimedOut), may_retry: false })
        });
        let has_failed = matches!(
            &tried,
            Err(FailedAttempt { failure: Failure::NotReached(_) | Failure::Unknown(_), .. })
        );
        if self.breaker.record(permit, has_failed, Instant::now()) {
            tracing::error!("half of the last calls to Stripe failed: no calls are made for 30 seconds");
        }
        tried
    }

    async fn send(&self, call: Call<'_>) -> Result<Vec<u8>, FailedAttempt> {
        let mut response = match self.request(call).send().await {
            Ok(response) => response,
            Err(error) => return Err(failed_without_answer(call, error.without_url())),
        };
        let status = response.status();
        let header = |name: &str| response.headers().get(name).map(|value| value == "true");
        let should_retry = header("stripe-should-retry");
        let is_replayed = header("idempotent-replayed") == Some(true);
        let body = read_body(&mut response)
            .await
            .map_err(|error| FailedAttempt { failure: uncertain(call, error), may_retry: false })?;
        if status.is_success() {
            return Ok(body);
        }
        let mut failed = refused(call, status, should_retry, &body);
        failed.failure = match failed.failure {
            Failure::Unknown(source) if is_replayed => Failure::SavedError(source),
            failure => failure,
        };
        Err(failed)
    }

    fn request(&self, call: Call<'_>) -> RequestBuilder {
        let method = if call.form.is_some() { Method::POST } else { Method::GET };
        let mut request = self
            .http
            .request(method, format!("{}/v1/{}", self.base, call.path))
            .bearer_auth(self.secret_key.expose())
            .header("stripe-version", API_VERSION);
        if let Some(key) = call.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if let Some(form) = call.form {
            request =
                request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
        }
        request
    }
}

/// The failure of a call that Stripe may have processed. For a POST, the outcome is unknown. A GET has no effect, so it
/// counts as not reached.
fn uncertain(call: Call<'_>, error: CallError) -> Failure {
    if call.form.is_some() { Failure::Unknown(error.into()) } else { Failure::NotReached(error.into()) }
}

fn failed_without_answer(call: Call<'_>, error: reqwest::Error) -> FailedAttempt {
    let is_sent = !(error.is_connect() || error.is_builder());
    let error = CallError::Connection(error);
    if is_sent {
        // A POST may have taken effect, so the caller must look up its result before a retry.
        FailedAttempt { failure: uncertain(call, error), may_retry: call.form.is_none() }
    } else {
        FailedAttempt { failure: Failure::NotReached(error.into()), may_retry: true }
    }
}

/// Interprets an error response. For the decision whether to retry, the header `Stripe-Should-Retry` takes precedence
/// over the rules here.
fn refused(call: Call<'_>, status: StatusCode, should_retry: Option<bool>, body: &[u8]) -> FailedAttempt {
    let error = CallError::Status(status);
    let (failure, may_retry) = match status {
        StatusCode::TOO_MANY_REQUESTS => (Failure::NotReached(error.into()), true),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            tracing::error!(endpoint = call.endpoint, %status, "Stripe refuses the key or its permissions");
            (Failure::NotReached(error.into()), false)
        }
        // Stripe is still processing an earlier attempt with the same idempotency key.
        StatusCode::CONFLICT => (uncertain(call, error), true),
        _ if status.is_client_error() => {
            let object = json::parse::<ErrorBody>(body).ok().map(|body| body.error);
            let code = object.and_then(|error| error.code.or(error.kind));
            let code = code.unwrap_or_else(|| status.as_str().to_owned());
            tracing::warn!(endpoint = call.endpoint, %status, code, "Stripe refused a call");
            if code == OTHER_REQUEST {
                // An earlier call used this key with other parameters (for example, a call by an earlier version of
                // this program), and it may have taken effect.
                (Failure::Unknown(error.into()), false)
            } else {
                (Failure::Refused { status, code }, false)
            }
        }
        _ => (uncertain(call, error), call.form.is_none()),
    };
    FailedAttempt { failure, may_retry: should_retry.unwrap_or(may_retry) }
}

async fn read_body(response: &mut Response) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    while let Some(chunk) =
        response.chunk().await.map_err(|error| CallError::Connection(error.without_url()))?
    {
        if body.len().saturating_add(chunk.len()) > MAX_ANSWER {
            return Err(CallError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
