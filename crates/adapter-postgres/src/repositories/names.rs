use async_trait::async_trait;
use diesel::sql_types::{Integer, Text};
use domain::{
    catalog::{NameKind, NameRepository},
    store::StoreError,
    text::fold,
};
use uuid::Uuid;

use super::CHUNK;
use crate::{
    dialect::{DbUuid, FOR_UPDATE, SqlId},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

/// The table of names of this kind.
pub(crate) const fn names_table(kind: NameKind) -> &'static str {
    match kind {
        NameKind::Genre => "genres",
        NameKind::Star => "stars",
        NameKind::Director => "directors",
        NameKind::Certification => "certifications",
    }
}

/// The table that links names of this kind to movies, its column with the name's identifier, and its column with the
/// movie's identifier.
pub(crate) const fn movies_of(kind: NameKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        NameKind::Genre => ("movie_genres", "genre_id", "movie_id"),
        NameKind::Star => ("movie_stars", "star_id", "movie_id"),
        NameKind::Director => ("movie_directors", "director_id", "movie_id"),
        NameKind::Certification => ("movies", "certification_id", "id"),
    }
}

/// Whether the search index of movies contains names of this kind.
const fn is_searched(kind: NameKind) -> bool {
    matches!(kind, NameKind::Star | NameKind::Director)
}

#[async_trait]
impl NameRepository for UnitOfWork {
    async fn find_name_for_update(&mut self, kind: NameKind, id: Uuid) -> Result<Option<String>, StoreError> {
        // Movies are locked before the name. A change of a movie uses the same order: it locks the movie, and then the
        // names that it links.
        let movies = self.movies_searched_by(kind, id).await?;
        self.lock_all_movies(&movies).await?;
        let mut statement = Statement::<(Text,)>::new("SELECT name FROM ");
        statement.sql(names_table(kind)).sql(" WHERE id = ").bind(id).sql(FOR_UPDATE);
        let found: Option<(String,)> = self.first(statement).await?;
        // Locks the movies that were linked after the first query and before the name was locked.
        let mut linked = self.movies_searched_by(kind, id).await?;
        linked.retain(|movie| movies.binary_search(movie).is_err());
        self.lock_all_movies(&linked).await?;
        Ok(found.map(|(name,)| name))
    }

    async fn is_name_taken(&mut self, kind: NameKind, id: Uuid, name: &str) -> Result<bool, StoreError> {
        let mut statement = Statement::<(Integer,)>::new("SELECT 1 FROM ");
        statement
            .sql(names_table(kind))
            .sql(" WHERE name_key = ")
            .bind(fold(name))
            .sql(" AND id <> ")
            .bind(id);
        Ok(self.first::<(i32,), _>(statement).await?.is_some())
    }

    async fn update_name(&mut self, kind: NameKind, id: Uuid, name: &str) -> Result<(), StoreError> {
        let mut statement = Statement::<()>::new("UPDATE ");
        statement.sql(names_table(kind)).sql(" SET name = ").bind(name.to_owned());
        statement.sql(", name_key = ").bind(fold(name)).sql(" WHERE id = ").bind(id);
        self.execute_one(statement).await?;
        let movies = self.movies_searched_by(kind, id).await?;
        self.index_movies(&movies).await?;
        self.note_catalog_change();
        Ok(())
    }

    async fn has_movies(&mut self, kind: NameKind, id: Uuid) -> Result<bool, StoreError> {
        let (table, name, _) = movies_of(kind);
        let mut statement = Statement::<(Integer,)>::new("SELECT 1 FROM ");
        statement.sql(table).sql(" WHERE ").sql(name).sql(" = ").bind(id).sql(" LIMIT 1");
        Ok(self.first::<(i32,), _>(statement).await?.is_some())
    }

    async fn delete_name(&mut self, kind: NameKind, id: Uuid) -> Result<(), StoreError> {
        let mut statement = Statement::<()>::new("DELETE FROM ");
        statement.sql(names_table(kind)).sql(" WHERE id = ").bind(id);
        self.execute_one(statement).await?;
        self.note_catalog_change();
        Ok(())
    }
}

impl UnitOfWork {
    /// The movies whose entries in the search index contain the name, sorted by identifier.
    async fn movies_searched_by(&mut self, kind: NameKind, id: Uuid) -> Result<Vec<Uuid>, StoreError> {
        if !is_searched(kind) {
            return Ok(Vec::new());
        }
        let (table, name, movie) = movies_of(kind);
        let mut statement = Statement::<(SqlId,)>::new("SELECT ");
        statement.sql(movie).sql(" FROM ").sql(table).sql(" WHERE ").sql(name).sql(" = ").bind(id);
        statement.sql(" ORDER BY ").sql(movie);
        let rows: Vec<(DbUuid,)> = self.load(statement).await?;
        Ok(rows.into_iter().map(|(id,)| id.0).collect())
    }

    async fn lock_all_movies(&mut self, ids: &[Uuid]) -> Result<(), StoreError> {
        for chunk in ids.chunks(CHUNK) {
            self.lock_movies_by_id(chunk).await?;
        }
        Ok(())
    }
}
