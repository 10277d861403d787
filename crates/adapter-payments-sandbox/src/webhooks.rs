use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use domain::{
    payments::{EventSubject, ProviderEvent, WebhookError},
    store::StoreError,
    time::Instant,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    books::blocking,
    checkout::{Checkout, Event, Moment, charge_of, key_of_checkout},
    sandbox::{PROVIDER, Sandbox},
};

/// The maximum difference between the time of a signature and the receiver's current time.
const TOLERANCE: TimeDelta = TimeDelta::seconds(300);

/// The delay before a webhook that was not accepted is sent again.
const RETRY: TimeDelta = TimeDelta::seconds(5);

/// The maximum number of characters of each text in a received webhook.
const MAX_LENGTH: usize = 255;

/// The name of the HTTP header with the signature.
const SIGNATURE: &str = "Sandbox-Signature";

/// The first part of the signed data. Because of it, a signature made with the same key for another purpose is not
/// valid here.
const PURPOSE: &[u8] = b"sandbox webhook";

/// The body of a webhook, as JSON.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    id: String,
    kind: String,
    created_at: Moment,
    checkout: String,
}

/// The content of the header `Sandbox-Signature`, which has the form `t=SECONDS,v1=TAG`.
pub(crate) struct Header<'a> {
    /// The seconds since 1970, as text, because the text was signed.
    seconds: &'a str,
    tag: [u8; 32],
}

impl<'a> Header<'a> {
    /// Parses the header, and checks its time. It does not verify the tag, because this requires the body.
    ///
    /// # Errors
    /// When no body could make the signature valid: the header is missing or malformed, or its time differs too much
    /// from `now`.
    pub(crate) fn checked(signature: Option<&'a str>, now: Instant) -> Result<Self, WebhookError> {
        let signature = signature.ok_or(WebhookError::Signature)?;
        let part = |name: &str| signature.split(',').find_map(|part| part.trim().strip_prefix(name));
        let (Some(seconds), Some(tag)) = (part("t="), part("v1=")) else {
            return Err(WebhookError::Signature);
        };
        let signed_at = seconds.parse().ok().and_then(|seconds| Instant::from_timestamp(seconds, 0));
        let signed_at = signed_at.ok_or(WebhookError::Signature)?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok().and_then(|tag| tag.try_into().ok());
        let tag = tag.ok_or(WebhookError::Signature)?;
        if now.signed_duration_since(signed_at).abs() > TOLERANCE {
            return Err(WebhookError::Signature);
        }
        Ok(Self { seconds, tag })
    }
}

impl Sandbox {
    /// Sends the webhooks that are due. Returns how many were accepted. Webhooks that were not accepted are sent again
    /// later.
    ///
    /// # Errors
    /// When the stored checkouts cannot be read or written.
    pub async fn send_webhooks(&self) -> Result<u64, StoreError> {
        let mut sent = 0_u64;
        loop {
            let now = self.inner.clock.now();
            let Some(key) = self.schedule().take_due(now) else { return Ok(sent) };
            let done = self.send_webhooks_of(key, now).await;
            if !matches!(done, Ok((_, true))) {
                self.schedule().plan(now.checked_add_signed(RETRY).unwrap_or(now), key);
            }
            let (accepted, _) = done?;
            sent = sent.saturating_add(accepted);
        }
    }

    /// Sends the due webhooks of a checkout. Returns how many were accepted, and whether all were.
    async fn send_webhooks_of(&self, key: Uuid, now: Instant) -> Result<(u64, bool), StoreError> {
        let sandbox = self.clone();
        let found = blocking(move || sandbox.inner.books.find(key)).await.map_err(StoreError::failed)?;
        let (mut sent, mut is_done) = (0_u64, true);
        let Some(checkout) = found else { return Ok((sent, is_done)) };
        let due = checkout.events.iter().filter(|event| !event.is_delivered && event.due_at.0 <= now);
        for event in due {
            if self.send(&checkout, event, now).await {
                self.mark_delivered(key, event.id.clone()).await?;
                sent = sent.saturating_add(1);
            } else {
                is_done = false;
            }
        }
        Ok((sent, is_done))
    }

