use domain::{catalog::MovieDetail, id::MovieId, store::StoreError};

use super::Catalog;

/// How many movies an export reads at once.
const BATCH: u32 = 500;

impl Catalog {
    /// Returns the next movies of an export after `after`, on sale or not; none at the end.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn export(&self, after: Option<MovieId>) -> Result<Vec<MovieDetail>, StoreError> {
        self.queries.export_movies(after, BATCH).await
    }

    /// Whether the catalogue has no movies.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        self.queries.has_no_movies().await
    }
}
