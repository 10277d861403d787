use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use domain::{
    catalog::{CountedName, FacetCounts, NameKind},
    store::StoreError,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{
    queries::{
        facts_cache::FactsCache,
        recent_searches::{MAX_KEY, RecentSearches},
    },
    statement::Statement,
};

/// The maximum number of cached totals (each is the number of movies that match a filter), and also of cached sizes
/// (each is the number of movies that meet one condition).
const MAX_TOTALS: usize = 1_024;

/// The maximum number of cached entries with facets. Facets are the numbers of movies by genre, by certification, by
/// decade and by price band. An entry has all four of these facets of a filter, or only some of them.
const MAX_FACETS: usize = 256;

/// How many callers may count facets at once: each count uses a core of the database, and the limit leaves
/// connections for other requests.
const FACETS_AT_ONCE: usize = 2;

/// How long a caller waits for a permit to count.
const COUNTING_PATIENCE: Duration = Duration::from_secs(3);

/// Cached counts of facets or names that add up to at least this number of movies may still be used for a short time
/// after the catalogue has changed. Counting a million movies takes several hundred milliseconds, and large catalogues
/// change often.
const LARGE_COUNT: i64 = 100_000;

/// The maximum age of a count that is used although the catalogue has changed since the count was computed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LongestAge {
    /// The maximum age while a permit to count is free.
    usually: Duration,
    /// The maximum age while other callers hold all permits to count.
    while_counting: Duration,
}

/// The maximum ages for counts of a large catalogue: after a change, an earlier count is used until it is five seconds
/// old, or ten seconds while other callers hold all permits to count.
pub(crate) const OF_LARGE: LongestAge =
    LongestAge { usually: Duration::from_secs(5), while_counting: Duration::from_secs(10) };

/// How long a caller waits for a permit to search.
const SEARCH_PATIENCE: Duration = Duration::from_secs(3);

/// How many different texts of statements for lists, counts and facets may stay prepared on each connection.
const MAX_SHAPES: usize = 128;

/// A cache of counts that are expensive to compute, and the permits that limit how many callers compute counts and
/// search.
///
/// Each count is stored with the version of the catalogue for which it was computed. The version is a number in the
/// database that every change of movies or names increases, on any node. So a count agrees with every page that is
/// read at the same version. The actions of users, such as ratings, and the popularity that is computed from them do
/// not increase the version. Counts of an earlier version are used only where a comment says so.
pub(crate) struct CatalogCache {
    totals: Mutex<HashMap<String, (i64, u64)>>,
    names: Mutex<HashMap<NameKind, Kept<Vec<CountedName>>>>,
    facets: Mutex<HashMap<String, Kept<Arc<FacetCounts>>>>,
    sizes: Mutex<HashMap<(String, u32), (i64, u32)>>,
    version: AtomicI64,
    shapes: Mutex<HashSet<u64>>,
    facet_counting: Arc<Semaphore>,
    movie_facts: FactsCache,
    searches: RecentSearches,
    searching: Arc<Semaphore>,
    name_counting: Arc<Semaphore>,
}

/// Cached counts, with the version of the catalogue for which they were computed.
struct Kept<T> {
    version: i64,
    counted_at: Instant,
    /// Whether the counts add up to at least [`LARGE_COUNT`]. Only such counts may be used for a later version.
    is_large: bool,
    value: T,
}

impl<T: Clone> Kept<T> {
    /// The counts, if they were computed for this version, or if they are large and not older than `longest_age`.
    fn value(&self, version: i64, longest_age: Duration) -> Option<T> {
        let is_recent = self.is_large && self.counted_at.elapsed() <= longest_age;
        (self.version == version || is_recent).then(|| self.value.clone())
    }
}

