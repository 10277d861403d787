use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use diesel::sql_types::{BigInt, Nullable, Text};
use domain::{
    catalog::{IndexEntry, Movie, SEARCH_INDEX_VERSION, SearchIndex},
    id::{DirectorId, StarId},
    store::StoreError,
};
use uuid::Uuid;

use super::{CHUNK, NewEntry, WordCount};
use crate::{
    Database,
    dialect::{
        DbUuid, LOCKED_MOVIES, NAMES, SqlId, indexed_words, insert_vocabulary, push_any, push_any_text,
        write_index,
    },
    statement::Statement,
    unit_of_work::UnitOfWork,
};

/// The maximum number of movies that one transaction indexes.
const INDEXED_AT_ONCE: i64 = 1_000;

type IndexedTypes = (SqlId, Text, Text, Nullable<Text>);
type IndexedRow = (DbUuid, String, String, Option<String>);

impl UnitOfWork {
    /// Updates the search index for these movies, which must already be stored with these values.
    pub(super) async fn index_stored_movies(&mut self, movies: &[&Movie]) -> Result<(), StoreError> {
        let people = |movie: &Movie| -> Vec<Uuid> {
            let directors = movie.director_ids.iter().map(DirectorId::as_uuid);
            directors.chain(movie.star_ids.iter().map(StarId::as_uuid)).collect()
        };
        for chunk in movies.chunks(CHUNK) {
            let ids: HashSet<Uuid> = chunk.iter().flat_map(|movie| people(movie)).collect();
            let ids: Vec<Uuid> = ids.into_iter().collect();
            let mut statement = Statement::<(SqlId, Text)>::new("SELECT id, name FROM directors WHERE ");
            push_any(&mut statement, "id", ids.clone());
            statement.sql(" UNION ALL SELECT id, name FROM stars WHERE ");
            push_any(&mut statement, "id", ids);
            let names: Vec<(DbUuid, String)> = self.load(statement).await?;
            let names: HashMap<Uuid, String> = names.into_iter().map(|(id, name)| (id.0, name)).collect();
            let entry = |movie: &&Movie| {
                let people: BTreeSet<&str> =
                    people(movie).iter().filter_map(|id| names.get(id)).map(String::as_str).collect();
                let entry = IndexEntry::of(&movie.identity.name, people.into_iter(), &movie.description);
                NewEntry { movie_id: movie.id.as_uuid(), entry }
            };
            write_index(self, &chunk.iter().map(entry).collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    /// Updates the search index for these movies. Must be called after a change of a movie's name, description or
    /// people.
    pub(crate) async fn index_movies(&mut self, ids: &[Uuid]) -> Result<(), StoreError> {
        for chunk in ids.chunks(CHUNK) {
            // Each name is read by a scalar subquery. With a join, PostgreSQL would read all names for every movie as
            // long as it has no statistics of the tables, for example during the first import.
            let mut statement = Statement::<IndexedTypes>::new(format!(
                "SELECT m.id, m.name, m.description, (SELECT {NAMES} FROM (\
                 SELECT (SELECT name FROM directors WHERE id = l.director_id) AS name FROM movie_directors l \
                 WHERE l.movie_id = m.id \
                 UNION SELECT (SELECT name FROM stars WHERE id = l.star_id) FROM movie_stars l \
                 WHERE l.movie_id = m.id) AS n) FROM movies m WHERE "
            ));
            push_any(&mut statement, "m.id", chunk.to_vec());
            let rows: Vec<IndexedRow> = self.load(statement).await?;
            let entries = rows.into_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
            write_index(self, &entries).await?;
        }
        Ok(())
    }
}

impl UnitOfWork {
    /// Locks the movies in the order of their identifiers. Does nothing on SQLite. The caller must read the movies
    /// with a later statement: only a statement that starts after the locks were granted sees what the previous
    /// holders of the locks have changed in other tables.
    pub(super) async fn lock_movies_by_id(&mut self, ids: &[Uuid]) -> Result<(), StoreError> {
        let Some(locked) = LOCKED_MOVIES else { return Ok(()) };
        let mut statement = Statement::<(SqlId,)>::new("SELECT m.id FROM movies m WHERE ");
        push_any(&mut statement, "m.id", ids.to_vec());
        statement.sql(" ORDER BY m.id").sql(locked);
        self.load::<(DbUuid,), _>(statement).await.map(drop)
    }
}

fn entry((id, name, description, people): IndexedRow) -> Result<NewEntry, StoreError> {
    let people: Vec<String> = people
        .map_or_else(|| Ok(Vec::new()), |people| serde_json::from_str(&people))
        .map_err(StoreError::failed)?;
    let entry = IndexEntry::of(&name, people.iter().map(String::as_str), &description);
    Ok(NewEntry { movie_id: id.0, entry })
}

impl Database {
    /// Indexes every movie that is not in the search index, or was indexed by an earlier version of the indexing rules;
    /// returns the number of these movies. Several nodes may run it concurrently, and it can be interrupted at any
    /// time.
    pub(crate) async fn index_outdated_movies(&self) -> Result<u64, StoreError> {
        let mut indexed = 0_u64;
        loop {
            let mut statement = Statement::<(SqlId,)>::new(
                "SELECT id FROM (SELECT movie_id AS id FROM movie_search WHERE index_version < ",
            );
            statement.bind(i64::from(SEARCH_INDEX_VERSION)).sql(
                " UNION ALL SELECT m.id FROM movies m WHERE NOT EXISTS (SELECT 1 FROM movie_search s \
                 WHERE s.movie_id = m.id)) AS outdated LIMIT ",
            );
            statement.bind(INDEXED_AT_ONCE);
            let ids: Vec<(DbUuid,)> = self.fetch(statement).await?;
            if ids.is_empty() {
                return Ok(indexed);
            }
            let ids: Vec<Uuid> = ids.into_iter().map(|(id,)| id.0).collect();
            let mut unit = UnitOfWork::begin(self).await?;
            unit.lock_movies_by_id(&ids).await?;
            unit.index_movies(&ids).await?;
            unit.note_catalog_change();
            unit.finish().await?;
            indexed = indexed.saturating_add(u64::try_from(ids.len()).map_err(StoreError::failed)?);
        }
    }
}

#[async_trait]
impl SearchIndex for Database {
    async fn refresh_search_index(&self) -> Result<u64, StoreError> {
        let versions = Statement::<(BigInt, BigInt)>::new(
            "SELECT c.version, v.catalog_version FROM catalog_state c CROSS JOIN search_vocabulary_state v",
        );
        let versions: Vec<(i64, i64)> = self.fetch(versions).await?;
        let Some((version, known)) = versions.first().copied() else { return Ok(0) };
        if version == known {
            return Ok(0);
        }
        let indexed = self.index_outdated_movies().await?;
        let words = indexed_words(self).await?;
        let old = Statement::<(Text, BigInt)>::new("SELECT word, movies FROM search_vocabulary");
        let old: HashMap<String, i64> = self.fetch::<_, WordCount>(old).await?.into_iter().collect();
        // Sorted, so that nodes that run this function concurrently lock the rows in the same order.
        let changed: BTreeMap<&str, i64> = words
            .iter()
            .filter(|(word, movies)| old.get(*word).is_none_or(|old| is_other_count(*old, **movies)))
            .map(|(word, movies)| (word.as_str(), *movies))
            .collect();
        let changed: Vec<WordCount> =
            changed.into_iter().map(|(word, movies)| (word.to_owned(), movies)).collect();
        for chunk in changed.chunks(CHUNK) {
            let mut unit = UnitOfWork::begin(self).await?;
            insert_vocabulary(&mut unit, chunk).await?;
            unit.finish().await?;
        }
        let mut gone: Vec<String> = old.into_keys().filter(|word| !words.contains_key(word)).collect();
        gone.sort_unstable();
        let mut unit = UnitOfWork::begin(self).await?;
        for chunk in gone.chunks(CHUNK) {
            let mut statement = Statement::<()>::new("DELETE FROM search_vocabulary WHERE ");
            push_any_text(&mut statement, "word", chunk);
            unit.execute(statement).await?;
        }
        let mut statement = Statement::<()>::new("UPDATE search_vocabulary_state SET catalog_version = ");
        statement.bind(version);
        unit.execute_one(statement).await?;
        unit.finish().await?;
        self.cache().searches().forget_similar_words();
        let words = u64::try_from(changed.len().saturating_add(gone.len())).map_err(StoreError::failed)?;
        Ok(indexed.saturating_add(words))
    }
}

/// Whether a word's count has changed by more than 1/8 of the new count, so that it is written again. The search needs
/// no exact counts.
const fn is_other_count(old: i64, new: i64) -> bool {
    old.abs_diff(new).saturating_mul(8) > new.unsigned_abs()
}
