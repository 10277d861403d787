//! The facts of a movie: what lists show of it that only a change of the catalogue changes. These are its name,
//! duration, certification, genres and poster.
//!
//! Reading the genres of each movie would take half the time of a page. So the statement of a list reads only
//! [`SummaryRow`], and the facts are cached. Every change of the facts increases the version of the catalogue in the
//! same transaction. A row is combined with facts that were read at the version of the row or at a later one, so a
//! change that the caller has seen never disappears.

use std::{collections::HashMap, sync::Arc, time::Duration};

use diesel::{
    Queryable,
    sql_types::{BigInt, Integer, Nullable, Text},
};
use domain::{
    catalog::{MovieSummary, Named, Poster},
    id::{CertificationId, CertificationKind, GenreKind, Id, Kind, UserId},
    store::StoreError,
};
use moka::sync::Cache;
use uuid::Uuid;

use crate::{
    Database,
    dialect::{DbUuid, NAMED_PAIRS, SqlId, push_any},
    queries::movie_row::SummaryRow,
    repositories::stored_poster,
    statement::Statement,
};

/// The maximum number of movies whose facts are cached (most of them take less than 1 kB).
const MAX_MOVIES: u64 = 10_000;

/// How long facts are cached. This limit only matters if somebody changes the tables without this program, and so
/// without changing the version of the catalogue.
const LONGEST_AGE: Duration = Duration::from_mins(1);

/// The SQL types of [`FactsRow`].
pub(super) type FactsTypes =
    (Text, Integer, SqlId, Text, Nullable<Text>, Nullable<Text>, Nullable<SqlId>, Nullable<Integer>);

/// The columns of [`MovieFacts`].
#[derive(Queryable)]
pub(super) struct FactsRow {
    name: String,
    duration_minutes: i32,
    certification_id: DbUuid,
    certification_name: String,
    genres: Option<String>,
    poster_url: Option<String>,
    poster_id: Option<DbUuid>,
    poster_width: Option<i32>,
}

/// What a list shows of a movie that only a change of the catalogue changes.
pub(super) struct MovieFacts {
    pub(super) name: String,
    pub(super) duration_minutes: i32,
    pub(super) certification: Named<CertificationKind>,
    pub(super) genres: Vec<Named<GenreKind>>,
    pub(super) poster: Option<Poster>,
}

/// Appends the columns of [`FactsRow`] to a `SELECT` from `movies m JOIN certifications c`.
pub(super) fn push_facts<ST>(statement: &mut Statement<ST>) {
    statement
        .sql("m.name, m.duration_minutes, m.certification_id, c.name, ")
        .sql(named("movie_genres", "genre_id", "genres"))
        .sql(", m.poster_url, m.poster_id, m.poster_width");
}

/// The column with the names that are linked to the movie `m`, for [`read_named`].
pub(super) fn named(links: &str, column: &str, names: &str) -> String {
    format!(
        "(SELECT {NAMED_PAIRS} FROM {links} l JOIN {names} n ON n.id = l.{column} WHERE l.movie_id = m.id)"
    )
}

/// Parses a value of the column of [`named`].
pub(super) fn read_named<K: Kind>(json: Option<&str>) -> Result<Vec<Named<K>>, StoreError> {
    let Some(json) = json else { return Ok(Vec::new()) };
    let pairs: Vec<(&str, String)> = serde_json::from_str(json).map_err(StoreError::failed)?;
    pairs
        .into_iter()
        .map(|(id, name)| {
            let id = Uuid::parse_str(id).map_err(StoreError::failed)?;
            Ok(Named { id: Id::from_uuid(id), name })
        })
        .collect()
}

impl FactsRow {
    pub(super) fn into_facts(self) -> Result<MovieFacts, StoreError> {
        Ok(MovieFacts {
            name: self.name,
            duration_minutes: self.duration_minutes,
            certification: Named {
                id: CertificationId::from_uuid(self.certification_id.0),
                name: self.certification_name,
            },
            genres: read_named(self.genres.as_deref())?,
            poster: stored_poster(self.poster_url, self.poster_id, self.poster_width)?,
        })
    }
}

/// A cache of facts, each with the version of the catalogue at which they were read.
pub(crate) struct FactsCache(Cache<Uuid, (i64, Arc<MovieFacts>)>);

impl FactsCache {
    pub(super) fn new() -> Self {
        Self(Cache::builder().max_capacity(MAX_MOVIES).time_to_live(LONGEST_AGE).build())
    }

    /// The facts of a movie, if they were read at this version or a later one.
    fn facts(&self, movie: Uuid, version: i64) -> Option<Arc<MovieFacts>> {
        self.0.get(&movie).filter(|(read_at, _)| *read_at >= version).map(|(_, facts)| facts)
    }
}

impl Database {
    /// The facts of the movies of these rows, by the identifier of the movie. A movie that was deleted after the rows
    /// were read may be missing.
    pub(super) async fn facts_of<'r>(
        &self,
        rows: impl Iterator<Item = &'r SummaryRow> + Send,
    ) -> Result<HashMap<Uuid, Arc<MovieFacts>>, StoreError> {
        let (mut known, mut unknown) = (HashMap::new(), Vec::new());
        for row in rows {
            match self.cache().movie_facts().facts(row.id.0, row.catalog_version) {
                Some(facts) => {
                    known.insert(row.id.0, facts);
                }
                None => unknown.push(row.id.0),
            }
        }
        if !unknown.is_empty() {
            let mut statement = Statement::<(BigInt, SqlId, FactsTypes)>::new(
                "SELECT (SELECT version FROM catalog_state), m.id, ",
            );
            push_facts(&mut statement);
            statement.sql(" FROM movies m JOIN certifications c ON c.id = m.certification_id WHERE ");
            push_any(&mut statement, "m.id", unknown);
            let rows: Vec<(i64, DbUuid, FactsRow)> = self.fetch(statement).await?;
            for (version, id, row) in rows {
                let facts = Arc::new(row.into_facts()?);
                self.cache().movie_facts().0.insert(id.0, (version, Arc::clone(&facts)));
                known.insert(id.0, facts);
            }
        }
        Ok(known)
    }

    /// The summaries that the viewer sees of these movies. A movie that was deleted after the rows were read may be
    /// missing.
    pub(super) async fn summaries_of(
        &self,
        rows: Vec<SummaryRow>,
        viewer: Option<UserId>,
    ) -> Result<Vec<MovieSummary>, StoreError> {
        let facts = self.facts_of(rows.iter()).await?;
        rows.into_iter()
            .filter_map(|row| facts.get(&row.id.0).map(|facts| row.into_summary(facts, viewer)))
            .collect()
    }
}
