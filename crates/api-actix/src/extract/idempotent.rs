//! Requests with an `Idempotency-Key`. A request that is sent again with the same key is not executed again: the
//! server sends the stored response again, or builds the response from the object that the first request created. But
//! a request whose response was an error other than 409 and 422 is executed again, because the error may be
//! temporary.

use std::{fmt::Write, future::Future, pin::Pin, sync::Arc};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    dev::Payload,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    web,
};
use domain::{
    id::{Id, UserId},
    idempotency::{IdempotencyKey, KeptAnswer, KeyedRequest},
};
use futures_util::stream;
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    api_of,
    body::{MAX_BODY, collect},
    limited::user_of,
    nothing::Nothing,
};
use crate::{
    edge::in_flight::read_body,
    openapi::describe,
    problem::{Failure, FieldCode, FieldProblem, Kind, Problem, Refusal, kinds},
    reply::Answer,
    running_requests::RunningRequest,
    state::Api,
};

/// The header with the key.
const KEY: &str = "Idempotency-Key";

/// The header that marks a response that is sent again.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The maximum length of a key, in characters.
const LONGEST_KEY: usize = 255;

/// Extracts the rest of a request that may have an idempotency key. The handler must create its response with
/// [`answer`](Self::answer).
pub(crate) struct Idempotent<R = Nothing> {
    rest: Result<R, Problem>,
    keyed: Option<Keyed>,
}

/// A request with a key.
struct Keyed {
    request: KeyedRequest,
    api: web::Data<Api>,
    _running: RunningRequest,
    before: Before,
}

/// What is known about an earlier request with the same key.
enum Before {
    /// The key is new, or the earlier request neither created an object nor has a stored response.
    New,
    /// The earlier request created this object, but its response was not stored.
    Made(Uuid),
    /// The response to the earlier request is stored.
    Answered(KeptAnswer),
}

/// What a handler must do for a request that may have a key.
pub(crate) enum Doing<R> {
    /// Execute the request. If there is a key, the transaction that executes the request must also claim (store) the
    /// key.
    Now(R, Option<KeyedRequest>),
    /// Do not execute the request again: an earlier request created this object. Build the response from this object.
    Made(R, Uuid),
}

impl<R: FromRequest<Error = Problem> + 'static> FromRequest for Idempotent<R> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let Some(key) = key_of(&request)? else {
                let rest = Ok(R::from_request(&request, &mut payload).await?);
                return Ok(Self { rest, keyed: None });
            };
            let bytes = read_body(&request, collect(&request, payload, MAX_BODY)).await?;
            let fingerprint = fingerprint(&bytes);
            let api = api_of(&request)?;
            let keyed = Keyed::begin(api, key, fingerprint).await?;
            let again = stream::iter([Ok(bytes)]);
            let mut payload: Payload = Payload::Stream { payload: Box::pin(again) };
            let rest = R::from_request(&request, &mut payload).await;
            Ok(Self { rest, keyed: Some(keyed) })
        })
    }
}

/// Reads the key of the request; `None` without the header.
fn key_of(request: &HttpRequest) -> Result<Option<IdempotencyKey>, Problem> {
    let mut values = request.headers().get_all(KEY);
    let Some(value) = values.next() else { return Ok(None) };
    let is_sound = |text: &&str| {
        (1..=LONGEST_KEY).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
    };
    let key = value.to_str().ok().filter(is_sound).filter(|_| values.next().is_none());
    let invalid = || {
        let message = "must be one text of 1 to 255 printable ASCII characters";
        Problem::invalid(vec![FieldProblem::new(KEY, FieldCode::InvalidFormat, message)])
    };
    let key = key.ok_or_else(invalid)?.to_owned();
    let user = user_of(request)?.parse::<UserId>();
    let user = user.map_err(|error| Problem::new(&kinds::INTERNAL).caused_by(&error))?;
    let (method, path) = (request.method().to_string(), request.path().to_owned());
    Ok(Some(IdempotencyKey { user_id: user, method, path, key }))
}

