//! Reads and validates JSON bodies.

use std::{future::Future, pin::Pin, time::Duration};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH},
    web::Bytes,
};
use domain::network::Network;
use futures_util::StreamExt;
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};

use super::{
    api_of,
    check::Source,
    faults::Faults,
    input::{self, Input, NoFields},
    json::Json,
    query_string,
};
use crate::{
    client_address::client_address,
    edge::{body_memory::ReceivedBody, in_flight::read_body},
    openapi::describe,
    problem::{Problem, kinds},
};

/// The maximum size of a JSON body, in bytes.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// The maximum time until a body that is read by [`collect`] has arrived completely.
const PATIENCE: Duration = Duration::from_secs(10);

/// Extracts a valid JSON body. Query parameters are refused, because operations with a body have no query parameters.
#[derive(Debug)]
pub(crate) struct Body<T: Input>(pub(crate) T::Checked);

/// Extracts a valid JSON body of a PATCH, which may be sent as a merge patch (RFC 7396): omitted fields keep their
/// values.
#[derive(Debug)]
pub(crate) struct Patch<T: Input>(pub(crate) T::Checked);

const BODIES: &[&str] = &["application/json"];
const PATCHES: &[&str] = &["application/json", "application/merge-patch+json"];

type Reading<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl<T: Input> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let reading = read::<T>(request, payload, BODIES);
        Box::pin(async { reading.await.map(Self) })
    }
}

impl<T: Input> FromRequest for Patch<T> {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let reading = read::<T>(request, payload, PATCHES);
        Box::pin(async { reading.await.map(Self) })
    }
}

/// Extracts a valid JSON body that may be missing. A missing body means the same as an empty object.
#[derive(Debug)]
pub(crate) struct OptionalBody<T: Input>(pub(crate) T::Checked);

impl<T: Input> FromRequest for OptionalBody<T> {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let mut faults = Faults::default();
            query_string::unknown(request.query_string(), &mut faults);
            check_packing_and_length(&request, MAX_BODY)?;
            let api = api_of(&request)?;
            let bytes = read_body(&request, collect(&request, payload, MAX_BODY)).await?;
            let body = if bytes.is_empty() {
                Json::Object(Vec::new())
            } else {
                check_head(&request, BODIES, MAX_BODY)?;
                parsed(&bytes)?
            };
            let value = input::read::<T>(body, Source::Body, &api.state.rules, &mut faults);
            faults.finish(value).map(Self)
        })
    }
}

impl<T: Input> Apiv2Schema for OptionalBody<T> {}

impl<T: Input> OperationModifier for OptionalBody<T> {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        debug_assert!(input::is_checkable::<T>());
        describe::add_optional_body::<T>(op);
        add_problems(op);
    }
}

/// Reads a body with one of these content types.
fn read<T: Input>(request: &HttpRequest, payload: &mut Payload, types: &[&str]) -> Reading<T::Checked> {
    let checked = check_head(request, types, MAX_BODY);
    let mut faults = Faults::default();
    query_string::unknown(request.query_string(), &mut faults);
    let api = api_of(request);
    let (request, payload) = (request.clone(), payload.take());
    Box::pin(async move {
        checked?;
        let api = api?;
        let bytes = read_body(&request, collect(&request, payload, MAX_BODY)).await?;
        let value = input::read::<T>(parsed(&bytes)?, Source::Body, &api.state.rules, &mut faults);
        faults.finish(value)
    })
}

/// Parses the JSON of the body. A byte order mark is ignored, as RFC 8259 (section 8.1) allows.
fn parsed(bytes: &[u8]) -> Result<Json, Problem> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|error| {
        Problem::new(&kinds::MALFORMED_REQUEST).because(format!(
            "The body is not JSON (line {}, column {}).",
            error.line(),
            error.column()
        ))
    })
}

/// Reports every field of the body as unknown, for an operation that takes no body. An empty body and an empty
/// object are accepted. The body of a safe method (such as GET) is ignored.
pub(crate) async fn unasked(
    request: HttpRequest,
    payload: Payload,
    faults: &mut Faults,
) -> Result<(), Problem> {
    if matches!(payload, Payload::None) || request.method().is_safe() {
        return Ok(());
    }
    check_packing_and_length(&request, MAX_BODY)?;
    let bytes = read_body(&request, collect(&request, payload, MAX_BODY)).await?;
    if bytes.is_empty() {
        return Ok(());
    }
    check_head(&request, BODIES, MAX_BODY)?;
    let api = api_of(&request)?;
    input::read::<NoFields>(parsed(&bytes)?, Source::Body, &api.state.rules, faults);
    Ok(())
}

