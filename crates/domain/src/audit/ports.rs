use async_trait::async_trait;

use crate::{audit::AuditEntry, store::StoreError};

/// Writes the audit log inside the unit of work whose deed it tells of.
#[async_trait]
pub trait AuditRepository: Send {
    /// Adds the entries. Nothing changes or removes them afterwards.
    async fn append_all(&mut self, entries: &[AuditEntry]) -> Result<(), StoreError>;
    /// Adds one.
    async fn append(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.append_all(std::slice::from_ref(entry)).await
    }
}
