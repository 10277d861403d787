//! Sends requests away early when there are too many, so that those accepted stay fast.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use actix_web::{
    Error, HttpMessage, ResponseError,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};

use super::seat::{Room, Seat};

/// Counts what is being done at once, over all workers: requests that are answered, files that are uploaded.
#[derive(Debug, Clone)]
pub(crate) struct InFlight {
    count: Arc<AtomicUsize>,
    most: usize,
}

/// One that is being answered; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl InFlight {
    pub(crate) fn new(most: usize) -> Self {
        Self { count: Arc::new(AtomicUsize::new(0)), most }
    }

    /// Takes a place, if one is free.
    pub(crate) fn enter(&self) -> Option<Place> {
        let before = self.count.fetch_add(1, Ordering::Relaxed);
        let place = Place(Arc::clone(&self.count));
        (before < self.most).then_some(place)
    }
}

/// Answers 503 beyond the cap. Health is exempt: an overloaded server is not a dead one.
pub(crate) async fn shed<B: MessageBody + 'static>(
    room: Room,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<BoxBody, B>>, Error> {
    if request.path().starts_with("/health/") {
        return next.call(request).await.map(ServiceResponse::map_into_right_body);
    }
    match Seat::take(room) {
        Ok(seat) => {
            request.extensions_mut().insert(seat);
            next.call(request).await.map(ServiceResponse::map_into_right_body)
        }
        Err(refusal) => Ok(request.into_response(refusal.error_response()).map_into_left_body()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_left_is_free_again() {
        let in_flight = InFlight::new(1);
        let first = in_flight.enter();
        assert!(first.is_some());
        assert!(in_flight.enter().is_none());
        drop(first);
        assert!(in_flight.enter().is_some());
    }
}
