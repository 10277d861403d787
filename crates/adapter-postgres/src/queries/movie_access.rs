//! How the movies of a list are found: by scanning the index of its order, or with the index of one condition.
//!
//! A scan in the order ("walk") stops when the page is full, but reads everything if few movies match. The index
//! of a condition reads all matching movies, regardless of the size of the page. Which of the two is cheaper is
//! estimated with counts that stop early, and a walk that turns out to be long is abandoned
//! (`docs/decisions/0016-reading-filtered-lists.md`).

use diesel::sql_types::{BigInt, Integer};
use domain::store::StoreError;

use crate::{
    Database,
    dialect::MOVIES_ESTIMATE,
    queries::movie_filter::{Condition, only_driver},
    statement::Statement,
};

/// The maximum of the first counts of the movies of each condition, which determine how a page is read.
const PROBED: u32 = 5_000;
/// The maximum of further counts of the movies of each condition. They are made if the first counts do not suffice
/// for an estimate.
const PROBED_FAR: u32 = 200_000;
/// The possible limits of a walk for a page with conditions: the walk is abandoned after this number of movies. There
/// are only a few limits, because the limit is part of the SQL text, and each text is prepared separately.
const WALKS: [u32; 4] = [1_000, FIRST_WALK, 20_000, LONGEST_WALK];
/// The limit of the first walk when all conditions have many movies.
const FIRST_WALK: u32 = 5_000;
/// The largest limit of a walk for a page.
const LONGEST_WALK: u32 = 100_000;
/// A limit that no walk reaches.
const WHOLE_WALK: u32 = 1_000_000_000;
/// How many movies a walk can skip by their [filter bits](crate::filter_bits) in the time that it needs to read one
/// movie.
const SKIPPED_PER_READ: u32 = 8;
/// The cache key of the size of the whole table of movies.
const MOVIES: &str = "movies";
/// The assumed number of movies in the catalogue if it is not known.
const UNKNOWN: u64 = 1_000_000;

/// How the movies of a page are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// By scanning in the order of the list, reading at most `limit` movies, or all if there is no limit.
    Walk { limit: Option<u32> },
    /// With the index of the condition at the position `driver`. The found movies are then sorted.
    Lookup { driver: usize },
}

impl Access {
    /// Encodes the access as a number for [`of_number`](Self::of_number). The limits of walks are larger than all
    /// positions of conditions, so both can be distinguished.
    fn number(self) -> u32 {
        match self {
            Self::Walk { limit } => limit.unwrap_or(WHOLE_WALK),
            Self::Lookup { driver } => u32::try_from(driver).unwrap_or(0),
        }
    }

    fn of_number(number: u32) -> Self {
        match usize::try_from(number) {
            Ok(driver) if number < WALKS.into_iter().min().unwrap_or(WHOLE_WALK) => Self::Lookup { driver },
            _ => Self::Walk { limit: Some(number) },
        }
    }
}

/// The key under which the access for a page is cached. Pages have the same key if they are at the same depth of lists
/// with the same conditions.
fn access_key(conditions: &[Condition], rows: u32) -> String {
    format!("{rows} {conditions:?}")
}

/// A walk with the smallest limit that is at least `movies`, or else with the largest limit.
fn walk_of(movies: u32) -> Access {
    let limit = WALKS.into_iter().find(|limit| *limit >= movies).unwrap_or(LONGEST_WALK);
    Access::Walk { limit: Some(limit) }
}

/// How many movies a walk is expected to read until it has found `rows` matches, if the first `walked` movies contain
/// `found` matches. 0 if `found` is 0.
fn walk_from(walked: u32, found: usize, rows: u32) -> u64 {
    let needed = u64::from(walked).saturating_mul(rows.into());
    u64::try_from(found).ok().and_then(|found| needed.checked_div(found)).unwrap_or(0)
}

