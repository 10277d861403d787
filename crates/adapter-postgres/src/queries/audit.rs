use async_trait::async_trait;
use diesel::sql_types::{Nullable, Text};
use domain::{
    audit::{AuditFilter, AuditQueries, AuditRecord, AuditState, RecordedObject},
    id::{AuditEntryId, UserId},
    page::{Page, PageRequest, Position, SortValue},
    store::StoreError,
};
use serde_json::{Map, Value};

use crate::{
    Database,
    dialect::{DbInstant, DbUuid, SqlId, SqlInstant},
    queries::{
        keyset::{KeyType, Keyset},
        plain_list::PlainList,
    },
    statement::Statement,
};

pub(super) const COLUMNS: &str = "a.id, a.created_at, a.action, a.actor_id, a.object_kind, a.object_id, a.before, a.after, \
    a.ip, a.request_id";

pub(super) type RecordTypes = (
    SqlId,
    SqlInstant,
    Text,
    Nullable<SqlId>,
    Nullable<Text>,
    Nullable<SqlId>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
);
pub(super) type RecordRow = (
    DbUuid,
    DbInstant,
    String,
    Option<DbUuid>,
    Option<String>,
    Option<DbUuid>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

#[async_trait]
impl AuditQueries for Database {
    async fn audit_page(
        &self,
        filter: &AuditFilter,
        request: &PageRequest,
    ) -> Result<Page<AuditRecord>, StoreError> {
        let list = list(filter);
        let rows: Vec<RecordRow> = self.fetch(list.statement::<RecordTypes>(request)?).await?;
        let position = |(id, at, ..): &RecordRow| Position {
            values: vec![SortValue::Integer(at.0.timestamp_micros())],
            id: id.0,
        };
        self.page_of(&list, request, rows, position).await?.try_map(record)
    }
}

/// The list of audit log entries that match the filter, newest first.
pub(super) fn list(filter: &AuditFilter) -> PlainList {
    let mut matching = Statement::new(" FROM audit_log a WHERE TRUE");
    if let Some(actor) = filter.actor {
        matching.sql(" AND a.actor_id = ").bind(actor.as_uuid());
    }
    if let Some(object) = filter.object {
        matching.sql(" AND a.object_id = ").bind(object);
    }
    if let Some(action) = filter.action {
        matching.sql(" AND a.action = ").bind(action.as_str().to_owned());
    }
    if let Some(from) = filter.from {
        matching.sql(" AND a.created_at >= ").bind(from);
    }
    if let Some(to) = filter.to {
        matching.sql(" AND a.created_at < ").bind(to);
    }
    let order = Keyset::ending_in("a.id").then_by(Statement::new("a.created_at"), KeyType::Instant, true);
    PlainList { columns: COLUMNS, matching, order }
}

pub(super) fn record(row: RecordRow) -> Result<AuditRecord, StoreError> {
    let (id, at, action, actor, object_kind, object_id, before, after, network, request_id) = row;
    Ok(AuditRecord {
        id: AuditEntryId::from_uuid(id.0),
        at: at.0,
        action,
        actor: actor.map(|id| UserId::from_uuid(id.0)),
        object: object_kind.zip(object_id).map(|(kind, id)| RecordedObject { kind, id: id.0 }),
        before: before.map(|text| read(&text)).transpose()?,
        after: after.map(|text| read(&text)).transpose()?,
        network,
        request_id,
    })
}

/// Parses the stored state of an object before or after an action: a JSON object whose values are strings.
fn read(text: &str) -> Result<AuditState, StoreError> {
    let fields: Map<String, Value> = serde_json::from_str(text).map_err(StoreError::failed)?;
    let fields = fields.into_iter().map(|(name, value)| match value {
        Value::String(text) => Ok((name, text)),
        _ => Err(StoreError::failed("a state in the audit log has a value that is not a text")),
    });
    Ok(AuditState::of(fields.collect::<Result<Vec<_>, _>>()?))
}