impl CatalogCache {
    /// Creates an empty cache for a database with this number of connections. At most half as many searches as
    /// connections (rounded up) may run at once, so that connections remain for other requests.
    pub(crate) fn for_connections(connections: usize) -> Self {
        let searches = connections.div_ceil(2).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            totals: Mutex::default(),
            names: Mutex::default(),
            facets: Mutex::default(),
            sizes: Mutex::default(),
            version: AtomicI64::default(),
            shapes: Mutex::default(),
            facet_counting: Arc::new(Semaphore::new(FACETS_AT_ONCE)),
            movie_facts: FactsCache::new(),
            searches: RecentSearches::new(),
            searching: Arc::new(Semaphore::new(searches)),
            name_counting: Arc::new(Semaphore::new(1)),
        }
    }

    /// The facts of movies that lists show.
    pub(crate) const fn movie_facts(&self) -> &FactsCache {
        &self.movie_facts
    }

    /// The cached results of recent searches, suggestions and similar words, and the identifiers of the movies on
    /// recently read pages and in short lists (lists of a few hundred movies).
    pub(crate) const fn searches(&self) -> &RecentSearches {
        &self.searches
    }

    /// Waits for a permit to search. A caller that holds a permit to search must not wait for a second one: several
    /// such callers could wait for each other until the time limit.
    ///
    /// # Errors
    /// When no permit becomes free within [`SEARCH_PATIENCE`].
    pub(crate) async fn turn_to_search(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let turn = timeout(SEARCH_PATIENCE, Arc::clone(&self.searching).acquire_owned()).await;
        turn.ok().and_then(Result::ok).ok_or_else(|| StoreError::unavailable("too many searches are running"))
    }

    /// Waits for a permit to count facets. If no permit is free, recent counts of this filter are used instead.
    ///
    /// # Errors
    /// When no permit becomes free within [`COUNTING_PATIENCE`].
    pub(crate) async fn turn_to_count_facets(
        &self,
        filter: &str,
        version: i64,
    ) -> Result<Turn<Arc<FacetCounts>>, StoreError> {
        let recent =
            || lock(&self.facets).get(filter).and_then(|kept| kept.value(version, OF_LARGE.while_counting));
        turn(&self.facet_counting, recent).await
    }

    /// Waits for the permit to count the movies of all names of a kind (such as all genres). While another caller
    /// holds the permit, recent counts of this kind are used instead.
    ///
    /// # Errors
    /// When the permit does not become free within [`COUNTING_PATIENCE`].
    pub(crate) async fn turn_to_count_names(
        &self,
        kind: NameKind,
        version: i64,
    ) -> Result<Turn<Vec<CountedName>>, StoreError> {
        let recent =
            || lock(&self.names).get(&kind).and_then(|kept| kept.value(version, OF_LARGE.while_counting));
        turn(&self.name_counting, recent).await
    }

    /// The number of movies that match a filter, counted up to a maximum, if it is cached for this version.
    pub(crate) fn total(&self, filter: &str, version: i64) -> Option<u64> {
        lock(&self.totals).get(filter).filter(|(known, _)| *known == version).map(|(_, count)| *count)
    }

    /// Caches the number of movies that match a filter, counted up to a maximum, unless the filter is too long.
    pub(crate) fn keep_total(&self, filter: String, version: i64, count: u64) {
        if filter.len() > MAX_KEY {
            return;
        }
        let mut totals = lock(&self.totals);
        if totals.len() >= MAX_TOTALS {
            // Counts of other versions are removed first. If that frees no space, all counts are removed, and are
            // computed again when they are needed.
            totals.retain(|_, (known, _)| *known == version);
            if totals.len() >= MAX_TOTALS {
                totals.clear();
            }
        }
        totals.insert(filter, (version, count));
    }

    /// The facets of a filter, if they are cached for this version, or are large and recent.
    pub(crate) fn facets(&self, filter: &str, version: i64) -> Option<Arc<FacetCounts>> {
        lock(&self.facets).get(filter).and_then(|kept| kept.value(version, OF_LARGE.usually))
    }

    /// Caches the facets of a filter, unless the filter is too long.
    pub(crate) fn keep_facets(&self, filter: String, version: i64, counts: Arc<FacetCounts>) {
        if filter.len() > MAX_KEY {
            return;
        }
        let mut facets = lock(&self.facets);
        if facets.len() >= MAX_FACETS {
            facets.retain(|_, kept| kept.version == version);
            if facets.len() >= MAX_FACETS {
                facets.clear();
            }
        }
        // Every movie is in exactly one price band, so the sum is the number of movies.
        let is_large = counts.price_bands.values().sum::<i64>() >= LARGE_COUNT;
        facets.insert(filter, Kept { version, counted_at: Instant::now(), is_large, value: counts });
    }

    /// Records the version of the catalogue that was read last. [`size`](Self::size) and [`keep_size`](Self::keep_size)
    /// use it.
    pub(crate) fn note_version(&self, version: i64) {
        self.version.store(version, Ordering::Relaxed);
    }

    /// The version of the catalogue that was read last.
    pub(super) fn last_version(&self) -> i64 {
        self.version.load(Ordering::Relaxed)
    }

    /// How many movies a condition selects, counted up to a cap, if this size is cached. Sizes are only used to choose
    /// the faster way to read or count a list, so a size may belong to an earlier version than the page that is read
    /// next.
    pub(crate) fn size(&self, condition: &str, cap: u32) -> Option<u32> {
        let version = self.last_version();
        let sizes = lock(&self.sizes);
        sizes.get(&(condition.to_owned(), cap)).filter(|(known, _)| *known == version).map(|(_, size)| *size)
    }

    /// Caches the size of a condition, unless the text of the condition is too long. `Database::remember_access` uses
    /// this cache too, and stores an encoded way of reading a page instead of a size.
    pub(crate) fn keep_size(&self, condition: &str, cap: u32, size: u32) {
        if condition.len() > MAX_KEY {
            return;
        }
        let version = self.last_version();
        let mut sizes = lock(&self.sizes);
        if sizes.len() >= MAX_TOTALS {
            sizes.retain(|_, (known, _)| *known == version);
            if sizes.len() >= MAX_TOTALS {
                sizes.clear();
            }
        }
        sizes.insert((condition.to_owned(), cap), (version, size));
    }

    /// All names of a kind with their counts, if these are cached for this version, or are large and recent.
    pub(crate) fn names(&self, kind: NameKind, version: i64) -> Option<Vec<CountedName>> {
        lock(&self.names).get(&kind).and_then(|kept| kept.value(version, OF_LARGE.usually))
    }

    /// Whether the cached counts of a kind were computed for this version.
    pub(crate) fn has_names_of(&self, kind: NameKind, version: i64) -> bool {
        lock(&self.names).get(&kind).is_some_and(|kept| kept.version == version)
    }

    /// Caches all names of a kind with their counts.
    pub(crate) fn keep_names(&self, kind: NameKind, version: i64, names: Vec<CountedName>) {
        let is_large = names.iter().map(|name| name.movies_count).sum::<i64>() >= LARGE_COUNT;
        lock(&self.names).insert(kind, Kept { version, counted_at: Instant::now(), is_large, value: names });
    }

    /// Whether a statement with this text may stay prepared. Only the first [`MAX_SHAPES`] different texts may, so that
    /// rare combinations of filters and sort keys cannot fill the memory of the database.
    pub(crate) fn admits<ST>(&self, statement: &Statement<ST>) -> bool {
        let shape = statement.shape_digest();
        let mut shapes = lock(&self.shapes);
        shapes.contains(&shape) || (shapes.len() < MAX_SHAPES && shapes.insert(shape))
    }
}

