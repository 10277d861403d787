//! Delays calls to stay within Stripe's rate limit for each endpoint.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// The maximum number of calls to an endpoint per second.
const CALLS: usize = 25;
const SECOND: Duration = Duration::from_secs(1);

/// The rate limit: for each endpoint, the times of the last calls.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<HashMap<&'static str, VecDeque<Instant>>>);

impl Pace {
    /// Waits until the endpoint may be called, and counts the call. The wait has no time limit, so the caller must set
    /// a limit. A call is counted only when the wait ends, so an abandoned wait does not delay other calls.
    pub(crate) async fn wait(&self, endpoint: &'static str) {
        while let Err(free_at) = self.take(endpoint, Instant::now()) {
            sleep_until(free_at).await;
        }
    }

    /// Counts a call; or, when the limit is reached, returns the time at which the endpoint may be called again.
    fn take(&self, endpoint: &'static str, now: Instant) -> Result<(), Instant> {
        let mut endpoints = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = endpoints.entry(endpoint).or_default();
        if calls.len() >= CALLS
            && let Some(first) = calls.front()
        {
            let free_at = first.checked_add(SECOND).unwrap_or(now);
            if free_at > now {
                return Err(free_at);
            }
            calls.pop_front();
        }
        calls.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_is_called_at_most_25_times_in_any_second() {
        let (pace, begin) = (Pace::default(), Instant::now());
        let mut times = Vec::new();
        for _ in 0..80 {
            pace.wait("GET refunds").await;
            times.push(begin.elapsed());
        }
        assert!(times.windows(26).all(|window| window[25] >= window[0] + SECOND), "{times:?}");
        assert!(times[24] < SECOND && times[79] < 4 * SECOND, "{times:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn endpoints_do_not_wait_for_each_other() {
        let (pace, begin) = (Pace::default(), Instant::now());
        for _ in 0..CALLS {
            pace.wait("GET refunds").await;
        }
        pace.wait("POST refunds").await;
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }
}
