//! Counts every call for the global rate limit, and writes the rate-limit headers of its answer.

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

/// Answers 429 when the quota of the client is used up, before anything of the request is read. Health checks are exempt.
pub(crate) async fn limit<B: MessageBody + 'static>(
    limits: RateLimitCounter,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<BoxBody, B>>, Error> {
    if request.path().starts_with("/health/") {
        return next.call(request).await.map(ServiceResponse::map_into_right_body);
    }
    if let Err(refusal) = limits.count_call(request.request()).await {
        return Ok(request.into_response(refusal.error_response()).map_into_left_body());
    }
    let mut response = next.call(request).await?;
    let problem = response.response().extensions().get::<Problem>().map(|problem| problem.kind);
    let is_rate_limited = problem == Some(&kinds::RATE_LIMITED);
    let (asked, status) = (response.request().clone(), response.status());
    limits.finish(&asked, status, is_rate_limited, response.headers_mut()).await;
    Ok(response.map_into_right_body())
}
