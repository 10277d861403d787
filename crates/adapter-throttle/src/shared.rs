use std::{fmt::Write as _, sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::{
    throttle::{
        KNOWN_FOR, LONGEST_WAIT, QuotaState, REMEMBERED_FOR, RateLimit, RateLimiter, SignInAttempt,
        SignInGuard, TOLERATED_FAILURES, TooManyFailures, Verdict,
    },
    time::Clock,
};
use redis::{RedisResult, Script, ScriptInvocation, aio::MultiplexedConnection};
use sha2::{Digest, Sha256};

use crate::{
    InvalidRedisUrl, MemoryThrottle,
    link::{self, Link},
};

/// Rate limits, and delays after failed sign-ins. All nodes that use the same Redis share the counts; while Redis is
/// unavailable, each node counts in its own memory.
pub struct RedisThrottle {
    clock: Arc<dyn Clock>,
    link: Link,
    scripts: Arc<Scripts>,
    alone: MemoryThrottle,
}

/// The Lua scripts. Redis runs each of them atomically.
struct Scripts {
    take: Script,
    give_back: Script,
    begin: Script,
    take_back: Script,
    was_owner: Script,
}

impl Scripts {
    fn new() -> Self {
        Self {
            take: Script::new(include_str!("scripts/take.lua")),
            give_back: Script::new(include_str!("scripts/give_back.lua")),
            begin: Script::new(include_str!("scripts/begin.lua")),
            take_back: Script::new(include_str!("scripts/take_back.lua")),
            was_owner: Script::new(include_str!("scripts/was_owner.lua")),
        }
    }

    /// Loads the scripts into Redis, and checks that they can write (a replica or a full Redis refuses writes).
    async fn load(&self, mut connection: MultiplexedConnection) -> RedisResult<()> {
        for script in [&self.take, &self.give_back, &self.begin, &self.take_back, &self.was_owner] {
            script.load_async(&mut connection).await?;
        }
        let mut probe = self.take.key("cinema:probe");
        probe.arg(&[1_i64, 1_000, 1, 1_000]);
        probe.invoke_async::<Vec<i64>>(&mut connection).await.map(drop)
    }
}

impl RedisThrottle {
    /// Checks that the text is a valid Redis URL. Does not connect.
    ///
    /// # Errors
    /// When the URL is not valid.
    pub fn check_url(url: &str) -> Result<(), InvalidRedisUrl> {
        link::check(url)
    }

    /// Begins to connect to the Redis at this URL, in the background. Must be called within a Tokio runtime, on which
    /// the tasks of the connection run. Whenever there is no connection, connecting is retried.
    ///
    /// # Errors
    /// When the URL is not valid.
    pub fn open(url: &str, clock: Arc<dyn Clock>) -> Result<Self, InvalidRedisUrl> {
        let scripts = Arc::new(Scripts::new());
        let loaded = Arc::clone(&scripts);
        let link = Link::open(url, move |connection| {
            let scripts = Arc::clone(&loaded);
            async move { scripts.load(connection).await }
        })?;
        Ok(Self { alone: MemoryThrottle::new(Arc::clone(&clock)), clock, link, scripts })
    }

    /// Waits until there is a connection to Redis. Has no time limit.
    pub async fn connected(&self) {
        self.link.connected().await;
    }

    /// Whether Redis answers now.
    pub async fn is_there(&self) -> bool {
        let ping = async |mut connection: MultiplexedConnection| {
            redis::cmd("PING").query_async::<String>(&mut connection).await
        };
        self.link.ask(ping).await.is_some()
    }

    fn now(&self) -> i64 {
        self.clock.now().timestamp_millis()
    }

    /// Runs take.lua with these keys; `None` when Redis is unavailable, or its answer has an unexpected structure.
    async fn counted(&self, limit: &RateLimit, keys: &[String]) -> Option<Verdict> {
        let mut invocation = self.scripts.take.prepare_invoke();
        invocation.key(keys).arg(self.now()).arg(limit.longest_window().num_milliseconds());
        for policy in limit.policies() {
            invocation.arg(policy.quota.count()).arg(policy.quota.window().num_milliseconds());
        }
        let answer: Vec<u64> = self.invoke(&invocation).await?;
        verdict(&answer, limit)
    }

    async fn invoke<T: redis::FromRedisValue>(&self, invocation: &ScriptInvocation<'_>) -> Option<T> {
        self.link.ask(async |mut connection| invocation.invoke_async(&mut connection).await).await
    }
}

/// The Redis key of an entry. It contains a digest of `parts`, so that it reveals neither email addresses nor network
/// addresses. In a Redis cluster, only the first text in braces (the hash tag) decides which server stores the key.
fn key(kind: &str, parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    let mut name = format!("cinema:{kind}:{{");
    for byte in digest.finalize().iter().take(16) {
        // Writing to a `String` cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name.push('}');
    name
}

/// The keys of `begin.lua`, `take_back.lua` and `was_owner.lua`. In a cluster, the same server stores all of them.
fn guarded(attempt: &SignInAttempt) -> [String; 3] {
    let account = key("sign-in", &[attempt.account()]);
    let client = attempt.client().map(|client| key("client", &[&client.to_string()])).unwrap_or_default();
    let (failures, known) = (format!("{account}:{client}:failures"), format!("{account}:{client}:known"));
    [format!("{account}:failures"), failures, known]
}

#[async_trait]
impl RateLimiter for RedisThrottle {
    async fn take(&self, limit: &RateLimit, subject: &str) -> Verdict {
        match self.counted(limit, &[key("rate", &[limit.name(), subject])]).await {
            Some(verdict) => verdict,
            None => self.alone.take(limit, subject).await,
        }
    }

    async fn take_once(&self, limit: &RateLimit, subject: &str, deed: &str) -> Verdict {
        let usage = key("rate", &[limit.name(), subject]);
        let deed_key = format!("{usage}:{}", key("deed", &[deed]));
        match self.counted(limit, &[usage, deed_key]).await {
            Some(verdict) => verdict,
            None => self.alone.take_once(limit, subject, deed).await,
        }
    }

    async fn give_back(&self, limit: &RateLimit, subject: &str) {
        let mut invocation = self.scripts.give_back.key(key("rate", &[limit.name(), subject]));
        invocation.arg(self.now());
        for policy in limit.policies() {
            invocation.arg(policy.quota.window().num_milliseconds());
        }
        if self.invoke::<u64>(&invocation).await.is_none() {
            self.alone.give_back(limit, subject).await;
        }
    }
}

/// Parses the answer of take.lua; `None` when it has an unexpected structure.
fn verdict(answer: &[u64], limit: &RateLimit) -> Option<Verdict> {
    let (is_allowed, rest) = answer.split_first()?;
    let quota = |pair: &[u64]| match pair {
        [remaining, left] => Some(QuotaState {
            remaining: (*remaining).try_into().ok()?,
            resets_in: Duration::from_millis(*left),
        }),
        _ => None,
    };
    let quotas: Vec<_> = rest.chunks(2).map(quota).collect::<Option<_>>()?;
    (quotas.len() == limit.policies().len()).then_some(Verdict { is_allowed: *is_allowed == 1, quotas })
}

#[async_trait]
impl SignInGuard for RedisThrottle {
    async fn begin(&self, attempt: &SignInAttempt) -> Result<(), TooManyFailures> {
        let mut invocation = self.scripts.begin.prepare_invoke();
        invocation.key(&guarded(attempt)).arg(self.now()).arg(TOLERATED_FAILURES);
        invocation.arg(LONGEST_WAIT.num_milliseconds()).arg(REMEMBERED_FOR.num_milliseconds());
        match self.invoke::<u64>(&invocation).await {
            Some(0) => Ok(()),
            Some(wait) => Err(TooManyFailures { retry_after: Duration::from_millis(wait) }),
            None => self.alone.begin(attempt).await,
        }
    }

    async fn was_owner(&self, attempt: &SignInAttempt) {
        let known_for = attempt.client().map_or(0, |_| KNOWN_FOR.num_milliseconds());
        let mut invocation = self.scripts.was_owner.prepare_invoke();
        invocation.key(&guarded(attempt)).arg(known_for);
        self.invoke::<u64>(&invocation).await;
        // The success is also recorded in memory, for the case that Redis becomes unavailable.
        self.alone.was_owner(attempt).await;
    }

    async fn take_back(&self, attempt: &SignInAttempt) {
        let mut invocation = self.scripts.take_back.prepare_invoke();
        invocation.key(&guarded(attempt)).arg(self.now());
        if self.invoke::<u64>(&invocation).await.is_none() {
            self.alone.take_back(attempt).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_reveal_no_addresses_and_those_of_an_account_are_on_one_server() {
        let email = "ann@example.com".parse().unwrap();
        let keys = guarded(&SignInAttempt::new(&email, Some(std::net::Ipv4Addr::LOCALHOST.into())));
        let slot = |key: &str| key[..=key.find('}').unwrap()].to_owned();
        for key in &keys {
            assert!(!key.contains("ann") && !key.contains("127"), "{key}");
            assert_eq!(slot(key), slot(&keys[0]));
        }
        assert_ne!(key("rate", &["ab", "c"]), key("rate", &["a", "bc"]));
    }

    #[test]
    fn an_answer_with_another_structure_is_none() {
        let limit = RateLimit::new("login", &["2/1m".parse().unwrap()]);
        let read = verdict(&[1, 1, 60_000], &limit).unwrap();
        assert!(read.is_allowed);
        assert_eq!(read.quotas, [QuotaState { remaining: 1, resets_in: Duration::from_mins(1) }]);
        for other in [&[][..], &[1], &[1, 1], &[1, 1, 60_000, 2, 3]] {
            assert_eq!(verdict(other, &limit), None, "{other:?}");
        }
    }
}
