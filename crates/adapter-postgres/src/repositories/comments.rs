use async_trait::async_trait;
use diesel::sql_types::{BigInt, Nullable};
use domain::{
    engagement::{Comment, CommentLikes, CommentRepository, CommentText, NewComment},
    id::{CommentId, MovieId, UserId},
    store::StoreError,
    time::Instant,
};
use uuid::Uuid;

use crate::{
    dialect::{DbInstant, DbUuid, FOR_UPDATE, SqlId, SqlInstant, push_any},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

type CommentTypes = (SqlId, SqlId, Nullable<SqlId>, Nullable<SqlId>, BigInt, SqlInstant);
type CommentRow = (DbUuid, DbUuid, Option<DbUuid>, Option<DbUuid>, i64, DbInstant);

const COLUMNS: &str =
    "SELECT id, movie_id, thread_id, user_id, replies_count, created_at FROM comments WHERE ";

fn comment((id, movie_id, thread_id, user_id, replies_count, created_at): CommentRow) -> Comment {
    Comment {
        id: CommentId::from_uuid(id.0),
        movie_id: MovieId::from_uuid(movie_id.0),
        thread_id: thread_id.map(|id| CommentId::from_uuid(id.0)),
        author: user_id.map(|id| UserId::from_uuid(id.0)),
        replies_count,
        created_at: created_at.0,
    }
}

#[async_trait]
impl CommentRepository for UnitOfWork {
    async fn movie_of_comment(&mut self, id: CommentId) -> Result<Option<MovieId>, StoreError> {
        let mut statement = Statement::<(SqlId,)>::new("SELECT movie_id FROM comments WHERE id = ");
        statement.bind(id.as_uuid());
        let found: Option<(DbUuid,)> = self.first(statement).await?;
        Ok(found.map(|(id,)| MovieId::from_uuid(id.0)))
    }

    async fn find_comment_for_update(&mut self, id: CommentId) -> Result<Option<Comment>, StoreError> {
        let mut statement =
            Statement::<(Nullable<SqlId>,)>::new("SELECT thread_id FROM comments WHERE id = ");
        statement.bind(id.as_uuid());
        let found: Option<(Option<DbUuid>,)> = self.first(statement).await?;
        let Some((thread_id,)) = found else { return Ok(None) };
        // The first comment of the thread is locked before its replies, so that all units of work lock in the same
        // order.
        if let Some(thread_id) = thread_id {
            self.lock_comment(CommentId::from_uuid(thread_id.0)).await?;
        }
        self.lock_comment(id).await
    }

    async fn insert_comment(&mut self, comment: &NewComment) -> Result<(), StoreError> {
        let mut statement = Statement::<()>::new(
            "INSERT INTO comments (id, movie_id, user_id, text, created_at, thread_id) VALUES (",
        );
        statement
            .bind(comment.id.as_uuid())
            .sql(", ")
            .bind(comment.movie_id.as_uuid())
            .sql(", ")
            .bind(comment.author.as_uuid())
            .sql(", ")
            .bind(comment.text.as_str().to_owned())
            .sql(", ")
            .bind(comment.created_at);
        match comment.thread_id {
            Some(thread_id) => statement.sql(", ").bind(thread_id.as_uuid()).sql(")"),
            None => statement.sql(", NULL)"),
        };
        self.execute_one(statement).await?;
        if let Some(thread_id) = comment.thread_id {
            self.count_reply(thread_id, 1).await?;
        }
        self.count_comments(comment.movie_id, 1).await
    }

    async fn edit_comment(
        &mut self,
        id: CommentId,
        text: &CommentText,
        at: Instant,
    ) -> Result<(), StoreError> {
        let mut statement = Statement::<()>::new("UPDATE comments SET text = ");
        statement
            .bind(text.as_str().to_owned())
            .sql(", edited_at = ")
            .bind(at)
            .sql(" WHERE user_id IS NOT NULL AND id = ")
            .bind(id.as_uuid());
        self.execute_one(statement).await
    }

    async fn delete_comment(&mut self, comment: &Comment) -> Result<(), StoreError> {
        if comment.replies_count > 0 {
            let mut statement = Statement::<()>::new("DELETE FROM comment_likes WHERE comment_id = ");
            statement.bind(comment.id.as_uuid());
            self.execute(statement).await?;
            let mut statement = Statement::<()>::new(
                "UPDATE comments SET user_id = NULL, text = NULL, likes = 0 WHERE id = ",
            );
            statement.bind(comment.id.as_uuid());
            self.execute_one(statement).await?;
        } else {
            self.remove_comment(comment.id).await?;
        }
        if let Some(thread_id) = comment.thread_id {
            self.count_reply(thread_id, -1).await?;
            // The first comment of the thread may already be deleted. Its empty row is kept only while it has replies.
            let mut statement = Statement::<()>::new(
                "DELETE FROM comments WHERE user_id IS NULL AND replies_count = 0 AND id = ",
            );
            statement.bind(thread_id.as_uuid());
            self.execute(statement).await?;
        }
        self.count_comments(comment.movie_id, -1).await
    }

    async fn set_comment_like(
        &mut self,
        user_id: UserId,
        comment_id: CommentId,
        is_liked: bool,
        at: Instant,
    ) -> Result<CommentLikes, StoreError> {
        let changed = if is_liked {
            let mut statement =
                Statement::<()>::new("INSERT INTO comment_likes (user_id, comment_id, liked_at) VALUES (");
            statement
                .bind(user_id.as_uuid())
                .sql(", ")
                .bind(comment_id.as_uuid())
                .sql(", ")
                .bind(at)
                .sql(") ON CONFLICT DO NOTHING");
            self.execute(statement).await?
        } else {
            let mut statement = Statement::<()>::new("DELETE FROM comment_likes WHERE user_id = ");
            statement.bind(user_id.as_uuid()).sql(" AND comment_id = ").bind(comment_id.as_uuid());
            self.execute(statement).await?
        };
        let mut statement = if changed > 0 {
            let mut statement = Statement::<(BigInt,)>::new("UPDATE comments SET likes = likes + ");
            statement.bind(if is_liked { 1_i64 } else { -1 });
            statement
        } else {
            Statement::<(BigInt,)>::new("SELECT likes FROM comments")
        };
        statement.sql(" WHERE id = ").bind(comment_id.as_uuid());
        if changed > 0 {
            statement.sql(" RETURNING likes");
        }
        let likes: Option<(i64,)> = self.first(statement).await?;
        let (count,) = likes.ok_or_else(|| StoreError::failed("a locked comment is gone"))?;
        Ok(CommentLikes { count, has_changed: changed > 0 })
    }
}

impl UnitOfWork {
    async fn lock_comment(&mut self, id: CommentId) -> Result<Option<Comment>, StoreError> {
        let mut statement = Statement::<CommentTypes>::new(COLUMNS);
        statement.sql("id = ").bind(id.as_uuid()).sql(FOR_UPDATE);
        let row: Option<CommentRow> = self.first(statement).await?;
        Ok(row.map(comment))
    }

    async fn remove_comment(&mut self, id: CommentId) -> Result<(), StoreError> {
        let mut statement = Statement::<()>::new("DELETE FROM comments WHERE id = ");
        statement.bind(id.as_uuid());
        self.execute_one(statement).await
    }

    async fn count_reply(&mut self, thread_id: CommentId, by: i64) -> Result<(), StoreError> {
        let mut statement = Statement::<()>::new("UPDATE comments SET replies_count = replies_count + ");
        statement.bind(by).sql(" WHERE id = ").bind(thread_id.as_uuid());
        self.execute_one(statement).await
    }

    async fn count_comments(&mut self, movie_id: MovieId, by: i64) -> Result<(), StoreError> {
        let mut statement = Statement::<()>::new("UPDATE movies SET comments_count = comments_count + ");
        statement.bind(by).sql(" WHERE id = ").bind(movie_id.as_uuid());
        self.execute_one(statement).await?;
        self.queue_popularity(movie_id).await
    }

    /// Deletes the user's comments and the user's likes of comments. A comment with replies of other users is emptied
    /// instead. The caller must have locked the movies of the user's comments and of the comments that the user
    /// likes.
    ///
    /// Each comment of another user is updated at most once: when a transaction updates a row for the second time,
    /// PostgreSQL checks the row's foreign keys again, and locks the comment's author for this check. Users must be
    /// locked before movies and comments, so this late lock could cause a deadlock.
    pub(crate) async fn erase_comments(&mut self, user_id: UserId) -> Result<(), StoreError> {
        let user = user_id.as_uuid();
        let mut statement = Statement::<(SqlId,)>::new(
            "SELECT DISTINCT thread_id FROM comments WHERE thread_id IS NOT NULL AND user_id = ",
        );
        statement.bind(user);
        let threads: Vec<(DbUuid,)> = self.load(statement).await?;
        let threads: Vec<Uuid> = threads.into_iter().map(|(id,)| id.0).collect();

        let mut statement = Statement::<()>::new(
            "UPDATE comments SET likes = likes - (SELECT count(*) FROM comment_likes l \
             WHERE l.comment_id = comments.id AND l.user_id = ",
        );
        statement
            .bind(user)
            .sql(
                "), replies_count = replies_count - (SELECT count(*) FROM comments r \
                 WHERE r.thread_id = comments.id AND r.user_id = ",
            )
            .bind(user)
            .sql(") WHERE id IN (SELECT comment_id FROM comment_likes WHERE user_id = ")
            .bind(user)
            .sql(" UNION SELECT thread_id FROM comments WHERE thread_id IS NOT NULL AND user_id = ")
            .bind(user)
            .sql(")");
        self.execute(statement).await?;
        let mut statement = Statement::<()>::new(
            "UPDATE movies SET comments_count = comments_count - (SELECT count(*) FROM comments c \
             WHERE c.movie_id = movies.id AND c.user_id = ",
        );
        statement
            .bind(user)
            .sql(") WHERE id IN (SELECT movie_id FROM comments WHERE user_id = ")
            .bind(user)
            .sql(")");
        self.execute(statement).await?;

        for (deletion, end) in [
            ("DELETE FROM comment_likes WHERE user_id = ", ""),
            ("DELETE FROM comments WHERE replies_count = 0 AND user_id = ", ""),
            ("DELETE FROM comment_likes WHERE comment_id IN (SELECT id FROM comments WHERE user_id = ", ")"),
        ] {
            let mut statement = Statement::<()>::new(deletion);
            statement.bind(user).sql(end);
            self.execute(statement).await?;
        }
        // The comments of the user that still exist have replies of other users. Their rows are kept without author and
        // text.
        let mut statement = Statement::<()>::new(
            "UPDATE comments SET user_id = NULL, text = NULL, likes = 0 WHERE user_id = ",
        );
        statement.bind(user);
        self.execute(statement).await?;
        let mut statement =
            Statement::<()>::new("DELETE FROM comments WHERE user_id IS NULL AND replies_count = 0 AND ");
        push_any(&mut statement, "id", threads);
        self.execute(statement).await?;
        Ok(())
    }
}
