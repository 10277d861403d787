use std::{error::Error, time::Duration};

use super::error::LostRace;
use crate::time::Backoff;

/// The maximum number of attempts of a unit of work (one transaction), including the first.
const ATTEMPTS: u32 = 5;

/// The maximum wait before the second attempt. The maximum doubles with each further attempt.
const FIRST_WAIT: Duration = Duration::from_millis(10);

/// Permits beginning one unit of work. Only [`retried`] creates it, so that no use case can begin a unit of work
/// without retries.
#[derive(Debug)]
pub struct Attempt(());

/// Runs a unit of work from its beginning to its commit, and retries it when it lost a race against another one, with
/// at most five attempts. Any other error is returned immediately.
///
/// The closure must have no effects outside its unit of work, which is rolled back after a lost race. Hashing and
/// network calls must be outside the closure.
///
/// # Errors
/// The error of the last attempt.
pub async fn retried<T, E, Fut>(
    backoff: &dyn Backoff,
    mut attempt: impl FnMut(Attempt) -> Fut,
) -> Result<T, E>
where
    E: Error + 'static,
    Fut: Future<Output = Result<T, E>>,
{
    let mut wait = FIRST_WAIT;
    for _ in 1..ATTEMPTS {
        match attempt(Attempt(())).await {
            Err(error) if LostRace::is_behind(&error) => {}
            answer => return answer,
        }
        backoff.wait(wait).await;
        wait = wait.saturating_mul(2);
    }
    attempt(Attempt(())).await
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "the number of attempts is small")]
mod tests {
    use std::{
        pin::pin,
        sync::Mutex,
        task::{Context, Poll, Waker},
    };

    use async_trait::async_trait;

    use super::*;
    use crate::store::StoreError;

    /// Records the requested waits and does not wait.
    #[derive(Default)]
    struct RecordedWaits(Mutex<Vec<u128>>);

    #[async_trait]
    impl Backoff for RecordedWaits {
        async fn wait(&self, longest: Duration) {
            self.0.lock().unwrap().push(longest.as_millis());
        }
    }

    /// Runs attempts with these results; returns the final result, the number of attempts and the waits in
    /// milliseconds.
    fn run(ends: Vec<Result<u32, StoreError>>) -> (Result<u32, StoreError>, usize, Vec<u128>) {
        let waits = RecordedWaits::default();
        let mut attempts = 0;
        let mut ends = ends.into_iter().inspect(|_| attempts += 1);
        let answer = {
            let retry = pin!(retried(&waits, |_attempt| std::future::ready(ends.next().unwrap())));
            let Poll::Ready(answer) = retry.poll(&mut Context::from_waker(Waker::noop())) else {
                panic!("the future must be ready at once, because no test wait takes time");
            };
            answer
        };
        drop(ends);
        (answer, attempts, waits.0.into_inner().unwrap())
    }

    fn lost() -> Result<u32, StoreError> {
        Err(StoreError::conflict("deadlock detected"))
    }

    #[test]
    fn a_transaction_that_loses_no_race_runs_once_without_a_wait() {
        let (answer, attempts, waits) = run(vec![Ok(7), Ok(8)]);
        assert_eq!((answer.unwrap(), attempts, waits), (7, 1, vec![]));
    }

    #[test]
    fn after_four_lost_races_and_growing_waits_the_fifth_attempt_counts() {
        let (answer, attempts, waits) = run(vec![lost(), lost(), lost(), lost(), Ok(7), Ok(8)]);
        assert_eq!((answer.unwrap(), attempts, waits), (7, 5, vec![10, 20, 40, 80]));
    }

    #[test]
    fn the_fifth_lost_race_is_returned() {
        let (answer, attempts, waits) = run((0..6).map(|_| lost()).collect());
        assert!(matches!(answer, Err(StoreError::Conflict(_))));
        assert_eq!((attempts, waits.len()), (5, 4));
    }

    #[test]
    fn any_other_error_is_returned_at_once_even_after_a_lost_race() {
        for error in [StoreError::failed, StoreError::unavailable] {
            let (answer, attempts, _) = run(vec![Err(error("broken")), Ok(7)]);
            assert!(!LostRace::is_behind(&answer.unwrap_err()));
            assert_eq!(attempts, 1);
            let (answer, attempts, _) = run(vec![lost(), Err(error("broken")), Ok(7)]);
            assert!(!LostRace::is_behind(&answer.unwrap_err()));
            assert_eq!(attempts, 2);
        }
    }
}
