use async_trait::async_trait;
use domain::{
    audit::{AuditEntry, AuditRepository, AuditState},
    store::StoreError,
};

use super::CHUNK;
use crate::{dialect::insert_entries, unit_of_work::UnitOfWork};

/// A state as it is stored: a JSON object of texts.
pub(crate) fn written(state: Option<&AuditState>) -> Option<String> {
    let fields = state?.fields().map(|(name, text)| (name.to_owned(), text.into()));
    Some(serde_json::Value::Object(fields.collect()).to_string())
}

#[async_trait]
impl AuditRepository for UnitOfWork {
    async fn append_audit_entries(&mut self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        for chunk in entries.chunks(CHUNK) {
            insert_entries(self, chunk).await?;
        }
        Ok(())
    }
}
