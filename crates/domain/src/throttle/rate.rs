use std::{collections::HashMap, fmt, num::NonZeroU32, str::FromStr, time::Duration};

use chrono::TimeDelta;

use crate::time::Instant;

/// So many times within a time, written `10/1m`. The time begins with the first use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quota {
    count: NonZeroU32,
    amount: NonZeroU32,
    unit: char,
    window: TimeDelta,
}

/// The text is no quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no number and time such as 10/1m")]
pub struct InvalidQuota;

/// No quota is counted for longer.
const LONGEST_WINDOW: TimeDelta = TimeDelta::days(366);

impl Quota {
    /// So many times a minute, but once at least.
    #[must_use]
    pub const fn per_minute(count: u32) -> Self {
        Self::per(count, 'm', TimeDelta::minutes(1))
    }

    /// So many times an hour, but once at least.
    #[must_use]
    pub const fn per_hour(count: u32) -> Self {
        Self::per(count, 'h', TimeDelta::hours(1))
    }

    /// So many times a day, but once at least.
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

    /// How many times.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count.get()
    }

    /// Within which time.
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

/// One of a limit's quotas, and what clients know it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Such as `login`, or `password-reset-1d` where a limit has several.
    pub name: String,
    /// How many times within which time.
    pub quota: Quota,
}

/// What is limited, with every quota that has to allow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    name: &'static str,
    policies: Vec<Policy>,
}

impl RateLimit {
    /// Limits what this name (letters, digits, hyphens) stands for.
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

    /// The same limit in two parts, of which both have to allow a use: the quotas with a window of at most `longest`, and the
    /// others. The parts can be counted for different subjects.
    #[must_use]
    pub fn split_at(self, longest: TimeDelta) -> (Self, Self) {
        let (short, long) = self.policies.into_iter().partition(|policy| policy.quota.window <= longest);
        (Self { name: self.name, policies: short }, Self { name: self.name, policies: long })
    }

    /// What is limited.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The quotas, in the order of [`Verdict::standings`].
    #[must_use]
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// After this time without use nothing need be known of a subject.
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

/// What is left of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How many more times.
    pub remaining: u32,
    /// Within this time; then the quota is whole again.
    pub resets_in: Duration,
}

/// Whether something may be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether every quota allowed it. It is counted only then.
    pub is_allowed: bool,
    /// How each of the limit's policies stands after it.
    pub standings: Vec<Standing>,
}

/// How often a subject did what a limit is about: what an adapter keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    windows: Vec<Window>,
    /// What was counted by its name, and until when it is known: no more than the quotas allowed meanwhile.
    deeds: HashMap<String, Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    used: u32,
    ends_at: Instant,
}

impl Window {
    /// As it counts now: a window that is over, or ends later than any that could have begun, is a new one.
    fn at(self, quota: &Quota, now: Instant) -> Option<Self> {
        let left = self.ends_at.signed_duration_since(now);
        (left > TimeDelta::zero() && left <= quota.window).then_some(self)
    }

    fn begin(quota: &Quota, now: Instant) -> Self {
        Self { used: 0, ends_at: now.checked_add_signed(quota.window).unwrap_or(now) }
    }
}

impl Usage {
    /// Counts one more use when every quota of the limit allows it, and says how they stand.
    pub fn take(&mut self, limit: &RateLimit, now: Instant) -> Verdict {
        self.windows = self.windows_at(limit, now);
        let mut used = self.windows.iter().zip(&limit.policies);
        let is_allowed = used.all(|(window, policy)| window.used < policy.quota.count());
        if is_allowed {
            for window in &mut self.windows {
                window.used = window.used.saturating_add(1);
            }
        }
        Verdict { is_allowed, standings: self.standings(limit, now) }
    }

