//! When to send webhooks next.

use std::collections::BTreeSet;

use domain::time::Instant;
use uuid::Uuid;

use crate::checkout::Checkout;

/// The keys of the checkouts that have webhooks to send, each with the time at which to send them, sorted by time. A
/// checkout can have several entries, with different times.
#[derive(Debug, Default)]
pub(crate) struct Schedule(BTreeSet<(Instant, Uuid)>);

impl Schedule {
    pub(crate) fn of(checkouts: &[Checkout]) -> Self {
        let mut schedule = Self::default();
        for checkout in checkouts {
            schedule.add(checkout);
        }
        schedule
    }

    /// Schedules all undelivered webhooks of a checkout for the times at which they are due.
    pub(crate) fn add(&mut self, checkout: &Checkout) {
        let waiting = checkout.events.iter().filter(|event| !event.is_delivered);
        self.0.extend(waiting.map(|event| (event.due_at.0, checkout.key())));
    }

    /// Schedules the checkout with this key, so that its due webhooks are sent at `due_at`.
    pub(crate) fn plan(&mut self, due_at: Instant, checkout: Uuid) {
        self.0.insert((due_at, checkout));
    }

    /// Removes the first entry if its time has come, and returns the key of its checkout.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Uuid> {
        let first = self.0.first().copied().filter(|(due_at, _)| *due_at <= now)?;
        self.0.remove(&first);
        Some(first.1)
    }
}
