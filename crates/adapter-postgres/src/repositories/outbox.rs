use async_trait::async_trait;
use diesel::{
    ExpressionMethods, QueryDsl,
    sql_types::{Binary, Integer, Text},
};
use domain::{
    id::OutboxId,
    outbox::{ClaimedOutboxMessage, LEASE, NewOutboxMessage, OutboxQueue, OutboxRepository},
    store::StoreError,
    time::Instant,
};

use crate::{
    Database,
    dialect::{DbInstant, DbUuid, NOW, SKIP_LOCKED, SqlId, SqlInstant},
    schema::outbox,
    statement::Statement,
    unit_of_work::UnitOfWork,
};

/// The maximum length in characters of the stored error of a failed attempt. The rest is cut off.
const MAX_ERROR_LENGTH: usize = 1_000;

#[async_trait]
impl OutboxRepository for UnitOfWork {
    async fn push_message(&mut self, message: NewOutboxMessage) -> Result<(), StoreError> {
        let query = diesel::insert_into(outbox::table)
            .values((
                outbox::id.eq(DbUuid(message.id.as_uuid())),
                outbox::dedupe_key.eq(message.dedupe_key),
                outbox::kind.eq(message.kind),
                outbox::user_id.eq(message.user_id.map(|id| DbUuid(id.as_uuid()))),
                outbox::payload.eq(message.payload),
                outbox::available_at.eq(DbInstant(message.available_at)),
                outbox::created_at.eq(DbInstant(message.created_at)),
            ))
            .on_conflict(outbox::dedupe_key)
            .do_nothing();
        self.execute(query).await?;
        Ok(())
    }

    async fn remove_message(&mut self, id: OutboxId) -> Result<bool, StoreError> {
        let message =
            outbox::table.filter(outbox::id.eq(DbUuid(id.as_uuid()))).filter(outbox::sent_at.is_null());
        Ok(self.execute(diesel::delete(message)).await? == 1)
    }
}

type ClaimedTypes = (SqlId, Text, Binary, Integer, SqlInstant);
type ClaimedRow = (DbUuid, String, Vec<u8>, i32, DbInstant);

#[async_trait]
impl OutboxQueue for Database {
    async fn claim_message(&self, now: Instant) -> Result<Option<ClaimedOutboxMessage>, StoreError> {
        let lease = chrono::TimeDelta::from_std(LEASE).map_err(StoreError::failed)?;
        let locked_until = now.checked_add_signed(lease).unwrap_or(now);
        let mut unit = UnitOfWork::begin(self).await?;
        let mut statement = Statement::<ClaimedTypes>::new(
            "WITH due AS (SELECT id FROM outbox WHERE sent_at IS NULL AND dead_at IS NULL AND available_at <= ",
        );
        statement
            .bind(now)
            .sql(" AND (locked_until IS NULL OR locked_until <= ")
            .bind(now)
            .sql(") ORDER BY available_at, id LIMIT 1")
            .sql(SKIP_LOCKED)
            .sql(") UPDATE outbox SET attempts = attempts + 1, locked_until = ")
            .bind(locked_until)
            .sql(" WHERE id IN (SELECT id FROM due) RETURNING id, kind, payload, attempts, created_at");
        let claimed: Option<ClaimedRow> = unit.first(statement).await?;
        unit.finish().await?;
        let message = |(id, kind, payload, attempts, created_at): ClaimedRow| {
            let attempts = u32::try_from(attempts).map_err(StoreError::failed)?;
            let (id, created_at) = (OutboxId::from_uuid(id.0), created_at.0);
            Ok(ClaimedOutboxMessage { id, kind, payload, attempts, created_at })
        };
        claimed.map(message).transpose()
    }

    async fn complete_message(&self, id: OutboxId, now: Instant) -> Result<(), StoreError> {
        let mut unit = UnitOfWork::begin(self).await?;
        let message =
            outbox::table.filter(outbox::id.eq(DbUuid(id.as_uuid()))).filter(outbox::sent_at.is_null());
        let query = diesel::update(message).set((
            outbox::sent_at.eq(Some(DbInstant(now))),
            outbox::payload.eq(Vec::new()),
            outbox::locked_until.eq(None::<DbInstant>),
            outbox::dead_at.eq(None::<DbInstant>),
        ));
        unit.execute(query).await?;
        unit.finish().await
    }

    async fn fail_message(
        &self,
        claimed: &ClaimedOutboxMessage,
        error: &str,
        retry_at: Option<Instant>,
    ) -> Result<(), StoreError> {
        let error: String =
            error.chars().filter(|character| *character != '\0').take(MAX_ERROR_LENGTH).collect();
        let mut unit = UnitOfWork::begin(self).await?;
        let mut statement = Statement::<()>::new("UPDATE outbox SET locked_until = NULL, last_error = ");
        statement.bind(error);
        match retry_at {
            Some(at) => statement.sql(", available_at = ").bind(at),
            None => statement.sql(", dead_at = ").sql(NOW),
        };
        unit.execute(while_held(statement, claimed)).await?;
        unit.finish().await
    }

    async fn postpone_message(
        &self,
        claimed: &ClaimedOutboxMessage,
        available_at: Instant,
    ) -> Result<(), StoreError> {
        let mut unit = UnitOfWork::begin(self).await?;
        let mut statement = Statement::<()>::new(
            "UPDATE outbox SET locked_until = NULL, attempts = attempts - 1, available_at = ",
        );
        statement.bind(available_at);
        unit.execute(while_held(statement, claimed)).await?;
        unit.finish().await
    }

    async fn purge_messages(&self, before: Instant, limit: u32) -> Result<u64, StoreError> {
        let mut unit = UnitOfWork::begin(self).await?;
        let removed = unit.purge("outbox", &["sent_at < ?"], before, limit).await?;
        unit.finish().await?;
        Ok(u64::try_from(removed).unwrap_or(u64::MAX))
    }
}

/// Limits an `UPDATE` to the claimed message. The `UPDATE` changes nothing if the message was sent or given up, or if
/// another worker has claimed it since: each claim increases the number of attempts. A later claim is not detected if
/// its worker has postponed the message, because postponing decreases the number again.
fn while_held(mut statement: Statement<()>, claimed: &ClaimedOutboxMessage) -> Statement<()> {
    statement
        .sql(" WHERE sent_at IS NULL AND dead_at IS NULL AND id = ")
        .bind(claimed.id.as_uuid())
        .sql(" AND attempts = ")
        .bind(i64::from(claimed.attempts));
    statement
}
