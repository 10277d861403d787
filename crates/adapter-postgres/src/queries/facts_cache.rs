use std::{sync::Arc, time::Duration};

use domain::{
    catalog::{Named, Poster},
    id::{CertificationKind, GenreKind},
};
use moka::sync::Cache;
use uuid::Uuid;

/// The maximum number of movies whose facts are cached (most of them take less than 1 kB).
const MAX_MOVIES: u64 = 10_000;

/// How long facts are cached. This limit only matters if somebody changes the tables without this program, and so
/// without changing the version of the catalogue.
const LONGEST_AGE: Duration = Duration::from_mins(1);

/// What a list shows of a movie that only a change of the catalogue changes.
pub(super) struct MovieFacts {
    pub(super) name: String,
    pub(super) duration_minutes: i32,
    pub(super) certification: Named<CertificationKind>,
    pub(super) genres: Vec<Named<GenreKind>>,
    pub(super) poster: Option<Poster>,
}

/// A cache of facts, each with the version of the catalogue at which they were read.
pub(crate) struct FactsCache(Cache<Uuid, (i64, Arc<MovieFacts>)>);

impl FactsCache {
    pub(super) fn new() -> Self {
        Self(Cache::builder().max_capacity(MAX_MOVIES).time_to_live(LONGEST_AGE).build())
    }

    /// The facts of a movie, if they were read at this version.
    pub(super) fn facts(&self, movie: Uuid, version: i64) -> Option<Arc<MovieFacts>> {
        self.0.get(&movie).filter(|(read_at, _)| *read_at == version).map(|(_, facts)| facts)
    }

    /// Caches the facts of a movie.
    pub(super) fn keep(&self, movie: Uuid, version: i64, facts: Arc<MovieFacts>) {
        self.0.insert(movie, (version, facts));
    }
}
