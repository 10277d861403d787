//! A clock that a case moves.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use domain::time::{Clock, Instant};

/// A clock that moves only when a case advances it. It starts at the current time, so that its times can be compared
/// with the times of other clocks.
#[derive(Debug)]
pub(crate) struct MovableClock(Mutex<Instant>);

impl MovableClock {
    pub(crate) fn starting_now() -> Self {
        let now: DateTime<Utc> = std::time::UNIX_EPOCH.into();
        #[expect(clippy::disallowed_methods, reason = "the start time of the test's clock")]
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let now = now.checked_add_signed(TimeDelta::from_std(since).unwrap()).unwrap();
        Self(Mutex::new(now.trunc_subsecs(0)))
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.checked_add_signed(by).expect("a moment within the calendar");
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
