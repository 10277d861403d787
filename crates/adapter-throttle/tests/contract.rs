//! Runs the contract of the ports of `domain::throttle` in memory and in Redis, and tests what happens when Redis
//! becomes unavailable.
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "errors in the support code must fail the test"
)]

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use adapter_throttle::{InvalidRedisUrl, MemoryThrottle, RedisThrottle};
use chrono::TimeDelta;
use domain::{
    throttle::{QuotaState, RateLimit, RateLimiter, SignInAttempt, SignInGuard},
    time::{Clock, Instant},
};
use test_redis::TestRedis;
use tokio::task::JoinSet;

struct MovableClock(Mutex<Instant>);

impl MovableClock {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Instant::from_timestamp(1_800_000_000, 0).unwrap())))
    }

    fn advance(&self, seconds: i64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += TimeDelta::seconds(seconds);
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

trait Throttle: RateLimiter + SignInGuard {}
impl<T: RateLimiter + SignInGuard> Throttle for T {}

/// An implementation of the ports, its clock, and its Redis server, if it uses one.
struct World {
    throttle: Arc<dyn Throttle>,
    clock: Arc<MovableClock>,
    _redis: Option<TestRedis>,
}

fn in_memory() -> World {
    let clock = MovableClock::new();
    World { throttle: Arc::new(MemoryThrottle::new(clock.clone())), clock, _redis: None }
}

async fn in_redis() -> World {
    let (redis, clock) = (TestRedis::start(), MovableClock::new());
    World { throttle: node(&redis, &clock).await, clock, _redis: Some(redis) }
}

async fn node(redis: &TestRedis, clock: &Arc<MovableClock>) -> Arc<RedisThrottle> {
    let node = RedisThrottle::open(&redis.url(), clock.clone()).unwrap();
    node.connected().await;
    Arc::new(node)
}

fn limit(quotas: &[&str]) -> RateLimit {
    let quotas: Vec<_> = quotas.iter().map(|text| text.parse().unwrap()).collect();
    RateLimit::new("login", &quotas)
}

fn attempt(name: &str, client: &str) -> SignInAttempt {
    let email = format!("{name}@example.com").parse().unwrap();
    SignInAttempt::new(&email, (!client.is_empty()).then(|| client.parse::<IpAddr>().unwrap()))
}

/// Begins the attempt; returns how many seconds it must wait, or 0 if it is allowed.
async fn wait(throttle: &dyn Throttle, attempt: &SignInAttempt) -> u64 {
    throttle.begin(attempt).await.map_or_else(|refused| refused.retry_after.as_secs(), |()| 0)
}

/// Defines a test of each case in memory, and one in Redis.
macro_rules! contract {
    ($($case:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $case() {
                super::$case(super::in_memory()).await;
            })*
        }

        mod redis {
            $(#[tokio::test]
            async fn $case() {
                if !super::TestRedis::is_skipped() {
                    super::$case(super::in_redis().await).await;
                }
            })*
        }
    };
}

contract! {
    a_quota_is_restored_at_the_end_of_its_window,
    a_use_refused_by_one_quota_is_not_counted_by_any,
    subjects_and_limits_are_counted_separately,
    many_concurrent_uses_do_not_exceed_the_quota,
    a_repeated_use_is_counted_once,
    only_one_of_many_concurrent_repetitions_is_counted,
    repetitions_are_recognized_for_each_subject_and_limit,
    a_refunded_use_can_be_repeated,
    concurrent_refunds_of_uses_are_all_counted,
    a_clock_that_was_set_back_locks_no_account,
    failures_after_the_fifth_double_the_wait_up_to_15_minutes,
    only_five_of_many_concurrent_attempts_are_allowed,
    the_failures_of_accounts_are_counted_separately,
    a_successful_sign_in_removes_the_failures,
    failures_of_other_clients_do_not_delay_a_known_client,
    a_reverted_attempt_is_not_counted,
    failures_are_forgotten_after_a_day,
}