/// Computes a digest of a body. The digest of JSON does not depend on white space or on the order of members. A missing
/// body has the digest of an empty object.
fn fingerprint(body: &[u8]) -> String {
    let canonical =
        if body.is_empty() { Some(Value::Object(Map::new())) } else { serde_json::from_slice(body).ok() };
    let canonical = canonical.map(sorted).and_then(|value| serde_json::to_vec(&value).ok());
    let digest = Sha256::digest(canonical.as_deref().unwrap_or(body));
    digest.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Returns the value with the members of all objects sorted by name.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> =
                members.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

impl Keyed {
    async fn begin(api: web::Data<Api>, key: IdempotencyKey, fingerprint: String) -> Result<Self, Problem> {
        let in_progress = || Problem::new(&kinds::REQUEST_IN_PROGRESS);
        let running = api.running.begin(&key).ok_or_else(in_progress)?;
        let now = api.state.rules.clock.now();
        let (keys, wanted) = (Arc::clone(&api.state.idempotency), key.clone());
        let known = api.run_any(async move { keys.find_request(&wanted, now).await }).await?;
        let known = known.map_err(|error| error.problem())?;
        let before = match known {
            None => Before::New,
            Some(known) if known.fingerprint != fingerprint => {
                return Err(Problem::new(&kinds::IDEMPOTENCY_KEY_REUSED));
            }
            Some(known) => match (known.answer, known.object_id) {
                (Some(answer), _) => Before::Answered(answer),
                (None, Some(id)) => Before::Made(id),
                (None, None) => Before::New,
            },
        };
        let id = Id::from_uuid(api.state.ids.uuid());
        let request = KeyedRequest { id, key, fingerprint, at: now };
        Ok(Self { request, api, _running: running, before })
    }

    /// Stores a response for later requests with the same key. If it cannot be stored, the client gets the response
    /// anyway.
    async fn keep(&self, answer: KeptAnswer) {
        let (keys, request) = (Arc::clone(&self.api.state.idempotency), self.request.clone());
        let kept = self.api.run_any(async move { keys.keep_answer(&request, &answer).await }).await;
        if !matches!(kept, Ok(Ok(()))) {
            tracing::warn!("the answer to a request with an idempotency key could not be stored");
        }
    }

    /// Stores the problem as the response if its status is 409 or 422, unless the problem is about the key itself.
    /// Other errors may be temporary, so a retry executes the request again.
    async fn keep_problem(&self, problem: &Problem) {
        if matches!(problem.kind.status, 409 | 422)
            && ![&kinds::REQUEST_IN_PROGRESS, &kinds::IDEMPOTENCY_KEY_REUSED].contains(&problem.kind)
        {
            let body = serde_json::to_string(&KeptProblem::from(problem)).unwrap_or_default();
            self.keep(KeptAnswer { status: problem.kind.status, body }).await;
        }
    }
}

/// A problem as it is stored.
#[derive(Serialize, Deserialize)]
struct KeptProblem {
    code: String,
    detail: Option<String>,
    errors: Vec<FieldProblem>,
    members: Map<String, Value>,
}

impl From<&Problem> for KeptProblem {
    fn from(problem: &Problem) -> Self {
        Self {
            code: problem.kind.code.to_owned(),
            detail: problem.detail.clone(),
            errors: problem.errors.clone(),
            members: problem.members.as_ref().clone(),
        }
    }
}

/// Restores a stored problem.
fn kept_problem(answer: &KeptAnswer) -> Problem {
    let read: Option<KeptProblem> = serde_json::from_str(&answer.body).ok();
    let kind = read.as_ref().and_then(|kept| kinds::ALL.iter().copied().find(|kind| kind.code == kept.code));
    let Some((kept, kind)) = read.zip(kind) else { return Problem::new(Kind::of_status(answer.status)) };
    let problem = Problem {
        detail: kept.detail,
        errors: kept.errors,
        members: Box::new(kept.members),
        ..Problem::new(kind)
    };
    problem.with_header(REPLAYED, HeaderValue::from_static("true"))
}

/// A new response, or the response to an earlier request with the same key.
pub(crate) enum Kept<T> {
    /// A new response.
    Fresh(T),
    /// The stored response, or a response that was built from the object that the earlier request created.
    Replayed(KeptAnswer),
}

impl<R> Idempotent<R> {
    /// Returns the stored response if there is one. Otherwise runs `act`. If the request has a key, the response is
    /// stored, unless it is an error that may be temporary.
    ///
    /// # Errors
    /// The error of `act` or of reading the rest of the request, or a stored problem.
    pub(crate) async fn answer<T, E, F>(
        self,
        act: impl FnOnce(Doing<R>) -> F + 'static,
    ) -> Result<Kept<T>, Failure<E>>
    where
        R: 'static,
        T: Answer + 'static,
        E: Refusal + 'static,
        F: Future<Output = Result<T, Failure<E>>> + 'static,
    {
        // The separate task continues when the client disconnects and the handler is dropped. The response must be
        // stored even then, so that a retry by the client gets it.
        let answered = actix_web::rt::spawn(self.answer_and_keep(act)).await;
        answered
            .unwrap_or_else(|panic| Err(Failure::Problem(Problem::new(&kinds::INTERNAL).caused_by(&panic))))
    }

    async fn answer_and_keep<T, E, F>(self, act: impl FnOnce(Doing<R>) -> F) -> Result<Kept<T>, Failure<E>>
    where
        T: Answer,
        E: Refusal,
        F: Future<Output = Result<T, Failure<E>>>,
    {
        let Some(keyed) = self.keyed else {
            let rest = self.rest.map_err(Failure::Problem)?;
            return act(Doing::Now(rest, None)).await.map(Kept::Fresh);
        };
        if let Before::Answered(answer) = &keyed.before {
            return if answer.status < 400 {
                Ok(Kept::Replayed(answer.clone()))
            } else {
                Err(Failure::Problem(kept_problem(answer)))
            };
        }
        let rest = match self.rest {
            Ok(rest) => rest,
            Err(problem) => {
                keyed.keep_problem(&problem).await;
                return Err(Failure::Problem(problem));
            }
        };
        let (doing, is_repeat) = match keyed.before {
            Before::Made(id) => (Doing::Made(rest, id), true),
            Before::New | Before::Answered(_) => (Doing::Now(rest, Some(keyed.request.clone())), false),
        };
        match act(doing).await {
            Ok(answer) => {
                let kept = KeptAnswer { status: answer.status().as_u16(), body: answer.json() };
                keyed.keep(kept.clone()).await;
                Ok(if is_repeat { Kept::Replayed(kept) } else { Kept::Fresh(answer) })
            }
            Err(failure) => {
                keyed.keep_problem(&failure.to_problem()).await;
                Err(failure)
            }
        }
    }
}

impl<T: Responder<Body = BoxBody>> Responder for Kept<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        match self {
            Self::Fresh(answer) => answer.respond_to(request),
            Self::Replayed(kept) => {
                HttpResponse::build(StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK))
                    .insert_header((header::CONTENT_TYPE, "application/json"))
                    .insert_header((REPLAYED, "true"))
                    .body(kept.body)
            }
        }
    }
}

