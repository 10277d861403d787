//! The outermost layer: names the request, dresses the answer, writes every error as a problem, logs once.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ResponseHead, ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        ConnectionType, Method, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_METHODS, ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName,
            HeaderValue, WWW_AUTHENTICATE,
        },
    },
    middleware::Next,
};
use domain::id::IdGenerator;
use futures_util::FutureExt;

use super::{compression, cors, headers, request_id};
use crate::{
    html,
    problem::{Kind, Problem, body::ProblemBody, kinds},
    readiness::Readiness,
};

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What this layer knows of the server.
pub(crate) struct Manners {
    pub(crate) public_url: String,
    pub(crate) ids: Arc<dyn IdGenerator>,
    pub(crate) readiness: Arc<dyn Readiness>,
}

/// Says in the log who called; extractors leave it with the request.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn(pub(crate) String);

/// The name of the request, for who writes of it elsewhere.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// What is known of a request before it is answered.
struct Asked {
    id: String,
    method: Method,
    path: String,
    route: Option<String>,
    since: Instant,
}

/// A problem in the form that it is sent in.
struct Written {
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
}

impl Manners {
    /// Sees one request through.
    pub(crate) async fn see_through<B: MessageBody + 'static>(
        self: Arc<Self>,
        mut request: ServiceRequest,
        next: Next<B>,
    ) -> Result<ServiceResponse<BoxBody>, Error> {
        let asked = Asked {
            id: request_id::chosen(request.headers(), &*self.ids),
            method: request.method().clone(),
            path: request.path().to_owned(),
            route: request.match_pattern(),
            since: Instant::now(),
        };
        request.extensions_mut().insert(RequestId(asked.id.clone()));
        if asked.method == Method::HEAD {
            // Answered as GET is; the connection leaves the body out, since it knows what was asked.
            request.head_mut().method = Method::GET;
        }
        let answered = AssertUnwindSafe(async move { next.call(request).await }).catch_unwind().await;
        match answered {
            Ok(Ok(response)) => Ok(self.finish(&asked, response.map_into_boxed_body())),
            Ok(Err(error)) => {
                let mut response = error.error_response();
                let problem = found_in(&mut response, asked.route.is_some())
                    .unwrap_or_else(|| Problem::new(Kind::of_status(response.status().as_u16())));
                Err(self.bare(&asked, &problem))
            }
            Err(_panic) => {
                let problem =
                    Problem { cause: Some("a handler panicked".into()), ..Problem::new(&kinds::INTERNAL) };
                Err(self.bare(&asked, &problem))
            }
        }
    }

    fn finish(&self, asked: &Asked, mut response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        compression::unmark(response.headers_mut());
        if asked.method == Method::OPTIONS && response.headers().contains_key(ACCESS_CONTROL_ALLOW_METHODS) {
            // A preflight's answer has no body.
            *response.response_mut().status_mut() = StatusCode::NO_CONTENT;
        }
        let found = found_in(response.response_mut(), asked.route.is_some());
        if let Some(problem) = found {
            let written = self.written(asked, &problem);
            response = response.map_body(|head, _| {
                mark(&problem, &written, &mut head.headers);
                BoxBody::new(written.body)
            });
            if let Ok(status) = StatusCode::from_u16(problem.kind.status) {
                *response.response_mut().status_mut() = status;
            }
        }
        headers::dress(response.headers_mut(), &asked.id, self.is_tls());
        self.part(response.response_mut().head_mut());
        let user = response.request().extensions().get::<SignedIn>().cloned();
        log(asked, response.status(), user.as_ref());
        response
    }

    /// An answer for when the request itself is lost, after a panic.
    fn bare(&self, asked: &Asked, problem: &Problem) -> Error {
        let status = StatusCode::from_u16(problem.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let written = self.written(asked, problem);
        let mut response = HttpResponse::new(status);
        mark(problem, &written, response.headers_mut());
        let mut response = response.set_body(BoxBody::new(written.body));
        headers::dress(response.headers_mut(), &asked.id, self.is_tls());
        self.part(response.head_mut());
        log(asked, status, None);
        InternalError::from_response("", response).into()
    }

    /// Ends the connection with this answer when the server is about to stop (quality E2).
    fn part(&self, head: &mut ResponseHead) {
        if self.readiness.is_draining() {
            head.set_connection_type(ConnectionType::Close);
        }
    }

    fn is_tls(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// The problem as who asked reads it: a program, or a person in front of one of our pages.
    fn written(&self, asked: &Asked, problem: &Problem) -> Written {
        tell(asked, problem);
        if html::is_for_people(asked.route.as_deref()) {
            return Written { headers: html::HEADERS.into(), body: html::explained(problem).into_bytes() };
        }
        let body = ProblemBody::new(problem, &self.public_url, &asked.path, &asked.id);
        let body = serde_json::to_vec(&body).unwrap_or_default();
        Written { headers: vec![(CONTENT_TYPE, PROBLEM_JSON)], body }
    }
}

/// Gives an error answer the headers of its problem.
fn mark(problem: &Problem, written: &Written, headers: &mut HeaderMap) {
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

/// The router lists the methods that it knows; HEAD works wherever GET does.
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

/// The problem that an answer is: one of ours, or the router's own bare error.
fn found_in(response: &mut HttpResponse, is_routed: bool) -> Option<Problem> {
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
        return None; // an answer of a handler of ours, such as /health/ready
    }
    Some(Problem::new(Kind::of_status(status.as_u16())))
}

/// Tells operators why a request came to nothing. What is over by itself is no fault of the program.
fn tell(asked: &Asked, problem: &Problem) {
    let (request_id, code) = (asked.id.as_str(), problem.kind.code);
    let reason = problem.cause.as_deref().or(problem.detail.as_deref()).unwrap_or("not said");
    match problem.kind.status {
        500 => tracing::error!(request_id, code, reason, "a request failed"),
        501.. => tracing::warn!(request_id, code, reason, "a request could not be answered now"),
        _ => {}
    }
}

fn log(asked: &Asked, status: StatusCode, user: Option<&SignedIn>) {
    tracing::info!(
        method = asked.method.as_str(),
        route = asked.route.as_deref().unwrap_or("none"),
        status = status.as_u16(),
        duration_us = u64::try_from(asked.since.elapsed().as_micros()).unwrap_or(u64::MAX),
        request_id = asked.id,
        user_id = user.map(|user| user.0.as_str()),
        "request"
    );
}
