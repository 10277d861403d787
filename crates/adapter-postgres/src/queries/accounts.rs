use async_trait::async_trait;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use domain::{
    accounts::{
        CredentialQueries, Credentials, Device, EmailAddress, LinkKind, LinkToken, PasswordHash, Session,
        SessionQueries, SessionState,
    },
    entropy::TokenDigest,
    id::{SessionId, TokenId, UserId},
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

type SessionTypes = (SqlId, Nullable<Text>, Nullable<Text>, SqlInstant, SqlInstant, SqlInstant);
type SessionRow = (DbUuid, Option<String>, Option<String>, DbInstant, DbInstant, DbInstant);

#[async_trait]
impl CredentialQueries for Database {
    async fn credentials(&self, email: &EmailAddress) -> Result<Option<Credentials>, StoreError> {
        let mut statement = Statement::<(SqlId, Text, Bool, BigInt)>::new(
            "SELECT id, hashed_password, NOT is_active AND activated_at IS NULL, version \
             FROM users WHERE email_key = ",
        );
        statement.bind(email.key().to_owned());
        let rows: Vec<(DbUuid, String, bool, i64)> = self.fetch(statement).await?;
        Ok(rows.into_iter().next().map(|(id, password, is_awaiting_activation, version)| Credentials {
            user_id: UserId::from_uuid(id.0),
            password: PasswordHash::from_phc(password),
            is_awaiting_activation,
            version,
        }))
    }

    async fn credentials_of(
        &self,
        user_id: UserId,
    ) -> Result<Option<(EmailAddress, Credentials)>, StoreError> {
        let mut statement = Statement::<(Text, Text, Bool, BigInt)>::new(
            "SELECT email, hashed_password, NOT is_active AND activated_at IS NULL, version \
             FROM users WHERE deleted_at IS NULL AND id = ",
        );
        statement.bind(user_id.as_uuid());
        let rows: Vec<(String, String, bool, i64)> = self.fetch(statement).await?;
        let Some((email, password, is_awaiting_activation, version)) = rows.into_iter().next() else {
            return Ok(None);
        };
        let email = email.parse().map_err(StoreError::failed)?;
        let password = PasswordHash::from_phc(password);
        Ok(Some((email, Credentials { user_id, password, is_awaiting_activation, version })))
    }

    async fn find_link(&self, kind: LinkKind, digest: &TokenDigest) -> Result<Option<LinkToken>, StoreError> {
        let mut statement = Statement::<(SqlId, SqlId, SqlInstant)>::new(match kind {
            LinkKind::Activation => "SELECT id, user_id, expires_at FROM activation_tokens WHERE token = ",
            LinkKind::PasswordReset => {
                "SELECT id, user_id, expires_at FROM password_reset_tokens WHERE token = "
            }
        });
        statement.bind(digest.as_str().to_owned());
        let rows: Vec<(DbUuid, DbUuid, DbInstant)> = self.fetch(statement).await?;
        Ok(rows.into_iter().next().map(|(id, user_id, expires_at)| LinkToken {
            id: TokenId::from_uuid(id.0),
            user_id: UserId::from_uuid(user_id.0),
            kind,
            digest: digest.clone(),
            expires_at: expires_at.0,
        }))
    }
}

#[async_trait]
impl SessionQueries for Database {
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

    async fn live_sessions(&self, user_id: UserId, now: Instant) -> Result<Vec<Session>, StoreError> {
        let mut statement = Statement::<SessionTypes>::new(
            "SELECT id, user_agent, ip, created_at, last_used_at, expires_at FROM sessions WHERE user_id = ",
        );
        statement.bind(user_id.as_uuid()).sql(" AND ended_at IS NULL AND expires_at > ").bind(now);
        statement.sql(" ORDER BY last_used_at DESC, id DESC");
        let rows: Vec<SessionRow> = self.fetch(statement).await?;
        rows.into_iter()
            .map(|(id, user_agent, ip, created_at, last_used_at, expires_at)| {
                let ip = ip.map(|ip| ip.parse()).transpose().map_err(StoreError::failed)?;
                Ok(Session {
                    id: SessionId::from_uuid(id.0),
                    user_id,
                    device: Device { user_agent, ip },
                    created_at: created_at.0,
                    last_used_at: last_used_at.0,
                    expires_at: expires_at.0,
                    ended_at: None,
                })
            })
            .collect()
    }
}
