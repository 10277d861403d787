use async_trait::async_trait;
use diesel::sql_types::{BigInt, Text};
use domain::{
    catalog::{CountedName, NameKind, NameQueries},
    store::StoreError,
};

use crate::{
    Database,
    dialect::{DbUuid, SqlId},
    repositories::names_table,
    statement::Statement,
};

type CountTypes = (SqlId, Text, BigInt, BigInt);
type CountRow = (DbUuid, String, i64, i64);

/// The movies of the names of a kind, one row for each pair.
const fn movies_of(kind: NameKind) -> &'static str {
    match kind {
        NameKind::Genre => "(SELECT genre_id AS name_id, movie_id FROM movie_genres)",
        NameKind::Star => "(SELECT star_id AS name_id, movie_id FROM movie_stars)",
        NameKind::Director => "(SELECT director_id AS name_id, movie_id FROM movie_directors)",
        NameKind::Certification => "(SELECT certification_id AS name_id, id AS movie_id FROM movies)",
    }
}

#[async_trait]
impl NameQueries for Database {
    async fn all_names(&self, kind: NameKind) -> Result<Vec<CountedName>, StoreError> {
        let version = Statement::<(BigInt,)>::new("SELECT version FROM catalog_state");
        let version: Vec<(i64,)> = self.fetch(version).await?;
        if let [(version,)] = version.as_slice()
            && let Some(names) = self.cache().names(kind, *version)
        {
            return Ok(names);
        }
        // The version again: the counts belong to the one that is read with them.
        let mut statement = Statement::<CountTypes>::new(
            "SELECT n.id, n.name, count(m.id), (SELECT version FROM catalog_state) FROM ",
        );
        statement.sql(names_table(kind)).sql(" n LEFT JOIN ").sql(movies_of(kind)).sql(
            " l ON l.name_id = n.id LEFT JOIN movies m ON m.id = l.movie_id AND m.is_available \
                 GROUP BY n.id, n.name, n.name_key ORDER BY n.name_key",
        );
        let rows: Vec<CountRow> = self.fetch(statement).await?;
        let version = rows.first().map(|(_, _, _, version)| *version);
        let names: Vec<CountedName> = rows
            .into_iter()
            .map(|(id, name, movies_count, _)| CountedName { id: id.0, name, movies_count })
            .collect();
        if let Some(version) = version {
            self.cache().keep_names(kind, version, names.clone());
        }
        Ok(names)
    }
}
