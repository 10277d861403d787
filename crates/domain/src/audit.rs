//! What is written down, for good, of deeds that matter for security and money (quality E14).

mod entry;
mod ports;
mod query;
mod seal;

pub use entry::{AuditAction, AuditEntry, AuditObject, AuditState};
pub use ports::{AuditRepository, AuditSeals};
pub use query::{AuditFilter, AuditQueries, AuditRecord, RecordedObject, UnknownAction};
pub use seal::{LogPlace, Seal, SealMaker, StoredEntry};
