use std::{sync::Arc, time::Duration};

use adapter_throttle::{InvalidRedisUrl, MemoryThrottle, RedisThrottle};
use domain::{
    throttle::{RateLimiter, SignInGuard, Unguarded},
    time::Clock,
};

use crate::config::Settings;

/// How long a starting server waits for Redis, so that even its first requests are counted in Redis, which all servers
/// share. After this time the server starts without Redis.
const PATIENCE: Duration = Duration::from_secs(1);

/// The ports that limit requests and failed sign-ins.
#[derive(Clone)]
pub(super) struct Throttle {
    pub(super) limiter: Arc<dyn RateLimiter>,
    pub(super) guard: Arc<dyn SignInGuard>,
    /// The Redis with the counters; `None` if no Redis is configured, or if rate limits are switched off.
    pub(super) shared: Option<Arc<RedisThrottle>>,
}

impl Throttle {
    /// Creates counters in the configured Redis or, without one, in memory. If rate limits are switched off, failed
    /// sign-ins are not limited either. Must be called on the runtime that drives the connection.
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

    /// Waits until Redis is connected, but only for a short time.
    pub(super) async fn ready(&self) {
        if let Some(shared) = &self.shared {
            // A timeout is no error: requests are counted in memory until Redis is connected, and the log says so.
            let _ = tokio::time::timeout(PATIENCE, shared.connected()).await;
        }
    }
}
