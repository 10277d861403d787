use chrono::TimeDelta;
use domain::store::StoreError;

use super::Accounts;

/// How long an expired link still answers that it has expired, and an ended sign-in is kept.
const KEPT_AFTER_END: TimeDelta = TimeDelta::days(1);

/// How many rows of a kind go at once, so that nobody waits behind the clean-up.
const BATCH: u32 = 1_000;

impl Accounts {
    /// Removes tokens and sign-ins that have run out (R7); says how many rows went.
    ///
    /// # Errors
    /// When the store fails; what was removed before stays removed.
    pub async fn clean_up(&self) -> Result<u64, StoreError> {
        let now = self.now();
        let ended_before = now.checked_sub_signed(KEPT_AFTER_END).unwrap_or(now);
        let mut removed = 0_u64;
        loop {
            let batch = self.ports.maintenance.purge_expired(now, ended_before, BATCH).await?;
            removed = removed.saturating_add(batch);
            if batch < u64::from(BATCH) {
                return Ok(removed);
            }
        }
    }
}