/// The outcome of waiting for a permit to count: the caller counts, or uses recent counts.
pub(crate) enum Turn<T> {
    /// The caller counts, and holds the permit until it has finished.
    Count(OwnedSemaphorePermit),
    /// The caller uses these recent counts, because other callers hold all permits.
    Use(T),
}

/// Waits for a permit to count. If no permit is free, returns recent counts if there are any.
async fn turn<T>(counting: &Arc<Semaphore>, recent: impl Fn() -> Option<T>) -> Result<Turn<T>, StoreError> {
    if let Ok(permit) = Arc::clone(counting).try_acquire_owned() {
        return Ok(Turn::Count(permit));
    }
    if let Some(counts) = recent() {
        return Ok(Turn::Use(counts));
    }
    let permit = timeout(COUNTING_PATIENCE, Arc::clone(counting).acquire_owned()).await;
    permit
        .ok()
        .and_then(Result::ok)
        .map(Turn::Count)
        .ok_or_else(|| StoreError::unavailable("too many movies are being counted"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn searches_use_at_most_half_of_the_connections_rounded_up() {
        for (connections, most) in [(1, 1), (2, 1), (5, 3), (10, 5)] {
            let cache = CatalogCache::for_connections(connections);
            let mut turns = Vec::new();
            while let Ok(turn) = timeout(Duration::ZERO, cache.turn_to_search()).await {
                turns.push(turn.unwrap());
            }
            assert_eq!(turns.len(), most, "with {connections} connections");
            turns.pop();
            assert!(cache.turn_to_search().await.is_ok(), "when a search ends, the next one gets its permit");
        }
    }

    fn counted(movies_count: i64) -> Vec<CountedName> {
        vec![CountedName { id: uuid::Uuid::nil(), name: "Drama".into(), movies_count }]
    }

    #[test]
    fn counts_of_a_small_catalogue_are_used_only_for_their_version() {
        let cache = CatalogCache::for_connections(2);
        cache.keep_names(NameKind::Genre, 7, counted(LARGE_COUNT - 1));
        assert!(cache.names(NameKind::Genre, 7).is_some());
        assert!(cache.names(NameKind::Genre, 8).is_none());
    }

    #[test]
    fn counts_of_a_large_catalogue_are_used_for_a_short_time_after_a_change() {
        let cache = CatalogCache::for_connections(2);
        cache.keep_names(NameKind::Genre, 7, counted(LARGE_COUNT));
        assert_eq!(cache.names(NameKind::Genre, 8), Some(counted(LARGE_COUNT)));
        assert!(!cache.has_names_of(NameKind::Genre, 8));
        let counts = FacetCounts { price_bands: HashMap::from([(0, LARGE_COUNT)]), ..FacetCounts::default() };
        cache.keep_facets("all".into(), 7, Arc::new(counts));
        assert!(cache.facets("all", 8).is_some());
        let old = Kept { version: 7, counted_at: Instant::now(), is_large: true, value: () };
        assert!(old.value(8, Duration::ZERO).is_none(), "too old");
    }

    #[tokio::test]
    async fn while_one_caller_counts_others_use_recent_counts() {
        let cache = CatalogCache::for_connections(2);
        cache.keep_names(NameKind::Genre, 7, counted(LARGE_COUNT));
        let first = cache.turn_to_count_names(NameKind::Genre, 8).await.unwrap();
        assert!(matches!(first, Turn::Count(_)));
        let second = cache.turn_to_count_names(NameKind::Genre, 8).await.unwrap();
        assert!(matches!(second, Turn::Use(names) if names == counted(LARGE_COUNT)));
        drop(first);
        let third = cache.turn_to_count_names(NameKind::Genre, 8).await.unwrap();
        assert!(matches!(third, Turn::Count(_)));
    }
}
