//! The audit log: listed by administrators, sealed in the background, and verified against its seals.

#[cfg(test)]
pub(crate) mod doubles;
mod list;
mod seal;
mod verify;

use std::sync::Arc;

use domain::{
    audit::{AuditQueries, AuditSeals, SealMaker},
    time::{Backoff, Clock},
};

pub use list::ListAudit;
pub use verify::{Known, KnownSeal, LogFault, MalformedKnownSeal, SealedPart, Verification};

use crate::paging::CursorCodec;

/// The use cases of the audit log.
pub struct Audit {
    /// Reads entries.
    pub queries: Arc<dyn AuditQueries>,
    /// Writes and reads cursors.
    pub cursors: CursorCodec,
    /// Stores the seals, and reads what they are over.
    pub seals: Arc<dyn AuditSeals>,
    /// Makes what seals are made of.
    pub maker: Arc<dyn SealMaker>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Waits before a unit of work that lost a race is begun again.
    pub backoff: Arc<dyn Backoff>,
}

/// How many rows a seal is over at most, so that none takes long.
const SEALED_AT_ONCE: u32 = 1_000;
