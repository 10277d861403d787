use async_trait::async_trait;
use diesel::ExpressionMethods;
use domain::{
    audit::{AuditEntry, AuditObject, AuditRepository, AuditState},
    store::StoreError,
};

use crate::{
    dialect::{DbInstant, DbUuid},
    schema::audit_log,
    unit_of_work::UnitOfWork,
};

/// A state as it is stored: a JSON object of texts.
fn written(state: Option<&AuditState>) -> Option<String> {
    let fields = state?.fields().map(|(name, text)| (name.to_owned(), text.into()));
    Some(serde_json::Value::Object(fields.collect()).to_string())
}

#[async_trait]
impl AuditRepository for UnitOfWork {
    async fn append(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        let query = diesel::insert_into(audit_log::table).values((
            audit_log::id.eq(DbUuid(entry.id.as_uuid())),
            audit_log::created_at.eq(DbInstant(entry.at)),
            audit_log::action.eq(entry.action.as_str()),
            audit_log::actor_id.eq(entry.actor.map(|id| DbUuid(id.as_uuid()))),
            audit_log::object_kind.eq(entry.object.map(AuditObject::kind)),
            audit_log::object_id.eq(entry.object.map(|object| DbUuid(object.id()))),
            audit_log::before.eq(written(entry.before.as_ref())),
            audit_log::after.eq(written(entry.after.as_ref())),
            audit_log::ip.eq(entry.network()),
            audit_log::request_id.eq(entry.request_id.clone()),
        ));
        self.execute_one(query).await
    }
}
