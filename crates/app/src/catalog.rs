//! The catalogue: browsing, showing and moderating movies, import and export.

mod audit;
mod browse;
mod change_movie;
mod change_names;
mod create_movie;
mod delete_movie;
#[cfg(test)]
pub(crate) mod doubles;
mod export;
mod external_ids;
mod facets;
mod import;
mod names;
mod posters;
mod repeats;
mod resolve;
mod search;
mod show;
mod similar;
mod suggest;

use std::sync::Arc;

use domain::{
    catalog::{
        CatalogStore, FacetQueries, ModerationStore, MovieQueries, NameQueries, SearchQueries, SimilarMovies,
    },
    id::IdGenerator,
    time::{Backoff, Clock},
};

pub(crate) use browse::MovieList;
pub use browse::{BrowseError, BrowseMovies, FoundMovies};
pub use change_movie::{ChangeMovieError, ExpectedVersion};
pub use change_names::{CreateNameError, DeleteNameError, RenameError};
pub use create_movie::{CreateMovieError, MovieConflict};
pub use delete_movie::DeleteMovieError;
pub use facets::CountFacetsError;
pub use import::{ImportError, ImportOutcome};
pub use names::ListNames;
pub use posters::{Posters, RemovePosterError, SetPosterError};
pub use repeats::Repeats;
pub use search::{SearchUpkeep, UnderstoodSearch, understand};
pub use similar::SimilarProgress;

use crate::{paging::CursorCodec, record::Recorder};

/// The use cases of the catalogue.
pub struct Catalog {
    /// Stores movies.
    pub store: Arc<dyn CatalogStore>,
    /// Stores changes by moderators.
    pub moderation: Arc<dyn ModerationStore>,
    /// Reads movies.
    pub queries: Arc<dyn MovieQueries>,
    /// Reads genres, directors, stars and certifications.
    pub names: Arc<dyn NameQueries>,
    /// Reads the search index: words, matches and suggestions.
    pub words: Arc<dyn SearchQueries>,
    /// Counts how many movies each filter value would select.
    pub facets: Arc<dyn FacetQueries>,
    /// Stores lists of similar movies.
    pub similar: Arc<dyn SimilarMovies>,
    /// Writes and reads cursors.
    pub cursors: CursorCodec,
    /// Provides the current time.
    pub clock: Arc<dyn Clock>,
    /// Waits before a transaction is retried after a conflict with a concurrent one.
    pub backoff: Arc<dyn Backoff>,
    /// Generates identifiers.
    pub ids: Arc<dyn IdGenerator>,
    /// Writes messages for the outbox.
    pub recorder: Recorder,
}