/// How many movies the conditions select.
struct Sizes {
    /// The number of movies of each condition, counted up to a maximum or estimated; `None` if it is neither
    /// ([`Condition::push_size`]).
    of: Vec<Option<u32>>,
    /// For each condition, in the same order as `of`: whether a walk can check it by its filter bits.
    has_mask: Vec<bool>,
    /// The approximate number of all movies.
    movies: u64,
}

impl Sizes {
    /// The position of the condition with the fewest movies, and the number of these movies; `None` if no such number
    /// is known.
    fn smallest(&self) -> Option<(usize, u32)> {
        let known = self.of.iter().enumerate().filter_map(|(position, size)| Some((position, (*size)?)));
        known.min_by_key(|(_, size)| *size)
    }

    /// The same as [`smallest`](Self::smallest), if the movies are so few that reading all of them is cheap.
    fn selective(&self) -> Option<(usize, u32)> {
        self.smallest().filter(|(_, size)| *size <= PROBED)
    }

    /// The first access for a page that needs this number of matching movies.
    fn access(&self, rows: u32) -> Access {
        let Some((driver, size)) = self.selective() else { return walk_of(FIRST_WALK) };
        let lookup = Access::Lookup { driver };
        let walked = u64::from(rows).saturating_mul(self.movies).checked_div(u64::from(size));
        let has_mask = self.has_mask.get(driver).is_some_and(|has_mask| *has_mask);
        // The cost of a lookup, as the number of movies that a walk handles in the same time.
        let looked_up = if has_mask { size.saturating_mul(SKIPPED_PER_READ) } else { size };
        // If fewer than the `rows` needed movies match, a walk never finds enough movies and reads everything.
        let is_walk_shorter = size >= rows && walked.is_some_and(|walked| walked < u64::from(looked_up));
        let limit = walked.and_then(|walked| u32::try_from(walked.saturating_mul(4)).ok());
        let limit = limit.filter(|_| has_mask).map_or(looked_up, |limit| limit.min(looked_up));
        if is_walk_shorter { walk_of(limit) } else { lookup }
    }

    /// How many movies a walk is expected to read until it has found `rows` matches, assuming independent conditions.
    fn walk_to(&self, rows: u64) -> u64 {
        let matching = self.of.iter().flatten().fold(self.movies, |matching, size| {
            matching.saturating_mul(u64::from(*size)).checked_div(self.movies).unwrap_or_default()
        });
        rows.saturating_mul(self.movies).checked_div(matching).unwrap_or(u64::MAX)
    }
}

impl Database {
    /// Returns the first access for a page that needs this number of matching movies.
    pub(super) async fn access(&self, conditions: &[Condition], rows: u32) -> Result<Access, StoreError> {
        if conditions.is_empty() {
            return Ok(Access::Walk { limit: None });
        }
        if let Some(driver) = only_driver(conditions) {
            return Ok(Access::Lookup { driver });
        }
        if let Some(remembered) = self.cache().size(&access_key(conditions, rows), 0) {
            return Ok(Access::of_number(remembered));
        }
        Ok(self.sizes(conditions, PROBED).await?.access(rows))
    }

    /// Caches the access that was tried after a walk that did not fill the page, so that pages with the same key
    /// ([`access_key`]) begin with this access.
    pub(super) fn remember_access(&self, conditions: &[Condition], rows: u32, access: Access) {
        self.cache().keep_size(&access_key(conditions, rows), 0, access.number());
    }