/// Refuses a body whose content type is not in `types`, a body with a declared character encoding other than UTF-8, a
/// compressed body, and a body that declares a length above `most` bytes.
pub(crate) fn check_head(request: &HttpRequest, types: &[&str], most: usize) -> Result<(), Problem> {
    let unsupported = || Problem::new(&kinds::UNSUPPORTED_MEDIA_TYPE);
    let mime = request.mime_type().map_err(|_| unsupported())?.ok_or_else(unsupported)?;
    if !types.contains(&mime.essence_str()) {
        return Err(unsupported());
    }
    if mime.get_param("charset").is_some_and(|charset| charset != "utf-8") {
        return Err(unsupported());
    }
    check_packing_and_length(request, most)
}

/// Refuses a body that is compressed, because bodies are not decompressed, and a body that declares a length above
/// `most` bytes.
pub(crate) fn check_packing_and_length(request: &HttpRequest, most: usize) -> Result<(), Problem> {
    let encoding = request.headers().get(CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Problem::new(&kinds::UNSUPPORTED_MEDIA_TYPE));
    }
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if length
        .and_then(|text| text.parse::<u64>().ok())
        .is_some_and(|length| usize::try_from(length).map_or(true, |length| length > most))
    {
        return Err(Problem::new(&kinds::TOO_LARGE));
    }
    Ok(())
}

/// Reads the complete body. Its memory counts against the common limit of all request bodies.
///
/// # Errors
/// 413 when the body is larger than `most` bytes, 400 when it ends too early or takes too long, 503 when the bodies of
/// the client, or of all clients, take too much memory.
pub(crate) async fn collect(request: &HttpRequest, payload: Payload, most: usize) -> Result<Bytes, Problem> {
    // Unit tests of extractors have no `Api`.
    let body = api_of(request).map_or_else(
        |_| ReceivedBody::default(),
        |api| {
            let client = client_address(request, &api.settings.trusted_proxies).map(Network::of_client);
            ReceivedBody::counted(&api.bodies, client)
        },
    );
    receive(body, PATIENCE, payload, most).await
}

/// Reads the complete body like [`collect`], but with another time limit and without counting its memory. The caller
/// must limit the number of such bodies.
pub(crate) async fn collect_within(
    patience: Duration,
    payload: Payload,
    most: usize,
) -> Result<Bytes, Problem> {
    receive(ReceivedBody::default(), patience, payload, most).await
}

async fn receive(
    mut body: ReceivedBody,
    patience: Duration,
    mut payload: Payload,
    most: usize,
) -> Result<Bytes, Problem> {
    let read = async {
        while let Some(chunk) = payload.next().await {
            let chunk = chunk
                .map_err(|_| Problem::new(&kinds::MALFORMED_REQUEST).because("The body ended too early."))?;
            if body.len().saturating_add(chunk.len()) > most {
                return Err(Problem::new(&kinds::TOO_LARGE));
            }
            body.add(&chunk)?;
        }
        Ok(body.into_bytes())
    };
    tokio::time::timeout(patience, read).await.unwrap_or_else(|_| {
        Err(Problem::new(&kinds::MALFORMED_REQUEST).because("The body did not arrive in time."))
    })
}

impl<T: Input> Apiv2Schema for Body<T> {}
impl<T: Input> Apiv2Schema for Patch<T> {}

impl<T: Input> OperationModifier for Body<T> {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        describe::<T>(op, BODIES);
    }
}

impl<T: Input> OperationModifier for Patch<T> {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        describe::<T>(op, PATCHES);
    }
}

fn describe<T: Input>(op: &mut DefaultOperationRaw, types: &[&str]) {
    debug_assert!(input::is_checkable::<T>());
    describe::add_body::<T>(op, types);
    add_problems(op);
}

/// Documents the problems that any body can cause.
pub(crate) fn add_problems(op: &mut DefaultOperationRaw) {
    for kind in [
        &kinds::MALFORMED_REQUEST,
        &kinds::TOO_LARGE,
        &kinds::UNSUPPORTED_MEDIA_TYPE,
        &kinds::VALIDATION_FAILED,
    ] {
        describe::add_problem(op, kind);
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use futures_util::stream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stalled_body_is_abandoned() {
        let begun = tokio::time::Instant::now();
        let half = stream::iter([Ok(Bytes::from_static(b"{"))]).chain(stream::pending());
        let payload: Payload = Payload::Stream { payload: Box::pin(half) };
        let request = TestRequest::default().to_http_request();
        let refused = collect(&request, payload, MAX_BODY).await.unwrap_err();
        assert_eq!(refused.kind, &kinds::MALFORMED_REQUEST);
        assert_eq!(begun.elapsed(), PATIENCE);
    }
}
