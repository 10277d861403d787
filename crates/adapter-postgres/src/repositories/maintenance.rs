use async_trait::async_trait;
use domain::{accounts::AccountMaintenance, store::StoreError, time::Instant};

use crate::{Database, dialect::SKIP_LOCKED, statement::Statement, unit_of_work::UnitOfWork};

/// The tables of link tokens, each with the condition for rows to delete. [`UnitOfWork::purge`] replaces `?` with a
/// time.
const LINKS: [(&str, &str); 2] =
    [("activation_tokens", "expires_at < ?"), ("password_reset_tokens", "expires_at < ?")];

/// The condition for notifications whose likes were all withdrawn. They are kept for some time, because they record
/// when the last mail was sent: without this record, the next like would be mailed too early.
const WITHDRAWN: &str = "count = 0 AND notified_at < ?";

/// The condition for rows of users that were erased recently. A request that ran during the erasure may have
/// created a cart or a notification right after it.
const OF_ERASED_USERS: &str = "user_id IN (SELECT id FROM users WHERE deleted_at >= ?)";

#[async_trait]
impl AccountMaintenance for Database {
    async fn purge_expired(
        &self,
        now: Instant,
        links_before: Instant,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let mut unit = UnitOfWork::begin(self).await?;
        let mut removed = 0_usize;
        for (table, condition) in LINKS {
            removed = removed.saturating_add(unit.purge(table, &[condition], links_before, limit).await?);
        }
        removed = removed
            .saturating_add(unit.purge("refresh_tokens", &["expires_at < ?"], now, limit).await?)
            .saturating_add(
                unit.purge("sessions", &["ended_at < ?", "expires_at < ?"], links_before, limit).await?,
            )
            .saturating_add(unit.purge("carts", &[OF_ERASED_USERS], links_before, limit).await?)
            .saturating_add(unit.purge("stream_tickets", &["expires_at < ?"], now, limit).await?)
            .saturating_add(
                unit.purge("notifications", &[WITHDRAWN, OF_ERASED_USERS], links_before, limit).await?,
            );
        unit.finish().await?;
        Ok(u64::try_from(removed).unwrap_or(u64::MAX))
    }
}

impl UnitOfWork {
    /// Deletes up to `limit` rows that fulfil at least one of the conditions, and returns their number. In each
    /// condition, `?` is replaced with `moment`. Rows that another transaction has locked are skipped. The table must
    /// have a column `id`.
    pub(crate) async fn purge(
        &mut self,
        table: &'static str,
        any_of: &[&'static str],
        moment: Instant,
        limit: u32,
    ) -> Result<usize, StoreError> {
        let mut statement = Statement::<()>::new("WITH gone AS (SELECT id FROM ");
        statement.sql(table);
        for (index, condition) in any_of.iter().enumerate() {
            let (before, after) = condition.split_once('?').unwrap_or((condition, ""));
            statement.sql(if index == 0 { " WHERE " } else { " OR " }).sql(before).bind(moment).sql(after);
        }
        statement.sql(" LIMIT ").bind(i64::from(limit)).sql(SKIP_LOCKED);
        statement.sql(") DELETE FROM ").sql(table).sql(" WHERE id IN (SELECT id FROM gone)");
        self.execute(statement).await
    }
}
