//! The middleware that refuses requests because of their headers: an `Accept` that excludes JSON, and an
//! `If-None-Match` that is too long or malformed.

use actix_web::{
    Error, ResponseError,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{ACCEPT, HeaderMap, HeaderValue, IF_NONE_MATCH},
    middleware::Next,
};

use crate::{
    edge::in_flight::STREAM_PATH,
    openapi::headers::MAX_CONDITION,
    problem::{Problem, kinds},
};

/// Responds with 406 when `Accept` excludes JSON and the route responds with JSON. For other routes, such as the HTML
/// pages and the live stream of notifications, and for unknown paths, `Accept` is not checked. Responds with 400 when
/// `If-None-Match` is too long or contains anything other than printable ASCII.
pub(crate) async fn check<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<BoxBody, B>>, Error> {
    let accept: Vec<&str> =
        request.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok()).collect();
    if answers_json(request.path()) && !allows_json(&accept.join(",")) && request.match_pattern().is_some() {
        let refusal = Problem::new(&kinds::NOT_ACCEPTABLE);
        return Ok(request.into_response(refusal.error_response()).map_into_left_body());
    }
    if !is_condition(request.headers()) {
        let refusal = Problem::new(&kinds::MALFORMED_REQUEST).because(format!(
            "`If-None-Match` must have at most {MAX_CONDITION} printable ASCII characters."
        ));
        return Ok(request.into_response(refusal.error_response()).map_into_left_body());
    }
    next.call(request).await.map(ServiceResponse::map_into_right_body)
}

/// Returns whether `If-None-Match`, which may be sent as several header lines, has the documented form.
fn is_condition(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(IF_NONE_MATCH).map(HeaderValue::as_bytes);
    let length = lines.clone().fold(0_usize, |length, line| length.saturating_add(line.len()));
    length <= MAX_CONDITION && lines.flatten().all(|byte| (b' '..=b'~').contains(byte))
}

/// Returns whether the responses of this path are JSON. The responses of pages, pictures and the live stream of
/// notifications are not JSON.
pub(crate) fn answers_json(path: &str) -> bool {
    path != STREAM_PATH
        && ["/api/", "/health/", "/openapi.json"].iter().any(|prefix| path.starts_with(prefix))
}

/// Returns whether the header allows JSON. The most specific matching range decides (RFC 9110, section 12.5.1).
fn allows_json(accept: &str) -> bool {
    if accept.trim().is_empty() {
        return true;
    }
    let mut decided: Option<(u8, bool)> = None;
    for range in accept.split(',') {
        let mut parts = range.split(';');
        let name = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let rank = match name.as_str() {
            "application/json" => 3,
            "application/*" => 2,
            "*/*" | "*" => 1,
            _ => continue,
        };
        let refused = parts
            .filter_map(|parameter| parameter.trim().strip_prefix("q="))
            .any(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0));
        if decided.is_none_or(|(known, _)| rank > known) {
            decided = Some((rank, !refused));
        }
    }
    decided.is_some_and(|(_, taken)| taken)
}

#[cfg(test)]
mod tests {
    use super::allows_json;

    #[test]
    fn the_most_specific_range_decides() {
        for yes in [
            "",
            "*/*",
            "application/json",
            "text/html, */*;q=0.1",
            "Application/JSON; q=0.5",
            "application/*",
        ] {
            assert!(allows_json(yes), "{yes}");
        }
        for no in ["text/html", "application/xml", "*/*, application/json;q=0", "image/*;q=1"] {
            assert!(!allows_json(no), "{no}");
        }
    }
}
