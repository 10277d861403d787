//! The catalogue: movies, and who and what they are made of.

mod description;
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

pub use description::compose_description;
pub use facts::{CheckedFacts, Facts, MAX_DESCRIPTION_LENGTH, MAX_MOVIE_NAME_LENGTH, MovieIdentity};
pub use facts_builder::{FactsBuilder, NOT_RATED};
pub use facts_error::{Bound, FactFault, FactField, InvalidFact, InvalidFacts};
pub use imported_facts::{CheckedImport, FactSet, ImportedFacts, OptionalFact};
pub use movie::{Movie, Offer};
pub use names::{MAX_NAME_LENGTH, NameKind, ProposedName, ResolvedNames};
pub use popularity::{Activity, popularity};
pub use ports::{CatalogStore, CatalogUnit, MovieQueries, MovieRepository, NameQueries, OfferRepository};
pub use query::{FavoriteSortKey, MovieFilter, MovieSort, MovieSortKey, Range, Relevance};
pub use read_models::{
    CountedName, MovieDetail, MovieReaction, MovieSummary, Named, PersonalView, RatingSummary, rating_rank,
};
