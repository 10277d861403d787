//! What is written down, for good, of deeds that matter for security and money (quality E14).

mod entry;
mod ports;
mod query;

pub use entry::{AuditAction, AuditEntry, AuditObject, AuditState};
pub use ports::AuditRepository;
pub use query::{AuditFilter, AuditQueries, AuditRecord, RecordedObject, UnknownAction};
