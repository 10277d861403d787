use std::{sync::Arc, time::Duration};

use adapter_throttle::{InvalidRedisUrl, MemoryThrottle, RedisThrottle};
use domain::{
    throttle::{RateLimiter, SignInGuard, Unguarded},
    time::Clock,
};

use crate::config::Settings;

/// A start waits this long for Redis, so that the first requests are counted together; then it goes on without.
const PATIENCE: Duration = Duration::from_secs(1);

/// What counts how often something is done.
#[derive(Clone)]
pub(super) struct Throttle {
    pub(super) limiter: Arc<dyn RateLimiter>,
    pub(super) guard: Arc<dyn SignInGuard>,
    /// The Redis that it is counted in, when there is to be one.
    pub(super) shared: Option<Arc<RedisThrottle>>,
}

impl Throttle {
    /// In the Redis of the settings, else in memory. Call it on the runtime that is to drive the connection.
    pub(super) fn open(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, InvalidRedisUrl> {
        if settings.rate_limits.is_none() {
            let limiter = Arc::new(MemoryThrottle::new(clock));
            return Ok(Self { limiter, guard: Arc::new(Unguarded), shared: None });
        }
        let Some(url) = &settings.redis_url else {
            let alone = Arc::new(MemoryThrottle::new(clock));
            return Ok(Self { limiter: alone.clone(), guard: alone, shared: None });
        };
        let shared = Arc::new(RedisThrottle::open(url.expose(), clock)?);
        Ok(Self { limiter: shared.clone(), guard: shared.clone(), shared: Some(shared) })
    }

    /// Waits until it can count, for a moment.
    pub(super) async fn ready(&self) {
        if let Some(shared) = &self.shared {
            // It counts by itself until Redis comes, and says so in the log.
            let _ = tokio::time::timeout(PATIENCE, shared.connected()).await;
        }
    }
}
