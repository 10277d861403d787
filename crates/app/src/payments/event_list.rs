use chrono::TimeDelta;
use domain::{
    failure::error_chain,
    payments::{EventSubject, ProviderEvent, WebhookEvent},
    store::StoreError,
};

use super::Payments;

/// How long before the newest read event the next reading begins. Events may appear in the provider's list late.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);

/// How far back the list is read the first time. Providers keep events for about this long.
const FIRST_READ: TimeDelta = TimeDelta::days(30);

impl Payments {
    /// Stores events from the provider's list that no webhook has delivered, for example after an outage or when the
    /// database was restored from a backup; returns the number of new events. [`Payments::process_events`] processes
    /// them.
    ///
    /// The time of the newest read event is stored in the database, and reading continues shortly before this time.
    /// After the database was restored from a backup, the events since the backup are therefore read again.
    ///
    /// # Errors
    /// When the store fails. If the provider fails, the list is read again later.
    pub async fn read_event_list(&self) -> Result<u64, StoreError> {
        // The identifier of the shop is stored with the first payment at a provider. Before that, no event is about
        // this shop.
        if self.queries.shop_id().await?.is_none() {
            return Ok(0);
        }
        let provider = self.gateway.provider();
        let now = self.clock.now();
        let known = self.events.events_read_until(provider).await?;
        let since = match known {
            Some(until) => until.checked_sub_signed(OVERLAP).unwrap_or(until),
            None => now.checked_sub_signed(FIRST_READ).unwrap_or(now),
        };
        let (mut added, mut after, mut until) = (0_u64, None::<String>, known.unwrap_or(since));
        loop {
            let page = match self.gateway.events_since(since, after.as_deref()).await {
                Ok(page) => page,
                Err(error) => {
                    let error = error_chain(&error);
                    tracing::warn!(error, "the events of the payment provider could not be read");
                    return Ok(added);
                }
            };
            after = page.events.last().map(|event| event.id.clone());
            for event in page.events {
                until = until.max(event.created_at.min(now));
                added = added.saturating_add(u64::from(self.store_listed(event).await?));
            }
            self.events.note_events_read(provider, until).await?;
            if !page.has_more || after.is_none() {
                return Ok(added);
            }
        }
    }

    async fn store_listed(&self, event: ProviderEvent) -> Result<bool, StoreError> {
        // Events without effect are stored only when they arrive as webhooks.
        if event.subject == EventSubject::Other {
            return Ok(false);
        }
        let event = WebhookEvent {
            id: self.ids.next(),
            provider: self.gateway.provider().to_owned(),
            event_id: event.id,
            kind: event.kind,
            subject: event.subject,
            received_at: self.clock.now(),
        };
        let is_new = self.events.store_event(&event).await?;
        if is_new {
            tracing::info!(event = ?event.id, kind = event.kind, "an event was found in the provider's list");
        }
        Ok(is_new)
    }
}
