use diesel::sql_types::{BigInt, Text};
use domain::{
    catalog::{GenreCount, Named},
    id::GenreId,
    store::StoreError,
};

use crate::{
    Database,
    dialect::{DbUuid, SqlId},
    statement::Statement,
};

type CountTypes = (SqlId, Text, BigInt, BigInt);
type CountRow = (DbUuid, String, i64, i64);

impl Database {
    /// Every genre by its folded name; counted anew when the catalogue has changed.
    pub(super) async fn counted_genres(&self) -> Result<Vec<GenreCount>, StoreError> {
        let version = Statement::<(BigInt,)>::new("SELECT version FROM catalog_state");
        let version: Vec<(i64,)> = self.fetch(version).await?;
        if let [(version,)] = version.as_slice()
            && let Some(genres) = self.cache().genres(*version)
        {
            return Ok(genres);
        }
        // The version again: the counts hold for the one that is read with them.
        let rows: Vec<CountRow> = self
            .fetch(Statement::<CountTypes>::new(
                "SELECT g.id, g.name, count(m.id), (SELECT version FROM catalog_state) FROM genres g \
                 LEFT JOIN movie_genres l ON l.genre_id = g.id \
                 LEFT JOIN movies m ON m.id = l.movie_id AND m.is_available \
                 GROUP BY g.id, g.name, g.name_key ORDER BY g.name_key",
            ))
            .await?;
        let version = rows.first().map(|(_, _, _, version)| *version);
        let genres: Vec<GenreCount> = rows
            .into_iter()
            .map(|(id, name, movies_count, _)| GenreCount {
                genre: Named { id: GenreId::from_uuid(id.0), name },
                movies_count,
            })
            .collect();
        if let Some(version) = version {
            self.cache().keep_genres(version, genres.clone());
        }
        Ok(genres)
    }
}
