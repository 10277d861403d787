//! The results of recent searches, which are cached for a short time.

use std::{cmp::Ordering, sync::Arc, time::Duration};

use domain::{
    catalog::Suggestion,
    page::{Position, SortValue},
    store::StoreError,
};
use moka::sync::Cache;
use uuid::Uuid;

/// How many searches are cached, with up to 30 kB each, and how many suggestions.
const MAX_SEARCHES: u64 = 256;

/// The maximum length of a filter whose results are cached, in bytes, so that long searches cannot fill the memory.
pub(super) const MAX_KEY: usize = 512;

/// How long results are cached. The version of the catalogue does not change with the popularity of its movies, which is
/// updated every minute.
const LONGEST_AGE: Duration = Duration::from_mins(1);

/// A ranked match.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ranked {
    pub(super) rank: i64,
    pub(super) popularity: f64,
    pub(super) id: Uuid,
}

impl Ranked {
    /// Compares ranks; the best comes first.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let by_rank = other.rank.cmp(&self.rank);
        by_rank.then(other.popularity.total_cmp(&self.popularity)).then(other.id.cmp(&self.id))
    }

    pub(super) fn position(&self) -> Position {
        let values = vec![SortValue::Integer(self.rank), SortValue::Real(self.popularity)];
        Position { values, id: self.id }
    }

    pub(super) fn at(position: &Position) -> Result<Self, StoreError> {
        match position.values.as_slice() {
            [SortValue::Integer(rank), SortValue::Real(popularity)] => {
                Ok(Self { rank: *rank, popularity: *popularity, id: position.id })
            }
            _ => Err(StoreError::failed("a position of another sort")),
        }
    }
}

/// The ranked matches, the best first.
pub(super) struct Matches {
    pub(super) ranked: Vec<Ranked>,
    /// Whether these are all matches.
    pub(super) is_complete: bool,
}

/// The results of recent searches. Each belongs to a version of the catalogue, so that every change of a movie is found
/// immediately, whichever node made it.
pub(crate) struct RecentSearches {
    matches: Cache<(String, i64), Arc<Matches>>,
    suggestions: Cache<(String, i64), Arc<[Suggestion]>>,
}

impl RecentSearches {
    pub(crate) fn new() -> Self {
        Self { matches: cache(), suggestions: cache() }
    }

    /// The matches of a filter at this version of the catalogue, if they are cached.
    pub(super) fn matches(&self, filter: &str, version: i64) -> Option<Arc<Matches>> {
        self.matches.get(&(filter.to_owned(), version))
    }

    /// Caches the matches of a filter.
    pub(super) fn keep_matches(&self, filter: String, version: i64, matches: Arc<Matches>) {
        if filter.len() <= MAX_KEY {
            self.matches.insert((filter, version), matches);
        }
    }

    /// The suggestions of a filter at this version of the catalogue, if they are cached.
    pub(super) fn suggestions(&self, filter: &str, version: i64) -> Option<Arc<[Suggestion]>> {
        self.suggestions.get(&(filter.to_owned(), version))
    }

    /// Caches the suggestions of a filter.
    pub(super) fn keep_suggestions(&self, filter: String, version: i64, suggestions: Arc<[Suggestion]>) {
        if filter.len() <= MAX_KEY {
            self.suggestions.insert((filter, version), suggestions);
        }
    }
}

fn cache<V: Clone + Send + Sync + 'static>() -> Cache<(String, i64), V> {
    Cache::builder().max_capacity(MAX_SEARCHES).time_to_live(LONGEST_AGE).build()
}
