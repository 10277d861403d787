use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use domain::throttle::{SignInAttempt, SignInGuard, TooManyFailures};

/// A sign-in guard that allows every attempt until [`Self::refuse`] is called, and records all calls except refused
/// attempts.
#[derive(Default)]
pub(crate) struct RecordingGuard {
    refuses: AtomicBool,
    told: Mutex<Vec<&'static str>>,
}

impl RecordingGuard {
    /// Refuses every attempt from now on.
    pub(crate) fn refuse(&self) {
        self.refuses.store(true, Ordering::Relaxed);
    }

    /// Returns the recorded calls since the previous call of this method, oldest first.
    pub(crate) fn take_told(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, what: &'static str) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }
}

#[async_trait]
impl SignInGuard for RecordingGuard {
    async fn begin(&self, _attempt: &SignInAttempt) -> Result<(), TooManyFailures> {
        if self.refuses.load(Ordering::Relaxed) {
            return Err(TooManyFailures { retry_after: Duration::from_secs(32) });
        }
        self.note("begun");
        Ok(())
    }

    async fn was_owner(&self, _attempt: &SignInAttempt) {
        self.note("owner");
    }

    async fn take_back(&self, _attempt: &SignInAttempt) {
        self.note("taken back");
    }
}
