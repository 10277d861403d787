use domain::store::{StoreError, retried};

use super::Engagement;

/// How many movies a unit of work changes at most, so that nobody waits long for their locks.
const BATCH: u32 = 200;

impl Engagement {
    /// Computes the popularity anew of all movies with which users did something since; returns how many there were.
    ///
    /// # Errors
    /// When the store fails; what was computed before stays.
    pub async fn refresh_popularity(&self) -> Result<u64, StoreError> {
        let mut refreshed = 0_u64;
        loop {
            let refresh = |_attempt| self.popularity.refresh_popularity(BATCH);
            let batch = retried(&*self.backoff, refresh).await?;
            refreshed = refreshed.saturating_add(batch);
            if batch < u64::from(BATCH) {
                return Ok(refreshed);
            }
        }
    }
}
