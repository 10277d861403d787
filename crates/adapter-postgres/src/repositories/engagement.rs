use async_trait::async_trait;
use diesel::sql_types::{BigInt, Bool, SmallInt, Text};
use domain::{
    accounts::{Actor, Role},
    catalog::{MovieReaction, RatingSummary},
    engagement::{EngagementRepository, ReactionCounts, Score},
    id::{MovieId, UserId},
    store::StoreError,
    time::Instant,
};

use super::accounts::group_id;
use crate::{
    dialect::{DbUuid, LOCKED_MOVIES, SqlId, push_any},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

/// The name of a reaction in the database.
const fn reaction_name(reaction: MovieReaction) -> &'static str {
    match reaction {
        MovieReaction::Like => "like",
        MovieReaction::Dislike => "dislike",
    }
}

/// Parses the name of a reaction.
pub(crate) fn reaction_named(name: &str) -> Result<MovieReaction, StoreError> {
    match name {
        "like" => Ok(MovieReaction::Like),
        "dislike" => Ok(MovieReaction::Dislike),
        _ => Err(StoreError::failed("a reaction has a value that does not exist")),
    }
}

/// The numbers that a reaction adds to a movie's likes and dislikes.
const fn weight(reaction: Option<MovieReaction>) -> (i64, i64) {
    match reaction {
        Some(MovieReaction::Like) => (1, 0),
        Some(MovieReaction::Dislike) => (0, 1),
        None => (0, 0),
    }
}

/// Appends ` WHERE user_id = … AND movie_id = …`.
fn push_pair<ST>(statement: &mut Statement<ST>, user_id: UserId, movie_id: MovieId) {
    statement
        .sql(" WHERE user_id = ")
        .bind(user_id.as_uuid())
        .sql(" AND movie_id = ")
        .bind(movie_id.as_uuid());
}

/// Appends the condition that the viewer may see the movie `m`: the movie is on sale, or the viewer has bought it or is
/// at least a moderator.
pub(crate) fn push_visible<ST>(statement: &mut Statement<ST>, viewer: Option<&Actor>) {
    match viewer {
        None => {
            statement.sql("m.is_available");
        }
        Some(viewer) if viewer.role >= Role::Moderator => {
            statement.sql("TRUE");
        }
        Some(viewer) => {
            statement.sql("(m.is_available OR ");
            push_bought(statement, viewer.user_id);
            statement.sql(")");
        }
    }
}

/// As [`push_visible`], for a user whose role the statement reads from the database.
fn push_visible_to<ST>(statement: &mut Statement<ST>, user_id: UserId) {
    statement.sql("(m.is_available OR ");
    push_bought(statement, user_id);
    let roles =
        [Role::User, Role::Moderator, Role::Admin].into_iter().filter(|role| *role >= Role::Moderator);
    statement.sql(" OR EXISTS (SELECT 1 FROM users u WHERE u.id = ").bind(user_id.as_uuid()).sql(" AND ");
    push_any(statement, "u.group_id", roles.map(|role| group_id(role).0).collect());
    statement.sql("))");
}

/// Appends the condition that the user has bought the movie `m`, and the purchase was not revoked.
fn push_bought<ST>(statement: &mut Statement<ST>, user_id: UserId) {
    statement
        .sql("EXISTS (SELECT 1 FROM purchases p WHERE p.movie_id = m.id AND p.revoked_at IS NULL AND p.user_id = ")
        .bind(user_id.as_uuid())
        .sql(")");
}

#[async_trait]
impl EngagementRepository for UnitOfWork {
    async fn lock_movie(&mut self, movie_id: MovieId, user_id: UserId) -> Result<bool, StoreError> {
        let mut statement = Statement::<(Bool,)>::new("SELECT ");
        push_visible_to(&mut statement, user_id);
        statement
            .sql(" FROM movies m WHERE m.id = ")
            .bind(movie_id.as_uuid())
            .sql(LOCKED_MOVIES.unwrap_or_default());
        let found: Option<(bool,)> = self.first(statement).await?;
        Ok(found.is_some_and(|(is_visible,)| is_visible))
    }

