use domain::{catalog::MovieDetail, id::MovieId, store::StoreError};

use super::Catalog;

/// How many movies an export reads at once.
const BATCH: u32 = 500;

impl Catalog {
    /// The next movies of an export, on sale or not, behind `after`; none when it is done.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn export(&self, after: Option<MovieId>) -> Result<Vec<MovieDetail>, StoreError> {
        self.queries.export_movies(after, BATCH).await
    }

    /// Whether there is no movie at all.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        self.queries.has_no_movies().await
    }
}
