use async_trait::async_trait;
use diesel::sql_types::{Integer, Nullable, Text};
use domain::{
    accounts::UserRepository,
    idempotency::{
        IdempotencyKey, IdempotencyKeys, IdempotencyRepository, KEPT_FOR, KeptAnswer, KeyedRequest,
        KnownRequest,
    },
    store::StoreError,
    time::Instant,
};
use uuid::Uuid;

use crate::{
    Database,
    dialect::{DbUuid, SqlId},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

type KnownTypes = (Text, Nullable<SqlId>, Nullable<Integer>, Nullable<Text>);
type KnownRow = (String, Option<DbUuid>, Option<i32>, Option<String>);

/// Appends the condition that a row has this key.
fn push_key<ST>(statement: &mut Statement<ST>, key: &IdempotencyKey) {
    statement
        .sql("user_id = ")
        .bind(key.user_id.as_uuid())
        .sql(" AND method = ")
        .bind(key.method.clone())
        .sql(" AND path = ")
        .bind(key.path.clone())
        .sql(" AND idempotency_key = ")
        .bind(key.key.clone());
}

/// What an insert does when a row with the same key exists.
#[derive(Clone, Copy)]
enum Conflict {
    /// Leave the row unchanged.
    Keep,
    /// Set the row's `object_id` to the new identifier, but only if the row belongs to the same request.
    Rename,
}

/// Requests from this time or earlier are no longer remembered, even if their rows still exist.
fn forgotten(now: Instant) -> Instant {
    now.checked_sub_signed(KEPT_FOR).unwrap_or(now)
}

impl UnitOfWork {
    /// Inserts the request, after deleting a forgotten row with the same key. If another row has this key, does what
    /// `conflict` says. Returns whether a row was inserted or updated.
    async fn insert_request(
        &mut self,
        request: &KeyedRequest,
        object_id: Option<Uuid>,
        answer: Option<&KeptAnswer>,
        conflict: Conflict,
    ) -> Result<bool, StoreError> {
        let mut old = Statement::<()>::new("DELETE FROM idempotency_keys WHERE created_at <= ");
        old.bind(forgotten(request.at)).sql(" AND ");
        push_key(&mut old, &request.key);
        self.execute(old).await?;
        let mut statement = Statement::<()>::new(
            "INSERT INTO idempotency_keys (id, user_id, method, path, idempotency_key, fingerprint, created_at, \
             object_id, status, answer) VALUES (",
        );
        statement
            .bind(request.id.as_uuid())
            .sql(", ")
            .bind(request.key.user_id.as_uuid())
            .sql(", ")
            .bind(request.key.method.clone())
            .sql(", ")
            .bind(request.key.path.clone())
            .sql(", ")
            .bind(request.key.key.clone())
            .sql(", ")
            .bind(request.fingerprint.clone())
            .sql(", ")
            .bind(request.at)
            .sql(", ");
        match object_id {
            Some(id) => statement.bind(id),
            None => statement.sql("NULL"),
        };
        match answer {
            Some(answer) => {
                statement.sql(", ").bind(i64::from(answer.status)).sql(", ").bind(answer.body.clone())
            }
            None => statement.sql(", NULL, NULL"),
        };
        statement.sql(match conflict {
            Conflict::Keep => ") ON CONFLICT DO NOTHING",
            Conflict::Rename => {
                ") ON CONFLICT (user_id, method, path, idempotency_key) DO UPDATE SET object_id = excluded.object_id \
                 WHERE idempotency_keys.id = excluded.id"
            }
        });
        Ok(self.execute(statement).await? == 1)
    }
}

#[async_trait]
impl IdempotencyRepository for UnitOfWork {
    async fn claim_key(&mut self, request: &KeyedRequest, object_id: Uuid) -> Result<bool, StoreError> {
        self.insert_request(request, Some(object_id), None, Conflict::Rename).await
    }

    async fn release_keys(&mut self, object_id: Uuid) -> Result<(), StoreError> {
        let mut statement =
            Statement::<()>::new("DELETE FROM idempotency_keys WHERE status IS NULL AND object_id = ");
        statement.bind(object_id);
        self.execute(statement).await?;
        Ok(())
    }
}

#[async_trait]
impl IdempotencyKeys for Database {
    async fn find_request(
        &self,
        key: &IdempotencyKey,
        now: Instant,
    ) -> Result<Option<KnownRequest>, StoreError> {
        let mut statement = Statement::<KnownTypes>::new(
            "SELECT fingerprint, object_id, status, answer FROM idempotency_keys WHERE created_at > ",
        );
        statement.bind(forgotten(now)).sql(" AND ");
        push_key(&mut statement, key);
        let rows: Vec<KnownRow> = self.fetch(statement).await?;
        let known = |(fingerprint, object_id, status, body): KnownRow| {
            let answer = match status.zip(body) {
                Some((status, body)) => {
                    Some(KeptAnswer { status: u16::try_from(status).map_err(StoreError::failed)?, body })
                }
                None => None,
            };
            Ok(KnownRequest { fingerprint, object_id: object_id.map(|id| id.0), answer })
        };
        rows.into_iter().next().map(known).transpose()
    }

    async fn keep_answer(&self, request: &KeyedRequest, answer: &KeptAnswer) -> Result<(), StoreError> {
        let mut unit = UnitOfWork::begin(self).await?;
        // Every unit of work of a user locks the user first. Without this lock, a concurrent copy of the same request
        // could cause a deadlock.
        if unit.find_user_for_update(request.key.user_id).await?.is_none() {
            return unit.finish().await;
        }
        let is_new = unit.insert_request(request, None, Some(answer), Conflict::Keep).await?;
        if !is_new {
            let mut statement = Statement::<()>::new("UPDATE idempotency_keys SET status = ");
            statement
                .bind(i64::from(answer.status))
                .sql(", answer = ")
                .bind(answer.body.clone())
                .sql(" WHERE status IS NULL AND fingerprint = ")
                .bind(request.fingerprint.clone())
                .sql(" AND ");
            push_key(&mut statement, &request.key);
            // Another copy of the request may have created an object. Then the `id` of the row is that of the other
            // copy, and an error of this copy must not be stored.
            if answer.status >= 400 {
                statement.sql(" AND id = ").bind(request.id.as_uuid());
            }
            unit.execute(statement).await?;
        }
        unit.finish().await
    }

    async fn purge_requests(&self, before: Instant, limit: u32) -> Result<u64, StoreError> {
        let mut unit = UnitOfWork::begin(self).await?;
        let removed = unit.purge("idempotency_keys", &["created_at < ?"], before, limit).await?;
        unit.finish().await?;
        Ok(u64::try_from(removed).unwrap_or(u64::MAX))
    }
}
