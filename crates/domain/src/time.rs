//! The time, as a port.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// A moment in UTC. Moments that a [`Clock`] returns have whole microseconds, the precision of databases.
pub type Instant = DateTime<Utc>;

/// Provides the current time. A port, so that tests can set it.
pub trait Clock: Send + Sync {
    /// The current time. MUST be truncated to whole microseconds, so that a stored time is equal when it is read.
    fn now(&self) -> Instant;
}

/// Waits before another attempt. A port, so that tests do not have to wait.
#[async_trait]
pub trait Backoff: Send + Sync {
    /// Waits for a random duration between half of `longest` and `longest`. The duration MUST be random, so that
    /// conflicting transactions do not collide again.
    async fn wait(&self, longest: Duration);
}
