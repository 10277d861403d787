use async_trait::async_trait;
use diesel::sql_types::{BigInt, Nullable, SmallInt, Text};
use domain::{
    accounts::{
        Device, HeldMovie, HeldPurchase, KnownDevice, LinkKind, NotifiedAct, OpenLink, Opinions,
        PersonalData, PersonalDataQueries, RefreshToken, Session, UserQueries, WatchedMovie, WrittenComment,
    },
    entropy::TokenDigest,
    id::{CommentId, MovieId, SessionId, TokenId, UserId},
    notifications::{NotificationKind, NotificationQueries, UserPosition},
    orders::OrderQueries,
    payments::{PaymentQueries, RefundRequestQueries},
    store::StoreError,
    time::Instant,
};
use uuid::Uuid;

use crate::{
    Database,
    dialect::{DbInstant, DbUuid, SqlId, SqlInstant},
    queries::audit::{self, RecordRow, RecordTypes},
    repositories::{ProgressRow, ProgressTypes, progress, reaction_named},
    statement::Statement,
};

type SessionTypes =
    (SqlId, Nullable<Text>, Nullable<Text>, SqlInstant, SqlInstant, SqlInstant, Nullable<SqlInstant>);
type SessionColumns =
    (DbUuid, Option<String>, Option<String>, DbInstant, DbInstant, DbInstant, Option<DbInstant>);
type RefreshTypes = (SqlId, SqlId, Text, SqlInstant, SqlInstant, Nullable<SqlInstant>);
type RefreshColumns = (DbUuid, DbUuid, String, DbInstant, DbInstant, Option<DbInstant>);
type HeldTypes = (SqlId, Text, SqlInstant);
type HeldColumns = (DbUuid, String, DbInstant);
type CommentTypes = (SqlId, SqlId, Text, SqlInstant, Nullable<SqlInstant>);
type CommentColumns = (DbUuid, DbUuid, String, DbInstant, Option<DbInstant>);
type PurchaseTypes = (SqlId, Text, SqlInstant, Nullable<SqlInstant>, Nullable<SqlInstant>);
type PurchaseColumns = (DbUuid, String, DbInstant, Option<DbInstant>, Option<DbInstant>);

/// The kinds of links in mails whose tokens are stored, and the tables of these tokens.
const LINKS: [(LinkKind, &str); 2] =
    [(LinkKind::Activation, "activation_tokens"), (LinkKind::PasswordReset, "password_reset_tokens")];

#[async_trait]
impl PersonalDataQueries for Database {
    async fn personal_data(&self, user_id: UserId) -> Result<Option<PersonalData>, StoreError> {
        let Some(user) = UserQueries::user_details(self, user_id).await? else { return Ok(None) };
        Ok(Some(PersonalData {
            user,
            sessions: self.sessions_of(user_id).await?,
            refresh_tokens: self.refresh_tokens_of(user_id).await?,
            devices: self.devices_of(user_id).await?,
            links: self.links_of(user_id).await?,
            cart: self
                .movies_of(
                    "SELECT m.id, m.name, i.added_at FROM carts k JOIN cart_items i ON i.cart_id = k.id \
                     JOIN movies m ON m.id = i.movie_id WHERE k.user_id = ",
                    " ORDER BY i.added_at, i.id",
                    user_id,
                )
                .await?,
            purchases: self.purchases_of(user_id).await?,
            watched: self.watched_by(user_id).await?,
            opinions: self.opinions_of(user_id).await?,
            orders: OrderQueries::orders_of(self, user_id).await?,
            payments: PaymentQueries::payments_of(self, user_id).await?,
            refund_requests: RefundRequestQueries::refund_requests_of(self, user_id).await?,
            remembered_requests: self.remembered_requests_of(user_id).await?,
            audit: self.audit_of(user_id).await?,
            pending_mails: self.pending_mails_of(user_id).await?,
            notifications: self.notifications_behind(UserPosition { user_id, position: 0 }, u32::MAX).await?,
            notification_settings: self.notification_settings(user_id).await?,
            notified_acts: self.notified_acts_of(user_id).await?,
            stream_tickets: self.stream_tickets_of(user_id).await?,
        }))
    }

