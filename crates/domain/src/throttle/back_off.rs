use std::time::Duration;

use chrono::TimeDelta;

use crate::time::Instant;

/// How many wrong passwords may be tried before the account must wait.
pub const TOLERATED_FAILURES: u32 = 5;

/// The longest wait. An account is never locked permanently.
pub const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(15);

/// How long failures are remembered after the last failure, or, if the last failure caused a wait, after the end of
/// this wait.
pub const REMEMBERED_FOR: TimeDelta = TimeDelta::hours(24);

/// How long a client's network is remembered as a network of the account's owner.
pub const KNOWN_FOR: TimeDelta = TimeDelta::days(30);

/// Too many wrong passwords were tried for this account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many wrong passwords: wait {retry_after:?}")]
pub struct TooManyFailures {
    /// How long to wait until the next password is checked.
    pub retry_after: Duration,
}

/// The consecutive wrong passwords of an account, as an adapter stores them.
///
/// After the fifth failure the account must wait for 32 seconds, and after each further failure twice as long, up to 15
/// minutes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Failures {
    count: u32,
    /// No password is checked before this time. Without a wait, this is the time of the last attempt.
    until: Instant,
}

impl Failures {
    /// Counts an attempt as a failure before its password is checked, so that parallel attempts cannot bypass the
    /// limit. A refused attempt is not counted.
    ///
    /// # Errors
    /// When the account must wait.
    pub fn begin(&mut self, now: Instant) -> Result<(), TooManyFailures> {
        let left = self.until.signed_duration_since(now);
        // A wait longer than the maximum is ignored: the clock was set back since the wait began.
        if left > TimeDelta::zero() && left <= LONGEST_WAIT {
            return Err(TooManyFailures { retry_after: left.to_std().unwrap_or_default() });
        }
        if now.signed_duration_since(self.until) >= REMEMBERED_FOR {
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        self.until = now.checked_add_signed(wait_after(self.count)).unwrap_or(now);
        Ok(())
    }

    /// Reverts the count of an attempt whose password could not be checked.
    pub fn take_back(&mut self, now: Instant) {
        self.count = self.count.saturating_sub(1);
        self.until = now;
    }
}

/// How long the account must wait after this many failures.
fn wait_after(count: u32) -> TimeDelta {
    if count < TOLERATED_FAILURES {
        return TimeDelta::zero();
    }
    let seconds = 2_i64.checked_pow(count).unwrap_or(i64::MAX);
    TimeDelta::try_seconds(seconds).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT)
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "the numbers in the tests are small")]
mod tests {
    use super::*;

    fn second(number: i64) -> Instant {
        Instant::from_timestamp(1_800_000_000 + number, 0).unwrap()
    }

    fn wait(failures: &mut Failures, at: i64) -> u64 {
        failures.begin(second(at)).map_or_else(|refused| refused.retry_after.as_secs(), |()| 0)
    }

    #[test]
    fn after_five_failures_each_wait_is_twice_the_one_before_up_to_a_quarter_of_an_hour() {
        let mut failures = Failures::default();
        for _ in 0..5 {
            assert_eq!(wait(&mut failures, 0), 0);
        }
        let mut now = 0;
        for expected in [32, 64, 128, 256, 512, 900, 900] {
            assert_eq!(wait(&mut failures, now), expected);
            assert_eq!(wait(&mut failures, now + 1), expected - 1, "a refusal is not counted");
            now += i64::try_from(expected).unwrap();
            assert_eq!(wait(&mut failures, now), 0, "after the wait one more attempt is checked");
        }
    }

    #[test]
    fn the_wait_is_bounded_for_any_number_of_failures() {
        for count in [10, 31, 32, 63, 64, 1_000, u32::MAX] {
            assert_eq!(wait_after(count), LONGEST_WAIT, "{count}");
        }
        let mut failures = Failures { count: u32::MAX, until: second(0) };
        assert_eq!(wait(&mut failures, 0), 0);
        assert_eq!(wait(&mut failures, 0), 900);
    }

    #[test]
    fn failures_are_forgotten_after_a_day_without_one() {
        let mut failures = Failures::default();
        for _ in 0..4 {
            failures.begin(second(0)).unwrap();
        }
        for _ in 0..5 {
            assert_eq!(wait(&mut failures, 86_400), 0);
        }
        assert_eq!(wait(&mut failures, 86_400), 32);
    }

    #[test]
    fn a_reverted_attempt_is_not_counted() {
        let mut failures = Failures::default();
        for _ in 0..5 {
            failures.begin(second(0)).unwrap();
        }
        failures.take_back(second(1));
        assert_eq!(wait(&mut failures, 1), 0);
        assert_eq!(wait(&mut failures, 1), 32);
    }

    #[test]
    fn a_clock_that_was_set_back_locks_no_account() {
        let mut failures = Failures::default();
        for _ in 0..5 {
            failures.begin(second(3_600)).unwrap();
        }
        assert_eq!(wait(&mut failures, 0), 0);
    }
}