async fn a_quota_is_restored_at_the_end_of_its_window(World { throttle, clock, .. }: World) {
    let limit = limit(&["2/1m"]);
    for (remaining, seconds) in [(1, 60), (0, 50)] {
        let verdict = throttle.take(&limit, "a").await;
        assert!(verdict.is_allowed);
        assert_eq!(verdict.quotas, [QuotaState { remaining, resets_in: Duration::from_secs(seconds) }]);
        clock.advance(10);
    }
    let refused = throttle.take(&limit, "a").await;
    assert!(!refused.is_allowed);
    assert_eq!(refused.quotas, [QuotaState { remaining: 0, resets_in: Duration::from_secs(40) }]);
    clock.advance(40);
    assert!(throttle.take(&limit, "a").await.is_allowed);
}

async fn a_use_refused_by_one_quota_is_not_counted_by_any(World { throttle, clock, .. }: World) {
    let limit = limit(&["1/1m", "2/1d"]);
    assert!(throttle.take(&limit, "a").await.is_allowed);
    for _ in 0..3 {
        let refused = throttle.take(&limit, "a").await;
        assert!(!refused.is_allowed);
        assert_eq!(refused.quotas.iter().map(|one| one.remaining).collect::<Vec<_>>(), [0, 1]);
    }
    clock.advance(60);
    assert!(throttle.take(&limit, "a").await.is_allowed);
    clock.advance(60);
    assert!(!throttle.take(&limit, "a").await.is_allowed);
    clock.advance(86_400);
    assert!(throttle.take(&limit, "a").await.is_allowed);
}

async fn subjects_and_limits_are_counted_separately(World { throttle, .. }: World) {
    let other = RateLimit::new("register", &["1/1m".parse().unwrap()]);
    let limit = limit(&["1/1m"]);
    assert!(throttle.take(&limit, "a").await.is_allowed);
    assert!(throttle.take(&limit, "b").await.is_allowed);
    assert!(throttle.take(&other, "a").await.is_allowed);
    assert!(!throttle.take(&limit, "a").await.is_allowed);
}

async fn many_concurrent_uses_do_not_exceed_the_quota(World { throttle, .. }: World) {
    let limit = limit(&["10/1m", "20/1h"]);
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let (throttle, limit) = (Arc::clone(&throttle), limit.clone());
        calls.spawn(async move { throttle.take(&limit, "a").await.is_allowed });
    }
    assert_eq!(calls.join_all().await.into_iter().filter(|is_allowed| *is_allowed).count(), 10);
}

async fn a_repeated_use_is_counted_once(World { throttle, clock, .. }: World) {
    let limit = limit(&["2/1m", "3/1h"]);
    let remaining = async |deed: &str| {
        let verdict = throttle.take_once(&limit, "a", deed).await;
        let left: Vec<_> = verdict.quotas.iter().map(|one| one.remaining).collect();
        (verdict.is_allowed, left)
    };
    assert_eq!(remaining("one").await, (true, vec![1, 2]));
    assert_eq!(remaining("one").await, (true, vec![1, 2]));
    assert_eq!(remaining("two").await, (true, vec![0, 1]));
    assert_eq!(remaining("three").await, (false, vec![0, 1]));
    assert_eq!(remaining("one").await, (true, vec![0, 1]));
    clock.advance(60);
    assert_eq!(
        remaining("two").await,
        (true, vec![2, 1]),
        "a repeated use is not counted until the longest window ends"
    );
    assert_eq!(remaining("three").await, (true, vec![1, 0]));
    assert_eq!(remaining("four").await, (false, vec![1, 0]));
    clock.advance(3_600);
    assert_eq!(remaining("one").await, (true, vec![1, 2]));
    clock.advance(-7_200);
    assert_eq!(remaining("one").await, (true, vec![1, 2]));
}

async fn only_one_of_many_concurrent_repetitions_is_counted(World { throttle, .. }: World) {
    let limit = limit(&["3/1m"]);
    let mut calls = JoinSet::new();
    for number in 0..100 {
        let (throttle, limit) = (Arc::clone(&throttle), limit.clone());
        calls.spawn(
            async move { throttle.take_once(&limit, "a", ["one", "two"][number % 2]).await.is_allowed },
        );
    }
    assert!(calls.join_all().await.into_iter().all(|is_allowed| is_allowed));
    assert_eq!(throttle.take(&limit, "a").await.quotas[0].remaining, 0);
}