    async fn written_comments(
        &self,
        user_id: UserId,
        after: Option<(Instant, CommentId)>,
        most: u32,
    ) -> Result<Vec<WrittenComment>, StoreError> {
        let mut statement = about::<CommentTypes>(
            "SELECT id, movie_id, text, created_at, edited_at FROM comments WHERE text IS NOT NULL AND user_id = ",
            user_id,
        );
        if let Some((created_at, id)) = after {
            statement.sql(" AND (created_at, id) > (").bind(created_at).sql(", ").bind(id.as_uuid()).sql(")");
        }
        statement.sql(" ORDER BY created_at, id LIMIT ").bind(i64::from(most));
        let rows: Vec<CommentColumns> = self.fetch(statement).await?;
        let comment = |(id, movie_id, text, created_at, edited_at): CommentColumns| WrittenComment {
            id: CommentId::from_uuid(id.0),
            movie_id: MovieId::from_uuid(movie_id.0),
            text,
            created_at: created_at.0,
            edited_at: edited_at.map(|at| at.0),
        };
        Ok(rows.into_iter().map(comment).collect())
    }
}

/// A statement that begins with `sql`, followed by the identifier of the user as a bind parameter.
fn about<ST>(sql: &'static str, user_id: UserId) -> Statement<ST> {
    let mut statement = Statement::new(sql);
    statement.bind(user_id.as_uuid());
    statement
}

impl Database {
    async fn sessions_of(&self, user_id: UserId) -> Result<Vec<Session>, StoreError> {
        let mut statement = about::<SessionTypes>(
            "SELECT id, user_agent, ip, created_at, last_used_at, expires_at, ended_at FROM sessions \
             WHERE user_id = ",
            user_id,
        );
        statement.sql(" ORDER BY created_at, id");
        let rows: Vec<SessionColumns> = self.fetch(statement).await?;
        let session =
            |(id, user_agent, ip, created_at, last_used_at, expires_at, ended_at): SessionColumns| {
                let ip = ip.map(|ip| ip.parse()).transpose().map_err(StoreError::failed)?;
                Ok(Session {
                    id: SessionId::from_uuid(id.0),
                    user_id,
                    device: Device { user_agent, ip },
                    created_at: created_at.0,
                    last_used_at: last_used_at.0,
                    expires_at: expires_at.0,
                    ended_at: ended_at.map(|at| at.0),
                })
            };
        rows.into_iter().map(session).collect()
    }

    async fn refresh_tokens_of(&self, user_id: UserId) -> Result<Vec<RefreshToken>, StoreError> {
        let mut statement = about::<RefreshTypes>(
            "SELECT id, session_id, token, issued_at, expires_at, rotated_at FROM refresh_tokens WHERE user_id = ",
            user_id,
        );
        statement.sql(" ORDER BY issued_at, id");
        let rows: Vec<RefreshColumns> = self.fetch(statement).await?;
        let token =
            |(id, session_id, token, issued_at, expires_at, rotated_at): RefreshColumns| RefreshToken {
                id: TokenId::from_uuid(id.0),
                session_id: SessionId::from_uuid(session_id.0),
                user_id,
                digest: TokenDigest::from_hex(token),
                issued_at: issued_at.0,
                expires_at: expires_at.0,
                rotated_at: rotated_at.map(|at| at.0),
            };
        Ok(rows.into_iter().map(token).collect())
    }

    async fn devices_of(&self, user_id: UserId) -> Result<Vec<KnownDevice>, StoreError> {
        let mut statement = about::<(Text, SqlInstant, SqlInstant)>(
            "SELECT device, first_seen_at, last_seen_at FROM known_devices WHERE user_id = ",
            user_id,
        );
        statement.sql(" ORDER BY first_seen_at, device");
        let rows: Vec<(String, DbInstant, DbInstant)> = self.fetch(statement).await?;
        let device = |(device, first_seen_at, last_seen_at): (String, DbInstant, DbInstant)| KnownDevice {
            user_id,
            device: TokenDigest::from_hex(device),
            first_seen_at: first_seen_at.0,
            last_seen_at: last_seen_at.0,
        };
        Ok(rows.into_iter().map(device).collect())
    }

