//! Shared test doubles of all areas: a test database, and doubles of small ports.

pub(crate) mod fixtures;
mod ports;
pub(crate) mod rows;
pub(crate) mod storage;

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use domain::{
    entropy::{Sealer, Signer, UnsealError},
    id::IdGenerator,
    time::{Backoff, Clock, Instant},
};
use uuid::Uuid;

/// A clock that stands still until a test moves it.
pub(crate) struct MovableClock(Mutex<Instant>);

impl Default for MovableClock {
    /// 2026-11-22T10:00:00.25Z: not a whole second, so that truncation to seconds is visible.
    fn default() -> Self {
        Self(Mutex::new(DateTime::from_timestamp(1_795_341_600, 250_000_000).unwrap()))
    }
}

impl MovableClock {
    pub(crate) fn advance(&self, by: TimeDelta) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add_signed(by).unwrap();
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Instant {
        *self.0.lock().unwrap()
    }
}

/// A backoff that does not wait.
pub(crate) struct NoWait;

#[async_trait]
impl Backoff for NoWait {
    async fn wait(&self, _longest: Duration) {}
}

/// Generates the identifiers 1, 2, 3 and so on.
#[derive(Default)]
pub(crate) struct CountingIds(AtomicU64);

impl IdGenerator for CountingIds {
    fn uuid(&self) -> Uuid {
        Uuid::from_u128(self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1).into())
    }
}

/// "Encrypts" a text by inverting every bit and adding a prefix. The result is not readable, and a text without the
/// prefix cannot be "decrypted".
pub(crate) struct FlipSealer;

const SEAL: u8 = b'S';

impl Sealer for FlipSealer {
    fn seal(&self, plain: &[u8]) -> Vec<u8> {
        std::iter::once(SEAL).chain(plain.iter().map(|byte| !byte)).collect()
    }

    fn unseal(&self, sealed: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, UnsealError> {
        let flipped = sealed.strip_prefix(&[SEAL]).ok_or(UnsealError)?;
        Ok(flipped.iter().map(|byte| !byte).collect::<Vec<_>>().into())
    }
}

/// Signs with an 8-bit hash, which is enough to detect changed data in tests.
pub(crate) struct SumSigner;

impl Signer for SumSigner {
    fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        let sum = parts.iter().enumerate().fold(7_u8, |sum, (index, part)| {
            part.iter().fold(sum.wrapping_add(u8::try_from(index).unwrap()), |sum, byte| {
                sum.wrapping_mul(31).wrapping_add(*byte)
            })
        });
        [sum; 32]
    }

    fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        self.sign(parts) == tag
    }
}
