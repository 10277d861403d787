//! The catalogue: browse it, look at a movie, bring movies in and out.

mod audit;
mod browse;
#[cfg(test)]
pub(crate) mod doubles;
mod export;
mod facets;
mod import;
mod names;
mod repeats;
mod search;
mod show;
mod similar;
mod suggest;

use std::sync::Arc;

use domain::{
    catalog::{CatalogStore, FacetQueries, MovieQueries, NameQueries, SearchQueries, SimilarMovies},
    id::IdGenerator,
    time::{Backoff, Clock},
};

pub(crate) use browse::MovieList;
pub use browse::{BrowseError, BrowseMovies, FoundMovies};
pub use import::{ImportError, ImportOutcome};
pub use names::ListNames;
pub use repeats::Repeats;
pub use search::{SearchUpkeep, UnderstoodSearch, understand};
pub use similar::SimilarProgress;

use crate::paging::CursorCodec;

/// The use cases of the catalogue.
pub struct Catalog {
    /// Keeps movies.
    pub store: Arc<dyn CatalogStore>,
    /// Reads movies.
    pub queries: Arc<dyn MovieQueries>,
    /// Reads genres, directors, stars and certifications.
    pub names: Arc<dyn NameQueries>,
    /// Reads the words that movies are searched by.
    pub words: Arc<dyn SearchQueries>,
    /// Counts movies by what a list could be narrowed by.
    pub facets: Arc<dyn FacetQueries>,
    /// Keeps similar movies.
    pub similar: Arc<dyn SimilarMovies>,
    /// Writes and reads cursors.
    pub cursors: CursorCodec,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Waits before a unit of work that lost a race is begun again.
    pub backoff: Arc<dyn Backoff>,
    /// Makes identifiers.
    pub ids: Arc<dyn IdGenerator>,
}