    async fn links_of(&self, user_id: UserId) -> Result<Vec<OpenLink>, StoreError> {
        let mut links = Vec::new();
        for (kind, table) in LINKS {
            let mut statement = Statement::<(SqlInstant,)>::new("SELECT expires_at FROM ");
            statement.sql(table).sql(" WHERE user_id = ").bind(user_id.as_uuid());
            let rows: Vec<(DbInstant,)> = self.fetch(statement).await?;
            links.extend(rows.into_iter().map(|(at,)| OpenLink { kind, expires_at: at.0 }));
        }
        Ok(links)
    }

    async fn movies_of(
        &self,
        sql: &'static str,
        order: &'static str,
        user_id: UserId,
    ) -> Result<Vec<HeldMovie>, StoreError> {
        let mut statement = about::<HeldTypes>(sql, user_id);
        statement.sql(order);
        let rows: Vec<HeldColumns> = self.fetch(statement).await?;
        let movie =
            |(id, name, since): HeldColumns| HeldMovie { id: MovieId::from_uuid(id.0), name, since: since.0 };
        Ok(rows.into_iter().map(movie).collect())
    }

    async fn purchases_of(&self, user_id: UserId) -> Result<Vec<HeldPurchase>, StoreError> {
        let mut statement = about::<PurchaseTypes>(
            "SELECT m.id, m.name, p.purchased_at, p.suspended_at, p.revoked_at FROM purchases p \
             JOIN movies m ON m.id = p.movie_id WHERE p.user_id = ",
            user_id,
        );
        statement.sql(" ORDER BY p.purchased_at, p.id");
        let rows: Vec<PurchaseColumns> = self.fetch(statement).await?;
        let purchase =
            |(movie_id, name, purchased_at, suspended_at, revoked_at): PurchaseColumns| HeldPurchase {
                movie_id: MovieId::from_uuid(movie_id.0),
                name,
                purchased_at: purchased_at.0,
                suspended_at: suspended_at.map(|at| at.0),
                revoked_at: revoked_at.map(|at| at.0),
            };
        Ok(rows.into_iter().map(purchase).collect())
    }

    async fn watched_by(&self, user_id: UserId) -> Result<Vec<WatchedMovie>, StoreError> {
        let mut statement = about::<(SqlId, Text, ProgressTypes)>(
            "SELECT m.id, m.name, w.position_seconds, w.progressed_at, w.is_watched FROM watch_progress w \
             JOIN movies m ON m.id = w.movie_id WHERE w.user_id = ",
            user_id,
        );
        statement.sql(" ORDER BY w.progressed_at, m.id");
        let rows: Vec<(DbUuid, String, ProgressRow)> = self.fetch(statement).await?;
        let watched = |(movie_id, name, row): (DbUuid, String, ProgressRow)| WatchedMovie {
            movie_id: MovieId::from_uuid(movie_id.0),
            name,
            progress: progress(row),
        };
        Ok(rows.into_iter().map(watched).collect())
    }

    async fn opinions_of(&self, user_id: UserId) -> Result<Opinions, StoreError> {
        let mut statement = about::<(SqlId, Text, SqlInstant, Text)>(
            "SELECT m.id, m.name, r.reacted_at, r.value FROM movie_reactions r JOIN movies m ON m.id = r.movie_id \
             WHERE r.user_id = ",
            user_id,
        );
        statement.sql(" ORDER BY r.reacted_at, m.id");
        let reactions: Vec<(DbUuid, String, DbInstant, String)> = self.fetch(statement).await?;
        let mut statement = about::<(SqlId, Text, SqlInstant, SmallInt)>(
            "SELECT m.id, m.name, r.rated_at, r.score FROM movie_ratings r JOIN movies m ON m.id = r.movie_id \
             WHERE r.user_id = ",
            user_id,
        );
        statement.sql(" ORDER BY r.rated_at, m.id");
        let ratings: Vec<(DbUuid, String, DbInstant, i16)> = self.fetch(statement).await?;
        let favorites = self.movies_of(
            "SELECT m.id, m.name, f.added_at FROM favorites f JOIN movies m ON m.id = f.movie_id \
             WHERE f.user_id = ",
            " ORDER BY f.added_at, m.id",
            user_id,
        );
        let mut statement = about::<(SqlId, SqlInstant)>(
            "SELECT comment_id, liked_at FROM comment_likes WHERE user_id = ",
            user_id,
        );
        statement.sql(" ORDER BY liked_at, comment_id");
        let liked: Vec<(DbUuid, DbInstant)> = self.fetch(statement).await?;
        let movie = |id: DbUuid, name, since: DbInstant| HeldMovie {
            id: MovieId::from_uuid(id.0),
            name,
            since: since.0,
        };
        Ok(Opinions {
            reactions: reactions
                .into_iter()
                .map(|(id, name, at, value)| Ok((movie(id, name, at), reaction_named(&value)?)))
                .collect::<Result<_, StoreError>>()?,
            ratings: ratings.into_iter().map(|(id, name, at, score)| (movie(id, name, at), score)).collect(),
            favorites: favorites.await?,
            liked_comments: liked.into_iter().map(|(id, at)| (CommentId::from_uuid(id.0), at.0)).collect(),
            reports: self.reports_of(user_id).await?,
        })
    }

