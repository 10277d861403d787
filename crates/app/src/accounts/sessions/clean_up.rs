use chrono::TimeDelta;
use domain::store::{StoreError, retried};

use super::Sessions;

/// How long links are kept after they expired, sessions after they ended or expired, and notifications after they were
/// withdrawn. During this time, an expired link is reported as expired and not as unknown.
const KEPT_AFTER_END: TimeDelta = TimeDelta::days(1);

/// How many rows of each kind one transaction removes at most, so that other transactions do not wait long for the
/// clean-up.
const BATCH: u32 = 1_000;

impl Sessions {
    /// Removes expired links, refresh tokens and tickets of live streams, ended and expired sessions, withdrawn
    /// notifications, and carts and notifications that were written for already erased users. Returns the number of
    /// removed rows.
    ///
    /// # Errors
    /// When the store fails. Rows that were removed before the failure stay removed.
    pub async fn clean_up(&self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let ended_before = now.checked_sub_signed(KEPT_AFTER_END).unwrap_or(now);
        let mut removed = 0_u64;
        loop {
            let purge = |_attempt| self.maintenance.purge_expired(now, ended_before, BATCH);
            let batch = retried(&*self.backoff, purge).await?;
            removed = removed.saturating_add(batch);
            if batch < u64::from(BATCH) {
                return Ok(removed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::accounts::{
        ActivateError,
        doubles::{ORIGIN, World, ann},
    };

    #[tokio::test]
    async fn an_expired_link_is_reported_as_expired_for_a_day_and_then_unknown() {
        let world = World::new().await;
        let token = world.registered(&ann()).await;
        world.seconds_pass(48 * 3600);
        assert_eq!(world.sessions.clean_up().await.unwrap(), 0);
        assert!(matches!(world.signup.activate(&token, ORIGIN).await, Err(ActivateError::TokenExpired)));
        world.seconds_pass(1);
        assert_eq!(world.sessions.clean_up().await.unwrap(), 1);
        assert!(matches!(world.signup.activate(&token, ORIGIN).await, Err(ActivateError::TokenInvalid)));
    }

    #[tokio::test]
    async fn an_active_session_is_kept_and_an_ended_one_is_removed_after_a_day() {
        let world = World::new().await;
        let ended = world.signed_in(&ann()).await;
        let live = world.log_in(&ann()).await;
        world.sessions.log_out(&ended.refresh, ORIGIN).await.unwrap();
        world.seconds_pass(25 * 3600);
        assert_eq!(world.sessions.clean_up().await.unwrap(), 1);
        world.sessions.refresh(&live.refresh, ORIGIN).await.unwrap();
    }

    #[tokio::test]
    async fn many_rows_are_removed_in_batches() {
        let world = World::new().await;
        world.signed_in(&ann()).await;
        // 2,500 tokens, including the existing one.
        world.store.execute(
            "INSERT INTO refresh_tokens (id, user_id, session_id, token, issued_at, expires_at) \
             WITH RECURSIVE numbers (number) AS \
                (SELECT 2 UNION ALL SELECT number + 1 FROM numbers WHERE number < 2500) \
             SELECT randomblob(16), user_id, session_id, number, issued_at, expires_at FROM refresh_tokens, numbers",
        ).await;
        world.seconds_pass(8 * 24 * 3600);
        assert_eq!(world.sessions.clean_up().await.unwrap(), 2_500);
        assert_eq!(world.store.count_calls("purge_expired"), 3);
        assert_eq!(world.sessions.clean_up().await.unwrap(), 0);
    }
}
