use async_trait::async_trait;
use diesel::sql_types::BigInt;
use domain::{
    catalog::{Activity, popularity},
    engagement::PopularityMaintenance,
    id::{MovieId, UserId},
    store::StoreError,
};
use uuid::Uuid;

use crate::{
    Database,
    dialect::{DbUuid, LOCKED_MOVIES, SqlId, push_any},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

/// The end of an `INSERT` into `popularity_queue`, which has the movies whose popularity a job must recompute
/// (`refresh_popularity`). The update locks a row that already exists: otherwise the job could remove the row before
/// this transaction commits, and the popularity would lack the change of this transaction.
const QUEUED: &str = " ON CONFLICT (movie_id) DO UPDATE SET movie_id = excluded.movie_id";

/// The movie, its votes, and the numbers of its [`Activity`].
type ScoreTypes = (SqlId, BigInt, BigInt, BigInt, BigInt, BigInt);
type ScoreRow = (DbUuid, i64, i64, i64, i64, i64);

#[async_trait]
impl PopularityMaintenance for Database {
    async fn refresh_popularity(&self, limit: u32) -> Result<u64, StoreError> {
        let mut unit = UnitOfWork::begin(self).await?;
        let mut statement =
            Statement::<(SqlId,)>::new("SELECT movie_id FROM popularity_queue ORDER BY movie_id LIMIT ");
        statement.bind(i64::from(limit));
        // Rows that other transactions have locked are left for the next run, because waiting for them could cause a
        // deadlock.
        if LOCKED_MOVIES.is_some() {
            statement.sql(" FOR UPDATE SKIP LOCKED");
        }
        let mut queued: Vec<(DbUuid,)> = unit.load(statement).await?;
        if let Some(locked) = LOCKED_MOVIES {
            let mut statement = Statement::<(SqlId,)>::new("SELECT m.id FROM movies m WHERE ");
            push_any(&mut statement, "m.id", queued.into_iter().map(|(id,)| id.0).collect());
            statement.sql(" ORDER BY m.id").sql(locked).sql(" SKIP LOCKED");
            queued = unit.load(statement).await?;
        }
        let queued: Vec<Uuid> = queued.into_iter().map(|(id,)| id.0).collect();
        if queued.is_empty() {
            return Ok(0);
        }
        let mut statement = Statement::<()>::new("DELETE FROM popularity_queue WHERE ");
        push_any(&mut statement, "movie_id", queued.clone());
        unit.execute(statement).await?;
        let mut statement = Statement::<ScoreTypes>::new(
            "SELECT m.id, m.votes, m.likes, m.rating_count, \
             (SELECT count(DISTINCT c.user_id) FROM comments c WHERE c.movie_id = m.id), \
             (SELECT count(*) FROM purchases p WHERE p.movie_id = m.id AND p.revoked_at IS NULL) \
             FROM movies m WHERE ",
        );
        push_any(&mut statement, "m.id", queued.clone());
        let rows: Vec<ScoreRow> = unit.load(statement).await?;
        for (id, votes, likes, ratings, commenters, purchases) in rows {
            let score = popularity(votes, Activity { likes, ratings, commenters, purchases });
            let mut statement = Statement::<()>::new("UPDATE movies SET popularity = ");
            statement.bind(score).sql(" WHERE id = ").bind(id.0).sql(" AND popularity <> ").bind(score);
            unit.execute(statement).await?;
        }
        unit.finish().await?;
        self.cache().searches().forget_lists();
        Ok(u64::try_from(queued.len()).unwrap_or(u64::MAX))
    }
}

impl UnitOfWork {
    /// Queues the movie, so that the job recomputes its popularity. Must be called after each action that affects
    /// popularity.
    pub(crate) async fn queue_popularity(&mut self, movie_id: MovieId) -> Result<(), StoreError> {
        let mut statement = Statement::<()>::new("INSERT INTO popularity_queue (movie_id) VALUES (");
        statement.bind(movie_id.as_uuid()).sql(")").sql(QUEUED);
        self.execute(statement).await?;
        Ok(())
    }

    /// Queues every movie that the user reacted to, rated or commented on, so that the job recomputes its popularity.
    pub(crate) async fn queue_popularity_of_all(&mut self, user_id: UserId) -> Result<(), StoreError> {
        let user = user_id.as_uuid();
        let mut statement = Statement::<()>::new(
            "INSERT INTO popularity_queue (movie_id) \
             SELECT movie_id FROM (SELECT movie_id FROM movie_reactions WHERE user_id = ",
        );
        statement
            .bind(user)
            .sql(" UNION SELECT movie_id FROM movie_ratings WHERE user_id = ")
            .bind(user)
            .sql(" UNION SELECT movie_id FROM comments WHERE user_id = ")
            .bind(user)
            // Without `WHERE`, SQLite would parse `ON CONFLICT` as the `ON` of a join.
            .sql(") AS acts WHERE TRUE ORDER BY movie_id")
            .sql(QUEUED);
        self.execute(statement).await?;
        Ok(())
    }
}
