use std::{collections::HashMap, fmt, num::NonZeroU32, str::FromStr, time::Duration};

use chrono::TimeDelta;

use crate::time::Instant;

/// A number of uses within a window of time, written `10/1m`. The window begins with the first use.
///
/// ```
/// use domain::throttle::{Quota, RateLimit, Usage};
///
/// let limit = RateLimit::new("login", &["2/1m".parse()?]);
/// let now = domain::time::Instant::UNIX_EPOCH;
/// let mut usage = Usage::default();
/// assert!(usage.take(&limit, now).is_allowed);
/// assert!(usage.take(&limit, now).is_allowed);
/// assert!(!usage.take(&limit, now).is_allowed);
/// # Ok::<(), domain::throttle::InvalidQuota>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quota {
    count: NonZeroU32,
    amount: NonZeroU32,
    unit: char,
    window: TimeDelta,
}

/// The text is not a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a number and a time such as 10/1m")]
pub struct InvalidQuota;

/// The longest window of a quota.
const LONGEST_WINDOW: TimeDelta = TimeDelta::days(366);

impl Quota {
    /// This many uses a minute, at least one.
    #[must_use]
    pub const fn per_minute(count: u32) -> Self {
        Self::per(count, 'm', TimeDelta::minutes(1))
    }

    /// This many uses an hour, at least one.
    #[must_use]
    pub const fn per_hour(count: u32) -> Self {
        Self::per(count, 'h', TimeDelta::hours(1))
    }

    /// This many uses a day, at least one.
    #[must_use]
    pub const fn per_day(count: u32) -> Self {
        Self::per(count, 'd', TimeDelta::days(1))
    }

    const fn per(count: u32, unit: char, window: TimeDelta) -> Self {
        let count = match NonZeroU32::new(count) {
            Some(count) => count,
            None => NonZeroU32::MIN,
        };
        Self { count, amount: NonZeroU32::MIN, unit, window }
    }

    /// The number of uses.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count.get()
    }

    /// The window.
    #[must_use]
    pub const fn window(&self) -> TimeDelta {
        self.window
    }
}

impl FromStr for Quota {
    type Err = InvalidQuota;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (count, period) = text.split_once('/').ok_or(InvalidQuota)?;
        let unit = period.chars().next_back().ok_or(InvalidQuota)?;
        let amount: NonZeroU32 =
            period.strip_suffix(unit).unwrap_or_default().parse().map_err(|_| InvalidQuota)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(InvalidQuota),
        };
        let window = i64::from(amount.get()).checked_mul(seconds).and_then(TimeDelta::try_seconds);
        let window = window.filter(|window| *window <= LONGEST_WINDOW).ok_or(InvalidQuota)?;
        let count = count.parse().map_err(|_| InvalidQuota)?;
        Ok(Self { count, amount, unit, window })
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.count, self.amount, self.unit)
    }
}

/// A quota of a limit, with the name that clients see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The name of the quota: the name of the limit, followed by the window if the limit has several quotas
    /// (`password-reset-1d`).
    pub name: String,
    /// The quota.
    pub quota: Quota,
}

/// A rate limit: all of its quotas must allow a use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    name: &'static str,
    policies: Vec<Policy>,
}

impl RateLimit {
    /// A limit with this name (letters, digits, hyphens) and these quotas.
    #[must_use]
    pub fn new(name: &'static str, quotas: &[Quota]) -> Self {
        let policy = |quota: &Quota| Policy {
            name: match quotas {
                [_] => name.to_owned(),
                _ => format!("{name}-{}{}", quota.amount, quota.unit),
            },
            quota: *quota,
        };
        Self { name, policies: quotas.iter().map(policy).collect() }
    }

