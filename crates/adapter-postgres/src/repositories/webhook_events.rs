use async_trait::async_trait;
use chrono::TimeDelta;
use diesel::sql_types::{Integer, Nullable, Text};
use domain::{
    id::WebhookEventId,
    payments::{ClaimedEvent, EventSubject, WebhookEvent, WebhookEvents},
    store::StoreError,
    time::Instant,
};

use crate::{
    Database,
    dialect::{DbInstant, DbUuid, SKIP_LOCKED, SqlId, SqlInstant},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

/// How long a claim of an event is valid. After that, another worker may claim the event.
const LEASE: TimeDelta = TimeDelta::minutes(1);

/// The maximum length in characters of the stored error of a failed attempt. The rest is cut off.
const MAX_ERROR_LENGTH: usize = 1_000;

type ClaimedTypes = (SqlId, Text, Text, Text, Text, Nullable<Text>, SqlInstant, Integer);
type ClaimedRow = (DbUuid, String, String, String, String, Option<String>, DbInstant, i32);

#[async_trait]
impl WebhookEvents for Database {
    async fn store_event(&self, event: &WebhookEvent) -> Result<bool, StoreError> {
        let (subject, reference) = match &event.subject {
            EventSubject::Checkout(id) => ("checkout", Some(id)),
            EventSubject::Refunds { charge } => ("refunds", Some(charge)),
            EventSubject::Dispute(id) => ("dispute", Some(id)),
            EventSubject::Other => ("other", None),
        };
        let mut unit = UnitOfWork::begin(self).await?;
        let mut statement = Statement::<()>::new(
            "INSERT INTO webhook_events (id, provider, event_id, kind, subject, received_at, available_at, \
             processed_at, reference) VALUES (",
        );
        statement
            .bind(event.id.as_uuid())
            .sql(", ")
            .bind(event.provider.clone())
            .sql(", ")
            .bind(event.event_id.clone())
            .sql(", ")
            .bind(event.kind.clone())
            .sql(", ")
            .bind(subject.to_owned())
            .sql(", ")
            .bind(event.received_at)
            .sql(", ")
            .bind(event.received_at)
            .sql(", ");
        match reference {
            // An event without a subject needs no processing, so it is stored as processed.
            None => statement.bind(event.received_at).sql(", NULL"),
            Some(reference) => statement.sql("NULL, ").bind(reference.clone()),
        };
        statement.sql(") ON CONFLICT (provider, event_id) DO NOTHING");
        let is_new = unit.execute(statement).await? == 1;
        unit.finish().await?;
        Ok(is_new)
    }

    async fn claim_event(&self, now: Instant) -> Result<Option<ClaimedEvent>, StoreError> {
        let mut unit = UnitOfWork::begin(self).await?;
        let mut statement = Statement::<ClaimedTypes>::new(
            "WITH due AS (SELECT id FROM webhook_events WHERE processed_at IS NULL AND available_at <= ",
        );
        statement
            .bind(now)
            .sql(" AND (locked_until IS NULL OR locked_until <= ")
            .bind(now)
            .sql(") ORDER BY available_at, id LIMIT 1")
            .sql(SKIP_LOCKED)
            .sql(") UPDATE webhook_events SET attempts = attempts + 1, locked_until = ")
            .bind(now.checked_add_signed(LEASE).unwrap_or(now))
            .sql(
                " WHERE id IN (SELECT id FROM due) \
                 RETURNING id, provider, event_id, kind, subject, reference, received_at, attempts",
            );
        let claimed: Option<ClaimedRow> = unit.first(statement).await?;
        unit.finish().await?;
        claimed.map(event).transpose()
    }

    async fn complete_event(&self, id: WebhookEventId, now: Instant) -> Result<(), StoreError> {
        let mut unit = UnitOfWork::begin(self).await?;
        let mut statement =
            Statement::<()>::new("UPDATE webhook_events SET locked_until = NULL, processed_at = ");
        statement.bind(now).sql(" WHERE processed_at IS NULL AND id = ").bind(id.as_uuid());
        unit.execute(statement).await?;
        unit.finish().await
    }

    async fn fail_event(
        &self,
        claimed: &ClaimedEvent,
        error: &str,
        retry_at: Instant,
    ) -> Result<(), StoreError> {
        let error: String =
            error.chars().filter(|character| *character != '\0').take(MAX_ERROR_LENGTH).collect();
        let mut unit = UnitOfWork::begin(self).await?;
        let mut statement =
            Statement::<()>::new("UPDATE webhook_events SET locked_until = NULL, last_error = ");
        statement
            .bind(error)
            .sql(", available_at = ")
            .bind(retry_at)
            .sql(" WHERE processed_at IS NULL AND id = ")
            .bind(claimed.event.id.as_uuid())
            .sql(" AND attempts = ")
            .bind(i64::from(claimed.attempts));
        unit.execute(statement).await?;
        unit.finish().await
    }

    async fn events_read_until(&self, provider: &str) -> Result<Option<Instant>, StoreError> {
        let mut statement =
            Statement::<(SqlInstant,)>::new("SELECT read_until FROM event_lists WHERE provider = ");
        statement.bind(provider.to_owned());
        let rows: Vec<(DbInstant,)> = self.fetch(statement).await?;
        Ok(rows.into_iter().next().map(|(until,)| until.0))
    }

    async fn note_events_read(&self, provider: &str, until: Instant) -> Result<(), StoreError> {
        let mut unit = UnitOfWork::begin(self).await?;
        let mut statement = Statement::<()>::new("INSERT INTO event_lists (provider, read_until) VALUES (");
        statement.bind(provider.to_owned()).sql(", ").bind(until).sql(
            ") ON CONFLICT (provider) DO UPDATE SET read_until = excluded.read_until \
             WHERE event_lists.read_until < excluded.read_until",
        );
        unit.execute(statement).await?;
        unit.finish().await
    }
}

fn event(row: ClaimedRow) -> Result<ClaimedEvent, StoreError> {
    let (id, provider, event_id, kind, subject, reference, received_at, attempts) = row;
    let subject = match (subject.as_str(), reference) {
        ("checkout", Some(id)) => EventSubject::Checkout(id),
        ("refunds", Some(charge)) => EventSubject::Refunds { charge },
        ("dispute", Some(id)) => EventSubject::Dispute(id),
        _ => EventSubject::Other,
    };
    let id = WebhookEventId::from_uuid(id.0);
    let event = WebhookEvent { id, provider, event_id, kind, subject, received_at: received_at.0 };
    Ok(ClaimedEvent { event, attempts: u32::try_from(attempts).map_err(StoreError::failed)? })
}