async fn repetitions_are_recognized_for_each_subject_and_limit(World { throttle, .. }: World) {
    let other = RateLimit::new("register", &["1/1m".parse().unwrap()]);
    let limit = limit(&["1/1m"]);
    for (limit, subject) in [(&limit, "a"), (&limit, "b"), (&other, "a")] {
        assert_eq!(throttle.take_once(limit, subject, "one").await.quotas[0].remaining, 0);
        assert!(!throttle.take_once(limit, subject, "two").await.is_allowed);
        assert!(!throttle.take(limit, subject).await.is_allowed);
        assert!(throttle.take_once(limit, subject, "one").await.is_allowed);
    }
}

async fn a_refunded_use_can_be_repeated(World { throttle, clock, .. }: World) {
    let limit = limit(&["1/1m", "2/1d"]);
    let left = |verdict: domain::throttle::Verdict| {
        verdict.quotas.iter().map(|one| (one.remaining, one.resets_in.as_secs())).collect::<Vec<_>>()
    };
    throttle.give_back(&limit, "a").await;
    assert_eq!(left(throttle.take(&limit, "a").await), [(0, 60), (1, 86_400)]);
    clock.advance(10);
    throttle.give_back(&limit, "a").await;
    throttle.give_back(&limit, "b").await;
    // Both windows continue: they were not restarted.
    assert_eq!(left(throttle.take(&limit, "a").await), [(0, 50), (1, 86_390)]);
    clock.advance(50);
    // The window of one minute has ended, but the window of one day has not.
    throttle.give_back(&limit, "a").await;
    assert_eq!(left(throttle.take(&limit, "a").await), [(0, 60), (1, 86_340)]);
    for _ in 0..5 {
        throttle.give_back(&limit, "a").await;
    }
    assert!(throttle.take(&limit, "a").await.is_allowed);
    assert!(!throttle.take(&limit, "a").await.is_allowed, "no more uses are given back than were counted");
}

async fn concurrent_refunds_of_uses_are_all_counted(World { throttle, .. }: World) {
    let limit = limit(&["100/1m"]);
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let (throttle, limit) = (Arc::clone(&throttle), limit.clone());
        calls.spawn(async move {
            throttle.take(&limit, "a").await;
            throttle.give_back(&limit, "a").await;
        });
    }
    calls.join_all().await;
    let last = throttle.take(&limit, "a").await;
    assert_eq!(last.quotas.iter().map(|one| one.remaining).collect::<Vec<_>>(), [99]);
}

async fn a_clock_that_was_set_back_locks_no_account(World { throttle, clock, .. }: World) {
    let (limit, ann) = (limit(&["1/1m"]), attempt("ann", ""));
    assert!(throttle.take(&limit, "a").await.is_allowed);
    for _ in 0..5 {
        assert_eq!(wait(&*throttle, &ann).await, 0);
    }
    clock.advance(-3_600);
    assert!(throttle.take(&limit, "a").await.is_allowed);
    assert_eq!(wait(&*throttle, &ann).await, 0);
}

async fn failures_after_the_fifth_double_the_wait_up_to_15_minutes(World { throttle, clock, .. }: World) {
    let ann = attempt("ann", "192.0.2.1");
    for _ in 0..5 {
        assert_eq!(wait(&*throttle, &ann).await, 0);
    }
    for expected in [32, 64, 128, 256, 512, 900, 900] {
        assert_eq!(wait(&*throttle, &ann).await, expected);
        assert_eq!(wait(&*throttle, &attempt("ann", "198.51.100.7")).await, expected);
        clock.advance(i64::try_from(expected).unwrap());
        assert_eq!(wait(&*throttle, &ann).await, 0);
    }
}

async fn only_five_of_many_concurrent_attempts_are_allowed(World { throttle, .. }: World) {
    let mut calls = JoinSet::new();
    for number in 0..100 {
        let throttle = Arc::clone(&throttle);
        calls.spawn(
            async move { throttle.begin(&attempt("ann", &format!("192.0.2.{number}"))).await.is_ok() },
        );
    }
    assert_eq!(calls.join_all().await.into_iter().filter(|is_let_through| *is_let_through).count(), 5);
}

async fn the_failures_of_accounts_are_counted_separately(World { throttle, .. }: World) {
    for _ in 0..5 {
        assert_eq!(wait(&*throttle, &attempt("ann", "192.0.2.1")).await, 0);
    }
    assert_eq!(wait(&*throttle, &attempt("bob", "192.0.2.1")).await, 0);
}