    /// The same limit in two parts, both of which must allow a use: the quotas with a window of at most `longest`, and
    /// the quotas with a longer window. The parts can be counted for different subjects.
    #[must_use]
    pub fn split_at(self, longest: TimeDelta) -> (Self, Self) {
        let (short, long) = self.policies.into_iter().partition(|policy| policy.quota.window <= longest);
        (Self { name: self.name, policies: short }, Self { name: self.name, policies: long })
    }

    /// The name of the limit.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The quotas of the limit with their names, in the order of [`Verdict::quotas`].
    #[must_use]
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// The longest window of the limit's quotas. The counts of a subject that had no use for this time can be removed.
    #[must_use]
    pub fn longest_window(&self) -> TimeDelta {
        self.policies.iter().map(|policy| policy.quota.window).max().unwrap_or_default()
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, policy) in self.policies.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}", policy.quota)?;
        }
        Ok(())
    }
}

/// The remaining part of a quota for a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaState {
    /// How many more uses are allowed.
    pub remaining: u32,
    /// How long until the window ends and all uses are allowed again.
    pub resets_in: Duration,
}

/// The decision about a use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the use is allowed: every quota allowed the use, which was then counted, or the use repeats a counted
    /// one ([`Usage::take_once`]) and was not counted again.
    pub is_allowed: bool,
    /// The remaining parts of the limit's quotas afterwards.
    pub quotas: Vec<QuotaState>,
}

/// The uses of a limit by one subject, as an adapter stores them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    windows: Vec<Window>,
    /// The keys of counted uses, with the time until which each is remembered. Their number is bounded by the quotas.
    keys: HashMap<String, Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    used: u32,
    ends_at: Instant,
}

impl Window {
    /// Returns the window if it has not ended. A window that ends too late was begun before the clock was set back, and
    /// also counts as ended.
    fn at(self, quota: &Quota, now: Instant) -> Option<Self> {
        let left = self.ends_at.signed_duration_since(now);
        (left > TimeDelta::zero() && left <= quota.window).then_some(self)
    }

    fn begin(quota: &Quota, now: Instant) -> Self {
        Self { used: 0, ends_at: now.checked_add_signed(quota.window).unwrap_or(now) }
    }
}

impl Usage {
    /// Counts one more use if every quota of the limit allows it.
    pub fn take(&mut self, limit: &RateLimit, now: Instant) -> Verdict {
        self.windows = self.windows_at(limit, now);
        let mut used = self.windows.iter().zip(&limit.policies);
        let is_allowed = used.all(|(window, policy)| window.used < policy.quota.count());
        if is_allowed {
            for window in &mut self.windows {
                window.used = window.used.saturating_add(1);
            }
        }
        Verdict { is_allowed, quotas: self.quotas(limit, now) }
    }

    /// Counts a use like [`Usage::take`], but only once for each key: repetitions of a counted use within the limit's
    /// longest window are allowed and not counted.
    pub fn take_once(&mut self, limit: &RateLimit, key: &str, now: Instant) -> Verdict {
        let known_for = limit.longest_window();
        // A key that would be remembered for longer than the window was counted before the clock was set back.
        let is_known = |until: Instant| {
            let left = until.signed_duration_since(now);
            left > TimeDelta::zero() && left <= known_for
        };
        if self.keys.get(key).copied().is_some_and(is_known) {
            self.windows = self.windows_at(limit, now);
            return Verdict { is_allowed: true, quotas: self.quotas(limit, now) };
        }
        let verdict = self.take(limit, now);
        if verdict.is_allowed {
            self.keys.retain(|_, until| is_known(*until));
            self.keys.insert(key.to_owned(), now.checked_add_signed(known_for).unwrap_or(now));
        }
        verdict
    }

    fn windows_at(&self, limit: &RateLimit, now: Instant) -> Vec<Window> {
        let windows = limit.policies.iter().enumerate().map(|(index, Policy { quota, .. })| {
            let known = self.windows.get(index).and_then(|window| window.at(quota, now));
            known.unwrap_or_else(|| Window::begin(quota, now))
        });
        windows.collect()
    }

