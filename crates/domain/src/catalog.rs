//! The catalogue: movies, and who and what they are made of.

mod description;
mod facets;
mod facts;
mod facts_builder;
mod facts_error;
mod imported_facts;
mod movie;
mod names;
mod popularity;
mod ports;
mod poster_url;
mod query;
mod read_models;
mod search;
mod similar;

pub use description::compose_description;
pub use facets::{CountedBand, CountedDecade, FacetCounts, FacetGroup, Facets, PriceBand, years_of_decade};
pub use facts::{CheckedFacts, Facts, MAX_DESCRIPTION_LENGTH, MAX_MOVIE_NAME_LENGTH, MovieIdentity};
pub use facts_builder::{FactsBuilder, NOT_RATED};
pub use facts_error::{Bound, FactFault, FactField, InvalidFact, InvalidFacts};
pub use imported_facts::{CheckedImport, FactSet, ImportedFacts, OptionalFact};
pub use movie::{Movie, Offer};
pub use names::{MAX_NAME_LENGTH, NameKind, ProposedName, ResolvedNames};
pub use popularity::{Activity, popularity};
pub use ports::{
    CatalogStore, CatalogUnit, FacetQueries, MovieQueries, MovieRepository, NameQueries, OfferRepository,
    SearchIndex, SearchQueries, SimilarMovies,
};
pub use query::{FavoriteSortKey, LibrarySortKey, MovieFilter, MovieSort, MovieSortKey, Range};
pub use read_models::{
    CountedName, MovieDetail, MovieReaction, MovieSummary, Named, PersonalView, RatingSummary,
    SimilarCandidate, SimilarList, rating_rank,
};
pub use search::{
    Candidate, Correction, IndexEntry, KnownWord, SEARCH_INDEX_VERSION, Search, SearchRank, SearchTerm,
    Suggestion, SuggestionKind, allowed_mistakes, best_suggestions, corrections, rank, rank_of_name,
    spellings_without_first_letter,
};
pub use similar::{KEPT_SIMILAR, MovieProfile, SHOWN_SIMILAR, most_similar};
