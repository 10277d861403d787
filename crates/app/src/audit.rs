//! The audit log: listed by administrators, sealed in the background, and verified against its seals.
//!
//! A seal covers a part of the log. It consists of two values. The first is a digest of the rows in this part and of
//! the previous seal. The second is a tag: a message authentication code of the digest, which can be computed only
//! with the key of the server.

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
    /// Stores the seals, and reads the sealed entries.
    pub seals: Arc<dyn AuditSeals>,
    /// Computes the digests and tags of seals.
    pub maker: Arc<dyn SealMaker>,
    /// Provides the current time.
    pub clock: Arc<dyn Clock>,
    /// Waits before a transaction is retried after a conflict with a concurrent one.
    pub backoff: Arc<dyn Backoff>,
}

/// The maximum number of rows that a seal covers, so that sealing the rows and verifying the seal are fast.
const SEALED_AT_ONCE: u32 = 1_000;
