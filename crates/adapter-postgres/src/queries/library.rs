use async_trait::async_trait;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
use domain::{
    catalog::{MovieFilter, MovieSort},
    id::{MovieId, PurchaseId, UserId},
    library::{
        BEGUN_FROM_PERCENT, BoughtMovie, Language, LibraryItem, LibraryQueries, PlayableMovie, RunningTime,
        StartedMovie, WATCHED_ABOVE_PERCENT,
    },
    media::MediaKey,
    page::{Page, PageRequest, Position, SortValue},
    store::StoreError,
};

use crate::{
    Database,
    dialect::{DbInstant, DbUuid, SqlId, SqlInstant, push_any},
    queries::{
        keyset::{KeyType, Keyset},
        movie_facts::read_with_facts,
        movie_row::{SummaryRow, SummaryTypes, push_summary},
        plain_list::PlainList,
    },
    repositories::{ProgressRow, ProgressTypes, progress},
    statement::Statement,
};

type StartedTypes = (SummaryTypes, ProgressTypes);
type StartedRow = (SummaryRow, ProgressRow);
type BoughtTypes = (SqlId, Bool, Integer, Bool, Nullable<BigInt>, Nullable<SqlInstant>, Nullable<Bool>);
type BoughtRow = (DbUuid, bool, i32, bool, Option<i64>, Option<DbInstant>, Option<bool>);

/// The condition that the buyer `u` may play the movie of the purchase `p`.
const IS_PLAYABLE: &str =
    "p.revoked_at IS NULL AND p.suspended_at IS NULL AND u.is_active AND u.deleted_at IS NULL";

#[async_trait]
impl LibraryQueries for Database {
    async fn library_page(
        &self,
        owner: UserId,
        filter: &MovieFilter,
        sorts: &[MovieSort],
        request: &PageRequest,
    ) -> Result<Page<LibraryItem>, StoreError> {
        let filter = MovieFilter { bought_by: Some(owner), ..filter.clone() };
        read_with_facts(async || {
            let Page { items, next, total } = self.rows_of_page(&filter, sorts, request, Some(owner)).await?;
            let Some(facts) = self.facts_of(items.iter()).await? else { return Ok(None) };
            // A search finds the movies first, and reads their rows with a second statement. A purchase may have been
            // revoked between the two statements, so rows without a purchase are left out.
            let items = items.into_iter().filter(SummaryRow::is_bought);
            let items = items.map(|row| {
                let facts = facts.of(&row)?;
                row.into_library_item(facts, owner)
            });
            Ok(Some(Page { items: items.collect::<Result<_, StoreError>>()?, next, total }))
        })
        .await
    }

    async fn started_page(
        &self,
        owner: UserId,
        request: &PageRequest,
    ) -> Result<Page<StartedMovie>, StoreError> {
        let list = started_list(owner);
        let mut statement = Statement::<StartedTypes>::new("SELECT ");
        push_summary(&mut statement, Some(owner));
        statement.sql(", w.position_seconds, w.progressed_at, w.is_watched");
        list.push_part(&mut statement, request)?;
        let position = |(movie, (_, at, _)): &StartedRow| Position {
            values: vec![SortValue::Integer(at.0.timestamp_micros())],
            id: movie.id.0,
        };
        read_with_facts(async || {
            let rows: Vec<StartedRow> = self.fetch(statement.clone()).await?;
            let Page { items, next, total } = self.page_of(&list, request, rows, position).await?;
            let facts = self.facts_of(items.iter().map(|(movie, _)| movie)).await?;
            let Some(facts) = facts else { return Ok(None) };
            let items = items.into_iter().map(|(movie, row)| {
                let facts = facts.of(&movie)?;
                Ok(StartedMovie { item: movie.into_library_item(facts, owner)?, progress: progress(row) })
            });
            Ok(Some(Page { items: items.collect::<Result<_, StoreError>>()?, next, total }))
        })
        .await
    }

