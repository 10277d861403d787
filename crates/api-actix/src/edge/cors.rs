//! Cross-origin resource sharing (CORS): which web origins may call the API.

use actix_cors::{Cors, CorsError};
use actix_web::{
    HttpResponse,
    http::{
        Method,
        header::{
            ACCEPT, ACCEPT_RANGES, AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, ETAG,
            HeaderName, IF_MATCH, IF_NONE_MATCH, IF_RANGE, LINK, LOCATION, RANGE, RETRY_AFTER,
        },
    },
};

use super::request_id::X_REQUEST_ID;
use crate::{
    limits::{RATE_LIMIT, RATE_LIMIT_POLICY},
    problem::{Problem, kinds},
    settings::ApiSettings,
};

/// How long browsers may cache the response to a preflight request, in seconds. Chromium allows at most two hours.
const PREFLIGHT_AGE: usize = 7_200;

/// Creates the middleware. It allows the origins of the settings and, in development, the `http://` origins on this
/// machine. Credentials are not allowed, because the API uses no cookies.
pub(crate) fn cors(settings: &ApiSettings) -> Cors {
    let mut cors = Cors::default()
        .allowed_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allowed_headers([
            ACCEPT,
            AUTHORIZATION,
            CONTENT_TYPE,
            IF_MATCH,
            IF_NONE_MATCH,
            // For players that load films with scripts.
            IF_RANGE,
            RANGE,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
            X_REQUEST_ID,
            // For tracing in browsers (W3C Trace Context, Baggage).
            HeaderName::from_static("traceparent"),
            HeaderName::from_static("tracestate"),
            HeaderName::from_static("baggage"),
        ])
        .expose_headers([
            ACCEPT_RANGES,
            CONTENT_DISPOSITION,
            CONTENT_RANGE,
            ETAG,
            LINK,
            LOCATION,
            RATE_LIMIT,
            RATE_LIMIT_POLICY,
            RETRY_AFTER,
            X_REQUEST_ID,
            HeaderName::from_static("deprecation"),
            HeaderName::from_static("sunset"),
            HeaderName::from_static("idempotency-replayed"),
        ])
        .max_age(PREFLIGHT_AGE);
    for name in &settings.cors_request_headers {
        cors = cors.allowed_header(name.as_str());
    }
    for origin in &settings.cors_origins {
        cors = cors.allowed_origin(origin);
    }
    if settings.is_dev {
        cors = cors.allowed_origin_fn(|origin, _request| origin.to_str().is_ok_and(is_local));
    }
    cors
}

/// Returns the problem document for a response with which the CORS middleware refused a request; `None` for other
/// responses.
pub(super) fn refused(response: &HttpResponse) -> Option<Problem> {
    response.error()?.as_error::<CorsError>()?;
    let problem = Problem::new(&kinds::MALFORMED_REQUEST);
    Some(problem.because(
        "This origin may not call here, or may not use the requested method or the requested headers.",
    ))
}

fn is_local(origin: &str) -> bool {
    let Some(rest) = origin.strip_prefix("http://") else { return false };
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| {
        rest.strip_prefix(host).is_some_and(|port| {
            port.is_empty()
                || port.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn only_origins_on_this_machine_are_local() {
        for local in ["http://localhost:5173", "http://127.0.0.1", "http://[::1]:3000", "http://[::1]"] {
            assert!(is_local(local), "{local}");
        }
        for other in [
            "http://localhost.evil.test",
            "http://localhost:80.evil.test",
            "http://[::1].evil.test",
            "http://[::2]",
            "https://example.test",
            "null",
        ] {
            assert!(!is_local(other), "{other}");
        }
    }
}
