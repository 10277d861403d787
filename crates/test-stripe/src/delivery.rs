//! Delivers events to the shop's webhook, with simulated faults.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use url::Url;

use crate::{faults::Random, http, objects::Event};

/// The maximum number of times that each copy of an event is sent.
const TRIES: u32 = 20;

/// The simulated faults of deliveries. Random numbers decide which events they affect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// The seed of the random numbers. The same seed causes the same faults.
    pub seed: u64,
    /// The percentage of events that are sent twice.
    pub duplicated: u64,
    /// The percentage of events that are never sent.
    pub dropped: u64,
    /// Each event is sent after a random delay below this number of milliseconds, so that events arrive in another
    /// order.
    pub longest_delay_ms: usize,
}

impl Delivery {
    /// Every event is sent once, in the order in which the events occurred, and again only if the shop did not accept
    /// it.
    pub const RELIABLE: Self = Self { seed: 1, duplicated: 0, dropped: 0, longest_delay_ms: 0 };
}

/// Returns the value of the header `Stripe-Signature` for a body, with one `v1` for each secret.
#[must_use]
pub fn signature(secrets: &[&str], timestamp: i64, body: &str) -> String {
    let mut header = format!("t={timestamp}");
    for secret in secrets {
        // This cannot fail, because HMAC accepts keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { continue };
        mac.update(format!("{timestamp}.{body}").as_bytes());
        header.push_str(",v1=");
        for byte in mac.finalize().into_bytes() {
            // Writing to a string does not fail.
            let _ = write!(header, "{byte:02x}");
        }
    }
    header
}

/// The shop's address for webhooks, and the secrets that sign the webhooks.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) url: Url,
    pub(crate) secrets: Vec<String>,
}

/// An event to send, the time at which it is due, and how often it was sent.
#[derive(Debug, Clone)]
struct Parcel {
    event: Event,
    due: Instant,
    tries: u32,
}

/// The events that must still be sent.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) endpoint: Option<Endpoint>,
    delivery: Delivery,
    random: Random,
    parcels: Vec<Parcel>,
    /// Whether an event is being sent. That event is not in `parcels`.
    is_sending: bool,
}

impl Outbox {
    pub(crate) const fn new() -> Self {
        let delivery = Delivery::RELIABLE;
        Self {
            endpoint: None,
            delivery,
            random: Random::new(delivery.seed),
            parcels: Vec::new(),
            is_sending: false,
        }
    }

    pub(crate) const fn configure(&mut self, delivery: Delivery) {
        self.delivery = delivery;
        self.random = Random::new(delivery.seed);
    }

    /// Returns whether no event is waiting or being sent.
    pub(crate) const fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Returns the number of events that are waiting or being sent.
    pub(crate) const fn count(&self) -> usize {
        self.parcels.len().saturating_add(if self.is_sending { 1 } else { 0 })
    }

    /// Adds a new event, and decides about its simulated faults. Without an endpoint, the event is dropped.
    pub(crate) fn accept(&mut self, event: &Event, now: Instant) {
        if self.endpoint.is_none() || self.random.happens(self.delivery.dropped) {
            return;
        }
        let copies = if self.random.happens(self.delivery.duplicated) { 2 } else { 1 };
        for _ in 0..copies {
            let delay = u64::try_from(self.random.below(self.delivery.longest_delay_ms)).unwrap_or_default();
            let due = now.checked_add(Duration::from_millis(delay)).unwrap_or(now);
            self.parcels.push(Parcel { event: event.clone(), due, tries: 0 });
        }
    }

    /// Removes and returns the event that has been due for the longest time.
    fn next(&mut self, now: Instant) -> Option<(Parcel, Endpoint)> {
        let endpoint = self.endpoint.clone()?;
        let due = self.parcels.iter().enumerate().filter(|(_, parcel)| parcel.due <= now);
        let (place, _) = due.min_by_key(|(_, parcel)| parcel.due)?;
        self.is_sending = true;
        Some((self.parcels.remove(place), endpoint))
    }

    fn try_again(&mut self, mut parcel: Parcel, now: Instant) {
        parcel.tries = parcel.tries.saturating_add(1);
        let wait = Duration::from_millis(200).saturating_mul(parcel.tries.min(10));
        parcel.due = now.checked_add(wait).unwrap_or(now);
        if parcel.tries < TRIES {
            self.parcels.push(parcel);
        }
    }
}

/// An event that was removed from the outbox, so that the outbox is not locked while the event is sent.
pub(crate) struct Sending(Parcel, Endpoint);

impl Sending {
    pub(crate) fn next(outbox: &mut Outbox, now: Instant) -> Option<Self> {
        outbox.next(now).map(|(parcel, endpoint)| Self(parcel, endpoint))
    }

    /// Sends the event. Returns whether the shop accepted it.
    pub(crate) fn send(&self, timestamp: i64) -> bool {
        let Self(parcel, endpoint) = self;
        let body = parcel.event.body.to_string();
        let secrets: Vec<&str> = endpoint.secrets.iter().map(String::as_str).collect();
        let signature = signature(&secrets, timestamp, &body);
        let headers = [("content-type", "application/json"), ("stripe-signature", signature.as_str())];
        http::post(&endpoint.url, &headers, &body).is_ok_and(|status| (200..300).contains(&status))
    }

    /// Ends the sending. An event that was not accepted is put back into the outbox, unless it was sent [`TRIES`]
    /// times.
    pub(crate) fn finish(self, is_taken: bool, outbox: &mut Outbox, now: Instant) {
        outbox.is_sending = false;
        if !is_taken {
            outbox.try_again(self.0, now);
        }
    }
}
