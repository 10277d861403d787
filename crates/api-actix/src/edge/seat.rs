//! The place that a request has among those that are answered, and leaves while it waits for its client.

use std::{cell::Cell, pin::pin, rc::Rc};

use actix_web::{HttpMessage, HttpRequest};
use futures_util::FutureExt;

use super::overload::{InFlight, Place};
use crate::problem::Problem;

/// Requests whose bodies may be waited for at once. What has come of each is kept, 64 KiB at most.
const AWAITED_AT_ONCE: usize = 4_096;

/// Where requests are answered, and where those wait whose clients are slow: these may not keep the others out.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    answered: InFlight,
    awaited: InFlight,
}

impl Room {
    /// For so many requests that are answered at once.
    pub(crate) fn new(most: usize) -> Self {
        Self { answered: InFlight::new(most), awaited: InFlight::new(AWAITED_AT_ONCE) }
    }
}

/// The place of one request. Travels with it, and is free again when the answer is there.
#[derive(Clone)]
pub(crate) struct Seat {
    room: Room,
    place: Rc<Cell<Option<Place>>>,
}

impl Seat {
    pub(super) fn take(room: Room) -> Result<Self, Problem> {
        let seat = Self { room, place: Rc::default() };
        seat.sit_down().map(|()| seat)
    }

    fn sit_down(&self) -> Result<(), Problem> {
        let place = self.room.answered.enter();
        let place =
            place.ok_or_else(|| Problem::unavailable().because("Too many requests are being answered."))?;
        self.place.set(Some(place));
        Ok(())
    }

    fn stand_up(&self) -> Result<Place, Problem> {
        self.place.set(None);
        let awaited = self.room.awaited.enter();
        awaited.ok_or_else(|| Problem::unavailable().because("Too many requests are being waited for."))
    }
}

/// Reads what the client sends after the head. While it has not come the request has no place, which others may take.
pub(crate) async fn arrival<T>(
    request: &HttpRequest,
    reading: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let mut reading = pin!(reading);
    // What came together with the head is handed on now: who sent it is no slow client.
    tokio::task::yield_now().await;
    if let Some(read) = reading.as_mut().now_or_never() {
        return read;
    }
    let seat = request.extensions().get::<Seat>().cloned();
    let Some(seat) = seat else { return reading.await };
    let awaited = seat.stand_up()?;
    let read = reading.await?;
    drop(awaited);
    seat.sit_down()?;
    Ok(read)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use futures_util::future::{pending, ready};

    use super::*;

    fn seated(room: &Room) -> HttpRequest {
        let request = TestRequest::default().to_http_request();
        request.extensions_mut().insert(Seat::take(room.clone()).unwrap());
        request
    }

    #[tokio::test]
    async fn who_waits_for_a_body_leaves_its_place_to_others() {
        let room = Room { answered: InFlight::new(1), awaited: InFlight::new(1) };
        let slow = seated(&room);
        assert!(Seat::take(room.clone()).is_err());
        let (client, body) = tokio::sync::oneshot::channel();
        let mut waiting = pin!(arrival(&slow, async { Ok(body.await.unwrap()) }));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        tokio::task::yield_now().await;
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        let other = seated(&room);
        let refused = arrival(&other, pending::<Result<(), Problem>>()).await.unwrap_err();
        assert_eq!(refused.kind.code, "unavailable", "there is one place to wait");
        assert_eq!(
            arrival(&seated(&room), ready(Ok(7))).await.unwrap(),
            7,
            "what is there is not waited for"
        );
        client.send(8).unwrap();
        assert_eq!(waiting.await.unwrap(), 8);
        assert!(Seat::take(room.clone()).is_err(), "it has its place again");
        slow.extensions_mut().clear();
        assert!(Seat::take(room).is_ok(), "it has gone, and the other one had none");
    }

    #[tokio::test]
    async fn who_comes_back_to_a_full_room_is_sent_away() {
        let room = Room::new(1);
        let slow = seated(&room);
        let (client, body) = tokio::sync::oneshot::channel();
        let mut waiting = pin!(arrival(&slow, async { Ok(body.await.unwrap()) }));
        for _ in 0..2 {
            assert!(futures_util::poll!(waiting.as_mut()).is_pending());
            tokio::task::yield_now().await;
        }
        let _other = seated(&room);
        client.send(8).unwrap();
        assert_eq!(waiting.await.unwrap_err().kind.code, "unavailable");
    }
}
