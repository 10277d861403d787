//! The entries of the audit log in responses, as JSON.

use std::collections::BTreeMap;

use domain::audit::{AuditRecord, AuditState, RecordedObject};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::moment::Moment;

/// The object of an action.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditObject")]
pub(crate) struct AuditObjectBody {
    /// The kind of object, such as `user`, `session` or `movie`; more may be added.
    kind: String,
    /// The identifier.
    id: Uuid,
}

impl From<RecordedObject> for AuditObjectBody {
    fn from(object: RecordedObject) -> Self {
        Self { kind: object.kind, id: object.id }
    }
}

/// An entry of the audit log, which records one action. Entries are never changed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditEntry", example = entry_example())]
pub(crate) struct AuditEntryBody {
    /// The identifier.
    id: Uuid,
    /// When the action happened.
    created_at: Moment,
    /// The action, such as `signed_in` or `role_changed`; more may be added.
    action: String,
    /// The user who acted; `null` when no user was signed in, and for actions by the command-line tool `cinema`.
    actor_id: Option<Uuid>,
    /// The object of the action, if any.
    object: Option<AuditObjectBody>,
    /// The changed values before the action.
    before: Option<BTreeMap<String, String>>,
    /// The changed values after the action.
    after: Option<BTreeMap<String, String>>,
    /// The network of the client: the first 24 bits of an IPv4 address, or the first 48 bits of an IPv6 address.
    ip: Option<String>,
    /// The id of the request that caused the action.
    request_id: Option<String>,
}

/// Returns the recorded values of an object, with their names as keys.
pub(crate) fn state(state: &AuditState) -> BTreeMap<String, String> {
    state.fields().map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
}

impl From<AuditRecord> for AuditEntryBody {
    fn from(record: AuditRecord) -> Self {
        Self {
            id: record.id.as_uuid(),
            created_at: Moment(record.at),
            action: record.action,
            actor_id: record.actor.map(|id| id.as_uuid()),
            object: record.object.map(AuditObjectBody::from),
            before: record.before.as_ref().map(state),
            after: record.after.as_ref().map(state),
            ip: record.network,
            request_id: record.request_id,
        }
    }
}

fn entry_example() -> Value {
    json!({
        "id": "0190a1b2-0000-7000-8000-000000000010",
        "created_at": "2026-11-22T10:00:00Z",
        "action": "role_changed",
        "actor_id": "0190a1b2-0000-7000-8000-000000000001",
        "object": {"kind": "user", "id": "0190a1b2-0000-7000-8000-000000000000"},
        "before": {"role": "user"},
        "after": {"role": "moderator"},
        "ip": "203.0.113.0/24",
        "request_id": "0190a1b2-0000-7000-8000-00000000000f",
    })
}
