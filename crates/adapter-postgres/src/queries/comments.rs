use std::collections::HashSet;

use async_trait::async_trait;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use domain::{
    accounts::{Actor, public_name},
    engagement::{CommentAuthor, CommentQueries, CommentView},
    id::{CommentId, MovieId, UserId},
    page::{Page, PageRequest, Position, SortValue},
    store::StoreError,
};

use crate::{
    Database,
    dialect::{DbInstant, DbUuid, SqlId, SqlInstant, push_any},
    queries::{
        keyset::{KeyType, Keyset},
        plain_list::PlainList,
    },
    repositories::push_visible,
    statement::Statement,
};

/// The SQL types of [`ProfileColumns`].
pub(super) type ProfileTypes = (Nullable<Text>, Nullable<Text>, Nullable<Text>);

type CommentTypes = (
    (SqlId, Nullable<SqlId>, Nullable<Text>, BigInt, BigInt, SqlInstant, Nullable<SqlInstant>),
    ProfileTypes,
);
type CommentColumns = (DbUuid, Option<DbUuid>, Option<String>, i64, i64, DbInstant, Option<DbInstant>);
/// The first name, last name and avatar of a comment's author.
pub(super) type ProfileColumns = (Option<String>, Option<String>, Option<String>);
type CommentRow = (CommentColumns, ProfileColumns);

const COLUMNS: &str = "c.id, c.user_id, c.text, c.likes, c.replies_count, c.created_at, c.edited_at, \
    p.first_name, p.last_name, p.avatar";

const TABLES: &str = " FROM comments c LEFT JOIN user_profiles p ON p.user_id = c.user_id WHERE ";

#[async_trait]
impl CommentQueries for Database {
    async fn movie_comments(
        &self,
        movie_id: MovieId,
        request: &PageRequest,
        viewer: Option<&Actor>,
    ) -> Result<Option<Page<CommentView>>, StoreError> {
        let mut statement = Statement::<(SqlId,)>::new("SELECT m.id FROM movies m WHERE ");
        push_visible(&mut statement, viewer);
        statement.sql(" AND m.id = ").bind(movie_id.as_uuid());
        let found: Vec<(DbUuid,)> = self.fetch(statement).await?;
        if found.is_empty() {
            return Ok(None);
        }
        let mut matching = Statement::new(TABLES);
        matching.sql("c.thread_id IS NULL AND c.movie_id = ").bind(movie_id.as_uuid());
        Ok(Some(self.comment_page(matching, true, request, viewer).await?))
    }

    async fn comment_replies(
        &self,
        comment_id: CommentId,
        request: &PageRequest,
        viewer: Option<&Actor>,
    ) -> Result<Option<Page<CommentView>>, StoreError> {
        let mut statement = Statement::<(SqlId,)>::new(
            "SELECT m.id FROM comments c JOIN movies m ON m.id = c.movie_id WHERE ",
        );
        push_visible(&mut statement, viewer);
        statement.sql(" AND c.id = ").bind(comment_id.as_uuid());
        let found: Vec<(DbUuid,)> = self.fetch(statement).await?;
        if found.is_empty() {
            return Ok(None);
        }
        let mut matching = Statement::new(TABLES);
        matching.sql("c.thread_id = ").bind(comment_id.as_uuid());
        Ok(Some(self.comment_page(matching, false, request, viewer).await?))
    }

    async fn comment(&self, id: CommentId, viewer: UserId) -> Result<Option<CommentView>, StoreError> {
        let mut statement = Statement::<CommentTypes>::new("SELECT ");
        statement.sql(COLUMNS).sql(TABLES).sql("c.id = ").bind(id.as_uuid());
        let rows: Vec<CommentRow> = self.fetch(statement).await?;
        Ok(self.comment_views(rows, Some(viewer)).await?.pop())
    }
}

impl Database {
    async fn comment_page(
        &self,
        matching: Statement,
        is_newest_first: bool,
        request: &PageRequest,
        viewer: Option<&Actor>,
    ) -> Result<Page<CommentView>, StoreError> {
        let viewer = viewer.map(|viewer| viewer.user_id);
        let created_at = Statement::new("c.created_at");
        let order = Keyset::ending_in("c.id").then_by(created_at, KeyType::Instant, is_newest_first);
        let list = PlainList { columns: COLUMNS, matching, order };
        let rows: Vec<CommentRow> = self.fetch(list.statement::<CommentTypes>(request)?).await?;
        let position = |((id, _, _, _, _, created_at, _), _): &CommentRow| Position {
            values: vec![SortValue::Integer(created_at.0.timestamp_micros())],
            id: id.0,
        };
        let page = self.page_of(&list, request, rows, position).await?;
        let Page { items, next, total } = page;
        Ok(Page { items: self.comment_views(items, viewer).await?, next, total })
    }

    /// Converts rows to comments as the viewer sees them. One statement reads which of these comments the viewer likes.
    async fn comment_views(
        &self,
        rows: Vec<CommentRow>,
        viewer: Option<UserId>,
    ) -> Result<Vec<CommentView>, StoreError> {
        let mut liked = HashSet::new();
        if let Some(viewer) = viewer.filter(|_| !rows.is_empty()) {
            let mut statement = Statement::<(SqlId, Bool)>::new(
                "SELECT comment_id, TRUE FROM comment_likes WHERE user_id = ",
            );
            statement.bind(viewer.as_uuid()).sql(" AND ");
            let ids = rows.iter().map(|((id, ..), _)| id.0).collect();
            push_any(&mut statement, "comment_id", ids);
            let found: Vec<(DbUuid, bool)> = self.fetch(statement).await?;
            liked.extend(found.into_iter().map(|(id, _)| id.0));
        }
        rows.into_iter()
            .map(|row| {
                let is_liked = liked.contains(&row.0.0.0);
                view(row, is_liked)
            })
            .collect()
    }
}

fn view((comment, profile): CommentRow, liked_by_me: bool) -> Result<CommentView, StoreError> {
    let (id, user_id, text, likes, replies_count, created_at, edited_at) = comment;
    Ok(CommentView {
        id: CommentId::from_uuid(id.0),
        author: user_id.map(|id| author(UserId::from_uuid(id.0), profile)).transpose()?,
        text,
        likes,
        replies_count,
        liked_by_me,
        created_at: created_at.0,
        edited_at: edited_at.map(|at| at.0),
    })
}

/// The author of a comment, with the public name and the avatar from the profile.
pub(super) fn author(id: UserId, profile: ProfileColumns) -> Result<CommentAuthor, StoreError> {
    let (first_name, last_name, avatar) = profile;
    Ok(CommentAuthor {
        id,
        name: public_name(id, first_name.as_deref(), last_name.as_deref()),
        avatar: avatar.map(|key| key.parse()).transpose().map_err(StoreError::failed)?,
    })
}
