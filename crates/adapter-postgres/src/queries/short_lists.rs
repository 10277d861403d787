//! Caches recently read short lists and pages of movies: the identifiers of their movies, in the order of the list. A
//! short list has at most `MAX_MOVIES` movies.
//!
//! For a filter that matches few movies, every page may read thousands of entries of an index. If the number of
//! matches is known to be small, the identifiers of all matches are read once, in their order, and pages read only
//! their own movies by identifier. The list is cached with the version of the catalogue. For longer lists, the
//! identifiers of each numbered page that was read are cached in the same way.

use std::sync::Arc;

use diesel::sql_types::BigInt;
use domain::{
    catalog::{MovieFilter, MovieSort, MovieSortKey},
    id::UserId,
    page::{PageRequest, Start},
    store::StoreError,
};
use uuid::Uuid;

use crate::{
    Database,
    dialect::{DbUuid, SqlId},
    queries::{
        keyset::Keyset,
        movie_access::Access,
        movie_filter::{Condition, push_matching},
        movie_page::Order,
        movie_row::ListRow,
    },
    statement::Statement,
};

/// The maximum number of movies in a short list.
const MAX_MOVIES: u32 = 500;

/// Whether the matches of the filter may be cached. Libraries and favourites change without a change of the catalogue.
pub(super) const fn is_cacheable(filter: &MovieFilter) -> bool {
    filter.bought_by.is_none() && filter.favorites_of.is_none()
}

/// Whether the order of the list changes rarely enough for the cache. The order may change with the version of the
/// catalogue. It may also change when the popularity is refreshed, once a minute. The node that runs this refresh then
/// removes all lists from its own cache. The order by rating changes too often: every new rating can change it,
/// without a new version of the catalogue.
fn is_steady(sorts: &[MovieSort]) -> bool {
    sorts.iter().all(|sort| sort.key != MovieSortKey::Rating)
}

/// The movies of the list that a page needs, including the first movie after the page. `None` if the page is not in the
/// list.
fn part<'a>(list: &'a [Uuid], request: &PageRequest) -> Option<&'a [Uuid]> {
    let begin = match request.start() {
        Start::Number(_) => usize::try_from(request.offset()).ok()?,
        Start::After(position) => list.iter().position(|id| *id == position.id)?.checked_add(1)?,
    };
    let needed = usize::try_from(request.size()).ok()?.checked_add(1)?;
    let end = begin.checked_add(needed)?.min(list.len());
    list.get(begin..end).filter(|part| !part.is_empty())
}

/// Whether the movies of the list are found quickly without a cache: the unfiltered list, a list of movies with given
/// identifiers, and the list of withdrawn movies.
fn is_found_fast(filter: &MovieFilter, conditions: &[Condition]) -> bool {
    conditions.is_empty() || !filter.ids.is_empty() || filter.is_withdrawn()
}

/// The key under which the identifiers of a page are cached; `None` if they are not cached.
pub(super) fn page_key(
    filter: &MovieFilter,
    conditions: &[Condition],
    sorts: &[MovieSort],
    request: &PageRequest,
) -> Option<String> {
    let is_cached = is_cacheable(filter) && is_steady(sorts) && !is_found_fast(filter, conditions);
    match request.start() {
        Start::Number(number) if is_cached => {
            Some(format!("{number} {} {sorts:?} {}", request.size(), filter.key()))
        }
        _ => None,
    }
}

impl Database {
    /// The rows of a page that was read before at the current version of the catalogue, followed by at least one more
    /// row if the list has more. `None` if the page is not in the cache, if a movie is missing or the catalogue has
    /// another version by now, or if the order of the movies has changed: the popularity can change the order without
    /// a change of the version. If the cached page were returned in this case, the cursor for the next page could skip
    /// movies, because it is computed from the current popularity of the last movie.
    pub(super) async fn rows_of_known_page(
        &self,
        key: &str,
        sorts: &[MovieSort],
        request: &PageRequest,
        viewer: Option<UserId>,
    ) -> Result<Option<Vec<ListRow>>, StoreError> {
        let version = self.cache().last_version();
        match self.cache().searches().list(key, version) {
            Some(page) => {
                let rows = self.rows_of_movies(&page, version, sorts, request.size(), viewer).await?;
                Ok(rows.filter(|rows| rows.iter().map(|(row, _)| row.id.0).eq(page.iter().copied())))
            }
            None => Ok(None),
        }
    }

    /// Caches the identifiers of the rows that were read for a page, including the rows after the page.
    pub(super) fn keep_page(&self, key: String, rows: &[ListRow]) {
        if let Some((first, _)) = rows.first() {
            let page = rows.iter().map(|(row, _)| row.id.0).collect();
            self.cache().searches().keep_list(key, first.catalog_version, page);
        }
    }

    /// The rows of these movies in the order of the list; `None` if a movie is missing or the catalogue has another
    /// version.
    async fn rows_of_movies(
        &self,
        movies: &[Uuid],
        version: i64,
        sorts: &[MovieSort],
        page_size: u32,
        viewer: Option<UserId>,
    ) -> Result<Option<Vec<ListRow>>, StoreError> {
        let wanted = [Condition::Ids(movies.to_vec())];
        let one = PageRequest::numbered(1, page_size).map_err(StoreError::failed)?;
        let order = Order::of(sorts, None);
        let rows = self.rows_by(&wanted, &order, &one, viewer, Access::Lookup { driver: 0 }).await?;
        if rows.len() != movies.len() || rows.iter().any(|(row, _)| row.catalog_version != version) {
            return Ok(None);
        }
        Ok(Some(rows.into_iter().map(|(row, _)| (row, None)).collect()))
    }

