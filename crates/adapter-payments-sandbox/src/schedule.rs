//! The schedule of webhooks.

use std::collections::BTreeSet;

use domain::time::Instant;
use uuid::Uuid;

use crate::checkout::Checkout;

/// The checkouts with webhooks to send, by the moment when the next one is due.
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

    /// Plans the webhooks of a checkout that were not sent.
    pub(crate) fn add(&mut self, checkout: &Checkout) {
        let waiting = checkout.events.iter().filter(|event| !event.is_delivered);
        self.0.extend(waiting.map(|event| (event.due_at.0, checkout.key())));
    }

    /// Plans to send the webhooks of a checkout at this time.
    pub(crate) fn plan(&mut self, due_at: Instant, checkout: Uuid) {
        self.0.insert((due_at, checkout));
    }

    /// Takes a checkout whose webhooks are due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Uuid> {
        let first = self.0.first().copied().filter(|(due_at, _)| *due_at <= now)?;
        self.0.remove(&first);
        Some(first.1)
    }
}