    /// The next access after `walk` found only `found` of the `rows` needed rows; `None` when `walk` has found all
    /// matches, because it is a lookup or has no limit.
    pub(super) async fn access_after(
        &self,
        walk: Access,
        conditions: &[Condition],
        rows: u32,
        found: usize,
    ) -> Result<Option<Access>, StoreError> {
        let Access::Walk { limit: Some(limit) } = walk else { return Ok(None) };
        if limit < LONGEST_WALK && self.sizes(conditions, PROBED).await?.selective().is_none() {
            let sizes = self.sizes(conditions, PROBED_FAR).await?;
            // The estimate from the sizes can be too low, because the conditions may depend on each other. So a second
            // estimate is made from the matches that the previous walk found, and the larger one is used. The limit is
            // twice the expected length, so that fewer attempts are needed.
            let walked = sizes.walk_to(rows.into()).max(walk_from(limit, found, rows)).saturating_mul(2);
            let smallest = sizes.smallest().map_or(u64::MAX, |(_, size)| size.into());
            if let Ok(walked) = u32::try_from(walked.min(smallest))
                && limit < walked
                && walked <= LONGEST_WALK
                && u64::from(walked) < smallest
            {
                return Ok(Some(walk_of(walked)));
            }
        }
        self.cheapest_lookup(conditions).await.map(Some)
    }

    /// The access for counting the matches up to this number.
    pub(super) async fn access_for_count(
        &self,
        conditions: &[Condition],
        rows: u64,
    ) -> Result<Access, StoreError> {
        if conditions.is_empty() {
            return Ok(Access::Walk { limit: None });
        }
        if let Some(driver) = only_driver(conditions) {
            return Ok(Access::Lookup { driver });
        }
        let lookup = self.cheapest_lookup(conditions).await?;
        let Access::Lookup { driver } = lookup else { return Ok(lookup) };
        if conditions.get(driver).is_some_and(Condition::is_lookup_incremental) {
            return Ok(lookup);
        }
        let sizes = self.sizes(conditions, PROBED_FAR).await?;
        let size = sizes.of.get(driver).copied().flatten().unwrap_or(u32::MAX);
        let is_walk_shorter = sizes.walk_to(rows) < u64::from(size);
        Ok(if is_walk_shorter { Access::Walk { limit: Some(WHOLE_WALK) } } else { lookup })
    }

    /// The cheapest index for finding all movies that match the conditions.
    pub(super) async fn cheapest_lookup(&self, conditions: &[Condition]) -> Result<Access, StoreError> {
        if let Some(driver) = only_driver(conditions) {
            return Ok(Access::Lookup { driver });
        }
        if conditions.len() < 2 {
            return Ok(Access::Lookup { driver: 0 });
        }
        if let Some((driver, _)) = self.sizes(conditions, PROBED).await?.selective() {
            return Ok(Access::Lookup { driver });
        }
        let smallest = self.sizes(conditions, PROBED_FAR).await?.smallest();
        Ok(Access::Lookup { driver: smallest.map_or(0, |(driver, _)| driver) })
    }

    /// The approximate number of all movies. If it is unknown, a large number is assumed.
    pub(super) async fn approximate_movies(&self) -> Result<u64, StoreError> {
        Ok(self.sizes(&[], PROBED).await?.movies)
    }

