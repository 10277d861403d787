use chrono::TimeDelta;
use domain::{
    audit::{LogPlace, Seal},
    store::{StoreError, retried},
};
use uuid::Uuid;

use super::{Audit, SEALED_AT_ONCE};

/// Only rows that are older than this are sealed. A row contains the time at which its action began, but becomes
/// visible only when its transaction commits. At that moment the row must still be younger than this age, even if the
/// clock of its node is slow. Otherwise the row would appear in a part of the log that was sealed without it.
const UNSEALED: TimeDelta = TimeDelta::minutes(10);

impl Audit {
    /// Seals all rows that are old enough, a limited number at a time. Returns the number of sealed rows. Several nodes
    /// may call this concurrently: a node stops when another one has added a seal first.
    ///
    /// # Errors
    /// When the store fails. Rows that were sealed before the failure stay sealed.
    pub async fn seal(&self) -> Result<u64, StoreError> {
        let mut sealed = 0_u64;
        loop {
            let rows = retried(&*self.backoff, |_attempt| self.seal_part()).await?;
            sealed = sealed.saturating_add(rows);
            if rows < u64::from(SEALED_AT_ONCE) {
                return Ok(sealed);
            }
        }
    }

    /// Adds one seal. Returns the number of rows that it covers: 0 when there is nothing to seal, or when another node
    /// added the seal first.
    async fn seal_part(&self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        // The nil identifier is the smallest one, so rows with exactly this time are excluded.
        let end = LogPlace { at: now.checked_sub_signed(UNSEALED).unwrap_or(now), id: Uuid::nil() };
        let before = self.seals.last_seal().await?;
        let after = before.as_ref().map(|seal| seal.until);
        let rows = self.seals.log_rows(after, end, SEALED_AT_ONCE).await?;
        let Some(last) = rows.last() else { return Ok(0) };
        let is_full = u32::try_from(rows.len()).is_ok_and(|count| count >= SEALED_AT_ONCE);
        let until = if is_full { last.place } else { end };
        let seal = Seal::over(&rows, until, before.as_ref(), now, &*self.maker);
        Ok(if self.seals.add_seal(&seal).await? { seal.rows } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::doubles::World;

    async fn parts(world: &World) -> Vec<(u64, u64)> {
        world.seals().await.iter().map(|seal| (seal.number, seal.rows)).collect()
    }

    #[tokio::test]
    async fn rows_are_sealed_when_they_are_more_than_ten_minutes_old() {
        let world = World::new().await;
        world.add_rows(3).await;
        world.minutes_pass(10);
        world.add_rows(2).await;
        assert_eq!(
            world.log.seal().await.unwrap(),
            0,
            "entries that are exactly ten minutes old are not older than that"
        );
        assert_eq!(world.seals().await, []);
        world.minutes_pass(1);
        assert_eq!(world.log.seal().await.unwrap(), 3);
        world.minutes_pass(10);
        assert_eq!(world.log.seal().await.unwrap(), 2);
        assert_eq!(world.log.seal().await.unwrap(), 0);
        assert_eq!(parts(&world).await, [(1, 3), (2, 2)]);
    }

    #[tokio::test]
    async fn many_rows_are_sealed_a_thousand_at_a_time() {
        let world = World::new().await;
        world.add_rows(2_500).await;
        world.minutes_pass(11);
        assert_eq!(world.log.seal().await.unwrap(), 2_500);
        assert_eq!(parts(&world).await, [(1, 1_000), (2, 1_000), (3, 500)]);
        assert!(world.verified().await.faults.is_empty());
    }

    #[tokio::test]
    async fn sealing_continues_after_a_seal_of_another_node() {
        let world = World::new().await;
        world.add_rows(3).await;
        world.minutes_pass(11);
        world.let_another_node_seal_first();
        assert_eq!(world.log.seal().await.unwrap(), 0);
        world.add_rows(1).await;
        world.minutes_pass(11);
        assert_eq!(world.log.seal().await.unwrap(), 1);
        assert_eq!(parts(&world).await, [(1, 3), (2, 1)]);
        assert!(world.verified().await.faults.is_empty());
    }

    #[tokio::test]
    async fn a_seal_that_loses_races_is_made_once_and_too_many_lost_races_are_reported() {
        let world = World::new().await;
        world.add_rows(3).await;
        world.minutes_pass(11);
        world.store.lose_commits(4);
        assert_eq!(world.log.seal().await.unwrap(), 3);
        assert_eq!(parts(&world).await, [(1, 3)]);
        world.add_rows(1).await;
        world.minutes_pass(11);
        world.store.lose_commits(5);
        assert!(matches!(world.log.seal().await, Err(StoreError::Conflict(_))));
    }
}
