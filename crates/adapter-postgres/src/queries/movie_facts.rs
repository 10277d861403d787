//! The facts of a movie: what lists show of it that only a change of the catalogue changes. These are its name,
//! duration, certification, genres and poster.
//!
//! Reading the genres of each movie would take half the time of a page. So the statement of a list reads only
//! [`SummaryRow`], and the facts are cached. Every change of the facts increases the version of the catalogue in the
//! same transaction. A row is combined only with facts that were read at the version of the row, so an item of a list
//! shows the movie either before or after a change.

use std::{collections::HashMap, sync::Arc};

use diesel::{
    Queryable,
    sql_types::{BigInt, Integer, Nullable, Text},
};
use domain::{
    catalog::{MovieSummary, Named},
    id::{CertificationId, UserId},
    store::StoreError,
};
use uuid::Uuid;

use crate::{
    Database,
    dialect::{DbUuid, SqlId, push_any},
    queries::{
        facts_cache::MovieFacts,
        movie_row::{SummaryRow, named, read_named},
    },
    repositories::stored_poster,
    statement::Statement,
};

/// The maximum number of times that rows and their facts are read. They are read again if the catalogue changed
/// between the statement that reads the rows and the statement that reads the facts. The time between both statements
/// is less than a millisecond.
const MOST_READS: u32 = 20;

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

/// Appends the columns of [`FactsRow`] to a `SELECT` from `movies m JOIN certifications c`.
pub(super) fn push_facts<ST>(statement: &mut Statement<ST>) {
    statement
        .sql("m.name, m.duration_minutes, m.certification_id, c.name, ")
        .sql(named("movie_genres", "genre_id", "genres"))
        .sql(", m.poster_url, m.poster_id, m.poster_width");
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

/// The facts of all movies of some rows, read at the version of the rows.
pub(super) struct Facts(HashMap<Uuid, Arc<MovieFacts>>);

impl Facts {
    /// The facts of the movie of this row, which must be one of the rows.
    pub(super) fn of(&self, row: &SummaryRow) -> Result<&MovieFacts, StoreError> {
        let facts = self.0.get(&row.id.0).map(AsRef::as_ref);
        facts.ok_or_else(|| StoreError::failed("a movie of a list has no facts"))
    }

    /// The summaries that the viewer sees of the movies of these rows.
    pub(super) fn summaries(
        &self,
        rows: Vec<SummaryRow>,
        viewer: Option<UserId>,
    ) -> Result<Vec<MovieSummary>, StoreError> {
        let summary = |row: SummaryRow| {
            let facts = self.of(&row)?;
            row.into_summary(facts, viewer)
        };
        rows.into_iter().map(summary).collect()
    }
}

impl Database {
    /// The facts of the movies of these rows, which were read by one statement. `None` if the catalogue has changed
    /// since: the caller must then read the rows again ([`read_with_facts`]), because the facts would be newer.
    pub(super) async fn facts_of<'r>(
        &self,
        rows: impl Iterator<Item = &'r SummaryRow> + Send,
    ) -> Result<Option<Facts>, StoreError> {
        let (mut known, mut unknown, mut version) = (HashMap::new(), Vec::new(), None);
        for row in rows {
            version = Some(row.catalog_version);
            match self.cache().movie_facts().facts(row.id.0, row.catalog_version) {
                Some(facts) => {
                    known.insert(row.id.0, facts);
                }
                None => unknown.push(row.id.0),
            }
        }
        if unknown.is_empty() {
            return Ok(Some(Facts(known)));
        }
        let count = unknown.len();
        let mut statement = Statement::<(BigInt, SqlId, FactsTypes)>::new(
            "SELECT (SELECT version FROM catalog_state), m.id, ",
        );
        push_facts(&mut statement);
        statement.sql(" FROM movies m JOIN certifications c ON c.id = m.certification_id WHERE ");
        push_any(&mut statement, "m.id", unknown);
        let rows: Vec<(i64, DbUuid, FactsRow)> = self.fetch(statement).await?;
        let is_current = rows.len() == count && rows.iter().all(|(read_at, ..)| Some(*read_at) == version);
        for (version, id, row) in rows {
            let facts = Arc::new(row.into_facts()?);
            self.cache().movie_facts().keep(id.0, version, Arc::clone(&facts));
            known.insert(id.0, facts);
        }
        Ok(is_current.then_some(Facts(known)))
    }
}

/// Reads rows and the facts of their movies, again if the catalogue has changed in between (`read` then returns
/// `None`).
pub(super) async fn read_with_facts<T, Read>(read: impl Fn() -> Read + Send) -> Result<T, StoreError>
where
    Read: Future<Output = Result<Option<T>, StoreError>> + Send,
    T: Send,
{
    for _ in 0..MOST_READS {
        if let Some(page) = read().await? {
            return Ok(page);
        }
    }
    Err(StoreError::unavailable("the catalogue changed whenever its movies were read"))
}