    fn quotas(&self, limit: &RateLimit, now: Instant) -> Vec<QuotaState> {
        let quota_state = |(window, policy): (&Window, &Policy)| QuotaState {
            remaining: policy.quota.count().saturating_sub(window.used),
            resets_in: window.ends_at.signed_duration_since(now).to_std().unwrap_or_default(),
        };
        self.windows.iter().zip(&limit.policies).map(quota_state).collect()
    }

    /// Reverts the count of a use for every quota whose window has not ended.
    pub fn give_back(&mut self, limit: &RateLimit, now: Instant) {
        for (window, policy) in self.windows.iter_mut().zip(&limit.policies) {
            if window.at(&policy.quota, now).is_some() {
                window.used = window.used.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "the numbers in the tests are small")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quota(text: &str) -> Quota {
        text.parse().unwrap()
    }

    fn limit(quotas: &[&str]) -> RateLimit {
        let quotas: Vec<Quota> = quotas.iter().map(|text| quota(text)).collect();
        RateLimit::new("login", &quotas)
    }

    fn second(number: i64) -> Instant {
        Instant::from_timestamp(1_800_000_000 + number, 0).unwrap()
    }

    fn quota_state(remaining: u32, seconds: u64) -> QuotaState {
        QuotaState { remaining, resets_in: Duration::from_secs(seconds) }
    }

    #[test]
    fn a_quota_is_a_number_and_a_time() {
        for (text, count, seconds) in
            [("10/1m", 10, 60), ("1/1s", 1, 1), ("5/2h", 5, 7_200), ("600/1d", 600, 86_400)]
        {
            assert_eq!((quota(text).count(), quota(text).window().num_seconds()), (count, seconds), "{text}");
            assert_eq!(quota(text).to_string(), text);
        }
        for bad in ["", "10", "0/1m", "10/0m", "10/m", "10/1", "10/1w", "-1/1m", "1/1m/1", "1/367d", "1/1é"]
        {
            assert_eq!(bad.parse::<Quota>(), Err(InvalidQuota), "{bad}");
        }
    }

    #[test]
    fn a_quota_created_in_code_equals_the_same_quota_in_a_setting() {
        assert_eq!(Quota::per_minute(10), quota("10/1m"));
        assert_eq!(Quota::per_hour(30), quota("30/1h"));
        assert_eq!(Quota::per_day(5), quota("5/1d"));
        assert_eq!(Quota::per_minute(0), quota("1/1m"));
    }

    #[test]
    fn the_window_begins_with_the_first_use_and_restores_the_quota_at_its_end() {
        let limit = limit(&["2/1m"]);
        let mut usage = Usage::default();
        assert_eq!(usage.take(&limit, second(0)).quotas, [quota_state(1, 60)]);
        assert_eq!(usage.take(&limit, second(10)).quotas, [quota_state(0, 50)]);
        for at in [10, 59] {
            let refused = usage.take(&limit, second(at));
            assert!(!refused.is_allowed);
            assert_eq!(refused.quotas[0].remaining, 0);
        }
        let again = usage.take(&limit, second(60));
        assert!(again.is_allowed);
        assert_eq!(again.quotas, [quota_state(1, 60)]);
    }

    #[test]
    fn a_use_refused_by_one_quota_is_not_counted_by_any() {
        let limit = limit(&["1/1m", "2/1d"]);
        assert_eq!(
            limit.policies().iter().map(|policy| policy.name.as_str()).collect::<Vec<_>>(),
            ["login-1m", "login-1d"]
        );
        let mut usage = Usage::default();
        assert!(usage.take(&limit, second(0)).is_allowed);
        let refused = usage.take(&limit, second(1));
        assert!(!refused.is_allowed);
        assert_eq!(refused.quotas, [quota_state(0, 59), quota_state(1, 86_399)]);
        assert!(usage.take(&limit, second(60)).is_allowed);
        let refused = usage.take(&limit, second(120));
        assert!(!refused.is_allowed);
        assert_eq!(refused.quotas, [quota_state(1, 60), quota_state(0, 86_280)]);
    }

    #[test]
    fn a_use_that_is_given_back_can_be_repeated_within_its_window() {
        let limit = limit(&["1/1m", "2/1d"]);
        let mut usage = Usage::default();
        usage.give_back(&limit, second(0));
        assert_eq!(usage.take(&limit, second(0)).quotas, [quota_state(0, 60), quota_state(1, 86_400)]);
        usage.give_back(&limit, second(10));
        // Giving back a use does not restart the windows.
        assert_eq!(usage.take(&limit, second(20)).quotas, [quota_state(0, 40), quota_state(1, 86_380)]);
        usage.give_back(&limit, second(60));
        assert_eq!(usage.take(&limit, second(60)).quotas, [quota_state(0, 60), quota_state(1, 86_340)]);
        for _ in 0..5 {
            usage.give_back(&limit, second(61));
        }
        assert!(usage.take(&limit, second(61)).is_allowed, "no more uses are given back than were counted");
        assert!(!usage.take(&limit, second(61)).is_allowed);
    }

    #[test]
    fn a_window_that_began_before_the_clock_was_set_back_is_ignored() {
        let limit = limit(&["1/1m"]);
        let mut usage = Usage::default();
        assert!(usage.take(&limit, second(3_600)).is_allowed);
        assert!(usage.take(&limit, second(0)).is_allowed);
    }

    #[test]
    fn a_use_is_counted_once_and_a_refused_one_is_not_counted() {
        let limit = limit(&["2/1m"]);
        let mut usage = Usage::default();
        for key in ["a", "a", "b"] {
            assert!(usage.take_once(&limit, key, second(0)).is_allowed, "{key}");
        }
        for _ in 0..2 {
            assert!(!usage.take_once(&limit, "c", second(1)).is_allowed);
            let repeated = usage.take_once(&limit, "a", second(1));
            assert_eq!((repeated.is_allowed, repeated.quotas), (true, vec![quota_state(0, 59)]));
        }
        // The key is remembered for the length of the window, which has now ended for all uses.
        assert_eq!(usage.take_once(&limit, "a", second(60)).quotas, [quota_state(1, 60)]);
        assert_eq!(usage.keys.len(), 1);
        assert!(usage.take_once(&limit, "c", second(60)).is_allowed);
        assert!(!usage.take_once(&limit, "b", second(60)).is_allowed);
    }

    #[test]
    fn a_use_is_counted_again_after_the_clock_was_set_back() {
        let limit = limit(&["1/1m"]);
        let mut usage = Usage::default();
        assert!(usage.take_once(&limit, "a", second(3_600)).is_allowed);
        assert_eq!(usage.take_once(&limit, "a", second(0)).quotas, [quota_state(0, 60)]);
        assert!(!usage.take_once(&limit, "b", second(0)).is_allowed);
    }

    proptest! {
        #[test]
        fn no_window_allows_more_than_its_quota(
            count in 1_u32..8, pauses in proptest::collection::vec(0_i64..30, 1..100),
        ) {
            let limit = limit(&[&format!("{count}/1m")]);
            let (mut usage, mut now, mut begun, mut used) = (Usage::default(), 0, None, 0);
            for pause in pauses {
                now += pause;
                let verdict = usage.take(&limit, second(now));
                if begun.is_none_or(|begun| now >= begun + 60) {
                    begun = Some(now);
                    used = 0;
                }
                prop_assert_eq!(verdict.is_allowed, used < count);
                used += u32::from(verdict.is_allowed);
                prop_assert_eq!(verdict.quotas[0].remaining, count - used);
                let left = begun.unwrap() + 60 - now;
                prop_assert_eq!(verdict.quotas[0].resets_in.as_secs(), u64::try_from(left).unwrap());
            }
        }
    }
}
