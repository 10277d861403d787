//! A circuit breaker: stops calls to Stripe for 30 seconds when at least half of the last 20 calls failed. Each retry
//! counts as a call.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The breaker opens when at least `FAILURES` of the last `WINDOW` calls failed.
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
    /// The number of the current period. A new period begins when the breaker opens, permits a trial call, or closes.
    period: u64,
}

/// The permission to make one call of Stripe. The outcome of that call must be recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Permit {
    period: u64,
}

impl Breaker {
    /// Permits a call of Stripe now, unless the breaker is open. After it has refused calls for `OPEN`, it permits one
    /// trial call. If the outcome of the trial call is not recorded within `TRIAL`, it permits another one.
    pub(crate) fn permit(&self, now: Instant) -> Option<Permit> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.open_until {
            None => {}
            Some(until) if now < until => return None,
            Some(_) => state.refuse_until(now.checked_add(TRIAL)),
        }
        Some(Permit { period: state.period })
    }

    /// Records the outcome of a call; returns `true` when this outcome opened a closed breaker. The outcome is ignored
    /// if, since the call was permitted, the breaker has opened, permitted a trial call, or closed: only the outcome of
    /// the latest trial call shows whether Stripe answers again.
    pub(crate) fn record(&self, permit: Permit, has_failed: bool, now: Instant) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if permit.period != state.period {
            return false;
        }
        if state.open_until.is_some() {
            state.refuse_until(if has_failed { now.checked_add(OPEN) } else { None });
            return false;
        }
        state.failed.push_back(has_failed);
        if state.failed.len() > WINDOW {
            state.failed.pop_front();
        }
        let failures = state.failed.iter().filter(|failed| **failed).count();
        let opens = state.failed.len() == WINDOW && failures >= FAILURES;
        if opens {
            state.refuse_until(now.checked_add(OPEN));
        }
        opens
    }
}

impl State {
    /// Begins a period in which calls are refused until this time or, for `None`, a period in which all calls are
    /// permitted.
    fn refuse_until(&mut self, until: Option<Instant>) {
        self.open_until = until;
        self.failed.clear();
        self.period = self.period.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a call with this outcome, and returns whether it opened the breaker.
    fn call(breaker: &Breaker, has_failed: bool, now: Instant) -> bool {
        breaker.record(breaker.permit(now).unwrap(), has_failed, now)
    }

    fn opened() -> (Breaker, Instant) {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for number in 1..=WINDOW {
            assert_eq!(call(&breaker, number % 2 == 0, now), number == WINDOW, "{number}");
        }
        (breaker, now)
    }

    #[tokio::test(start_paused = true)]
    async fn the_breaker_opens_when_half_of_the_last_20_calls_failed_and_permits_a_trial_after_30_seconds() {
        let (breaker, now) = opened();
        assert!(breaker.permit(now + OPEN - Duration::from_millis(1)).is_none());
        let later = now + OPEN;
        let trial = breaker.permit(later).unwrap();
        assert!(breaker.permit(later).is_none(), "only one trial call is permitted");
        breaker.record(trial, false, later);
        assert!(breaker.permit(later).is_some() && breaker.permit(later).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn the_breaker_stays_open_after_a_failed_trial_and_permits_another_when_a_trial_never_ends() {
        let (breaker, now) = opened();
        let later = now + OPEN;
        assert!(!call(&breaker, true, later));
        assert!(breaker.permit(later + OPEN - Duration::from_millis(1)).is_none());
        assert!(breaker.permit(later + OPEN).is_some());
        assert!(breaker.permit(later + OPEN + TRIAL).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn the_outcome_of_a_call_that_began_before_the_breaker_opened_is_ignored() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        let [early, late] = [(); 2].map(|()| breaker.permit(now).unwrap());
        for _ in 0..WINDOW {
            call(&breaker, true, now);
        }
        breaker.record(early, false, now);
        assert!(breaker.permit(now).is_none(), "a late success must not close the breaker");
        let later = now + OPEN;
        let trial = breaker.permit(later).unwrap();
        breaker.record(late, true, later);
        breaker.record(trial, false, later);
        assert!(breaker.permit(later).is_some(), "a late failure must not keep the breaker open");
    }

    #[tokio::test(start_paused = true)]
    async fn the_breaker_stays_closed_while_fewer_than_half_of_the_calls_fail() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for number in 0..100 {
            assert!(!call(&breaker, number % 3 == 0, now));
        }
        assert!(breaker.permit(now).is_some());
    }
}
