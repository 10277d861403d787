use domain::store::{StoreError, retried};

use super::Engagement;

/// The maximum number of movies in one transaction, so that other transactions do not wait long for the locks on these
/// movies.
const BATCH: u32 = 20;

/// The maximum number of transactions in one run of the background work. The next run processes the remaining movies.
const BATCHES: u32 = 1_000;

impl Engagement {
    /// Recomputes the popularity of movies with new user activity, up to a maximum number of movies. Returns the number
    /// of recomputed movies.
    ///
    /// # Errors
    /// When the store fails. Results that were stored before the failure are kept.
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
