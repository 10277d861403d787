//! Checks whether a client reads its answer fast enough.

use std::time::Duration;

use tokio::time::Instant;

use crate::Timeouts;

/// The time that a client has left to read more of an answer.
///
/// Waiting for the client uses up the time, and each byte that the client reads restores some of it. So a slow client
/// that keeps reading gets the whole answer, but a client that stops or reads too slowly does not. Time without a
/// waiting answer does not count.
#[derive(Debug)]
pub(crate) struct WriteProgress {
    left: Duration,
    /// The time since which an answer has been waiting for the client; `None` when none is waiting.
    waits_since: Option<Instant>,
}

impl WriteProgress {
    pub(crate) const fn new(timeouts: &Timeouts) -> Self {
        Self { left: timeouts.write, waits_since: None }
    }

    /// Records that an answer waits for the client. Returns when the wait began, and when the client's time is used up.
    pub(crate) fn wait(&mut self) -> (Instant, Instant) {
        let since = *self.waits_since.get_or_insert_with(Instant::now);
        (since, since.checked_add(self.left).unwrap_or(since))
    }

    /// Records that the client has read this many bytes.
    pub(crate) fn advance(&mut self, bytes: usize, timeouts: &Timeouts) {
        let Some(since) = self.waits_since.take() else { return };
        let rate = u64::from(timeouts.write_bytes_per_second.max(1));
        let milliseconds = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(1_000).div_euclid(rate);
        let earned = Duration::from_millis(milliseconds);
        self.left = self.left.saturating_sub(since.elapsed()).saturating_add(earned).min(timeouts.write);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const TIMEOUTS: Timeouts = Timeouts {
        head: Duration::from_secs(5),
        idle: Duration::from_secs(5),
        body: Duration::from_secs(30),
        unread_body: Duration::from_secs(5),
        write: Duration::from_secs(30),
        write_when_tight: Duration::from_secs(2),
        write_bytes_per_second: 1_000,
    };

    /// How long the server serves a client that reads `bytes` bytes every `seconds` seconds; `None` when the client's
    /// time is not used up after `rounds` intervals.
    async fn served(bytes: usize, seconds: u64, rounds: usize) -> Option<Duration> {
        let begun = Instant::now();
        let mut progress = WriteProgress::new(&TIMEOUTS);
        for _ in 0..rounds {
            let (_, end) = progress.wait();
            if end.duration_since(Instant::now()) < Duration::from_secs(seconds) {
                return Some(end.duration_since(begun));
            }
            advance(Duration::from_secs(seconds)).await;
            progress.advance(bytes, &TIMEOUTS);
        }
        None
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_gets_the_time_limit_once() {
        assert_eq!(served(0, 31, 1).await, Some(Duration::from_secs(30)));
        assert_eq!(served(0, 10, 10).await, Some(Duration::from_secs(30)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_keeps_reading_is_served_to_the_end() {
        assert_eq!(served(1_000, 1, 10_000).await, None);
        assert_eq!(served(25_000, 25, 100).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_too_slowly_runs_out_of_time() {
        // The client reads at half the minimum rate, so each second uses up half a second of its time.
        assert_eq!(served(500, 1, 10_000).await, Some(Duration::from_millis(59_500)));
    }

    #[tokio::test(start_paused = true)]
    async fn time_without_a_waiting_answer_does_not_count() {
        let mut progress = WriteProgress::new(&TIMEOUTS);
        progress.wait();
        progress.advance(1, &TIMEOUTS);
        advance(Duration::from_hours(1)).await;
        progress.advance(1, &TIMEOUTS);
        let (since, end) = progress.wait();
        assert_eq!((since, end), (Instant::now(), Instant::now() + TIMEOUTS.write));
    }
}
