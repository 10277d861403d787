use chrono::TimeDelta;
use domain::{
    failure::error_chain,
    outbox::retry_delay,
    payments::{ClaimedEvent, EventSubject, ProviderCheckout, WebhookError, WebhookEvent},
    store::StoreError,
};

use super::{CloseError, Payments};

/// The delay before retrying an event that cannot be applied because its provider is not configured.
const LATER: TimeDelta = TimeDelta::days(1);

/// The number of the attempt at which an event about a refund or dispute is ignored, instead of retried, if no
/// payment with its charge is known.
pub(super) const MOST_ATTEMPTS: u32 = 12;

/// Why a webhook was refused.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveEventError {
    /// The provider is not configured.
    #[error("there is no such payment provider")]
    UnknownProvider,
    /// The signature of the webhook is not valid, or the webhook cannot be read.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Payments {
    /// Checks the provider and the signature header of a webhook before its body is received.
    ///
    /// # Errors
    /// See [`ReceiveEventError`]; the store is not used.
    pub fn check_webhook_header(
        &self,
        provider: &str,
        signature: Option<&str>,
    ) -> Result<(), ReceiveEventError> {
        if provider != self.gateway.provider() {
            return Err(ReceiveEventError::UnknownProvider);
        }
        Ok(self.gateway.check_signature_header(signature, self.clock.now())?)
    }

    /// Stores a webhook of the provider. [`Payments::process_events`] processes it later, and only once even if the
    /// provider sends it repeatedly.
    ///
    /// # Errors
    /// See [`ReceiveEventError`].
    pub async fn receive_event(
        &self,
        provider: &str,
        signature: Option<&str>,
        body: &[u8],
    ) -> Result<(), ReceiveEventError> {
        if provider != self.gateway.provider() {
            return Err(ReceiveEventError::UnknownProvider);
        }
        let now = self.clock.now();
        let event = self.gateway.read_webhook(signature, body, now)?;
        let event = WebhookEvent {
            id: self.ids.next(),
            provider: provider.to_owned(),
            event_id: event.id,
            kind: event.kind,
            subject: event.subject,
            received_at: now,
        };
        let is_new = self.events.store_event(&event).await?;
        tracing::debug!(event = ?event.id, is_new, "a webhook arrived");
        Ok(())
    }

    /// Processes the events that are due; returns the number of processed events. An event whose processing failed is
    /// retried later.
    ///
    /// # Errors
    /// When the store fails to claim an event or to record the result of an attempt. A failure while an event is
    /// processed only postpones this event.
    pub async fn process_events(&self) -> Result<u64, StoreError> {
        let mut processed = 0_u64;
        while let Some(claimed) = self.events.claim_event(self.clock.now()).await? {
            if self.is_for_later(&claimed.event) {
                let retry_at =
                    self.clock.now().checked_add_signed(LATER).unwrap_or(claimed.event.received_at);
                self.events
                    .fail_event(&claimed, "the provider of this event is not configured", retry_at)
                    .await?;
                continue;
            }
            match self.process(&claimed).await {
                Ok(()) => {
                    self.events.complete_event(claimed.event.id, self.clock.now()).await?;
                    processed = processed.saturating_add(1);
                }
                Err(error) => self.postpone_event(&claimed, &error).await?,
            }
        }
        Ok(processed)
    }

    async fn postpone_event(&self, claimed: &ClaimedEvent, error: &CloseError) -> Result<(), StoreError> {
        let now = self.clock.now();
        let error = error_chain(error);
        tracing::warn!(event = ?claimed.event.id, error, "a webhook could not be applied yet");
        let delay = TimeDelta::from_std(retry_delay(claimed.attempts)).unwrap_or_default();
        let retry_at = now.checked_add_signed(delay).unwrap_or(now);
        self.events.fail_event(claimed, &error, retry_at).await
    }

    /// Returns whether the event cannot be applied now, because its provider is not configured. Such an event is
    /// retried later, since the provider may be configured again.
    fn is_for_later(&self, event: &WebhookEvent) -> bool {
        event.provider != self.gateway.provider()
    }

    /// Reads the object of the event from the provider, and applies its current state.
    async fn process(&self, claimed: &ClaimedEvent) -> Result<(), CloseError> {
        match &claimed.event.subject {
            EventSubject::Checkout(id) => {
                if let Some(checkout) = self.gateway.checkout(id).await? {
                    self.process_checkout(&checkout).await?;
                }
            }
            EventSubject::Refunds { charge } => self.process_charge(charge, claimed.attempts).await?,
            EventSubject::Dispute(id) => self.process_dispute(id, claimed.attempts).await?,
            EventSubject::Other => {}
        }
        Ok(())
    }

    /// Reads the refunds of this charge from the provider and stores their new states. If no payment with this charge
    /// is known yet, returns an error, so that the event is retried. At attempt [`MOST_ATTEMPTS`], the event is
    /// ignored instead, since the charge may belong to another shop with the same provider account.
    async fn process_charge(&self, charge: &str, attempts: u32) -> Result<(), CloseError> {
        match self.refunds.payment_of_charge(self.gateway.provider(), charge).await? {
            Some((id, order_id)) => self.sync_refunds(id, order_id, charge).await,
            None if attempts < MOST_ATTEMPTS => {
                Err(StoreError::failed("no payment with this charge is known yet").into())
            }
            None => Ok(()),
        }
    }

    /// Applies a checkout to its payment. Also handles a checkout of this shop whose payment is unknown; checkouts of
    /// other shops are ignored.
    async fn process_checkout(&self, checkout: &ProviderCheckout) -> Result<(), CloseError> {
        let stored = self.queries.payment_of_checkout(self.gateway.provider(), &checkout.id).await?;
        let named = match (stored, checkout.payment_id) {
            (Some(stored), _) => Some(stored),
            // The provider's response to the request to open the checkout was lost, so the payment does not contain the
            // identifier of the checkout.
            (None, Some(id)) => self.queries.order_of_payment(id).await?.map(|order_id| (id, order_id)),
            (None, None) => None,
        };
        if let Some((id, order_id)) = named {
            return Ok(self.apply_checkout(id, order_id, checkout).await?);
        }
        match self.queries.shop_id().await? {
            Some(shop_id) if checkout.shop_id == Some(shop_id) => {
                self.handle_unknown_checkout(shop_id, checkout).await
            }
            _ => {
                tracing::warn!("ignored a checkout that does not belong to this shop");
                Ok(())
            }
        }
    }
}
