//! The memory limit for answers that are being sent.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Counts the bytes of the answers that are being sent. An answer is counted only if the server calls
/// [`crate::Exchange::hold`] for it. Clones share the count.
///
/// Above `tight` bytes, clients that do not read their counted answers lose their connections sooner
/// ([`crate::Timeouts::write_when_tight`]). Above `full` bytes, the server should refuse large answers.
#[derive(Debug, Clone)]
pub struct AnswerMemory {
    held: Arc<AtomicUsize>,
    tight: usize,
    full: usize,
}

/// Bytes that are counted until this value is dropped.
#[derive(Debug)]
pub struct HeldMemory {
    held: Arc<AtomicUsize>,
    bytes: usize,
}

impl AnswerMemory {
    /// Creates a counter with these limits, in bytes.
    #[must_use]
    pub fn new(tight: usize, full: usize) -> Self {
        Self { held: Arc::default(), tight, full }
    }

    /// Counts the bytes of one more answer.
    #[must_use]
    pub fn hold(&self, bytes: usize) -> HeldMemory {
        self.held.fetch_add(bytes, Ordering::Relaxed);
        HeldMemory { held: Arc::clone(&self.held), bytes }
    }

    /// Whether clients that do not read should lose their connections sooner.
    #[must_use]
    pub fn is_tight(&self) -> bool {
        self.held.load(Ordering::Relaxed) > self.tight
    }

    /// Whether `bytes` more bytes would be within the limit `full`. The method counts nothing, so a concurrent caller
    /// may use the memory first.
    #[must_use]
    pub fn has_room_for(&self, bytes: usize) -> bool {
        self.held.load(Ordering::Relaxed).saturating_add(bytes) <= self.full
    }
}

impl Drop for HeldMemory {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_until_they_are_released() {
        let memory = AnswerMemory::new(10, 20);
        let first = memory.hold(10);
        assert!(!memory.is_tight() && memory.has_room_for(10) && !memory.has_room_for(11));
        let second = memory.clone().hold(5);
        assert!(memory.is_tight() && !memory.has_room_for(6));
        drop(first);
        assert!(!memory.is_tight() && memory.has_room_for(15));
        drop(second);
        assert!(memory.has_room_for(20));
    }
}
