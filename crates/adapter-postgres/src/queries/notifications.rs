use async_trait::async_trait;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use domain::{
    accounts::public_name,
    catalog::Named,
    id::{CommentId, MovieId, NotificationId, OrderId, SessionId, UserId},
    notifications::{
        Notification, NotificationKind, NotificationQueries, NotificationSettings, UnreadCounts, UserPosition,
    },
    page::{Page, PageRequest, Position, SortValue},
    store::StoreError,
    time::Instant,
};

use crate::{
    Database,
    dialect::{DbInstant, DbUuid, SqlId, SqlInstant, push_any},
    queries::{
        keyset::{KeyType, Keyset},
        plain_list::PlainList,
    },
    statement::Statement,
};

const COLUMNS: &str = "n.id, n.kind, n.position, n.notified_at, n.read_at, n.count, n.comment_id, n.order_id, n.actor_id, \
    p.first_name, p.last_name, coalesce(n.movie_id, n.removed_movie_id), coalesce(m.name, n.removed_movie_name)";

const TABLES: &str = " FROM notifications n LEFT JOIN user_profiles p ON p.user_id = n.actor_id \
    LEFT JOIN movies m ON m.id = n.movie_id WHERE n.count > 0 AND n.user_id = ";

pub(super) type NotificationTypes = (
    SqlId,
    Text,
    BigInt,
    SqlInstant,
    Nullable<SqlInstant>,
    BigInt,
    Nullable<SqlId>,
    Nullable<SqlId>,
    Nullable<SqlId>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<SqlId>,
    Nullable<Text>,
);
type NotificationRow = (
    DbUuid,
    String,
    i64,
    DbInstant,
    Option<DbInstant>,
    i64,
    Option<DbUuid>,
    Option<DbUuid>,
    Option<DbUuid>,
    Option<String>,
    Option<String>,
    Option<DbUuid>,
    Option<String>,
);

/// The list of a user's notifications, newest first.
pub(super) fn list(user_id: UserId, unread_only: bool) -> PlainList {
    let mut matching = Statement::new(TABLES);
    matching.bind(user_id.as_uuid());
    if unread_only {
        matching.sql(" AND n.read_at IS NULL");
    }
    let order = Keyset::ending_in("n.id").then_by(Statement::new("n.position"), KeyType::Integer, true);
    PlainList { columns: COLUMNS, matching, order }
}

fn notification(row: NotificationRow) -> Result<Notification, StoreError> {
    let (
        id,
        kind,
        position,
        notified_at,
        read_at,
        count,
        comment_id,
        order_id,
        actor,
        first,
        last,
        movie,
        name,
    ) = row;
    let actor = actor.map(|id| {
        let id = UserId::from_uuid(id.0);
        Named { id, name: public_name(id, first.as_deref(), last.as_deref()) }
    });
    Ok(Notification {
        id: NotificationId::from_uuid(id.0),
        kind: kind.parse().map_err(StoreError::failed)?,
        position,
        notified_at: notified_at.0,
        read_at: read_at.map(|at| at.0),
        actor,
        count: u64::try_from(count).map_err(StoreError::failed)?,
        movie: movie.zip(name).map(|(id, name)| Named { id: MovieId::from_uuid(id.0), name }),
        comment_id: comment_id.map(|id| CommentId::from_uuid(id.0)),
        order_id: order_id.map(|id| OrderId::from_uuid(id.0)),
    })
}

#[async_trait]
impl NotificationQueries for Database {
    async fn notification_page(
        &self,
        user_id: UserId,
        unread_only: bool,
        request: &PageRequest,
    ) -> Result<Page<Notification>, StoreError> {
        let list = list(user_id, unread_only);
        let rows: Vec<NotificationRow> = self.fetch(list.statement::<NotificationTypes>(request)?).await?;
        let position = |(id, _, position, ..): &NotificationRow| Position {
            values: vec![SortValue::Integer(*position)],
            id: id.0,
        };
        self.page_of(&list, request, rows, position).await?.try_map(notification)
    }

    async fn unread_counts(&self, user_id: UserId) -> Result<UnreadCounts, StoreError> {
        let mut statement =
            Statement::<(Text, BigInt)>::new("SELECT kind, count(*) FROM notifications WHERE user_id = ");
        statement.bind(user_id.as_uuid()).sql(" AND read_at IS NULL AND count > 0 GROUP BY kind");
        let rows: Vec<(String, i64)> = self.fetch(statement).await?;
        let count = |(kind, count): (String, i64)| {
            let kind: NotificationKind = kind.parse().map_err(StoreError::failed)?;
            Ok((kind, u64::try_from(count).map_err(StoreError::failed)?))
        };
        let mut by_kind = rows.into_iter().map(count).collect::<Result<Vec<_>, StoreError>>()?;
        by_kind.sort_unstable();
        Ok(UnreadCounts { by_kind })
    }

    async fn notification_settings(&self, user_id: UserId) -> Result<NotificationSettings, StoreError> {
        let mut statement = Statement::<(Bool, Bool)>::new(
            "SELECT mails_comment_reply, mails_comment_like FROM notification_inboxes WHERE user_id = ",
        );
        statement.bind(user_id.as_uuid());
        let rows: Vec<(bool, bool)> = self.fetch(statement).await?;
        let settings = rows.into_iter().next().map(|(mails_comment_reply, mails_comment_like)| {
            NotificationSettings { mails_comment_reply, mails_comment_like }
        });
        Ok(settings.unwrap_or_default())
    }

    async fn notification_positions(&self, user_ids: &[UserId]) -> Result<Vec<UserPosition>, StoreError> {
        let mut statement = Statement::<(SqlId, BigInt)>::new(
            "SELECT user_id, last_position FROM notification_inboxes WHERE ",
        );
        push_any(&mut statement, "user_id", user_ids.iter().map(UserId::as_uuid).collect());
        let rows: Vec<(DbUuid, i64)> = self.fetch(statement).await?;
        let position = |(id, position): (DbUuid, i64)| {
            let user_id = UserId::from_uuid(id.0);
            UserPosition { user_id, position }
        };
        Ok(rows.into_iter().map(position).collect())
    }

    async fn notifications_behind(
        &self,
        after: UserPosition,
        limit: u32,
    ) -> Result<Vec<Notification>, StoreError> {
        let mut statement = Statement::<NotificationTypes>::new("SELECT ");
        statement
            .sql(COLUMNS)
            .sql(TABLES)
            .bind(after.user_id.as_uuid())
            .sql(" AND n.position > ")
            .bind(after.position)
            .sql(" ORDER BY n.position, n.id LIMIT ")
            .bind(i64::from(limit));
        let rows: Vec<NotificationRow> = self.fetch(statement).await?;
        rows.into_iter().map(notification).collect()
    }

    async fn live_sessions_among(
        &self,
        ids: &[SessionId],
        now: Instant,
    ) -> Result<Vec<SessionId>, StoreError> {
        let mut statement = Statement::<(SqlId,)>::new(
            "SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id \
             WHERE u.is_active AND s.ended_at IS NULL AND s.expires_at > ",
        );
        statement.bind(now).sql(" AND ");
        push_any(&mut statement, "s.id", ids.iter().map(SessionId::as_uuid).collect());
        let rows: Vec<(DbUuid,)> = self.fetch(statement).await?;
        Ok(rows.into_iter().map(|(id,)| SessionId::from_uuid(id.0)).collect())
    }
}