    async fn set_reaction(
        &mut self,
        user_id: UserId,
        movie_id: MovieId,
        reaction: Option<MovieReaction>,
        at: Instant,
    ) -> Result<ReactionCounts, StoreError> {
        let mut statement = Statement::<(Text,)>::new("SELECT value FROM movie_reactions");
        push_pair(&mut statement, user_id, movie_id);
        let known: Option<(String,)> = self.first(statement).await?;
        let before = known.map(|(name,)| reaction_named(&name)).transpose()?;
        if before != reaction {
            match reaction {
                Some(reaction) => {
                    let mut statement = Statement::<()>::new(
                        "INSERT INTO movie_reactions (user_id, movie_id, value, reacted_at) VALUES (",
                    );
                    statement
                        .bind(user_id.as_uuid())
                        .sql(", ")
                        .bind(movie_id.as_uuid())
                        .sql(", ")
                        .bind(reaction_name(reaction).to_owned())
                        .sql(", ")
                        .bind(at)
                        .sql(
                            ") ON CONFLICT (user_id, movie_id) \
                             DO UPDATE SET value = excluded.value, reacted_at = excluded.reacted_at",
                        );
                    self.execute_one(statement).await?;
                }
                None => self.remove_pair("movie_reactions", user_id, movie_id).await?,
            }
            let ((old_likes, old_dislikes), (likes, dislikes)) = (weight(before), weight(reaction));
            let mut statement = Statement::<()>::new("UPDATE movies SET likes = likes + ");
            statement
                .bind(likes.saturating_sub(old_likes))
                .sql(", dislikes = dislikes + ")
                .bind(dislikes.saturating_sub(old_dislikes))
                .sql(" WHERE id = ")
                .bind(movie_id.as_uuid());
            self.execute_one(statement).await?;
            self.queue_popularity(movie_id).await?;
        }
        let mut statement =
            Statement::<(BigInt, BigInt)>::new("SELECT likes, dislikes FROM movies WHERE id = ");
        statement.bind(movie_id.as_uuid());
        let counts: Option<(i64, i64)> = self.first(statement).await?;
        let (likes, dislikes) = counts.ok_or_else(|| StoreError::failed("a locked movie is gone"))?;
        Ok(ReactionCounts { likes, dislikes })
    }

    async fn set_rating(
        &mut self,
        user_id: UserId,
        movie_id: MovieId,
        score: Option<Score>,
        at: Instant,
    ) -> Result<RatingSummary, StoreError> {
        let mut statement = Statement::<(SmallInt,)>::new("SELECT score FROM movie_ratings");
        push_pair(&mut statement, user_id, movie_id);
        let known: Option<(i16,)> = self.first(statement).await?;
        let before = known.map(|(score,)| score);
        let after = score.map(Score::value);
        if before != after {
            match after {
                Some(score) => {
                    let mut statement = Statement::<()>::new(
                        "INSERT INTO movie_ratings (user_id, movie_id, score, rated_at) VALUES (",
                    );
                    statement
                        .bind(user_id.as_uuid())
                        .sql(", ")
                        .bind(movie_id.as_uuid())
                        .sql(", CAST(")
                        .bind(i64::from(score))
                        .sql(" AS SMALLINT), ")
                        .bind(at)
                        .sql(
                            ") ON CONFLICT (user_id, movie_id) \
                             DO UPDATE SET score = excluded.score, rated_at = excluded.rated_at",
                        );
                    self.execute_one(statement).await?;
                }
                None => self.remove_pair("movie_ratings", user_id, movie_id).await?,
            }
            let sum = i64::from(after.unwrap_or(0)).saturating_sub(before.unwrap_or(0).into());
            let count = i64::from(after.is_some()).saturating_sub(before.is_some().into());
            let mut statement = Statement::<()>::new("UPDATE movies SET rating_sum = rating_sum + ");
            statement
                .bind(sum)
                .sql(", rating_count = rating_count + ")
                .bind(count)
                .sql(" WHERE id = ")
                .bind(movie_id.as_uuid());
            self.execute_one(statement).await?;
            self.queue_popularity(movie_id).await?;
        }
        let mut statement =
            Statement::<(BigInt, BigInt)>::new("SELECT rating_sum, rating_count FROM movies WHERE id = ");
        statement.bind(movie_id.as_uuid());
        let sums: Option<(i64, i64)> = self.first(statement).await?;
        let (sum, count) = sums.ok_or_else(|| StoreError::failed("a locked movie is gone"))?;
        Ok(RatingSummary::of(sum, count))
    }

