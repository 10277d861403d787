use async_trait::async_trait;
use diesel::{ExpressionMethods, Insertable, QueryDsl, Queryable, Selectable, SelectableHelper};
use domain::{
    accounts::{Device, RefreshToken, Session, SessionRepository},
    entropy::TokenDigest,
    id::{SessionId, TokenId, UserId},
    store::StoreError,
    time::Instant,
};

use crate::{
    dialect::{DbInstant, DbUuid, for_update, push_any},
    schema::{refresh_tokens, sessions},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    id: DbUuid,
    user_id: DbUuid,
    user_agent: Option<String>,
    ip: Option<String>,
    created_at: DbInstant,
    last_used_at: DbInstant,
    expires_at: DbInstant,
    ended_at: Option<DbInstant>,
}

impl From<&Session> for SessionRow {
    fn from(session: &Session) -> Self {
        Self {
            id: DbUuid(session.id.as_uuid()),
            user_id: DbUuid(session.user_id.as_uuid()),
            user_agent: session.device.user_agent.clone(),
            ip: session.device.ip.map(|ip| ip.to_string()),
            created_at: DbInstant(session.created_at),
            last_used_at: DbInstant(session.last_used_at),
            expires_at: DbInstant(session.expires_at),
            ended_at: session.ended_at.map(DbInstant),
        }
    }
}

impl TryFrom<SessionRow> for Session {
    type Error = StoreError;

    fn try_from(row: SessionRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: SessionId::from_uuid(row.id.0),
            user_id: UserId::from_uuid(row.user_id.0),
            device: Device {
                user_agent: row.user_agent,
                ip: row.ip.map(|ip| ip.parse()).transpose().map_err(StoreError::failed)?,
            },
            created_at: row.created_at.0,
            last_used_at: row.last_used_at.0,
            expires_at: row.expires_at.0,
            ended_at: row.ended_at.map(|at| at.0),
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = refresh_tokens)]
struct RefreshRow {
    id: DbUuid,
    user_id: DbUuid,
    session_id: DbUuid,
    token: String,
    issued_at: DbInstant,
    expires_at: DbInstant,
    rotated_at: Option<DbInstant>,
}

impl From<&RefreshToken> for RefreshRow {
    fn from(token: &RefreshToken) -> Self {
        Self {
            id: DbUuid(token.id.as_uuid()),
            user_id: DbUuid(token.user_id.as_uuid()),
            session_id: DbUuid(token.session_id.as_uuid()),
            token: token.digest.as_str().to_owned(),
            issued_at: DbInstant(token.issued_at),
            expires_at: DbInstant(token.expires_at),
            rotated_at: token.rotated_at.map(DbInstant),
        }
    }
}

impl From<RefreshRow> for RefreshToken {
    fn from(row: RefreshRow) -> Self {
        Self {
            id: TokenId::from_uuid(row.id.0),
            session_id: SessionId::from_uuid(row.session_id.0),
            user_id: UserId::from_uuid(row.user_id.0),
            digest: TokenDigest::from_hex(row.token),
            issued_at: row.issued_at.0,
            expires_at: row.expires_at.0,
            rotated_at: row.rotated_at.map(|at| at.0),
        }
    }
}

#[async_trait]
impl SessionRepository for UnitOfWork {
    async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        self.execute_one(diesel::insert_into(sessions::table).values(SessionRow::from(session))).await
    }

    async fn find_session(&mut self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let query =
            sessions::table.filter(sessions::id.eq(DbUuid(id.as_uuid()))).select(SessionRow::as_select());
        self.first::<SessionRow, _>(query).await?.map(Session::try_from).transpose()
    }

    async fn find_session_for_update(&mut self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let query =
            sessions::table.filter(sessions::id.eq(DbUuid(id.as_uuid()))).select(SessionRow::as_select());
        self.first::<SessionRow, _>(for_update!(query)).await?.map(Session::try_from).transpose()
    }

    async fn find_live_sessions_for_update(
        &mut self,
        user_id: UserId,
        now: Instant,
    ) -> Result<Vec<SessionId>, StoreError> {
        let query = sessions::table
            .filter(sessions::user_id.eq(DbUuid(user_id.as_uuid())))
            .filter(sessions::ended_at.is_null())
            .filter(sessions::expires_at.gt(DbInstant(now)))
            .order((sessions::last_used_at.desc(), sessions::id.desc()))
            .select(sessions::id);
        let ids: Vec<DbUuid> = self.load(for_update!(query)).await?;
        Ok(ids.into_iter().map(|id| SessionId::from_uuid(id.0)).collect())
    }

    async fn update_session(&mut self, session: &Session) -> Result<(), StoreError> {
        let query = diesel::update(sessions::table.filter(sessions::id.eq(DbUuid(session.id.as_uuid()))))
            .set((
                sessions::last_used_at.eq(DbInstant(session.last_used_at)),
                sessions::ended_at.eq(session.ended_at.map(DbInstant)),
            ));
        self.execute_one(query).await
    }

    async fn insert_refresh_token(&mut self, token: &RefreshToken) -> Result<(), StoreError> {
        self.execute_one(diesel::insert_into(refresh_tokens::table).values(RefreshRow::from(token))).await
    }

    async fn find_refresh_token(&mut self, digest: &TokenDigest) -> Result<Option<RefreshToken>, StoreError> {
        let query = refresh_tokens::table
            .filter(refresh_tokens::token.eq(digest.as_str().to_owned()))
            .select(RefreshRow::as_select());
        Ok(self.first::<RefreshRow, _>(query).await?.map(RefreshToken::from))
    }

    async fn mark_refresh_token_rotated(
        &mut self,
        digest: &TokenDigest,
        at: Instant,
    ) -> Result<(), StoreError> {
        let token = refresh_tokens::table.filter(refresh_tokens::token.eq(digest.as_str().to_owned()));
        self.execute_one(diesel::update(token).set(refresh_tokens::rotated_at.eq(Some(DbInstant(at))))).await
    }

    async fn remove_refresh_tokens(&mut self, session_id: SessionId) -> Result<(), StoreError> {
        let tokens =
            refresh_tokens::table.filter(refresh_tokens::session_id.eq(DbUuid(session_id.as_uuid())));
        self.execute(diesel::delete(tokens)).await?;
        Ok(())
    }

    async fn end_sessions(&mut self, ids: &[SessionId], at: Instant) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = ids.iter().map(SessionId::as_uuid).collect();
        let mut end = Statement::<()>::new("UPDATE sessions SET ended_at = ");
        end.bind(at).sql(" WHERE ended_at IS NULL AND ");
        push_any(&mut end, "id", ids.clone());
        self.execute(end).await?;
        let mut remove = Statement::<()>::new("DELETE FROM refresh_tokens WHERE ");
        push_any(&mut remove, "session_id", ids);
        self.execute(remove).await?;
        Ok(())
    }

    async fn end_all_sessions(&mut self, user_id: UserId, at: Instant) -> Result<(), StoreError> {
        let user_id = DbUuid(user_id.as_uuid());
        let live = sessions::table.filter(sessions::user_id.eq(user_id)).filter(sessions::ended_at.is_null());
        self.execute(diesel::update(live).set(sessions::ended_at.eq(Some(DbInstant(at))))).await?;
        let tokens = refresh_tokens::table.filter(refresh_tokens::user_id.eq(user_id));
        self.execute(diesel::delete(tokens)).await?;
        Ok(())
    }
}