async fn a_successful_sign_in_removes_the_failures(World { throttle, .. }: World) {
    for client in ["", "192.0.2.1"] {
        let ann = attempt("ann", client);
        for _ in 0..5 {
            assert_eq!(wait(&*throttle, &ann).await, 0);
        }
        assert_eq!(wait(&*throttle, &ann).await, 32);
        throttle.was_owner(&ann).await;
        assert_eq!(wait(&*throttle, &ann).await, 0);
        throttle.was_owner(&ann).await;
    }
}

async fn failures_of_other_clients_do_not_delay_a_known_client(World { throttle, .. }: World) {
    let (home, stranger) = (attempt("ann", "2001:db8::1"), attempt("ann", "192.0.2.66"));
    throttle.was_owner(&home).await;
    for _ in 0..5 {
        assert_eq!(wait(&*throttle, &stranger).await, 0);
    }
    assert_eq!(wait(&*throttle, &stranger).await, 32);
    assert_eq!(wait(&*throttle, &attempt("ann", "")).await, 32, "a client without an address is unknown");
    // Another address in the same /64 counts as the same known client, whose failures are counted separately from those
    // of unknown clients.
    for _ in 0..5 {
        assert_eq!(wait(&*throttle, &attempt("ann", "2001:db8::2")).await, 0);
    }
    assert_eq!(wait(&*throttle, &home).await, 32);
    assert_eq!(wait(&*throttle, &attempt("bob", "2001:db8::1")).await, 0);
}

async fn a_reverted_attempt_is_not_counted(World { throttle, .. }: World) {
    for client in ["", "192.0.2.1"] {
        let ann = attempt("ann", client);
        throttle.take_back(&ann).await;
        for _ in 0..5 {
            assert_eq!(wait(&*throttle, &ann).await, 0);
        }
        throttle.take_back(&ann).await;
        assert_eq!(wait(&*throttle, &ann).await, 0);
        assert_eq!(wait(&*throttle, &ann).await, 32);
        throttle.was_owner(&attempt("ann", "192.0.2.1")).await;
    }
}

async fn failures_are_forgotten_after_a_day(World { throttle, clock, .. }: World) {
    let ann = attempt("ann", "");
    for _ in 0..4 {
        assert_eq!(wait(&*throttle, &ann).await, 0);
    }
    clock.advance(86_400);
    for _ in 0..5 {
        assert_eq!(wait(&*throttle, &ann).await, 0);
    }
    assert_eq!(wait(&*throttle, &ann).await, 32);
}

#[tokio::test]
async fn nodes_that_share_a_redis_count_together() {
    if TestRedis::is_skipped() {
        return;
    }
    let (redis, clock, limit) = (TestRedis::start(), MovableClock::new(), limit(&["2/1m"]));
    let (one, other) = (node(&redis, &clock).await, node(&redis, &clock).await);
    assert_eq!(one.take(&limit, "a").await.quotas[0].remaining, 1);
    assert_eq!(other.take(&limit, "a").await.quotas[0].remaining, 0);
    assert!(!one.take(&limit, "a").await.is_allowed);
    assert_eq!(one.take_once(&limit, "b", "one").await.quotas[0].remaining, 1);
    assert_eq!(other.take_once(&limit, "b", "one").await.quotas[0].remaining, 1);
    let ann = attempt("ann", "192.0.2.1");
    for _ in 0..5 {
        assert_eq!(wait(&*one, &ann).await, 0);
    }
    assert_eq!(wait(&*other, &ann).await, 32);
    other.was_owner(&ann).await;
    assert_eq!(wait(&*one, &ann).await, 0);
}