    async fn audit_of(&self, user_id: UserId) -> Result<Vec<domain::audit::AuditRecord>, StoreError> {
        let id: Uuid = user_id.as_uuid();
        let mut statement = Statement::<RecordTypes>::new("SELECT ");
        statement
            .sql(audit::COLUMNS)
            .sql(" FROM audit_log a WHERE a.actor_id = ")
            .bind(id)
            .sql(" UNION SELECT ")
            .sql(audit::COLUMNS)
            .sql(" FROM audit_log a WHERE a.object_id = ")
            .bind(id)
            .sql(" ORDER BY 2, 1");
        let rows: Vec<RecordRow> = self.fetch(statement).await?;
        rows.into_iter().map(audit::record).collect()
    }

    async fn notified_acts_of(&self, user_id: UserId) -> Result<Vec<NotifiedAct>, StoreError> {
        let mut statement = about::<(Text, Nullable<SqlId>, SqlInstant)>(
            "SELECT n.kind, n.comment_id, a.acted_at FROM notification_actors a \
             JOIN notifications n ON n.id = a.notification_id WHERE a.user_id = ",
            user_id,
        );
        statement
            .sql(
                " UNION ALL SELECT kind, comment_id, notified_at FROM notifications \
                 WHERE kind <> 'comment_like' AND actor_id = ",
            )
            .bind(user_id.as_uuid())
            .sql(" ORDER BY 3, 2");
        let rows: Vec<(String, Option<DbUuid>, DbInstant)> = self.fetch(statement).await?;
        let act = |(kind, comment, at): (String, Option<DbUuid>, DbInstant)| {
            let kind: NotificationKind = kind.parse().map_err(StoreError::failed)?;
            let comment_id = comment.map(|id| CommentId::from_uuid(id.0));
            Ok(NotifiedAct { kind, comment_id, at: at.0 })
        };
        rows.into_iter().map(act).collect()
    }

    async fn stream_tickets_of(&self, user_id: UserId) -> Result<Vec<Instant>, StoreError> {
        let mut statement =
            about::<(SqlInstant,)>("SELECT expires_at FROM stream_tickets WHERE user_id = ", user_id);
        statement.sql(" ORDER BY expires_at");
        let rows: Vec<(DbInstant,)> = self.fetch(statement).await?;
        Ok(rows.into_iter().map(|(at,)| at.0).collect())
    }

    async fn remembered_requests_of(&self, user_id: UserId) -> Result<u64, StoreError> {
        let statement = about::<(BigInt,)>("SELECT count(*) FROM idempotency_keys WHERE user_id = ", user_id);
        let rows: Vec<(i64,)> = self.fetch(statement).await?;
        let count = rows.first().map_or(0, |(count,)| *count);
        u64::try_from(count).map_err(StoreError::failed)
    }

    async fn pending_mails_of(&self, user_id: UserId) -> Result<u64, StoreError> {
        let mut statement = about::<(BigInt,)>("SELECT count(*) FROM outbox WHERE user_id = ", user_id);
        statement.sql(" AND sent_at IS NULL");
        let rows: Vec<(i64,)> = self.fetch(statement).await?;
        let count = rows.first().map_or(0, |(count,)| *count);
        u64::try_from(count).map_err(StoreError::failed)
    }
}