    async fn add_favorite(
        &mut self,
        user_id: UserId,
        movie_id: MovieId,
        at: Instant,
    ) -> Result<(), StoreError> {
        let mut statement =
            Statement::<()>::new("INSERT INTO favorites (user_id, movie_id, added_at) VALUES (");
        statement
            .bind(user_id.as_uuid())
            .sql(", ")
            .bind(movie_id.as_uuid())
            .sql(", ")
            .bind(at)
            .sql(") ON CONFLICT DO NOTHING");
        self.execute(statement).await?;
        Ok(())
    }

    async fn remove_favorite(&mut self, user_id: UserId, movie_id: MovieId) -> Result<(), StoreError> {
        self.remove_pair("favorites", user_id, movie_id).await
    }

    async fn erase_engagement(&mut self, user_id: UserId) -> Result<(), StoreError> {
        // As in every unit of work, movies are locked in the order of their identifiers, and before comments.
        if let Some(locked) = LOCKED_MOVIES {
            let mut statement = Statement::<(SqlId,)>::new("SELECT m.id FROM movies m WHERE m.id IN (");
            statement
                .sql("SELECT movie_id FROM movie_reactions WHERE user_id = ")
                .bind(user_id.as_uuid())
                .sql(" UNION SELECT movie_id FROM movie_ratings WHERE user_id = ")
                .bind(user_id.as_uuid())
                .sql(" UNION SELECT movie_id FROM comments WHERE user_id = ")
                .bind(user_id.as_uuid())
                .sql(
                    " UNION SELECT c.movie_id FROM comment_likes l JOIN comments c ON c.id = l.comment_id \
                     WHERE l.user_id = ",
                )
                .bind(user_id.as_uuid())
                .sql(
                    " UNION SELECT r.movie_id FROM comment_reports o \
                     JOIN reported_comments r ON r.id = o.reported_comment_id WHERE o.user_id = ",
                )
                .bind(user_id.as_uuid())
                .sql(") ORDER BY m.id")
                .sql(locked);
            self.load::<(DbUuid,), _>(statement).await?;
        }
        self.queue_popularity_of_all(user_id).await?;
        for (value, counter) in [("like", "likes"), ("dislike", "dislikes")] {
            let mut statement = Statement::<()>::new("UPDATE movies SET ");
            statement
                .sql(counter)
                .sql(" = ")
                .sql(counter)
                .sql(" - 1 WHERE id IN (SELECT movie_id FROM movie_reactions WHERE user_id = ")
                .bind(user_id.as_uuid())
                .sql(" AND value = ")
                .bind(value.to_owned())
                .sql(")");
            self.execute(statement).await?;
        }
        let mut statement = Statement::<()>::new(
            "UPDATE movies SET rating_count = rating_count - 1, rating_sum = rating_sum - \
             (SELECT r.score FROM movie_ratings r WHERE r.movie_id = movies.id AND r.user_id = ",
        );
        statement
            .bind(user_id.as_uuid())
            .sql(") WHERE id IN (SELECT movie_id FROM movie_ratings WHERE user_id = ")
            .bind(user_id.as_uuid())
            .sql(")");
        self.execute(statement).await?;
        for table in ["movie_reactions", "movie_ratings", "favorites"] {
            let mut statement = Statement::<()>::new("DELETE FROM ");
            statement.sql(table).sql(" WHERE user_id = ").bind(user_id.as_uuid());
            self.execute(statement).await?;
        }
        self.erase_reports(user_id).await?;
        self.erase_comments(user_id).await
    }
}

impl UnitOfWork {
    async fn remove_pair(
        &mut self,
        table: &'static str,
        user_id: UserId,
        movie_id: MovieId,
    ) -> Result<(), StoreError> {
        let mut statement = Statement::<()>::new("DELETE FROM ");
        statement.sql(table);
        push_pair(&mut statement, user_id, movie_id);
        self.execute(statement).await?;
        Ok(())
    }
}
