//! Limits the number of requests in flight. Further requests are refused immediately, so that accepted requests stay
//! fast.

use std::{cell::Cell, pin::pin, rc::Rc, sync::Arc};

use actix_web::{
    Error, HttpMessage, HttpRequest, ResponseError,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};
use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;

/// The path of live streams of notifications. A stream lasts for hours, so it does not count as a request in flight.
pub(crate) const STREAM_PATH: &str = "/api/v1/notifications/stream";

/// The prefix of the paths of films. A film is sent for as long as a user watches it, so it does not count as a request
/// in flight.
pub(crate) const FILMS_PATH: &str = "/media/films/";

/// The maximum number of requests whose bodies are being received. The memory of these bodies is limited separately
/// ([`super::body_memory`]).
const WAITING_FOR_BODIES: usize = 4_096;

/// The limit of requests in flight, for all worker threads together. Clones share it.
///
/// A request releases its permit while it waits for the client to send the body, so that slow clients do not use up the
/// permits.
#[derive(Debug, Clone)]
pub(crate) struct InFlightLimit {
    answering: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// The permit of one request. It is stored in the extensions of the request and is released when the request is
/// dropped.
#[derive(Clone)]
struct InFlightPermit {
    limit: InFlightLimit,
    permit: Rc<Cell<Option<OwnedSemaphorePermit>>>,
}

impl InFlightLimit {
    /// Creates a limit of this many requests at a time.
    pub(crate) fn new(most: usize) -> Self {
        let most = most.min(Semaphore::MAX_PERMITS);
        Self {
            answering: Arc::new(Semaphore::new(most)),
            waiting: Arc::new(Semaphore::new(WAITING_FOR_BODIES)),
        }
    }

    fn permit(self) -> Result<InFlightPermit, Problem> {
        let permit = InFlightPermit { limit: self, permit: Rc::default() };
        permit.acquire()?;
        Ok(permit)
    }
}

impl InFlightPermit {
    fn acquire(&self) -> Result<(), Problem> {
        let permit = Arc::clone(&self.limit.answering).try_acquire_owned();
        let permit =
            permit.map_err(|_| Problem::unavailable().because("Too many requests are being answered."))?;
        self.permit.set(Some(permit));
        Ok(())
    }

    /// Exchanges the permit for a permit to wait for the body.
    fn release(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.permit.set(None);
        let waiting = Arc::clone(&self.limit.waiting).try_acquire_owned();
        waiting.map_err(|_| Problem::unavailable().because("The server is waiting for too many bodies."))
    }
}

/// Responds with 503 when too many requests are in flight.
///
/// Health checks need no permit, because an overloaded server is still alive. Live streams and films also need no
/// permit, because their number is limited separately.
pub(crate) async fn limit<B: MessageBody + 'static>(
    limit: InFlightLimit,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<BoxBody, B>>, Error> {
    let path = request.path();
    if path.starts_with("/health/") || path == STREAM_PATH || path.starts_with(FILMS_PATH) {
        return next.call(request).await.map(ServiceResponse::map_into_right_body);
    }
    match limit.permit() {
        Ok(permit) => {
            request.extensions_mut().insert(permit);
            next.call(request).await.map(ServiceResponse::map_into_right_body)
        }
        Err(refusal) => Ok(request.into_response(refusal.error_response()).map_into_left_body()),
    }
}

/// Reads a body with `reading`. The request holds no permit while it waits for the client to send the body.
///
/// # Errors
/// 503 when too many requests wait for their bodies, or when no permit is available after the body has arrived;
/// otherwise the errors of `reading`.
pub(crate) async fn read_body<T>(
    request: &HttpRequest,
    reading: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let mut reading = pin!(reading);
    // Lets the connection deliver a body that arrived together with the request head, so that such a request keeps its
    // permit.
    tokio::task::yield_now().await;
    if let Some(read) = reading.as_mut().now_or_never() {
        return read;
    }
    let permit = request.extensions().get::<InFlightPermit>().cloned();
    let Some(permit) = permit else { return reading.await };
    let waiting = permit.release()?;
    let read = reading.await?;
    drop(waiting);
    permit.acquire()?;
    Ok(read)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use futures_util::future::{pending, ready};

    use super::*;

    fn request(limit: &InFlightLimit) -> HttpRequest {
        let request = TestRequest::default().to_http_request();
        request.extensions_mut().insert(limit.clone().permit().unwrap());
        request
    }

    #[tokio::test]
    async fn a_request_that_waits_for_its_body_releases_its_permit() {
        let limit = InFlightLimit { waiting: Arc::new(Semaphore::new(1)), ..InFlightLimit::new(1) };
        let slow = request(&limit);
        assert!(limit.clone().permit().is_err());
        let (client, body) = tokio::sync::oneshot::channel();
        let mut waiting = pin!(read_body(&slow, async { Ok(body.await.unwrap()) }));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        tokio::task::yield_now().await;
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        let other = request(&limit);
        let refused = read_body(&other, pending::<Result<(), Problem>>()).await.unwrap_err();
        assert_eq!(refused.kind.code, "unavailable", "only one request may wait");
        assert_eq!(
            read_body(&request(&limit), ready(Ok(7))).await.unwrap(),
            7,
            "a request whose body is complete does not wait"
        );
        client.send(8).unwrap();
        assert_eq!(waiting.await.unwrap(), 8);
        assert!(limit.clone().permit().is_err(), "the slow request has a permit again");
        slow.extensions_mut().clear();
        assert!(limit.permit().is_ok(), "all permits were released");
    }

    #[tokio::test]
    async fn a_request_whose_body_arrives_when_no_permit_is_available_is_refused() {
        let limit = InFlightLimit::new(1);
        let slow = request(&limit);
        let (client, body) = tokio::sync::oneshot::channel();
        let mut waiting = pin!(read_body(&slow, async { Ok(body.await.unwrap()) }));
        for _ in 0..2 {
            assert!(futures_util::poll!(waiting.as_mut()).is_pending());
            tokio::task::yield_now().await;
        }
        let _other = request(&limit);
        client.send(8).unwrap();
        assert_eq!(waiting.await.unwrap_err().kind.code, "unavailable");
    }
}
