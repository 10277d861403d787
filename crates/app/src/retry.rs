//! Transactions that lost a race are begun again.

use std::{error::Error, time::Duration};

use domain::{store::LostRace, time::Backoff};

/// How often a transaction is tried, the first time included.
const TRIES: u32 = 5;

/// How long to wait before the second try at the most; twice as long each time after that.
const FIRST_WAIT: Duration = Duration::from_millis(10);

/// Runs a unit of work, from its beginning to its commit, until it loses no race: five times at the most. Whatever else
/// happens is passed on at once.
///
/// The attempt has to be free of effects but for its unit of work, which never happened when it lost. What is expensive
/// (hashing) or reaches outside stays out of it.
pub(crate) async fn retried<T, E, Fut>(
    backoff: &dyn Backoff,
    mut attempt: impl FnMut() -> Fut,
) -> Result<T, E>
where
    E: Error + 'static,
    Fut: Future<Output = Result<T, E>>,
{
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        match attempt().await {
            Err(error) if LostRace::is_behind(&error) => {
                let error: &dyn Error = &error;
                tracing::debug!(error, "a transaction lost a race and is begun again");
            }
            answer => return answer,
        }
        backoff.wait(wait).await;
        wait = wait.saturating_mul(2);
    }
    attempt().await
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use domain::store::StoreError;

    use super::*;
    use crate::doubles::NotedWaits;

    /// Tries something that ends like this, in turn; says how it ended, how often it was tried, and how long was waited.
    async fn tried(ends: Vec<Result<u32, StoreError>>) -> (Result<u32, StoreError>, usize, Vec<u128>) {
        let waits = NotedWaits::default();
        let mut tried = Vec::new();
        let mut ends = ends.into_iter().inspect(|_| tried.push(()));
        let end = retried(&waits, || std::future::ready(ends.next().unwrap())).await;
        (end, tried.len(), waits.take().iter().map(Duration::as_millis).collect())
    }

    fn lost() -> Result<u32, StoreError> {
        Err(StoreError::conflict("deadlock detected"))
    }

    #[tokio::test]
    async fn a_transaction_that_loses_no_race_runs_once_and_nobody_waits() {
        let (end, tries, waits) = tried(vec![Ok(7), Ok(8)]).await;
        assert_eq!((end.unwrap(), tries, waits), (7, 1, vec![]));
    }

    #[tokio::test]
    async fn four_lost_races_are_made_up_for_after_waits_that_grow() {
        let (end, tries, waits) = tried(vec![lost(), lost(), lost(), lost(), Ok(7), Ok(8)]).await;
        assert_eq!((end.unwrap(), tries, waits), (7, 5, vec![10, 20, 40, 80]));
    }

    #[tokio::test]
    async fn the_fifth_lost_race_is_told() {
        let (end, tries, waits) = tried((0..6).map(|_| lost()).collect()).await;
        assert!(matches!(end, Err(StoreError::Conflict(_))));
        assert_eq!((tries, waits.len()), (5, 4));
    }

    #[tokio::test]
    async fn whatever_else_fails_is_told_at_once_also_after_a_lost_race() {
        for error in [StoreError::failed, StoreError::unavailable] {
            let (end, tries, _) = tried(vec![Err(error("broken")), Ok(7)]).await;
            assert!(!LostRace::is_behind(&end.unwrap_err()));
            assert_eq!(tries, 1);
            let (end, tries, _) = tried(vec![lost(), Err(error("broken")), Ok(7)]).await;
            assert!(!LostRace::is_behind(&end.unwrap_err()));
            assert_eq!(tries, 2);
        }
    }

    #[test]
    fn whoever_begins_a_unit_of_work_runs_it_again_when_it_loses() {
        let mut begun = 0;
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = fs::read_to_string(&path).unwrap();
                let (used, _) = text.split_once("#[cfg(test)]\nmod tests").unwrap_or((&text, ""));
                let begins = used.matches("store.begin()").count();
                begun += begins;
                assert!(
                    used.matches("retried(").count() >= begins,
                    "{} begins without `retried`",
                    path.display()
                );
            }
        }
        assert!(begun > 10, "{begun}");
    }
}
