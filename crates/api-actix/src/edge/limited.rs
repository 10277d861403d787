//! Counts every call, and tells in its answer what is left.

use actix_web::{
    Error, ResponseError,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};

use crate::{
    limits::Limits,
    problem::{Problem, kinds},
};

/// Answers 429 beyond the quota of the client, before anything of the request is read. Health is exempt: who watches
/// the server may ask as often as they like.
pub(crate) async fn limit<B: MessageBody + 'static>(
    limits: Limits,
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
    let is_refused = problem == Some(&kinds::RATE_LIMITED);
    let (asked, status) = (response.request().clone(), response.status());
    limits.settle(&asked, status, is_refused, response.headers_mut()).await;
    Ok(response.map_into_right_body())
}
