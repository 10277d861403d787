//! The middleware that counts every request against the rate limit of its client.

use actix_web::{
    Error, ResponseError,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};

use crate::{
    limits::RateLimitCounter,
    problem::{Problem, kinds},
};

/// Responds with 429 without reading the body when the quota of the client is used up. Otherwise adds the rate-limit
/// headers to the response, unless rate limits are disabled, or the response is the 429 of another limit, which
/// already has these headers.
///
/// Health checks have a separate quota, so that a client that has used up its quota can still check that the
/// server is alive.
pub(crate) async fn limit<B: MessageBody + 'static>(
    limits: RateLimitCounter,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<BoxBody, B>>, Error> {
    let counted = if request.path().starts_with("/health/") {
        limits.count_health_check(request.request()).await
    } else {
        limits.count_call(request.request()).await
    };
    if let Err(refusal) = counted {
        return Ok(request.into_response(refusal.error_response()).map_into_left_body());
    }
    let mut response = next.call(request).await?;
    let problem = response.response().extensions().get::<Problem>().map(|problem| problem.kind);
    let is_rate_limited = problem == Some(&kinds::RATE_LIMITED);
    let (request, status) = (response.request().clone(), response.status());
    limits.finish(&request, status, is_rate_limited, response.headers_mut()).await;
    Ok(response.map_into_right_body())
}
