//! Enforces a minimum speed of uploads, so that slow clients do not hold their permits for long.

use std::{cell::Cell, rc::Rc, time::Duration};

use actix_web::{dev::Payload, error::PayloadError, web::Bytes};
use futures_util::{Stream, StreamExt, stream};
use tokio::time::{Instant, timeout_at};

/// The time that a client has in addition to the time that the upload takes at the minimum speed.
const GRACE: Duration = Duration::from_secs(5);

/// The minimum average speed, in bytes per second. An upload of 2 MiB, for example, may take 37 s: 32 s at this speed,
/// and the additional 5 s of [`GRACE`].
const BYTES_A_SECOND: u64 = 64 * 1024;

/// Why reading the body stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    TooLarge,
    TooSlow,
}

/// Returns the body as a stream. The stream yields an error when the body arrives too slowly or is larger than `most`
/// bytes; `trouble` then contains the reason.
pub(super) fn paced(
    payload: Payload,
    most: usize,
    trouble: Rc<Cell<Option<Trouble>>>,
) -> impl Stream<Item = Result<Bytes, PayloadError>> + 'static {
    let begun = Instant::now();
    stream::unfold((payload, 0_usize), move |(mut payload, arrived)| {
        let trouble = Rc::clone(&trouble);
        async move {
            let given_up = |why| {
                trouble.set(Some(why));
                Err(PayloadError::Incomplete(None))
            };
            let chunk = match timeout_at(deadline(begun, arrived), payload.next()).await {
                Ok(chunk) => chunk?,
                Err(_) => return Some((given_up(Trouble::TooSlow), (payload, arrived))),
            };
            let arrived = arrived.saturating_add(chunk.as_ref().map_or(0, Bytes::len));
            let chunk = if arrived > most { given_up(Trouble::TooLarge) } else { chunk };
            Some((chunk, (payload, arrived)))
        }
    })
    .fuse()
}

/// Returns the time by which the next bytes must arrive.
fn deadline(begun: Instant, arrived: usize) -> Instant {
    let earned = u64::try_from(arrived).unwrap_or(u64::MAX).saturating_mul(1_000).div_euclid(BYTES_A_SECOND);
    let patience = GRACE.saturating_add(Duration::from_millis(earned));
    begun.checked_add(patience).unwrap_or(begun)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    /// Reads `count` chunks of `size` bytes that arrive at intervals of `apart`. Returns how many chunks were read, and
    /// why reading stopped.
    async fn read(size: usize, apart: Duration, count: usize) -> (usize, Option<Trouble>) {
        let chunks = stream::iter(0..count).then(move |_| async move {
            tokio::time::sleep(apart).await;
            Ok(Bytes::from(vec![7; size]))
        });
        let chunks: std::pin::Pin<Box<dyn Stream<Item = _>>> = Box::pin(chunks.chain(stream::pending()));
        let payload = Payload::Stream { payload: chunks };
        let trouble = Rc::new(Cell::new(None));
        let mut body = pin!(paced(payload, 2 * 1024 * 1024, Rc::clone(&trouble)));
        let mut came = 0_usize;
        while let Some(Ok(_)) = body.next().await {
            came = came.saturating_add(1);
        }
        (came, trouble.get())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_arrive_is_abandoned_after_the_grace_period() {
        let begun = Instant::now();
        assert_eq!(read(0, GRACE, 0).await, (0, Some(Trouble::TooSlow)));
        assert_eq!(begun.elapsed(), GRACE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_arrives_too_slowly_is_abandoned() {
        let begun = Instant::now();
        let (came, trouble) = read(100, Duration::from_secs(1), 60).await;
        assert_eq!((came, trouble), (5, Some(Trouble::TooSlow)));
        assert!(begun.elapsed() < GRACE.saturating_add(Duration::from_secs(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_upload_may_continue_while_it_has_the_minimum_speed() {
        let begun = Instant::now();
        assert_eq!(read(64 * 1024, Duration::from_secs(1), 32).await, (32, Some(Trouble::TooSlow)));
        assert_eq!(begun.elapsed(), Duration::from_secs(37));
        assert_eq!(read(1024 * 1024, Duration::from_secs(1), 3).await, (2, Some(Trouble::TooLarge)));
    }
}
