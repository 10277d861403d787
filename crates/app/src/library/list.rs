use domain::{accounts::Actor, catalog::MovieSort, library::LibraryItem};

use super::Library;
use crate::{
    catalog::{BrowseError, BrowseMovies, MovieList},
    paging::{ListError, Listing},
};

/// The result of a list of bought movies.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundPurchases {
    /// A page of the movies.
    pub listing: Listing<LibraryItem>,
    /// The words that were searched instead of the typed ones, if a typing mistake was corrected.
    pub corrected_query: Option<String>,
}

impl Library {
    /// Returns a page of the movies that the actor bought, the latest purchase first unless the caller sorts or
    /// searches them.
    ///
    /// # Errors
    /// See [`BrowseError`].
    pub async fn list(&self, actor: Actor, mut wanted: BrowseMovies) -> Result<FoundPurchases, BrowseError> {
        wanted.filter.bought_by = Some(actor.user_id);
        wanted.viewer = Some(actor);
        let list = MovieList::of(wanted, MovieSort::LATEST_PURCHASE, &*self.words, &self.cursors).await?;
        let MovieList { filter, sorts, request, context, corrected_query } = list;
        let page = self.queries.library_page(actor.user_id, &filter, &sorts, &request).await;
        let listing = self.cursors.listing(&context, &request, page.map_err(ListError::Store)?);
        Ok(FoundPurchases { listing, corrected_query })
    }
}