#[tokio::test]
async fn while_redis_is_unavailable_each_node_counts_in_memory() {
    if TestRedis::is_skipped() {
        return;
    }
    let (redis, clock, limit) = (TestRedis::start(), MovableClock::new(), limit(&["2/1m"]));
    let (one, other) = (node(&redis, &clock).await, node(&redis, &clock).await);
    assert!(one.take(&limit, "a").await.is_allowed);
    redis.kill();
    for node in [&one, &other] {
        assert_eq!(node.take(&limit, "a").await.quotas[0].remaining, 1);
        assert_eq!(node.take(&limit, "a").await.quotas[0].remaining, 0);
        assert!(!node.take(&limit, "a").await.is_allowed);
        for _ in 0..3 {
            assert_eq!(node.take_once(&limit, "b", "one").await.quotas[0].remaining, 1);
        }
        node.give_back(&limit, "a").await;
        assert!(node.take(&limit, "a").await.is_allowed);
        for _ in 0..5 {
            assert_eq!(wait(&**node, &attempt("ann", "")).await, 0);
        }
        assert_eq!(wait(&**node, &attempt("ann", "")).await, 32);
        node.was_owner(&attempt("ann", "")).await;
        assert_eq!(wait(&**node, &attempt("ann", "")).await, 0);
    }
    redis.restart();
    one.connected().await;
    other.connected().await;
    assert_eq!(one.take(&limit, "a").await.quotas[0].remaining, 1);
    assert_eq!(other.take(&limit, "a").await.quotas[0].remaining, 0);
}

#[tokio::test]
async fn only_one_request_waits_for_a_redis_that_does_not_answer() {
    if TestRedis::is_skipped() {
        return;
    }
    let (redis, clock, limit) = (TestRedis::start(), MovableClock::new(), limit(&["1000/1m"]));
    let node = node(&redis, &clock).await;
    redis.pause();
    let begun = std::time::Instant::now();
    for number in 1..=200 {
        let verdict = node.take(&limit, "a").await;
        assert_eq!(verdict.quotas[0].remaining, 1_000 - number, "the node counts in its own memory");
    }
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "several of 200 requests waited: {:?}",
        begun.elapsed()
    );
    redis.resume();
    node.connected().await;
    // After resuming, Redis may have counted a request that was sent during the pause, which is acceptable.
    assert!(node.take(&limit, "a").await.quotas[0].remaining >= 998);
}

#[tokio::test]
async fn a_redis_that_refuses_writes_is_treated_as_unavailable() {
    if TestRedis::is_skipped() {
        return;
    }
    let (redis, clock, limit) = (TestRedis::start(), MovableClock::new(), limit(&["1/1m"]));
    let node = node(&redis, &clock).await;
    let _ = redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    assert!(node.take(&limit, "a").await.is_allowed);
    assert!(!node.take(&limit, "a").await.is_allowed);
    let _ = redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    node.connected().await;
    assert!(node.take(&limit, "a").await.is_allowed);
}

#[tokio::test]
async fn entries_in_redis_expire_and_contain_no_addresses() {
    if TestRedis::is_skipped() {
        return;
    }
    let (redis, clock) = (TestRedis::start(), MovableClock::new());
    let node = node(&redis, &clock).await;
    node.take(&limit(&["1/1m", "5/1d"]), "ann@example.com").await;
    node.take_once(&limit(&["5/1m"]), "a sign-in", "ann's secret").await;
    node.give_back(&limit(&["1/1m", "5/1d"]), "ann@example.com").await;
    let ann = attempt("ann", "192.0.2.1");
    node.begin(&ann).await.unwrap();
    node.was_owner(&ann).await;
    node.begin(&ann).await.unwrap();
    node.take_back(&ann).await;
    let keys = redis.command(&["KEYS", "*"]);
    assert!(keys.contains("cinema:rate:") && keys.contains("known") && keys.contains("failures"), "{keys}");
    assert!(keys.contains("cinema:deed:"), "{keys}");
    assert!(!keys.contains("ann") && !keys.contains("192.0.2"), "{keys}");
    for key in keys.lines().filter(|line| line.starts_with("cinema:")) {
        let lives: i64 = redis.command(&["TTL", key]).trim_matches([':', '\r', '\n']).parse().unwrap();
        assert!(lives > 0 || key == "cinema:probe", "{key} lives for {lives} s");
    }
}

#[tokio::test]
async fn a_url_that_is_not_of_redis_is_refused() {
    for url in ["", "redis", "http://localhost", "postgres://localhost/x"] {
        assert_eq!(RedisThrottle::open(url, MovableClock::new()).err(), Some(InvalidRedisUrl), "{url}");
        assert_eq!(RedisThrottle::check_url(url), Err(InvalidRedisUrl), "{url}");
    }
}