    /// The rows of a page of a short list, and the next row if there is one, with the number of all matches. `None` if
    /// the list is not known to be short, is of a kind that is not cached, does not contain the page, or belongs to
    /// another version of the catalogue.
    pub(super) async fn rows_of_short_list(
        &self,
        filter: &MovieFilter,
        conditions: &[Condition],
        sorts: &[MovieSort],
        request: &PageRequest,
        viewer: Option<UserId>,
    ) -> Result<Option<Vec<ListRow>>, StoreError> {
        if !is_cacheable(filter) || is_found_fast(filter, conditions) {
            return Ok(None);
        }
        let key = filter.key();
        if self.is_known_to_be_empty(&key).await? {
            // An empty result is returned only for the first page, whose total is then 0. For a later page without
            // rows, the caller must count the total in any case, so `None` is returned.
            return Ok((request.offset() == 0).then(Vec::new));
        }
        if !is_steady(sorts) {
            return Ok(None);
        }
        let Some((version, list)) = self.short_list(&key, conditions, sorts).await? else { return Ok(None) };
        let Some(part) = part(&list, request) else { return Ok(None) };
        let rows = self.rows_of_movies(part, version, sorts, request.size(), viewer).await?;
        let Some(mut rows) = rows else { return Ok(None) };
        // Keeps the order of the cached list, even if the popularity has changed in the meantime: with the new order,
        // the next page could repeat movies of this page.
        rows.sort_by_key(|(row, _)| part.iter().position(|id| *id == row.id.0));
        let total = i64::try_from(list.len()).map_err(StoreError::failed)?;
        Ok(Some(rows.into_iter().map(|(row, _)| (row, Some(total))).collect()))
    }

    /// Whether no movie matches the filter at the current version of the catalogue, according to the cache.
    async fn is_known_to_be_empty(&self, key: &str) -> Result<bool, StoreError> {
        let version = self.cache().last_version();
        Ok(self.cache().total(key, version) == Some(0) && self.catalog_version().await? == version)
    }

    /// Caches that no movie matches the filter. `before` is the version of the catalogue that was known before the list
    /// was read. If the catalogue has another version by now, nothing is cached.
    pub(super) async fn note_empty_list(&self, filter: &MovieFilter, before: i64) -> Result<(), StoreError> {
        let key = filter.key();
        if !is_cacheable(filter) || self.cache().total(&key, before) == Some(0) {
            return Ok(());
        }
        let version = self.catalog_version().await?;
        self.cache().note_version(version);
        if version == before {
            self.cache().keep_total(key, version, 0);
        }
        Ok(())
    }

    /// The identifiers of a short list in their order, and the version of the catalogue; `None` if the list is not
    /// known to be short, or has changed.
    async fn short_list(
        &self,
        key: &str,
        conditions: &[Condition],
        sorts: &[MovieSort],
    ) -> Result<Option<(i64, Arc<[Uuid]>)>, StoreError> {
        let cache = self.cache();
        let version = cache.last_version();
        let Some(total) = cache.total(key, version) else { return Ok(None) };
        if total > u64::from(MAX_MOVIES) {
            return Ok(None);
        }
        let list_key = format!("{sorts:?} {key}");
        if let Some(list) = cache.searches().list(&list_key, version) {
            return Ok(Some((version, list)));
        }
        let access = self.cheapest_lookup(conditions).await?;
        let mut statement = short_list_statement(conditions, Order::of(sorts, None).keyset(), access);
        if !cache.admits(&statement) {
            statement.forget();
        }
        let rows: Vec<(i64, DbUuid)> = self.fetch(statement).await?;
        let count = u64::try_from(rows.len()).map_err(StoreError::failed)?;
        if count != total || rows.iter().any(|(read, _)| *read != version) {
            return Ok(None);
        }
        let list: Arc<[Uuid]> = rows.into_iter().map(|(_, id)| id.0).collect();
        cache.searches().keep_list(list_key, version, Arc::clone(&list));
        Ok(Some((version, list)))
    }
}

/// Selects the version of the catalogue, and the identifiers of the matches in the order of the list, at most one
/// more than `MAX_MOVIES`.
pub(super) fn short_list_statement(
    conditions: &[Condition],
    order: &Keyset,
    access: Access,
) -> Statement<(BigInt, SqlId)> {
    let mut statement = Statement::new("WITH hits AS MATERIALIZED (SELECT m.id");
    order.push_columns(&mut statement);
    match access {
        Access::Lookup { driver } => push_matching(&mut statement, conditions, Some(driver)),
        Access::Walk { .. } => push_matching(&mut statement, conditions, None),
    }
    statement.sql(") SELECT (SELECT version FROM catalog_state), hits.id FROM hits");
    order.named("hits", "hits.id").push(&mut statement);
    statement.sql(format!(" LIMIT {}", MAX_MOVIES.saturating_add(1)));
    statement
}
