//! The delivery of webhook events to the shop, with simulated faults.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use url::Url;

use crate::{faults::Random, http, objects::Event};

/// How often the delivery of an event is attempted that the shop does not accept.
const TRIES: u32 = 20;

/// The simulated faults of deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// The seed of the random decisions, so that a run can be repeated.
    pub seed: u64,
    /// How many of a hundred events arrive twice.
    pub duplicated: u64,
    /// How many of a hundred events never arrive.
    pub dropped: u64,
    /// The longest delay of an event, in milliseconds. Each event gets a random delay, so that events arrive in another order.
    pub longest_delay_ms: usize,
}

impl Delivery {
    /// Every event arrives once, in order.
    pub const RELIABLE: Self = Self { seed: 1, duplicated: 0, dropped: 0, longest_delay_ms: 0 };
}

/// The value of `Stripe-Signature` for a body: one `v1` for each secret.
///
/// # Panics
/// Never: HMAC takes keys of any length.
#[must_use]
pub fn signature(secrets: &[&str], timestamp: i64, body: &str) -> String {
    let mut header = format!("t={timestamp}");
    for secret in secrets {
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

/// The shop's webhook endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) url: Url,
    pub(crate) secrets: Vec<String>,
}

/// An event to send.
#[derive(Debug, Clone)]
struct Parcel {
    event: Event,
    due: Instant,
    tries: u32,
}

/// The events that have not been delivered yet.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) endpoint: Option<Endpoint>,
    delivery: Delivery,
    random: Random,
    parcels: Vec<Parcel>,
    /// Whether an event is being sent.
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

    /// Whether no event is waiting or being sent.
    pub(crate) const fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// How many events are waiting or being sent.
    pub(crate) const fn count(&self) -> usize {
        self.parcels.len().saturating_add(if self.is_sending { 1 } else { 0 })
    }

    /// Queues a new event, with the simulated faults applied.
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

    /// Removes and returns the next event that is due.
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

/// An event that was taken from the outbox, so that it can be sent without holding the outbox's lock.
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

    /// Ends the delivery. An event that was not accepted is queued again.
    pub(crate) fn finish(self, is_taken: bool, outbox: &mut Outbox, now: Instant) {
        outbox.is_sending = false;
        if !is_taken {
            outbox.try_again(self.0, now);
        }
    }
}
