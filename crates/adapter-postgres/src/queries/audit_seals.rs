use async_trait::async_trait;
use diesel::{
    ExpressionMethods, Queryable,
    sql_types::{BigInt, Text},
};
use domain::{
    audit::{AuditSeals, LogPlace, Seal, StoredEntry},
    store::StoreError,
};

use crate::{
    Database,
    dialect::{DbInstant, DbUuid, SqlId, SqlInstant},
    queries::audit::{COLUMNS, RecordRow, RecordTypes},
    schema::audit_seals,
    statement::Statement,
    unit_of_work::UnitOfWork,
};

type SealTypes = (BigInt, SqlInstant, SqlInstant, SqlId, BigInt, Text, Text);

#[derive(Queryable)]
struct SealRow {
    number: i64,
    sealed_at: DbInstant,
    until_at: DbInstant,
    until_id: DbUuid,
    row_count: i64,
    digest: String,
    tag: String,
}

impl TryFrom<SealRow> for Seal {
    type Error = StoreError;

    fn try_from(row: SealRow) -> Result<Self, StoreError> {
        Ok(Self {
            number: u64::try_from(row.number).map_err(StoreError::failed)?,
            sealed_at: row.sealed_at.0,
            until: LogPlace { at: row.until_at.0, id: row.until_id.0 },
            rows: u64::try_from(row.row_count).map_err(StoreError::failed)?,
            digest: row.digest,
            tag: row.tag,
        })
    }
}

#[async_trait]
impl AuditSeals for Database {
    async fn add_seal(&self, seal: &Seal) -> Result<bool, StoreError> {
        let mut unit = UnitOfWork::begin(self).await?;
        let query = diesel::insert_into(audit_seals::table)
            .values((
                audit_seals::number.eq(i64::try_from(seal.number).map_err(StoreError::failed)?),
                audit_seals::sealed_at.eq(DbInstant(seal.sealed_at)),
                audit_seals::until_at.eq(DbInstant(seal.until.at)),
                audit_seals::until_id.eq(DbUuid(seal.until.id)),
                audit_seals::row_count.eq(i64::try_from(seal.rows).map_err(StoreError::failed)?),
                audit_seals::digest.eq(seal.digest.clone()),
                audit_seals::tag.eq(seal.tag.clone()),
            ))
            .on_conflict(audit_seals::number)
            .do_nothing();
        let is_added = unit.execute(query).await? == 1;
        unit.finish().await?;
        Ok(is_added)
    }

    async fn last_seal(&self) -> Result<Option<Seal>, StoreError> {
        let mut statement = seals();
        statement.sql(" ORDER BY number DESC LIMIT 1");
        let rows: Vec<SealRow> = self.fetch(statement).await?;
        rows.into_iter().next().map(Seal::try_from).transpose()
    }

    async fn seals_behind(&self, number: u64, limit: u32) -> Result<Vec<Seal>, StoreError> {
        let mut statement = seals();
        statement
            .sql(" WHERE number > ")
            .bind(i64::try_from(number).map_err(StoreError::failed)?)
            .sql(" ORDER BY number LIMIT ")
            .bind(i64::from(limit));
        let rows: Vec<SealRow> = self.fetch(statement).await?;
        rows.into_iter().map(Seal::try_from).collect()
    }

    async fn log_rows(
        &self,
        after: Option<LogPlace>,
        until: LogPlace,
        limit: u32,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        let rows: Vec<RecordRow> = self.fetch(part(after, until, limit)).await?;
        Ok(rows.into_iter().map(stored).collect())
    }

    async fn count_log_rows_behind(&self, place: Option<LogPlace>) -> Result<u64, StoreError> {
        let mut statement = Statement::<(BigInt,)>::new("SELECT count(*) FROM audit_log a WHERE TRUE");
        push_after(&mut statement, place);
        let rows: Vec<(i64,)> = self.fetch(statement).await?;
        u64::try_from(rows.first().map_or(0, |(count,)| *count)).map_err(StoreError::failed)
    }
}

fn seals() -> Statement<SealTypes> {
    Statement::new("SELECT number, sealed_at, until_at, until_id, row_count, digest, tag FROM audit_seals")
}

/// Selects at most `limit` entries of the audit log after the place `after`, up to and including `until`, in the order
/// of the log.
pub(super) fn part(after: Option<LogPlace>, until: LogPlace, limit: u32) -> Statement<RecordTypes> {
    let mut statement = Statement::new("SELECT ");
    statement.sql(COLUMNS).sql(" FROM audit_log a WHERE (a.created_at, a.id) <= (");
    statement.bind(until.at).sql(", ").bind(until.id).sql(")");
    push_after(&mut statement, after);
    statement.sql(" ORDER BY a.created_at, a.id LIMIT ").bind(i64::from(limit));
    statement
}

fn push_after<ST>(statement: &mut Statement<ST>, place: Option<LogPlace>) {
    if let Some(LogPlace { at, id }) = place {
        statement.sql(" AND (a.created_at, a.id) > (").bind(at).sql(", ").bind(id).sql(")");
    }
}

fn stored(row: RecordRow) -> StoredEntry {
    let (id, at, action, actor, object_kind, object, before, after, network, request_id) = row;
    StoredEntry {
        place: LogPlace { at: at.0, id: id.0 },
        action,
        actor: actor.map(|id| id.0),
        object_kind,
        object: object.map(|id| id.0),
        before,
        after,
        network,
        request_id,
    }
}
