use chrono::{SubsecRound, Utc};
use domain::time::{Clock, Instant};

/// The operating system's clock, in UTC. Times are truncated to whole microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        #[expect(clippy::disallowed_methods, reason = "this adapter implements the clock port")]
        let now = Utc::now();
        now.trunc_subsecs(6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_truncated_to_whole_microseconds() {
        let now = SystemClock.now();
        assert_eq!(now.timestamp_subsec_nanos() % 1_000, 0);
        assert!(now <= SystemClock.now());
    }
}
