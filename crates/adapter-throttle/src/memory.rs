use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use domain::{
    network::Network,
    throttle::{
        Failures, KNOWN_FOR, LONGEST_WAIT, REMEMBERED_FOR, RateLimit, RateLimiter, SignInAttempt,
        SignInGuard, TooManyFailures, Usage, Verdict,
    },
    time::Clock,
};
use moka::{Expiry, policy::EvictionPolicy, sync::Cache};

/// The maximum number of entries in each cache: the subjects of rate limits (for example, client addresses), accounts,
/// and known clients. If there are more, the least recently used entry is removed. A new entry is always stored, so
/// that a flood of entries does not prevent counting.
const MOST: u64 = 50_000;

/// Rate limits, and delays after failed sign-ins, which are counted in the memory of this process.
pub struct MemoryThrottle {
    clock: Arc<dyn Clock>,
    usage: Cache<(&'static str, String), Arc<Counted>>,
    failures: Cache<Guarded, Arc<Mutex<Failures>>>,
    known: Cache<Guarded, ()>,
}

/// The key of an entry: an account, and one client that its owner is known to use. In a key of `failures`, the client
/// may be `None`, which stands for all other clients of the account.
type Guarded = (String, Option<Network>);

struct Counted {
    usage: Mutex<Usage>,
    /// The longest window of the rate limit.
    kept_for: Duration,
}

/// Removes the counts of a subject (for example, a client address) when they were not used for the longest window of
/// the rate limit. By then, all windows of the rate limit have ended.
struct WhenUnused;

impl<K> Expiry<K, Arc<Counted>> for WhenUnused {
    fn expire_after_create(&self, _key: &K, counted: &Arc<Counted>, _now: Instant) -> Option<Duration> {
        Some(counted.kept_for)
    }

    fn expire_after_read(
        &self,
        _key: &K,
        counted: &Arc<Counted>,
        _now: Instant,
        _left: Option<Duration>,
        _modified_at: Instant,
    ) -> Option<Duration> {
        Some(counted.kept_for)
    }
}

impl MemoryThrottle {
    /// Creates an instance without any counts.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::keeping(MOST, clock)
    }

    fn keeping(most: u64, clock: Arc<dyn Clock>) -> Self {
        let remembered = REMEMBERED_FOR.checked_add(&LONGEST_WAIT).unwrap_or(REMEMBERED_FOR);
        let lru = EvictionPolicy::lru;
        Self {
            clock,
            usage: Cache::builder()
                .max_capacity(most)
                .eviction_policy(lru())
                .expire_after(WhenUnused)
                .build(),
            failures: Cache::builder()
                .max_capacity(most)
                .eviction_policy(lru())
                .time_to_idle(remembered.to_std().unwrap_or_default())
                .build(),
            known: Cache::builder()
                .max_capacity(most)
                .eviction_policy(lru())
                .time_to_live(KNOWN_FOR.to_std().unwrap_or_default())
                .build(),
        }
    }

    fn counted(&self, limit: &RateLimit, subject: &str) -> Arc<Counted> {
        self.usage.get_with((limit.name(), subject.to_owned()), || {
            let kept_for = limit.longest_window().to_std().unwrap_or_default();
            Arc::new(Counted { usage: Mutex::default(), kept_for })
        })
    }

    /// Returns the entry whose failures count for this attempt: the entry of the client, if the owner of the account is
    /// known to use this client, otherwise the entry of the account.
    fn guarded(&self, attempt: &SignInAttempt) -> Guarded {
        let account = attempt.account().to_owned();
        let own = (account, attempt.client());
        if own.1.is_some() && self.known.contains_key(&own) { own } else { (own.0, None) }
    }
}

#[async_trait]
impl RateLimiter for MemoryThrottle {
    async fn take(&self, limit: &RateLimit, subject: &str) -> Verdict {
        let counted = self.counted(limit, subject);
        let mut usage = counted.usage.lock().unwrap_or_else(PoisonError::into_inner);
        usage.take(limit, self.clock.now())
    }

    async fn take_once(&self, limit: &RateLimit, subject: &str, deed: &str) -> Verdict {
        let counted = self.counted(limit, subject);
        let mut usage = counted.usage.lock().unwrap_or_else(PoisonError::into_inner);
        usage.take_once(limit, deed, self.clock.now())
    }

    async fn give_back(&self, limit: &RateLimit, subject: &str) {
        if let Some(counted) = self.usage.get(&(limit.name(), subject.to_owned())) {
            let mut usage = counted.usage.lock().unwrap_or_else(PoisonError::into_inner);
            usage.give_back(limit, self.clock.now());
        }
    }
}

#[async_trait]
impl SignInGuard for MemoryThrottle {
    async fn begin(&self, attempt: &SignInAttempt) -> Result<(), TooManyFailures> {
        let failures = self.failures.get_with(self.guarded(attempt), Arc::default);
        failures.lock().unwrap_or_else(PoisonError::into_inner).begin(self.clock.now())
    }

    async fn was_owner(&self, attempt: &SignInAttempt) {
        let account = attempt.account().to_owned();
        self.failures.invalidate(&(account.clone(), None));
        if attempt.client().is_some() {
            let own = (account, attempt.client());
            self.failures.invalidate(&own);
            self.known.insert(own, ());
        }
    }

    async fn take_back(&self, attempt: &SignInAttempt) {
        if let Some(failures) = self.failures.get(&self.guarded(attempt)) {
            failures.lock().unwrap_or_else(PoisonError::into_inner).take_back(self.clock.now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> domain::time::Instant {
            domain::time::Instant::from_timestamp(1_800_000_000, 0).unwrap()
        }
    }

    #[tokio::test]
    async fn a_flood_of_subjects_uses_bounded_memory_and_each_is_counted() {
        let throttle = MemoryThrottle::keeping(100, Arc::new(Still));
        let limit = RateLimit::new("login", &["1/1h".parse().unwrap()]);
        for number in 0..5_000 {
            let subject = number.to_string();
            assert!(throttle.take(&limit, &subject).await.is_allowed);
            assert!(!throttle.take(&limit, &subject).await.is_allowed, "{number}");
        }
        throttle.usage.run_pending_tasks();
        assert!(throttle.usage.entry_count() <= 100, "{}", throttle.usage.entry_count());
    }

    #[tokio::test]
    async fn a_flood_of_accounts_uses_bounded_memory() {
        let throttle = MemoryThrottle::keeping(100, Arc::new(Still));
        for number in 0..5_000 {
            let email = format!("u{number}@example.com").parse().unwrap();
            let attempt = SignInAttempt::new(&email, Some(std::net::Ipv4Addr::LOCALHOST.into()));
            throttle.begin(&attempt).await.unwrap();
            throttle.was_owner(&attempt).await;
            throttle.begin(&attempt).await.unwrap();
        }
        throttle.failures.run_pending_tasks();
        throttle.known.run_pending_tasks();
        for entries in [throttle.failures.entry_count(), throttle.known.entry_count()] {
            assert!(entries <= 100, "{entries}");
        }
    }
}
