//! The outermost middleware. It assigns the request id, writes errors as problem documents or HTML pages, adds headers
//! and logs the request.

use std::{borrow::Cow, panic::AssertUnwindSafe, sync::Arc, time::Instant};

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ResponseHead, ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        ConnectionType, Method, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_METHODS, ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName,
            HeaderValue, TRANSFER_ENCODING, UPGRADE, WWW_AUTHENTICATE,
        },
    },
    middleware::Next,
};
use domain::id::IdGenerator;
use futures_util::FutureExt;
use http_connections::{Connection, Exchange, RequestBody};

use super::{
    body::{self, ReadInParts, SharedBytes},
    context::{AskedForHead, RequestId, SignedIn},
    cors, headers, request_id,
};
use crate::{
    html,
    problem::{Kind, Problem, body::ProblemBody, kinds},
    readiness::Readiness,
};

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The maximum length of a method in the log, in bytes. A limit is needed because clients may send any method.
const LOGGED_METHOD: usize = 16;

/// The settings and services that the middleware uses.
pub(crate) struct Outermost {
    pub(crate) public_url: String,
    pub(crate) ids: Arc<dyn IdGenerator>,
    pub(crate) readiness: Arc<dyn Readiness>,
}

/// The data about a request that is still needed after the handler has consumed the request.
struct Received {
    id: String,
    method: Method,
    path: String,
    route: Option<String>,
    at: Instant,
}

/// A serialized problem: its body, and the headers that describe the body.
struct WrittenProblem {
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
}

