//! The audit log: a permanent record of actions that are relevant to security and money.

mod entry;
mod ports;
mod query;
mod seal;

pub use entry::{AuditAction, AuditEntry, AuditObject, AuditState};
pub use ports::{AuditRepository, AuditSeals};
pub use query::{AuditFilter, AuditQueries, AuditRecord, RecordedObject, UnknownAction};
pub use seal::{LogPlace, Seal, SealMaker, StoredEntry};
