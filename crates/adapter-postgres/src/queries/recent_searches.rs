//! A cache for what was read recently: the movies that a search finds, and whether it finds any; suggestions; the
//! known words that are similar to an unknown word; and the order of the movies in short lists (lists of up to a few
//! hundred movies) and on numbered pages of longer lists, which the module `short_lists` explains.

use std::{cmp::Ordering, sync::Arc, time::Duration};

use domain::{
    catalog::{KnownWord, Suggestion},
    page::{Position, SortValue},
    store::StoreError,
};
use moka::sync::Cache;
use uuid::Uuid;

/// The maximum number of cached searches (up to 30 kB each). The same maximum applies to cached lists of suggestions,
/// to cached short lists and pages (up to 8 kB each), and to the cached information whether a search finds any movie.
const MAX_SEARCHES: u64 = 256;

/// The maximum number of unknown words whose similar words are cached.
const MAX_SIMILAR_WORDS: u64 = 64;
/// The maximum number of similar words that are cached for one unknown word (about 100 kB).
const MAX_SIMILAR: usize = 2_000;

/// The maximum length in bytes of a filter whose results are cached. It limits the memory of the cache.
pub(super) const MAX_KEY: usize = 512;

/// How long results are cached. A change of a movie invalidates them at once, because it changes the catalogue's
/// version. But results are also ranked by popularity, whose update every minute does not change the version.
const LONGEST_AGE: Duration = Duration::from_mins(1);

/// A movie that matches a search, with the values that it is ranked by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ranked {
    pub(super) rank: i64,
    pub(super) popularity: f64,
    pub(super) id: Uuid,
}

impl Ranked {
    /// Compares two matches. The better match counts as less, so that sorting puts it first.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let by_rank = other.rank.cmp(&self.rank);
        by_rank.then(other.popularity.total_cmp(&self.popularity)).then(other.id.cmp(&self.id))
    }

    /// The position of a page that begins after this match.
    pub(super) fn position(&self) -> Position {
        let values = vec![SortValue::Integer(self.rank), SortValue::Real(self.popularity)];
        Position { values, id: self.id }
    }

    /// The match at a position that [`position`](Self::position) returned. Fails for a position of a list with another
    /// order.
    pub(super) fn at(position: &Position) -> Result<Self, StoreError> {
        match position.values.as_slice() {
            [SortValue::Integer(rank), SortValue::Real(popularity)] => {
                Ok(Self { rank: *rank, popularity: *popularity, id: position.id })
            }
            _ => Err(StoreError::failed("the position belongs to a list with another order")),
        }
    }
}

/// The matches of a search.
pub(super) struct Matches {
    /// The matches, best first.
    pub(super) ranked: Vec<Ranked>,
    /// Whether `ranked` contains all matches.
    pub(super) is_complete: bool,
}

/// The cache. Its keys contain the version of the catalogue, which every change of a movie on any node increases,
/// except changes of its popularity and of its ratings and other counters. So results from before such an increase
/// are never returned for the version after it.
pub(crate) struct RecentSearches {
    matches: Cache<(String, i64), Arc<Matches>>,
    suggestions: Cache<(String, i64), Arc<[Suggestion]>>,
    lists: Cache<(String, i64), Arc<[Uuid]>>,
    similar_words: Cache<(String, i64), Arc<[KnownWord]>>,
    has_matches: Cache<(String, i64), bool>,
}

impl RecentSearches {
    pub(crate) fn new() -> Self {
        Self {
            matches: cache(MAX_SEARCHES),
            suggestions: cache(MAX_SEARCHES),
            lists: cache(MAX_SEARCHES),
            similar_words: cache(MAX_SIMILAR_WORDS),
            has_matches: cache(MAX_SEARCHES),
        }
    }

    /// The cached matches of a filter at a version of the catalogue.
    pub(super) fn matches(&self, filter: &str, version: i64) -> Option<Arc<Matches>> {
        self.matches.get(&(filter.to_owned(), version))
    }

    /// Caches the matches of a filter, unless the filter is too long.
    pub(super) fn keep_matches(&self, filter: String, version: i64, matches: Arc<Matches>) {
        if filter.len() <= MAX_KEY {
            self.matches.insert((filter, version), matches);
        }
    }

    /// The cached suggestions of a filter at a version of the catalogue.
    pub(super) fn suggestions(&self, filter: &str, version: i64) -> Option<Arc<[Suggestion]>> {
        self.suggestions.get(&(filter.to_owned(), version))
    }

    /// Caches the suggestions of a filter, unless the filter is too long.
    pub(super) fn keep_suggestions(&self, filter: String, version: i64, suggestions: Arc<[Suggestion]>) {
        if filter.len() <= MAX_KEY {
            self.suggestions.insert((filter, version), suggestions);
        }
    }

    /// The cached identifiers of the movies of a short list or a page at a version of the catalogue, in the order of
    /// the list.
    pub(super) fn list(&self, sorted_filter: &str, version: i64) -> Option<Arc<[Uuid]>> {
        self.lists.get(&(sorted_filter.to_owned(), version))
    }

    /// Caches the identifiers of the movies of a short list or a page, unless the filter is too long.
    pub(super) fn keep_list(&self, sorted_filter: String, version: i64, list: Arc<[Uuid]>) {
        if sorted_filter.len() <= MAX_KEY {
            self.lists.insert((sorted_filter, version), list);
        }
    }

    /// Removes all short lists and pages, after the popularity of movies has changed.
    pub(crate) fn forget_lists(&self) {
        self.lists.invalidate_all();
    }

    /// The cached words of the vocabulary that may be similar to this word, at a version of the catalogue.
    pub(super) fn similar_words(&self, word: &str, version: i64) -> Option<Arc<[KnownWord]>> {
        self.similar_words.get(&(word.to_owned(), version))
    }

    /// Caches the words that may be similar to this word, unless there are more than [`MAX_SIMILAR`].
    pub(super) fn keep_similar_words(&self, word: &str, version: i64, similar: &[KnownWord]) {
        if similar.len() <= MAX_SIMILAR {
            self.similar_words.insert((word.to_owned(), version), similar.into());
        }
    }

    /// Removes all similar words from the cache, after this process has updated the vocabulary.
    pub(crate) fn forget_similar_words(&self) {
        self.similar_words.invalidate_all();
    }

    /// Whether a search finds any movie at a version of the catalogue; `None` if that is not cached.
    pub(super) fn has_matches(&self, filter: &str, version: i64) -> Option<bool> {
        self.has_matches.get(&(filter.to_owned(), version))
    }

    /// Caches whether a search finds any movie, unless the filter is too long.
    pub(super) fn keep_has_matches(&self, filter: String, version: i64, has_matches: bool) {
        if filter.len() <= MAX_KEY {
            self.has_matches.insert((filter, version), has_matches);
        }
    }
}

fn cache<V: Clone + Send + Sync + 'static>(capacity: u64) -> Cache<(String, i64), V> {
    Cache::builder().max_capacity(capacity).time_to_live(LONGEST_AGE).build()
}
