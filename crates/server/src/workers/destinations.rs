use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

/// How long a destination counts as slow after a delivery to it has been marked as slow, unless a quick delivery to
/// it ends earlier.
const SLOW_FOR: Duration = Duration::from_mins(1);

/// The destinations of outbox messages (such as a mail host or a store of pictures) to which deliveries are running or
/// were recently slow.
#[derive(Default)]
pub(super) struct Destinations(HashMap<String, Destination>);

#[derive(Default)]
struct Destination {
    running: usize,
    slow_until: Option<Instant>,
}

impl Destinations {
    /// Returns whether the destination counts as slow.
    pub(super) fn is_slow(&self, name: &str, now: Instant) -> bool {
        self.0.get(name).is_some_and(|destination| destination.is_slow(now))
    }

    /// Returns how many deliveries to the destination are running.
    pub(super) fn running(&self, name: &str) -> usize {
        self.0.get(name).map_or(0, |destination| destination.running)
    }

    /// Records the start of a delivery.
    pub(super) fn start(&mut self, name: &str, now: Instant) {
        self.0.retain(|_, destination| destination.running > 0 || destination.is_slow(now));
        let running = &mut self.0.entry(name.to_owned()).or_default().running;
        *running = running.saturating_add(1);
    }

    /// Records that a running delivery is slow. From now on, the destination counts as slow
    /// (see [`SLOW_FOR`]).
    pub(super) fn mark_slow(&mut self, name: &str, now: Instant) {
        if let Some(destination) = self.0.get_mut(name) {
            destination.slow_until = now.checked_add(SLOW_FOR);
        }
    }

    /// Records the end of a delivery. After a quick delivery, the destination no longer counts as slow.
    pub(super) fn end(&mut self, name: &str, was_slow: bool) {
        if let Some(destination) = self.0.get_mut(name) {
            destination.running = destination.running.saturating_sub(1);
            if !was_slow {
                destination.slow_until = None;
            }
        }
    }
}

impl Destination {
    fn is_slow(&self, now: Instant) -> bool {
        self.slow_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_slow_for_a_minute_after_a_slow_delivery_or_until_a_quick_one() {
        let now = Instant::now();
        let mut destinations = Destinations::default();
        destinations.start("slow.example", now);
        destinations.start("quick.example", now);
        destinations.mark_slow("slow.example", now);
        assert!(destinations.is_slow("slow.example", now) && !destinations.is_slow("quick.example", now));
        destinations.end("slow.example", true);
        assert!(destinations.is_slow("slow.example", now));
        assert!(!destinations.is_slow("slow.example", now + SLOW_FOR));
        destinations.start("slow.example", now);
        destinations.end("slow.example", false);
        assert!(!destinations.is_slow("slow.example", now));
    }

    #[test]
    fn running_deliveries_are_counted_by_destination() {
        let now = Instant::now();
        let mut destinations = Destinations::default();
        for _ in 0..3 {
            destinations.start("a.example", now);
        }
        destinations.end("a.example", false);
        destinations.start("b.example", now);
        let running = ["a.example", "b.example", "c.example"].map(|name| destinations.running(name));
        assert_eq!(running, [2, 1, 0]);
    }

    #[test]
    fn destinations_that_are_neither_running_nor_slow_are_removed() {
        let now = Instant::now();
        let mut destinations = Destinations::default();
        for number in 0..1_000 {
            let name = format!("{number}.example");
            destinations.start(&name, now);
            if number % 100 == 0 {
                destinations.mark_slow(&name, now);
            }
            destinations.end(&name, number % 100 == 0);
        }
        // Ten destinations are slow. The last quick destination is removed when the next delivery starts.
        assert!(destinations.0.len() <= 11, "{}", destinations.0.len());
        destinations.start("a.example", now + SLOW_FOR);
        assert_eq!(destinations.0.len(), 1);
    }
}