    async fn send(&self, checkout: &Checkout, event: &Event, now: Instant) -> bool {
        let body = Body {
            id: event.id.clone(),
            kind: event.kind.clone(),
            created_at: event.due_at,
            checkout: checkout.id(),
        };
        let Ok(body) = serde_json::to_vec(&body) else { return false };
        let url = format!("{}/api/v1/payments/webhooks/{PROVIDER}", self.inner.own_url);
        let request = self.inner.http.post(url).header(SIGNATURE, self.sign(&body, now));
        let answer = request.header("Content-Type", "application/json").body(body).send().await;
        match answer {
            Ok(answer) if answer.status().is_success() => true,
            Ok(answer) => {
                tracing::warn!(
                    status = answer.status().as_u16(),
                    "the server did not accept a webhook of the sandbox"
                );
                false
            }
            Err(error) => {
                tracing::warn!(%error, "a webhook of the sandbox was not sent");
                false
            }
        }
    }

    async fn mark_delivered(&self, key: Uuid, event_id: String) -> Result<(), StoreError> {
        let sandbox = self.clone();
        let change = move || {
            sandbox.inner.books.change(key, |found| {
                let changed = found.map(|mut checkout| {
                    let event = checkout.events.iter_mut().find(|event| event.id == event_id);
                    if let Some(event) = event {
                        event.is_delivered = true;
                    }
                    checkout
                });
                (changed, ())
            })
        };
        blocking(change).await.map_err(StoreError::failed)
    }

    fn sign(&self, body: &[u8], now: Instant) -> String {
        let seconds = now.timestamp().to_string();
        let tag = self.inner.signer.sign(&[PURPOSE, seconds.as_bytes(), body]);
        format!("t={seconds},v1={}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// Reads a received webhook and verifies its signature.
    pub(crate) fn read(
        &self,
        signature: Option<&str>,
        body: &[u8],
        now: Instant,
    ) -> Result<ProviderEvent, WebhookError> {
        let Header { seconds, tag } = Header::checked(signature, now)?;
        if !self.inner.signer.verify(&[PURPOSE, seconds.as_bytes(), body], &tag) {
            return Err(WebhookError::Signature);
        }
        let read: Body = serde_json::from_slice(body).map_err(|_| WebhookError::Malformed)?;
        let kind = stored(&read.kind)?;
        Ok(ProviderEvent {
            id: stored(&read.id)?,
            subject: subject(&kind, stored(&read.checkout)?),
            kind,
            created_at: read.created_at.0,
            payload: body.to_vec(),
        })
    }

    /// Converts a stored event to the form that [`Self::read`] returns for its webhook, but without a payload.
    pub(crate) fn event(checkout: &Checkout, event: &Event) -> ProviderEvent {
        let subject = subject(&event.kind, checkout.id());
        ProviderEvent {
            id: event.id.clone(),
            kind: event.kind.clone(),
            created_at: event.due_at.0,
            subject,
            payload: Vec::new(),
        }
    }
}

/// Returns a text with U+FFFD instead of U+0000, because PostgreSQL cannot store U+0000.
///
/// # Errors
/// When the text has more than [`MAX_LENGTH`] characters. All texts that the sandbox sends are shorter.
fn stored(text: &str) -> Result<String, WebhookError> {
    if text.chars().nth(MAX_LENGTH).is_some() {
        return Err(WebhookError::Malformed);
    }
    Ok(text.replace('\0', "\u{fffd}"))
}

/// Returns the subject of an event: what the receiver looks up at the provider because of this event.
fn subject(kind: &str, checkout: String) -> EventSubject {
    if kind.starts_with("checkout.") {
        return EventSubject::Checkout(checkout);
    }
    let charge = key_of_checkout(&checkout).filter(|_| kind.starts_with("refund.")).map(charge_of);
    charge.map_or(EventSubject::Other, |charge| EventSubject::Refunds { charge })
}
