use async_trait::async_trait;

use crate::{
    audit::{AuditEntry, LogPlace, Seal, StoredEntry},
    store::StoreError,
};

/// Writes the audit log inside the unit of work that does what the entry records.
#[async_trait]
pub trait AuditRepository: Send {
    /// Adds the entries. Nothing changes or removes them afterwards.
    async fn append_audit_entries(&mut self, entries: &[AuditEntry]) -> Result<(), StoreError>;
    /// Adds one.
    async fn append_audit_entry(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.append_audit_entries(std::slice::from_ref(entry)).await
    }
}

/// Keeps the seals of the log, and reads the log as it is stored.
#[async_trait]
pub trait AuditSeals: Send + Sync {
    /// Adds the seal, unless there is one of its number: of several nodes that seal at once one MUST succeed, and the others
    /// MUST change nothing. Says whether it was added.
    async fn add_seal(&self, seal: &Seal) -> Result<bool, StoreError>;
    /// The seal of the highest number.
    async fn last_seal(&self) -> Result<Option<Seal>, StoreError>;
    /// Up to `limit` seals of higher numbers than this, in the order of their numbers.
    async fn seals_behind(&self, number: u64, limit: u32) -> Result<Vec<Seal>, StoreError>;
    /// Up to `limit` rows behind the place `after` (`None`: from the first on) and up to the place `until`, itself
    /// included, in the order of their places. MUST give every letter as it is stored.
    async fn log_rows(
        &self,
        after: Option<LogPlace>,
        until: LogPlace,
        limit: u32,
    ) -> Result<Vec<StoredEntry>, StoreError>;
    /// How many rows stand behind the place.
    async fn count_log_rows_behind(&self, place: Option<LogPlace>) -> Result<u64, StoreError>;
}
