use async_trait::async_trait;
use diesel::sql_types::{BigInt, Bool, Integer, Text};
use domain::{
    id::{MovieId, UserId},
    library::{MovieFile, MovieMediaRepository, MovieSubtitles, Progress, ProgressRepository, RunningTime},
    media::MediaKey,
    store::StoreError,
};

use crate::{
    dialect::{DbInstant, DbUuid, FOR_UPDATE, SqlId, SqlInstant},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

/// The SQL types of [`ProgressRow`].
pub(crate) type ProgressTypes = (BigInt, SqlInstant, Bool);
/// The position in seconds, the time of the progress, and whether the movie was watched to its end.
pub(crate) type ProgressRow = (i64, DbInstant, bool);

/// Converts a row to a progress.
pub(crate) fn progress((position_seconds, at, is_watched): ProgressRow) -> Progress {
    Progress { position_seconds, at: at.0, is_watched }
}

#[async_trait]
impl ProgressRepository for UnitOfWork {
    async fn bought_running_time(
        &mut self,
        user_id: UserId,
        movie_id: MovieId,
    ) -> Result<Option<RunningTime>, StoreError> {
        let mut statement = Statement::<(Integer,)>::new(
            "SELECT m.duration_minutes FROM purchases p JOIN movies m ON m.id = p.movie_id \
             WHERE p.revoked_at IS NULL AND p.user_id = ",
        );
        statement.bind(user_id.as_uuid()).sql(" AND p.movie_id = ").bind(movie_id.as_uuid());
        let found: Option<(i32,)> = self.first(statement).await?;
        Ok(found.map(|(minutes,)| RunningTime::of_minutes(minutes)))
    }

    async fn find_progress(
        &mut self,
        user_id: UserId,
        movie_id: MovieId,
    ) -> Result<Option<Progress>, StoreError> {
        let mut statement = Statement::<ProgressTypes>::new(
            "SELECT position_seconds, progressed_at, is_watched FROM watch_progress WHERE user_id = ",
        );
        statement.bind(user_id.as_uuid()).sql(" AND movie_id = ").bind(movie_id.as_uuid());
        let found: Option<ProgressRow> = self.first(statement).await?;
        Ok(found.map(progress))
    }

    async fn put_progress(
        &mut self,
        user_id: UserId,
        movie_id: MovieId,
        progress: &Progress,
    ) -> Result<(), StoreError> {
        let mut statement = Statement::<()>::new(
            "INSERT INTO watch_progress (user_id, movie_id, position_seconds, progressed_at, is_watched) VALUES (",
        );
        statement
            .bind(user_id.as_uuid())
            .sql(", ")
            .bind(movie_id.as_uuid())
            .sql(", ")
            .bind(progress.position_seconds)
            .sql(", ")
            .bind(progress.at)
            .sql(if progress.is_watched { ", TRUE" } else { ", FALSE" })
            .sql(
                ") ON CONFLICT (user_id, movie_id) DO UPDATE SET position_seconds = excluded.position_seconds, \
                 progressed_at = excluded.progressed_at, is_watched = excluded.is_watched",
            );
        self.execute_one(statement).await
    }
}

#[async_trait]
impl MovieMediaRepository for UnitOfWork {
    async fn lock_movie_media(&mut self, movie_id: MovieId) -> Result<bool, StoreError> {
        let mut statement = Statement::<(SqlId,)>::new("SELECT id FROM movies WHERE id = ");
        statement.bind(movie_id.as_uuid()).sql(FOR_UPDATE);
        Ok(self.first::<(DbUuid,), _>(statement).await?.is_some())
    }

    async fn put_movie_file(&mut self, file: &MovieFile) -> Result<Option<MediaKey>, StoreError> {
        let mut before = Statement::<(Text,)>::new("SELECT media_key FROM movie_files WHERE movie_id = ");
        before.bind(file.movie_id.as_uuid());
        let before = key_of(self.first(before).await?)?;
        let mut statement = Statement::<()>::new(
            "INSERT INTO movie_files (movie_id, media_key, length, attached_at) VALUES (",
        );
        statement
            .bind(file.movie_id.as_uuid())
            .sql(", ")
            .bind(file.key.to_string())
            .sql(", ")
            .bind(file.length)
            .sql(", ")
            .bind(file.attached_at)
            .sql(
                ") ON CONFLICT (movie_id) DO UPDATE SET media_key = excluded.media_key, length = excluded.length, \
                 attached_at = excluded.attached_at",
            );
        self.execute_one(statement).await?;
        Ok(before)
    }

    async fn put_movie_subtitles(
        &mut self,
        subtitles: &MovieSubtitles,
    ) -> Result<Option<MediaKey>, StoreError> {
        let language = subtitles.language.to_string();
        let mut before = Statement::<(Text,)>::new("SELECT media_key FROM movie_subtitles WHERE movie_id = ");
        before.bind(subtitles.movie_id.as_uuid()).sql(" AND language = ").bind(language.clone());
        let before = key_of(self.first(before).await?)?;
        let mut statement = Statement::<()>::new(
            "INSERT INTO movie_subtitles (movie_id, language, media_key, attached_at) VALUES (",
        );
        statement
            .bind(subtitles.movie_id.as_uuid())
            .sql(", ")
            .bind(language)
            .sql(", ")
            .bind(subtitles.key.to_string())
            .sql(", ")
            .bind(subtitles.attached_at)
            .sql(
                ") ON CONFLICT (movie_id, language) DO UPDATE SET media_key = excluded.media_key, \
                 attached_at = excluded.attached_at",
            );
        self.execute_one(statement).await?;
        Ok(before)
    }
}

fn key_of(row: Option<(String,)>) -> Result<Option<MediaKey>, StoreError> {
    row.map(|(key,)| key.parse()).transpose().map_err(StoreError::failed)
}
