use domain::{catalog::MovieDetail, id::MovieId, store::StoreError};

use super::Catalog;

/// The maximum number of movies that an export reads at once.
const BATCH: u32 = 500;

impl Catalog {
    /// Returns the next movies of an export, on sale or not: the movies after the movie `after`, or the first movies
    /// for `None`. An empty result means that there are no more movies.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn export(&self, after: Option<MovieId>) -> Result<Vec<MovieDetail>, StoreError> {
        self.queries.export_movies(after, BATCH).await
    }

    /// Returns whether the catalogue has no movies.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        self.queries.has_no_movies().await
    }
}