    /// Counts or estimates the movies of each condition; a count stops at one more than `cap`. The results are cached
    /// while the catalogue is unchanged.
    async fn sizes(&self, conditions: &[Condition], cap: u32) -> Result<Sizes, StoreError> {
        let keys: Vec<String> = conditions.iter().map(|condition| format!("{condition:?}")).collect();
        let mut of: Vec<Option<u32>> = keys.iter().map(|key| self.cache().size(key, cap)).collect();
        let mut movies = self.cache().size(MOVIES, 0);
        let limit = cap.saturating_add(1);
        let mut statement =
            Statement::<(Integer, BigInt)>::new("SELECT -2, (SELECT version FROM catalog_state)");
        statement.sql(" UNION ALL SELECT -1, ").sql(MOVIES_ESTIMATE);
        let mut is_asking = movies.is_none();
        for (position, condition) in conditions.iter().enumerate() {
            let mut counted = Statement::<()>::new("");
            if of.get(position).is_some_and(Option::is_none) && condition.push_size(&mut counted, limit) {
                statement.sql(format!(" UNION ALL SELECT {position}, ")).append(&counted);
                is_asking = true;
            }
        }
        if is_asking {
            if !self.cache().admits(&statement) {
                statement.forget();
            }
            let mut rows: Vec<(i32, i64)> = self.fetch(statement).await?;
            // Sorting puts the row with the version (-2) first, so that the sizes are cached for this version.
            rows.sort_unstable();
            for (position, value) in rows {
                let size = u32::try_from(value.max(0)).unwrap_or(u32::MAX);
                match usize::try_from(position) {
                    Ok(position) => {
                        if let (Some(entry), Some(key)) = (of.get_mut(position), keys.get(position)) {
                            *entry = Some(size);
                            self.cache().keep_size(key, cap, size);
                        }
                    }
                    Err(_) if position == -2 => self.cache().note_version(value),
                    Err(_) => {
                        self.cache().keep_size(MOVIES, 0, size);
                        movies = Some(size);
                    }
                }
            }
        }
        // The size of a table that PostgreSQL has never analysed is unknown. Assuming that it is large makes walks
        // unlikely.
        let movies = movies.filter(|movies| *movies > 0).map_or(UNKNOWN, u64::from);
        let has_mask = conditions.iter().map(Condition::has_mask).collect();
        Ok(Sizes { of, has_mask, movies })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(of: &[Option<u32>], movies: u64) -> Sizes {
        Sizes { of: of.to_vec(), has_mask: vec![false; of.len()], movies }
    }

    const LOOKUP: Access = Access::Lookup { driver: 1 };
    const FAR_WALK: Access = Access::Walk { limit: Some(FIRST_WALK) };

    #[test]
    fn rare_conditions_are_looked_up_and_common_ones_are_walked() {
        let common = Some(PROBED + 1);
        let access = |size| sizes(&[common, Some(size)], 1_000_000).access(21);
        assert_eq!(access(0), LOOKUP);
        assert_eq!(access(4_000), LOOKUP);
        assert_eq!(access(PROBED + 1), FAR_WALK);
        assert_eq!(sizes(&[common, Some(700)], 1_000).access(21), Access::Walk { limit: Some(1_000) });
        assert_eq!(sizes(&[common, Some(700)], 1_000).access(600), LOOKUP, "a page that needs 600 matches");
        assert_eq!(sizes(&[None], 1_000_000).access(21), FAR_WALK, "a condition without a known size");
    }

    #[test]
    fn a_walk_that_compares_bits_is_preferred_to_a_lookup_of_fewer_movies() {
        let of_genre = |has_mask| Sizes { has_mask: vec![has_mask], ..sizes(&[Some(4_499)], 1_000_000) };
        assert_eq!(of_genre(true).access(21), walk_of(20_000));
        assert_eq!(of_genre(false).access(21), Access::Lookup { driver: 0 });
        assert_eq!(of_genre(true).access(2_000), Access::Lookup { driver: 0 }, "a deep page");
        let few = Sizes { has_mask: vec![true], ..sizes(&[Some(20)], 100) };
        assert_eq!(few.access(21), Access::Lookup { driver: 0 }, "fewer movies than rows");
    }

    #[test]
    fn a_cached_access_is_the_same_access() {
        let walks = WALKS.into_iter().map(|limit| Access::Walk { limit: Some(limit) });
        for access in walks.chain((0..12).map(|driver| Access::Lookup { driver })) {
            assert_eq!(Access::of_number(access.number()), access);
        }
    }

    #[test]
    fn the_length_of_a_walk_follows_from_the_matches_of_a_shorter_one() {
        assert_eq!(walk_from(5_000, 335, 401), 5_985);
        assert_eq!(walk_from(5_000, 0, 401), 0, "unknown");
    }

    #[test]
    fn the_length_of_a_walk_depends_on_the_combined_selectivity() {
        assert_eq!(sizes(&[Some(100_000)], 1_000_000).walk_to(10_000), 100_000);
        assert_eq!(sizes(&[Some(100_000), Some(100_000), None], 1_000_000).walk_to(10_000), 1_000_000);
        assert_eq!(sizes(&[Some(0)], 1_000_000).walk_to(1), u64::MAX);
    }
}
