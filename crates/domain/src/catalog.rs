//! The catalogue: movies and their genres, people and certifications.

mod description;
mod facets;
mod facts;
mod facts_builder;
mod facts_error;
mod movie;
mod names;
mod partial_facts;
mod popularity;
mod ports;
mod poster;
mod query;
mod read_models;
mod search;
mod similar;
mod sort_name;
mod web_address;

pub use description::compose_description;
pub use facets::{CountedBand, CountedDecade, FacetCounts, FacetGroup, Facets, PriceBand, years_of_decade};
pub use facts::{
    CheckedFacts, Facts, MAX_DESCRIPTION_LENGTH, MAX_MOVIE_NAME_LENGTH, MovieIdentity, is_imdb_id,
};
pub use facts_builder::{FactsBuilder, NOT_RATED};
pub use facts_error::{Bound, FactFault, FactField, InvalidFact, InvalidFacts};
pub use movie::{Movie, Offer};
pub use names::{CatalogName, MAX_NAME_LENGTH, NameKind, ProposedName, ResolvedNames};
pub use partial_facts::{CheckedPartialFacts, FactSet, OptionalFact, PartialFacts};
pub use popularity::{Activity, popularity};
pub use ports::{
    CatalogStore, CatalogUnit, ExternalIds, FacetQueries, ModerationStore, ModerationUnit, MovieConflicts,
    MovieQueries, MovieRepository, MovieUses, NameQueries, NameRepository, OfferRepository, SearchIndex,
    SearchQueries, SimilarMovies,
};
pub use poster::{Poster, UploadedPoster};
pub use query::{FavoriteSortKey, LibrarySortKey, MovieFilter, MovieSort, MovieSortKey, Range};
pub use read_models::{
    CountedName, MovieDetail, MovieReaction, MovieSummary, Named, PersonalView, RatingSummary,
    SimilarCandidate, SimilarList, rating_rank,
};
pub use search::{
    Candidate, Correction, IndexEntry, KnownWord, Ranking, SEARCH_INDEX_VERSION, Search, SearchRank,
    SearchTerm, Suggestion, SuggestionKind, allowed_mistakes, best_suggestions, corrections,
    spellings_without_first_letter,
};
pub use similar::{KEPT_SIMILAR, MovieProfile, SHOWN_SIMILAR, most_similar};
pub use sort_name::{computed_sort_name, sort_key};
