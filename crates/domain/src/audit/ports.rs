use async_trait::async_trait;

use crate::{audit::AuditEntry, store::StoreError};

/// Writes the audit log inside the unit of work whose deed it tells of.
#[async_trait]
pub trait AuditRepository: Send {
    /// Adds the entry. Nothing changes or removes it afterwards.
    async fn append(&mut self, entry: &AuditEntry) -> Result<(), StoreError>;
}
