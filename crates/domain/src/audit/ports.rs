use async_trait::async_trait;

use crate::{
    audit::{AuditEntry, LogPlace, Seal, StoredEntry},
    store::StoreError,
};

/// Writes the audit log in the unit of work (transaction) of the recorded action.
#[async_trait]
pub trait AuditRepository: Send {
    /// Adds the entries. They are never changed or removed.
    async fn append_audit_entries(&mut self, entries: &[AuditEntry]) -> Result<(), StoreError>;
    /// Adds one entry.
    async fn append_audit_entry(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.append_audit_entries(std::slice::from_ref(entry)).await
    }
}

/// Stores the seals of the audit log, each of which proves that a part of the log has not changed, and reads the log in
/// its stored form.
#[async_trait]
pub trait AuditSeals: Send + Sync {
    /// Adds the seal, unless a seal with the same number exists. Returns whether it was added. When several nodes add a
    /// seal with the same number concurrently, exactly one call MUST return `true`, and the other calls MUST change
    /// nothing.
    async fn add_seal(&self, seal: &Seal) -> Result<bool, StoreError>;
    /// The seal with the highest number.
    async fn last_seal(&self) -> Result<Option<Seal>, StoreError>;
    /// Up to `limit` seals with numbers above `number`, in the order of their numbers.
    async fn seals_behind(&self, number: u64, limit: u32) -> Result<Vec<Seal>, StoreError>;
    /// Up to `limit` rows after the position `after` (`None`: from the beginning) and up to the position `until`
    /// (inclusive), in the order of their positions. MUST return all values exactly as they are stored.
    async fn log_rows(
        &self,
        after: Option<LogPlace>,
        until: LogPlace,
        limit: u32,
    ) -> Result<Vec<StoredEntry>, StoreError>;
    /// How many rows come after the position; all rows for `None`.
    async fn count_log_rows_behind(&self, place: Option<LogPlace>) -> Result<u64, StoreError>;
}
