use domain::store::{StoreError, retried};

use super::Engagement;

/// How many movies a unit of work changes at most, so that nobody waits long for their locks.
const BATCH: u32 = 20;

/// How many units of work a run has at most. The next run goes on.
const BATCHES: u32 = 1_000;

impl Engagement {
    /// Computes the popularity anew of all movies with which users did something since; returns how many there were.
    ///
    /// # Errors
    /// When the store fails; what was computed before stays.
    pub async fn refresh_popularity(&self) -> Result<u64, StoreError> {
        let mut refreshed = 0_u64;
        for _ in 0..BATCHES {
            let refresh = |_attempt| self.popularity.refresh_popularity(BATCH);
            let batch = retried(&*self.backoff, refresh).await?;
            if batch == 0 {
                break;
            }
            refreshed = refreshed.saturating_add(batch);
        }
        Ok(refreshed)
    }
}