    async fn bought_movie(
        &self,
        owner: UserId,
        movie_id: MovieId,
    ) -> Result<Option<BoughtMovie>, StoreError> {
        let mut statement = Statement::<BoughtTypes>::new(
            "SELECT p.id, p.suspended_at IS NOT NULL, m.duration_minutes, \
             EXISTS (SELECT 1 FROM movie_files f WHERE f.movie_id = m.id), \
             w.position_seconds, w.progressed_at, w.is_watched FROM purchases p JOIN movies m ON m.id = p.movie_id \
             LEFT JOIN watch_progress w ON w.user_id = p.user_id AND w.movie_id = p.movie_id \
             WHERE p.revoked_at IS NULL AND p.user_id = ",
        );
        statement.bind(owner.as_uuid()).sql(" AND p.movie_id = ").bind(movie_id.as_uuid());
        let rows: Vec<BoughtRow> = self.fetch(statement).await?;
        let Some((id, is_suspended, minutes, has_file, position, at, is_watched)) = rows.into_iter().next()
        else {
            return Ok(None);
        };
        let progress = match (position, at, is_watched) {
            (Some(position), Some(at), Some(is_watched)) => Some(progress((position, at, is_watched))),
            _ => None,
        };
        let subtitles = self.subtitles_of(movie_id).await?.into_iter().map(|(language, _)| language);
        Ok(Some(BoughtMovie {
            purchase_id: PurchaseId::from_uuid(id.0),
            is_suspended,
            running_time: RunningTime::of_minutes(minutes),
            has_file,
            subtitles: subtitles.collect(),
            progress,
        }))
    }

    async fn playable_movie(&self, purchase_id: PurchaseId) -> Result<Option<PlayableMovie>, StoreError> {
        let mut statement = Statement::<(SqlId, Nullable<Text>)>::new(
            "SELECT p.movie_id, (SELECT media_key FROM movie_files f WHERE f.movie_id = p.movie_id) \
             FROM purchases p JOIN users u ON u.id = p.user_id WHERE ",
        );
        statement.sql(IS_PLAYABLE).sql(" AND p.id = ").bind(purchase_id.as_uuid());
        let rows: Vec<(DbUuid, Option<String>)> = self.fetch(statement).await?;
        let Some((movie_id, file)) = rows.into_iter().next() else { return Ok(None) };
        let file = file.map(|key| key.parse()).transpose().map_err(StoreError::failed)?;
        let subtitles = self.subtitles_of(MovieId::from_uuid(movie_id.0)).await?;
        Ok(Some(PlayableMovie { file, subtitles }))
    }

    async fn playable_among(&self, purchases: &[PurchaseId]) -> Result<Vec<PurchaseId>, StoreError> {
        let mut statement = Statement::<(SqlId,)>::new(
            "SELECT p.id FROM purchases p JOIN users u ON u.id = p.user_id WHERE ",
        );
        statement.sql(IS_PLAYABLE).sql(" AND ");
        push_any(&mut statement, "p.id", purchases.iter().map(PurchaseId::as_uuid).collect());
        let rows: Vec<(DbUuid,)> = self.fetch(statement).await?;
        Ok(rows.into_iter().map(|(id,)| PurchaseId::from_uuid(id.0)).collect())
    }
}

impl Database {
    async fn subtitles_of(&self, movie_id: MovieId) -> Result<Vec<(Language, MediaKey)>, StoreError> {
        let mut statement = Statement::<(Text, Text)>::new(
            "SELECT language, media_key FROM movie_subtitles WHERE movie_id = ",
        );
        statement.bind(movie_id.as_uuid());
        let rows: Vec<(String, String)> = self.fetch(statement).await?;
        let mut subtitles = rows
            .into_iter()
            .map(|(language, key)| {
                let language: Language = language.parse().map_err(StoreError::failed)?;
                Ok((language, key.parse().map_err(StoreError::failed)?))
            })
            .collect::<Result<Vec<(Language, MediaKey)>, StoreError>>()?;
        subtitles.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(subtitles)
    }
}

/// The list of movies that the owner has begun to watch and not finished, most recently watched first.
fn started_list(owner: UserId) -> PlainList {
    // The position is multiplied by 100 instead of dividing the duration by 100, so that the comparison is exact.
    let mut matching = Statement::new(format!(
        " FROM watch_progress w JOIN purchases h ON h.user_id = w.user_id AND h.movie_id = w.movie_id \
         AND h.revoked_at IS NULL JOIN movies m ON m.id = w.movie_id WHERE NOT w.is_watched \
         AND w.position_seconds * 100 >= CAST(m.duration_minutes AS BIGINT) * 60 * {BEGUN_FROM_PERCENT} \
         AND w.position_seconds * 100 <= CAST(m.duration_minutes AS BIGINT) * 60 * {WATCHED_ABOVE_PERCENT} AND w.user_id = "
    ));
    matching.bind(owner.as_uuid());
    let order =
        Keyset::ending_in("w.movie_id").then_by(Statement::new("w.progressed_at"), KeyType::Instant, true);
    PlainList { columns: "", matching, order }
}
