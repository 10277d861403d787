use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use domain::{
    catalog::{CountedName, FacetCounts, NameKind},
    store::StoreError,
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use crate::statement::Statement;

/// How many totals of filters, and how many sizes of conditions, are cached.
const MAX_TOTALS: usize = 1_024;

/// How many facets of filters are cached.
const MAX_FACETS: usize = 256;

/// How many facets of filters are counted at once: each count uses a core of the database, and the limit leaves
/// connections for other calls.
const FACETS_AT_ONCE: usize = 2;

/// How long a caller waits for a permit to count facets.
const FACETS_PATIENCE: Duration = Duration::from_secs(3);

/// How long a caller waits for a permit to search.
const SEARCH_PATIENCE: Duration = Duration::from_secs(3);

/// The maximum length of a filter whose total is cached, in bytes, so that long searches cannot fill the memory.
const MAX_KEY: usize = 512;

/// How many shapes of list statements keep their prepared statements, on every connection.
const MAX_SHAPES: usize = 128;

/// A cache of counts that are expensive to compute.
///
/// Each count is stored with the version of the catalogue that it holds for. It is exact for every page that is read with the
/// same version, whichever node changed the catalogue before.
pub(crate) struct CatalogCache {
    totals: Mutex<HashMap<String, (i64, u64)>>,
    names: Mutex<HashMap<NameKind, (i64, Vec<CountedName>)>>,
    facets: Mutex<HashMap<String, (i64, Arc<FacetCounts>)>>,
    sizes: Mutex<HashMap<(String, u32), (i64, u32)>>,
    version: AtomicI64,
    shapes: Mutex<HashSet<u64>>,
    facet_counting: Semaphore,
    searching: Semaphore,
}

impl CatalogCache {
    /// Creates an empty cache for a database with this number of connections. Searches may use half of the connections
    /// at once, so that other calls succeed during many expensive searches.
    pub(crate) fn for_connections(connections: usize) -> Self {
        let searches = connections.div_ceil(2).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            totals: Mutex::default(),
            names: Mutex::default(),
            facets: Mutex::default(),
            sizes: Mutex::default(),
            version: AtomicI64::default(),
            shapes: Mutex::default(),
            facet_counting: Semaphore::new(FACETS_AT_ONCE),
            searching: Semaphore::new(searches),
        }
    }

    /// Waits for a permit to search. A caller must not wait for a second one while it has one.
    ///
    /// # Errors
    /// When others search for longer than [`SEARCH_PATIENCE`].
    pub(crate) async fn turn_to_search(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        let turn = timeout(SEARCH_PATIENCE, self.searching.acquire()).await;
        turn.ok().and_then(Result::ok).ok_or_else(|| StoreError::unavailable("too many searches are running"))
    }

    /// Waits for a permit to count facets.
    ///
    /// # Errors
    /// When others count for longer than [`FACETS_PATIENCE`].
    pub(crate) async fn turn_to_count_facets(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        let turn = timeout(FACETS_PATIENCE, self.facet_counting.acquire()).await;
        turn.ok()
            .and_then(Result::ok)
            .ok_or_else(|| StoreError::unavailable("too many facets are being counted"))
    }

    /// The capped count of a filter, if it is cached for this version.
    pub(crate) fn total(&self, filter: &str, version: i64) -> Option<u64> {
        lock(&self.totals).get(filter).filter(|(known, _)| *known == version).map(|(_, count)| *count)
    }

    /// Caches a capped count.
    pub(crate) fn keep_total(&self, filter: String, version: i64, count: u64) {
        if filter.len() > MAX_KEY {
            return;
        }
        let mut totals = lock(&self.totals);
        if totals.len() >= MAX_TOTALS {
            // Counts of older versions are removed first. If that frees no space, all counts are removed; they are computed
            // again when needed.
            totals.retain(|_, (known, _)| *known == version);
            if totals.len() >= MAX_TOTALS {
                totals.clear();
            }
        }
        totals.insert(filter, (version, count));
    }

    /// The facets of a filter, if they are cached for this version.
    pub(crate) fn facets(&self, filter: &str, version: i64) -> Option<Arc<FacetCounts>> {
        lock(&self.facets)
            .get(filter)
            .filter(|(known, _)| *known == version)
            .map(|(_, counts)| Arc::clone(counts))
    }

    /// Caches the facets of a filter.
    pub(crate) fn keep_facets(&self, filter: String, version: i64, counts: Arc<FacetCounts>) {
        if filter.len() > MAX_KEY {
            return;
        }
        let mut facets = lock(&self.facets);
        if facets.len() >= MAX_FACETS {
            facets.retain(|_, (known, _)| *known == version);
            if facets.len() >= MAX_FACETS {
                facets.clear();
            }
        }
        facets.insert(filter, (version, counts));
    }

    /// Records the version of the catalogue that was read last, for sizes.
    pub(crate) fn note_version(&self, version: i64) {
        self.version.store(version, Ordering::Relaxed);
    }

    /// How many movies a condition selects, counted up to a cap, if it is cached. It is only used to choose the faster
    /// way to read a list, so it may belong to an earlier version than the page that is read next.
    pub(crate) fn size(&self, condition: &str, cap: u32) -> Option<u32> {
        let version = self.version.load(Ordering::Relaxed);
        let sizes = lock(&self.sizes);
        sizes.get(&(condition.to_owned(), cap)).filter(|(known, _)| *known == version).map(|(_, size)| *size)
    }

    /// Caches the size of a condition.
    pub(crate) fn keep_size(&self, condition: &str, cap: u32, size: u32) {
        if condition.len() > MAX_KEY {
            return;
        }
        let version = self.version.load(Ordering::Relaxed);
        let mut sizes = lock(&self.sizes);
        if sizes.len() >= MAX_TOTALS {
            sizes.retain(|_, (known, _)| *known == version);
            if sizes.len() >= MAX_TOTALS {
                sizes.clear();
            }
        }
        sizes.insert((condition.to_owned(), cap), (version, size));
    }

    /// All names of a kind with their counts, if they are cached for this version.
    pub(crate) fn names(&self, kind: NameKind, version: i64) -> Option<Vec<CountedName>> {
        lock(&self.names).get(&kind).filter(|(known, _)| *known == version).map(|(_, names)| names.clone())
    }

    /// Caches all names of a kind with their counts.
    pub(crate) fn keep_names(&self, kind: NameKind, version: i64, names: Vec<CountedName>) {
        lock(&self.names).insert(kind, (version, names));
    }

    /// Whether a statement of this shape may keep its prepared statement. Only the first shapes may, so that rare
    /// combinations of filters and sort keys cannot fill the memory of the database.
    pub(crate) fn admits<ST>(&self, statement: &Statement<ST>) -> bool {
        let shape = statement.shape_digest();
        let mut shapes = lock(&self.shapes);
        shapes.contains(&shape) || (shapes.len() < MAX_SHAPES && shapes.insert(shape))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn searches_use_at_most_half_of_the_connections() {
        for (connections, most) in [(1, 1), (2, 1), (5, 3), (10, 5)] {
            let cache = CatalogCache::for_connections(connections);
            let mut turns = Vec::new();
            while let Ok(turn) = timeout(Duration::ZERO, cache.turn_to_search()).await {
                turns.push(turn.unwrap());
            }
            assert_eq!(turns.len(), most, "of {connections}");
            turns.pop();
            assert!(cache.turn_to_search().await.is_ok(), "a search that ends admits the next one");
        }
    }
}
