//! Simulated faults of API calls.

use std::time::Duration;

/// A fault of an API call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call is answered with 500.
    Error {
        /// Whether the call takes effect anyway.
        has_effect: bool,
        /// Whether this answer is saved, and repeated for every later identical call with the same idempotency key.
        is_saved: bool,
    },
    /// The call has no effect and is answered with 429.
    TooManyRequests,
    /// The call has no effect and is answered with 409, as during another call with the same idempotency key.
    KeyInUse,
    /// The call has no effect and is answered with 401, as after the API key has expired.
    Unauthorized,
    /// The connection is closed without an answer.
    HangUp {
        /// Whether the call takes effect anyway.
        has_effect: bool,
    },
    /// The call has no effect, and the answer is not JSON, as the answer of a proxy might be.
    Garbage,
    /// The call takes effect and is answered after this delay.
    Late(Duration),
}

/// A fault, and the calls to which it applies: the next `times` calls with this method and a path that begins with
/// `path`.
#[derive(Debug, Clone)]
struct Plan {
    method: String,
    path: String,
    times: usize,
    fault: Fault,
    should_retry: Option<bool>,
}

/// The faults that a test has requested.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    plans: Vec<Plan>,
    random: Option<(Random, u64)>,
}

impl Faults {
    pub(crate) fn plan(&mut self, call: &str, fault: Fault, should_retry: Option<bool>, times: usize) {
        let (method, path) = call.split_once(' ').unwrap_or((call, "/"));
        let (method, path) = (method.to_owned(), path.to_owned());
        self.plans.push(Plan { method, path, times, fault, should_retry });
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// From now on, each `POST` call without a planned fault fails with this probability, in percent. The seed
    /// determines which calls fail, and with which faults.
    pub(crate) fn set_random(&mut self, seed: u64, percent: u64) {
        self.random = Some((Random::new(seed), percent));
    }

    /// Returns the fault of the next call, if it has one, and the value of `Stripe-Should-Retry` in its answer.
    pub(crate) fn next(&mut self, method: &str, path: &str) -> Option<(Fault, Option<bool>)> {
        let fits = |plan: &&mut Plan| plan.times > 0 && plan.method == method && path.starts_with(&plan.path);
        if let Some(plan) = self.plans.iter_mut().find(fits) {
            plan.times = plan.times.saturating_sub(1);
            return Some((plan.fault, plan.should_retry));
        }
        let (random, percent) = self.random.as_mut().filter(|_| method == "POST")?;
        if !random.happens(*percent) {
            return None;
        }
        let faults = [
            (Fault::Error { has_effect: false, is_saved: false }, None),
            (Fault::Error { has_effect: false, is_saved: true }, Some(false)),
            (Fault::Error { has_effect: true, is_saved: false }, Some(true)),
            (Fault::Error { has_effect: true, is_saved: true }, Some(false)),
            (Fault::HangUp { has_effect: true }, None),
            (Fault::HangUp { has_effect: false }, None),
            (Fault::TooManyRequests, Some(true)),
        ];
        faults.get(random.below(faults.len())).copied()
    }
}

/// A random number generator (xorshift64), which repeats the same numbers for the same seed.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Returns a random number below the limit; 0 when the limit is 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        usize::try_from(self.next().checked_rem(limit).unwrap_or(0)).unwrap_or(0)
    }

    /// Returns `true` with this probability, in percent.
    pub(crate) fn happens(&mut self, percent: u64) -> bool {
        self.next().rem_euclid(100) < percent
    }
}
