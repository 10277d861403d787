use domain::{
    catalog::{GenreCount, MovieFilter, MovieSort, MovieSortKey, MovieSummary},
    id::UserId,
    page::{InvalidPage, PageRequest},
    store::StoreError,
};

use super::Catalog;
use crate::paging::{InvalidCursor, Listing, PageSelection};

/// What a caller wants to see of the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct BrowseMovies {
    /// Which movies.
    pub filter: MovieFilter,
    /// In which order; empty: the best fits of a search, else the most popular first.
    pub sorts: Vec<MovieSort>,
    /// Which part.
    pub page: PageSelection,
    /// For whom; `None` for a visitor.
    pub viewer: Option<UserId>,
}

/// The catalogue cannot be shown like that.
#[derive(Debug, thiserror::Error)]
pub enum BrowseError {
    /// The cursor is not of this list.
    #[error(transparent)]
    Cursor(#[from] InvalidCursor),
    /// The page size is out of bounds.
    #[error(transparent)]
    Page(#[from] InvalidPage),
    /// Sorting by relevance needs a search.
    #[error("only a search can be sorted by relevance")]
    RelevanceWithoutSearch,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Catalog {
    /// A page of the movies on sale (R30, R35, R36, R40).
    ///
    /// # Errors
    /// See [`BrowseError`].
    pub async fn browse(&self, wanted: BrowseMovies) -> Result<Listing<MovieSummary>, BrowseError> {
        let BrowseMovies { filter, mut sorts, page, viewer } = wanted;
        let is_search = !filter.search_words().is_empty();
        if sorts.is_empty() {
            sorts.push(if is_search { MovieSort::RELEVANT } else { MovieSort::POPULAR });
        }
        if !is_search && sorts.iter().any(|sort| sort.key == MovieSortKey::Relevance) {
            return Err(BrowseError::RelevanceWithoutSearch);
        }
        // Never parsed: it only has to be the same text for the same list.
        let context = format!("movies {filter:?} {sorts:?}");
        let request = match page {
            PageSelection::Numbered(request) => request,
            PageSelection::Cursor { text, size } => {
                PageRequest::after(self.cursors.decode(&context, &text)?, size)?
            }
        };
        let page = self.queries.page(&filter, &sorts, &request, viewer).await?;
        Ok(Listing {
            items: page.items,
            total: page.total,
            next_cursor: page.next.map(|position| self.cursors.encode(&context, &position)),
        })
    }

    /// Every genre with the number of its movies on sale (R39).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn genres(&self) -> Result<Vec<GenreCount>, StoreError> {
        self.queries.genres().await
    }
}
