//! The time, as a port.

use chrono::{DateTime, Utc};

/// A moment in UTC, whole microseconds, as both databases keep it.
pub type Instant = DateTime<Utc>;

/// Tells the time, so that tests can move it.
pub trait Clock: Send + Sync {
    /// The present moment. MUST be cut to whole microseconds, so that what is stored reads back equal.
    fn now(&self) -> Instant;
}