    /// Counts a deed as [`Usage::take`] does, but once: whoever repeats one that was counted, within the longest of the
    /// limit's windows, is allowed to, and nothing is counted. One that was refused was not counted.
    pub fn take_once(&mut self, limit: &RateLimit, deed: &str, now: Instant) -> Verdict {
        let known_for = limit.longest_window();
        // Who would be known for longer was counted by a clock that was set.
        let is_known = |until: Instant| {
            let left = until.signed_duration_since(now);
            left > TimeDelta::zero() && left <= known_for
        };
        if self.deeds.get(deed).copied().is_some_and(is_known) {
            self.windows = self.windows_at(limit, now);
            return Verdict { is_allowed: true, standings: self.standings(limit, now) };
        }
        let verdict = self.take(limit, now);
        if verdict.is_allowed {
            self.deeds.retain(|_, until| is_known(*until));
            self.deeds.insert(deed.to_owned(), now.checked_add_signed(known_for).unwrap_or(now));
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

    fn standings(&self, limit: &RateLimit, now: Instant) -> Vec<Standing> {
        let standing = |(window, policy): (&Window, &Policy)| Standing {
            remaining: policy.quota.count().saturating_sub(window.used),
            resets_in: window.ends_at.signed_duration_since(now).to_std().unwrap_or_default(),
        };
        self.windows.iter().zip(&limit.policies).map(standing).collect()
    }

    /// Counts one use less of every quota whose time still runs.
    pub fn give_back(&mut self, limit: &RateLimit, now: Instant) {
        for (window, policy) in self.windows.iter_mut().zip(&limit.policies) {
            if window.at(&policy.quota, now).is_some() {
                window.used = window.used.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers")]
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

    fn standing(remaining: u32, seconds: u64) -> Standing {
        Standing { remaining, resets_in: Duration::from_secs(seconds) }
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
    fn a_quota_of_the_program_is_the_one_that_a_setting_would_be() {
        assert_eq!(Quota::per_minute(10), quota("10/1m"));
        assert_eq!(Quota::per_hour(30), quota("30/1h"));
        assert_eq!(Quota::per_day(5), quota("5/1d"));
        assert_eq!(Quota::per_minute(0), quota("1/1m"));
    }

    #[test]
    fn the_time_begins_with_the_first_use_and_gives_all_back_at_its_end() {
        let limit = limit(&["2/1m"]);
        let mut usage = Usage::default();
        assert_eq!(usage.take(&limit, second(0)).standings, [standing(1, 60)]);
        assert_eq!(usage.take(&limit, second(10)).standings, [standing(0, 50)]);
        for at in [10, 59] {
            let refused = usage.take(&limit, second(at));
            assert!(!refused.is_allowed);
            assert_eq!(refused.standings[0].remaining, 0);
        }
        let again = usage.take(&limit, second(60));
        assert!(again.is_allowed);
        assert_eq!(again.standings, [standing(1, 60)]);
    }

    #[test]
    fn what_one_quota_refuses_is_counted_by_none() {
        let limit = limit(&["1/1m", "2/1d"]);
        assert_eq!(
            limit.policies().iter().map(|policy| policy.name.as_str()).collect::<Vec<_>>(),
            ["login-1m", "login-1d"]
        );
        let mut usage = Usage::default();
        assert!(usage.take(&limit, second(0)).is_allowed);
        let refused = usage.take(&limit, second(1));
        assert!(!refused.is_allowed);
        assert_eq!(refused.standings, [standing(0, 59), standing(1, 86_399)]);
        assert!(usage.take(&limit, second(60)).is_allowed);
        let refused = usage.take(&limit, second(120));
        assert!(!refused.is_allowed);
        assert_eq!(refused.standings, [standing(1, 60), standing(0, 86_280)]);
    }

    #[test]
    fn what_is_given_back_can_be_used_again_until_its_time_is_over() {
        let limit = limit(&["1/1m", "2/1d"]);
        let mut usage = Usage::default();
        usage.give_back(&limit, second(0));
        assert_eq!(usage.take(&limit, second(0)).standings, [standing(0, 60), standing(1, 86_400)]);
        usage.give_back(&limit, second(10));
        // The times go on.
        assert_eq!(usage.take(&limit, second(20)).standings, [standing(0, 40), standing(1, 86_380)]);
        usage.give_back(&limit, second(60));
        assert_eq!(usage.take(&limit, second(60)).standings, [standing(0, 60), standing(1, 86_340)]);
        for _ in 0..5 {
            usage.give_back(&limit, second(61));
        }
        assert!(usage.take(&limit, second(61)).is_allowed, "no more comes back than was taken");
        assert!(!usage.take(&limit, second(61)).is_allowed);
    }

    #[test]
    fn a_clock_that_was_set_back_locks_nobody_out() {
        let limit = limit(&["1/1m"]);
        let mut usage = Usage::default();
        assert!(usage.take(&limit, second(3_600)).is_allowed);
        assert!(usage.take(&limit, second(0)).is_allowed);
    }

    #[test]
    fn a_deed_is_counted_once_and_a_refused_one_was_not_counted() {
        let limit = limit(&["2/1m"]);
        let mut usage = Usage::default();
        for deed in ["a", "a", "b"] {
            assert!(usage.take_once(&limit, deed, second(0)).is_allowed, "{deed}");
        }
        for _ in 0..2 {
            assert!(!usage.take_once(&limit, "c", second(1)).is_allowed);
            let repeated = usage.take_once(&limit, "a", second(1));
            assert_eq!((repeated.is_allowed, repeated.standings), (true, vec![standing(0, 59)]));
        }
        // It is known for as long as the window, which is over for all of them now.
        assert_eq!(usage.take_once(&limit, "a", second(60)).standings, [standing(1, 60)]);
        assert_eq!(usage.deeds.len(), 1);
        assert!(usage.take_once(&limit, "c", second(60)).is_allowed);
        assert!(!usage.take_once(&limit, "b", second(60)).is_allowed);
    }

    #[test]
    fn a_deed_of_a_clock_that_was_set_back_is_counted_again() {
        let limit = limit(&["1/1m"]);
        let mut usage = Usage::default();
        assert!(usage.take_once(&limit, "a", second(3_600)).is_allowed);
        assert_eq!(usage.take_once(&limit, "a", second(0)).standings, [standing(0, 60)]);
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
                prop_assert_eq!(verdict.standings[0].remaining, count - used);
                let left = begun.unwrap() + 60 - now;
                prop_assert_eq!(verdict.standings[0].resets_in.as_secs(), u64::try_from(left).unwrap());
            }
        }
    }
}
