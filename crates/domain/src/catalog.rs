//! The catalogue: movies, and who and what they are made of.

mod movie;
mod ports;
mod poster_url;
mod query;
mod read_models;

pub use movie::{
    Facts, InvalidMovie, MAX_DESCRIPTION_LENGTH, MAX_MOVIE_NAME_LENGTH, MAX_NAME_LENGTH, Movie,
    MovieIdentity, NameKind, Offer, ProposedName, ResolvedNames, compose_description, popularity,
};
pub use ports::{CatalogStore, CatalogUnit, MovieQueries, MovieRepository, NameQueries, OfferRepository};
pub use query::{MovieFilter, MovieSort, MovieSortKey, Range, Relevance};
pub use read_models::{
    CountedName, MovieDetail, MovieReaction, MovieSummary, Named, PersonalView, RatingSummary,
};