impl Outermost {
    /// Handles one request and returns its response.
    pub(crate) async fn handle<B: MessageBody + 'static>(
        self: Arc<Self>,
        mut request: ServiceRequest,
        next: Next<B>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let exchange =
            request.conn_data::<Connection>().map(|connection| connection.begin(body_of(&request)));
        let received = Received {
            id: request_id::choose(request.headers(), &*self.ids),
            method: request.method().clone(),
            path: request.path().to_owned(),
            route: request.match_pattern(),
            at: Instant::now(),
        };
        request.extensions_mut().insert(RequestId(received.id.clone()));
        if received.method == Method::HEAD {
            // Handlers treat HEAD as GET. The connection omits the body, since it knows the original method.
            request.head_mut().method = Method::GET;
            request.extensions_mut().insert(AskedForHead);
        }
        let answered = AssertUnwindSafe(async move { next.call(request).await }).catch_unwind().await;
        match answered {
            Ok(Ok(response)) => Ok(self.finish(&received, response.map_into_boxed_body(), exchange)),
            Ok(Err(error)) => {
                let mut response = error.error_response();
                let problem = problem_of(&mut response, received.route.is_some())
                    .unwrap_or_else(|| Problem::new(Kind::of_status(response.status().as_u16())));
                Err(self.answer_without_request(&received, &problem, exchange))
            }
            Err(_panic) => {
                let problem =
                    Problem { cause: Some("a handler panicked".into()), ..Problem::new(&kinds::INTERNAL) };
                Err(self.answer_without_request(&received, &problem, exchange))
            }
        }
    }

    fn finish(
        &self,
        received: &Received,
        mut response: ServiceResponse<BoxBody>,
        mut exchange: Option<Exchange>,
    ) -> ServiceResponse<BoxBody> {
        if received.method == Method::OPTIONS && response.headers().contains_key(ACCESS_CONTROL_ALLOW_METHODS)
        {
            // The response to a preflight has no body.
            *response.response_mut().status_mut() = StatusCode::NO_CONTENT;
        }
        let problem = problem_of(response.response_mut(), received.route.is_some())
            .or_else(|| refuse_for_memory(received, &response, exchange.as_mut()));
        if let Some(problem) = problem {
            let written = self.write(received, &problem);
            response = response.map_body(|head, _| {
                add_problem_headers(&problem, &written, &mut head.headers);
                BoxBody::new(written.body)
            });
            if let Ok(status) = StatusCode::from_u16(problem.kind.status) {
                *response.response_mut().status_mut() = status;
            }
        }
        let is_read_while_sent = response.response().extensions().get::<ReadInParts>().is_some()
            || matches!(response.response().body().size(), BodySize::Stream);
        if received.method == Method::HEAD && is_read_while_sent {
            response = response.map_body(|_, body| body::unread(&body));
        }
        headers::add_missing(response.headers_mut(), &received.id, self.is_tls());
        self.close_when_draining(response.response_mut().head_mut());
        let user = response.request().extensions().get::<SignedIn>().cloned();
        log(received, response.status(), user.as_ref());
        response.map_body(|_, body| body::send(body, exchange))
    }

    /// Creates the response when the request is no longer available, which happens after a panic or when an inner
    /// service returns an error.
    fn answer_without_request(
        &self,
        received: &Received,
        problem: &Problem,
        exchange: Option<Exchange>,
    ) -> Error {
        let status = StatusCode::from_u16(problem.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let written = self.write(received, problem);
        let mut response = HttpResponse::new(status);
        add_problem_headers(problem, &written, response.headers_mut());
        let mut response = response.set_body(body::send(BoxBody::new(written.body), exchange));
        headers::add_missing(response.headers_mut(), &received.id, self.is_tls());
        self.close_when_draining(response.head_mut());
        log(received, status, None);
        InternalError::from_response("", response).into()
    }

    /// Closes the connection after this response when the server is shutting down, so that the next request goes to
    /// another server.
    fn close_when_draining(&self, head: &mut ResponseHead) {
        if self.readiness.is_draining() {
            head.set_connection_type(ConnectionType::Close);
        }
    }

    fn is_tls(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// Serializes the problem as JSON, or as HTML if the route is one of the server's own pages. Also logs the cause of
    /// a server error.
    fn write(&self, received: &Received, problem: &Problem) -> WrittenProblem {
        log_cause(received, problem);
        if html::is_page(received.route.as_deref()) {
            return WrittenProblem {
                headers: html::HEADERS.into(),
                body: html::problem_page(problem, received.route.as_deref()).into_bytes(),
            };
        }
        let body = ProblemBody::new(problem, &self.public_url, &received.path, &received.id);
        let body = serde_json::to_vec(&body).unwrap_or_default();
        WrittenProblem { headers: vec![(CONTENT_TYPE, PROBLEM_JSON)], body }
    }
}

/// Returns how the request head delimits the body. The rules are the same as in the decoder of actix-http.
fn body_of(request: &ServiceRequest) -> RequestBody {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if request.headers().contains_key(TRANSFER_ENCODING) {
        return RequestBody::Chunked;
    }
    let is_websocket = header(UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    let length = header(CONTENT_LENGTH).and_then(|value| value.parse().ok()).unwrap_or(0);
    match length {
        _ if is_websocket => RequestBody::UntilClose,
        0 if request.method() == Method::CONNECT => RequestBody::UntilClose,
        0 => RequestBody::None,
        length => RequestBody::Length(length),
    }
}

/// Returns a problem if there is not enough memory for a large response because too many clients read their responses
/// slowly. A request that may have changed something gets its response anyway.
fn refuse_for_memory(
    received: &Received,
    response: &ServiceResponse<BoxBody>,
    exchange: Option<&mut Exchange>,
) -> Option<Problem> {
    let extensions = response.response().extensions();
    let takes_memory = extensions.get::<SharedBytes>().is_none() && extensions.get::<ReadInParts>().is_none();
    let is_counted = received.method != Method::HEAD && takes_memory;
    drop(extensions);
    if !is_counted || body::has_room(response.response().body(), exchange) || !received.method.is_safe() {
        return None;
    }
    Some(Problem::unavailable().because("Too many large answers are being sent to slow clients."))
}

/// Adds the headers of the problem to an error response.
fn add_problem_headers(problem: &Problem, written: &WrittenProblem, headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    for (name, value) in &written.headers {
        headers.insert(name.clone(), value.clone());
    }
    for (name, value) in &problem.headers {
        headers.append(name.clone(), value.clone());
    }
    if problem.kind.status == 401 {
        let challenge = match problem.kind.code {
            "access_token_invalid" => "Bearer error=\"invalid_token\"",
            "access_token_expired" => {
                "Bearer error=\"invalid_token\", error_description=\"The access token expired\""
            }
            _ => "Bearer",
        };
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if problem.kind == &kinds::METHOD_NOT_ALLOWED {
        allow_head(headers);
    }
}

/// Adds HEAD to the methods that the router lists in `Allow`, if GET is one of these methods.
fn allow_head(headers: &mut HeaderMap) {
    let mut methods: Vec<String> = headers
        .get_all(ALLOW)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(|method| method.trim().to_owned())
        .collect();
    if methods.iter().any(|method| method == "GET") {
        methods.push("HEAD".to_owned());
    }
    methods.sort();
    methods.dedup();
    if let Ok(value) = HeaderValue::from_str(&methods.join(", ")) {
        headers.insert(ALLOW, value);
    }
}

/// Returns the problem of an error response: the problem of the handler, or a problem that replaces an error of the
/// router or of actix. `None` when the response is not an error, or is an error whose body a handler has written
/// itself.
fn problem_of(response: &mut HttpResponse, is_routed: bool) -> Option<Problem> {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        return Some(problem);
    }
    if let Some(problem) = cors::refused(response) {
        return Some(problem);
    }
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return None;
    }
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if is_routed
        && content_type
            .is_some_and(|kind| kind.starts_with("application/json") || kind.starts_with("text/html"))
    {
        return None; // A handler has written this body. An example is the 503 response of /health/ready.
    }
    Some(Problem::new(Kind::of_status(status.as_u16())))
}

/// Logs the cause of a server error. Errors of clients are not logged here.
fn log_cause(received: &Received, problem: &Problem) {
    let (request_id, code) = (received.id.as_str(), problem.kind.code);
    let reason = problem.cause.as_deref().or(problem.detail.as_deref()).unwrap_or("unknown");
    match problem.kind.status {
        500 => tracing::error!(request_id, code, reason, "a request failed"),
        501.. => tracing::warn!(request_id, code, reason, "a request could not be answered now"),
        _ => {}
    }
}

/// Logs one line for each request. Orchestrators send health probes every few seconds, so a successful probe is logged
/// only at the level `debug`.
fn log(received: &Received, status: StatusCode, user: Option<&SignedIn>) {
    macro_rules! request {
        ($level:ident) => {
            tracing::$level!(
                method = &*logged_method(&received.method),
                route = received.route.as_deref().unwrap_or("none"),
                status = status.as_u16(),
                duration_us = u64::try_from(received.at.elapsed().as_micros()).unwrap_or(u64::MAX),
                request_id = received.id,
                user_id = user.map(|user| user.0.as_str()),
                "request"
            )
        };
    }
    let is_probe = received.route.as_deref().is_some_and(|route| route.starts_with("/health/"));
    if is_probe && status.is_success() { request!(debug) } else { request!(info) }
}

/// Returns the method for the log, shortened if it is too long. Methods are ASCII, so every position is a character
/// boundary.
fn logged_method(method: &Method) -> Cow<'_, str> {
    match method.as_str().get(..LOGGED_METHOD) {
        Some(start) if method.as_str().len() > LOGGED_METHOD => format!("{start}…").into(),
        _ => method.as_str().into(),
    }
}
