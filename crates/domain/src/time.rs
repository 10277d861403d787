//! The time, as a port.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// A moment in UTC, whole microseconds, as both databases keep it.
pub type Instant = DateTime<Utc>;

/// Tells the time, so that tests can move it.
pub trait Clock: Send + Sync {
    /// The present moment. MUST be cut to whole microseconds, so that what is stored reads back equal.
    fn now(&self) -> Instant;
}

/// Waits before something is tried again, so that tests need not.
#[async_trait]
pub trait Backoff: Send + Sync {
    /// Waits for a random part of `longest`. MUST take at least half of it, and another part each time: those who were in each
    /// other's way must not meet again.
    async fn wait(&self, longest: Duration);
}
