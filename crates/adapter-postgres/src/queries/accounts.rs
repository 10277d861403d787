use async_trait::async_trait;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use domain::{
    accounts::{AccountQueries, Credentials, EmailAddress, PasswordHash, SessionState},
    id::{SessionId, UserId},
    store::StoreError,
    time::Instant,
};

use crate::{
    Database,
    dialect::{DbInstant, DbUuid, SqlId, SqlInstant},
    repositories::role,
    statement::Statement,
};

type StateTypes = (SqlId, SqlId, Bool, SqlInstant, Nullable<SqlInstant>);
type StateRow = (DbUuid, DbUuid, bool, DbInstant, Option<DbInstant>);

#[async_trait]
impl AccountQueries for Database {
    async fn credentials(&self, email: &EmailAddress) -> Result<Option<Credentials>, StoreError> {
        let mut statement = Statement::<(SqlId, Text, BigInt)>::new(
            "SELECT id, hashed_password, version FROM users WHERE email_key = ",
        );
        statement.bind(email.key().to_owned());
        let rows: Vec<(DbUuid, String, i64)> = self.fetch(statement).await?;
        Ok(rows.into_iter().next().map(|(id, password, version)| Credentials {
            user_id: UserId::from_uuid(id.0),
            password: PasswordHash::from_phc(password),
            version,
        }))
    }

    async fn session_state(&self, id: SessionId, now: Instant) -> Result<Option<SessionState>, StoreError> {
        let mut statement = Statement::<StateTypes>::new(
            "SELECT u.id, u.group_id, u.is_active, s.expires_at, s.ended_at \
             FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = ",
        );
        statement.bind(id.as_uuid());
        let rows: Vec<StateRow> = self.fetch(statement).await?;
        let Some((user_id, group, is_active, expires_at, ended_at)) = rows.into_iter().next() else {
            return Ok(None);
        };
        Ok(Some(SessionState {
            user_id: UserId::from_uuid(user_id.0),
            role: role(group)?,
            is_live: is_active && ended_at.is_none() && now < expires_at.0,
        }))
    }
}
