use async_trait::async_trait;
use domain::{
    audit::{AuditEntry, AuditRepository},
    store::StoreError,
};

use super::CHUNK;
use crate::{dialect::insert_entries, unit_of_work::UnitOfWork};

#[async_trait]
impl AuditRepository for UnitOfWork {
    async fn append_audit_entries(&mut self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        for chunk in entries.chunks(CHUNK) {
            insert_entries(self, chunk).await?;
        }
        Ok(())
    }
}
