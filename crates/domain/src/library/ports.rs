use async_trait::async_trait;

use crate::{
    catalog::{MovieFilter, MovieSort, MovieSummary},
    id::UserId,
    page::{Page, PageRequest},
    store::StoreError,
    time::Instant,
};

/// A movie in the library of its buyer.
#[derive(Debug, Clone, PartialEq)]
pub struct LibraryItem {
    /// The movie, from the buyer's point of view.
    pub movie: MovieSummary,
    /// When it was bought.
    pub purchased_at: Instant,
    /// Whether it cannot be watched now, because its payment is disputed.
    pub is_suspended: bool,
}

/// Reads libraries outside a unit of work.
#[async_trait]
pub trait LibraryQueries: Send + Sync {
    /// A page of the movies of the owner's live purchases that meet the filter. MUST list movies that were withdrawn from sale
    /// too, and no others' purchases. Filters, sorts and pages MUST work as those of
    /// [`MovieQueries::movie_page`](crate::catalog::MovieQueries::movie_page).
    async fn library_page(
        &self,
        owner: UserId,
        filter: &MovieFilter,
        sorts: &[MovieSort],
        request: &PageRequest,
    ) -> Result<Page<LibraryItem>, StoreError>;
}