impl<T> Apiv2Schema for Kept<T> {}

impl<T: OperationModifier> OperationModifier for Kept<T> {
    fn update_response(op: &mut DefaultOperationRaw) {
        T::update_response(op);
    }
}

impl<R> Apiv2Schema for Idempotent<R> {}

impl<R: OperationModifier> OperationModifier for Idempotent<R> {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        describe::add_idempotency_key(op, LONGEST_KEY);
        describe::add_problem(op, &kinds::REQUEST_IN_PROGRESS);
        describe::add_problem(op, &kinds::IDEMPOTENCY_KEY_REUSED);
        describe::add_problem(op, &kinds::VALIDATION_FAILED);
        R::update_parameter(op);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equivalent_bodies_have_the_same_fingerprint() {
        let first = fingerprint(br#"{"a": 1, "b": {"c": [1, 2], "d": null}}"#);
        assert_eq!(fingerprint(br#"{"b":{"d":null,"c":[1,2]},"a":1}"#), first);
        assert_ne!(fingerprint(br#"{"b":{"d":null,"c":[2,1]},"a":1}"#), first);
        assert_eq!(fingerprint(b""), fingerprint(b" {} "));
        assert_ne!(fingerprint(b"not JSON"), fingerprint(b"not  JSON"));
    }
}
