//! A circuit breaker: stops calls to Stripe for 30 seconds when at least half of the last 20 calls failed.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The breaker opens when `FAILURES` of the last `WINDOW` calls failed.
const WINDOW: usize = 20;
const FAILURES: usize = 10;

/// How long the breaker refuses calls after it opens.
const OPEN: Duration = Duration::from_secs(30);

/// How long the breaker refuses other calls while a trial call checks whether Stripe answers again.
const TRIAL: Duration = Duration::from_secs(10);

/// The circuit breaker. It starts closed, which means that calls are permitted.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The outcomes of the last calls, oldest first: `true` for a failure.
    failed: VecDeque<bool>,
    /// The end of the time in which calls are refused; `None` while the breaker is closed.
    open_until: Option<Instant>,
}

impl Breaker {
    /// Whether Stripe may be called now. After an open breaker has refused calls for `OPEN`, it permits one trial call.
    /// If the outcome of the trial call is not recorded within `TRIAL`, it permits another one.
    pub(crate) fn permits(&self, now: Instant) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.open_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.open_until = now.checked_add(TRIAL);
                true
            }
        }
    }

    /// Records the outcome of a call; returns `true` when this outcome opened a closed breaker.
    pub(crate) fn record(&self, has_failed: bool, now: Instant) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.open_until.is_some() {
            state.open_until = if has_failed { now.checked_add(OPEN) } else { None };
            state.failed.clear();
            return false;
        }
        state.failed.push_back(has_failed);
        if state.failed.len() > WINDOW {
            state.failed.pop_front();
        }
        let failures = state.failed.iter().filter(|failed| **failed).count();
        let opens = state.failed.len() == WINDOW && failures >= FAILURES;
        if opens {
            state.open_until = now.checked_add(OPEN);
        }
        opens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> (Breaker, Instant) {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for call in 0..WINDOW {
            assert!(breaker.permits(now), "{call}");
            breaker.record(call % 2 == 0, now);
        }
        (breaker, now)
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_when_half_of_the_last_20_calls_failed_and_tries_again_after_30_seconds() {
        let (breaker, now) = opened();
        assert!(!breaker.permits(now + OPEN - Duration::from_millis(1)));
        let later = now + OPEN;
        assert!(breaker.permits(later));
        assert!(!breaker.permits(later), "only one trial call is permitted");
        breaker.record(false, later);
        assert!(breaker.permits(later) && breaker.permits(later));
    }

    #[tokio::test(start_paused = true)]
    async fn it_stays_open_after_a_failed_trial_and_permits_another_when_a_trial_never_ends() {
        let (breaker, now) = opened();
        let later = now + OPEN;
        assert!(breaker.permits(later));
        breaker.record(true, later);
        assert!(!breaker.permits(later + OPEN - Duration::from_millis(1)));
        assert!(breaker.permits(later + OPEN));
        assert!(breaker.permits(later + OPEN + TRIAL));
    }

    #[tokio::test(start_paused = true)]
    async fn it_stays_closed_while_fewer_than_half_of_the_calls_fail() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for call in 0..100 {
            assert!(!breaker.record(call % 3 == 0, now));
        }
        assert!(breaker.permits(now));
    }
}
