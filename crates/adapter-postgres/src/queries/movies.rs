use async_trait::async_trait;
use diesel::sql_types::{BigInt, Integer};
use domain::{
    catalog::{MovieDetail, MovieFilter, MovieQueries, MovieSort, MovieSortKey, MovieSummary},
    id::{MovieId, UserId},
    page::{NUMBERED_ITEMS, Page, PageRequest, Position, Start, Total},
    store::StoreError,
};

use crate::{
    Database,
    queries::{
        keyset::Keyset,
        movie_access::Access,
        movie_facts::{FactsRow, FactsTypes, push_facts, read_with_facts},
        movie_filter::{
            CERTAIN_IN_SAMPLE, Condition, SAMPLED_FROM, conditions, push_checks, push_matching, push_walk,
        },
        movie_page::Order,
        movie_row::{
            DetailRow, DetailTypes, ListRow, ListTypes, SummaryRow, SummaryTypes, push_detail, push_summary,
        },
        short_lists::{is_cacheable, page_key},
    },
    statement::Statement,
};

/// Adds `FROM movies m WHERE …` for all movies on sale; on SQLite with the index hint of the order ([`Keyset::hint`]).
fn push_all<ST>(statement: &mut Statement<ST>, order: &Keyset) {
    statement.sql(" FROM movies m").sql(order.hint()).sql(" WHERE m.is_available");
}

/// The limits of the statement for a page. The limit is part of the SQL text, so that the planner knows it, and
/// there are only a few limits, so that there are few different texts. The first one that is large enough for the
/// page and one more row is used.
const LIMITS: [u32; 4] = [11, 21, 51, 101];

/// The column for the total in a statement that does not count the matches.
pub(super) const NO_TOTAL: &str = "CAST(NULL AS BIGINT)";
pub(super) type PageTypes = (SummaryTypes, FactsTypes, DetailTypes);
type PageRow = (SummaryRow, FactsRow, DetailRow);

#[async_trait]
impl MovieQueries for Database {
    async fn movie_page(
        &self,
        filter: &MovieFilter,
        sorts: &[MovieSort],
        request: &PageRequest,
        viewer: Option<UserId>,
    ) -> Result<Page<MovieSummary>, StoreError> {
        read_with_facts(async || {
            let Page { items, next, total } = self.rows_of_page(filter, sorts, request, viewer).await?;
            let Some(facts) = self.facts_of(items.iter()).await? else { return Ok(None) };
            Ok(Some(Page { items: facts.summaries(items, viewer)?, next, total }))
        })
        .await
    }

    async fn movie_detail(
        &self,
        id: MovieId,
        viewer: Option<UserId>,
    ) -> Result<Option<MovieDetail>, StoreError> {
        let mut statement = detail_statement(viewer);
        statement.sql(" WHERE m.id = ").bind(id.as_uuid());
        let rows: Vec<PageRow> = self.fetch(statement).await?;
        rows.into_iter().next().map(|row| detail(row, viewer)).transpose()
    }

    async fn export_movies(
        &self,
        after: Option<MovieId>,
        limit: u32,
    ) -> Result<Vec<MovieDetail>, StoreError> {
        let mut statement = detail_statement(None);
        if let Some(after) = after {
            statement.sql(" WHERE m.id > ").bind(after.as_uuid());
        }
        statement.sql(" ORDER BY m.id LIMIT ").bind(i64::from(limit));
        let rows: Vec<PageRow> = self.fetch(statement).await?;
        rows.into_iter().map(|row| detail(row, None)).collect()
    }

    async fn has_no_movies(&self) -> Result<bool, StoreError> {
        let rows: Vec<(i32,)> =
            self.fetch(Statement::<(Integer,)>::new("SELECT 1 FROM movies LIMIT 1")).await?;
        Ok(rows.is_empty())
    }
}

/// Converts a row of [`detail_statement`].
fn detail((summary, facts, detail): PageRow, viewer: Option<UserId>) -> Result<MovieDetail, StoreError> {
    detail.into_detail(summary, &facts.into_facts()?, viewer)
}

impl Database {
    /// A page of the movies that match the filter.
    pub(super) async fn rows_of_page(
        &self,
        filter: &MovieFilter,
        sorts: &[MovieSort],
        request: &PageRequest,
        viewer: Option<UserId>,
    ) -> Result<Page<SummaryRow>, StoreError> {
        if let (Some(search), Some(MovieSort { key: MovieSortKey::Relevance, .. })) =
            (&filter.search, sorts.first())
        {
            return self.page_by_relevance(filter, search, request, viewer).await;
        }
        let _turn = if filter.reads_text() { Some(self.cache().turn_to_search().await?) } else { None };
        let conditions = conditions(filter);
        let order = Order::of(sorts, filter.favorites_of);
        let size = usize::try_from(request.size()).map_err(StoreError::failed)?;
        let version = self.cache().last_version();
        let page_key = page_key(filter, &conditions, sorts, request);
        let mut known = self.rows_of_short_list(filter, &conditions, sorts, request, viewer).await?;
        if let (None, Some(key)) = (&known, &page_key) {
            known = self.rows_of_known_page(key, sorts, request, viewer).await?;
        }
        let mut rows = if let Some(rows) = known {
            rows
        } else {
            let rows = match self.rows_equal_in_first_key(&conditions, sorts, request, viewer).await? {
                Some(rows) => rows,
                None => self.list_rows(&conditions, &order, request, viewer).await?,
            };
            if let Some(key) = page_key {
                self.keep_page(key, &rows);
            }
            rows
        };
        let has_more = rows.len() > size;
        rows.truncate(size);
        if rows.is_empty() && matches!(request.start(), Start::Number(1)) {
            self.note_empty_list(filter, version).await?;
        }
        let total = match request.start() {
            Start::Number(_) => Some(self.total(filter, &conditions, request, &rows, has_more).await?),
            Start::After(_) => None,
        };
        let next = rows.last().filter(|_| has_more).map(|(row, _)| order.position(row));
        let items = rows.into_iter().map(|(row, _)| row).collect();
        Ok(Page { items, next, total })
    }

    /// The rows of a page, followed by at least one more row if the list has more, read with the cheapest access.
    async fn list_rows(
        &self,
        conditions: &[Condition],
        order: &Order,
        request: &PageRequest,
        viewer: Option<UserId>,
    ) -> Result<Vec<ListRow>, StoreError> {
        let passed = limit(request).saturating_add(request.offset());
        let size = usize::try_from(request.size()).map_err(StoreError::failed)?;
        let offset = usize::try_from(request.offset()).map_err(StoreError::failed)?;
        let mut access = self.access(conditions, passed).await?;
        let mut rows = self.rows_by(conditions, order, request, viewer, access).await?;
        // The number of matches that the last access found; 0 stands for an unknown number. It is unknown if a walk (a
        // scan in the order of the list, which ends at a limit) returned no rows: the offset skipped every match that
        // it found.
        let found = |rows: &[ListRow]| if rows.is_empty() { 0 } else { rows.len().saturating_add(offset) };
        while rows.len() <= size
            && let Some(next) = self.access_after(access, conditions, passed, found(&rows)).await?
        {
            access = next;
            rows = self.rows_by(conditions, order, request, viewer, access).await?;
            self.remember_access(conditions, passed, access);
        }
        Ok(rows)
    }

    /// The rows of a page, followed by at least one more row, read only from movies that have the same value of the
    /// first sort key. For example, when many movies have the same price, the page is found with the index of the
    /// next sort key, because sorting all these movies takes long.
    ///
    /// `None` if these movies do not suffice for the page and the next row, if no movie matches, if the list has only
    /// one sort key, if usually few movies share a value of the first sort key, or if the list is not read by a walk
    /// (a scan in the order of the list).
    async fn rows_equal_in_first_key(
        &self,
        conditions: &[Condition],
        sorts: &[MovieSort],
        request: &PageRequest,
        viewer: Option<UserId>,
    ) -> Result<Option<Vec<ListRow>>, StoreError> {
        let [first, rest @ ..] = sorts else { return Ok(None) };
        if rest.is_empty() || !first.key.is_shared_by_many() {
            return Ok(None);
        }
        let passed = limit(request).saturating_add(request.offset());
        if !matches!(self.access(conditions, passed).await?, Access::Walk { .. }) {
            return Ok(None);
        }
        let (value, request) = match request.start() {
            Start::After(Position { values, id }) => {
                let [value, rest @ ..] = values.as_slice() else { return Ok(None) };
                let position = Position { values: rest.to_vec(), id: *id };
                (value.clone(), PageRequest::after(position, request.size()))
            }
            Start::Number(number) => {
                let one = PageRequest::numbered(1, 1).map_err(StoreError::failed)?;
                let order = Order::of(std::slice::from_ref(first), None);
                let rows = self.list_rows(conditions, &order, &one, None).await?;
                let Some((row, _)) = rows.first() else { return Ok(None) };
                let Some(value) = order.position(row).values.into_iter().next() else { return Ok(None) };
                (value, PageRequest::numbered(*number, request.size()))
            }
        };
        let request = request.map_err(StoreError::failed)?;
        let mut conditions = conditions.to_vec();
        conditions.insert(0, Order::first_is(*first, &value)?);
        let rows = self.list_rows(&conditions, &Order::of(rest, None), &request, viewer).await?;
        let is_full = usize::try_from(request.size()).is_ok_and(|size| rows.len() > size);
        // The number of matches is left out, because it is not the total of the complete list.
        Ok(is_full.then(|| rows.into_iter().map(|(row, _)| (row, None)).collect()))
    }

    /// The rows of a page, read with this access.
    pub(super) async fn rows_by(
        &self,
        conditions: &[Condition],
        order: &Order,
        request: &PageRequest,
        viewer: Option<UserId>,
        access: Access,
    ) -> Result<Vec<ListRow>, StoreError> {
        let mut statement = list_statement(conditions, order.keyset(), request, viewer, access)?;
        if !self.cache().admits(&statement) {
            statement.forget();
        }
        let rows: Vec<ListRow> = self.fetch(statement).await?;
        if let Some((row, _)) = rows.first() {
            self.cache().note_version(row.catalog_version);
        }
        Ok(rows)
    }

    /// The number of movies that match the filter. It is known from the page if the page is the last one, or if all
    /// matches were read. Otherwise it is taken from the cache, or, if it is not cached for this version of the
    /// catalogue, estimated from a sample or counted: see [`counted_total`](Self::counted_total).
    async fn total(
        &self,
        filter: &MovieFilter,
        conditions: &[Condition],
        request: &PageRequest,
        rows: &[ListRow],
        has_more: bool,
    ) -> Result<Total, StoreError> {
        let on_page = u64::try_from(rows.len()).map_err(StoreError::failed)?;
        let known = match rows.first() {
            _ if !has_more && (on_page > 0 || request.offset() == 0) => {
                Some(u64::from(request.offset()).saturating_add(on_page))
            }
            Some((_, Some(total))) => Some(u64::try_from(*total).map_err(StoreError::failed)?),
            _ => None,
        };
        let version = rows.first().map(|(row, _)| row.catalog_version);
        let Some(items) = known else { return self.counted_total(filter, conditions, version).await };
        if let Some(version) = version
            && is_cacheable(filter)
        {
            self.cache().keep_total(filter.key(), version, items);
        }
        Ok(Total::from_capped_count(items))
    }

    /// The total of a list whose page does not show the total: from the cache, estimated from a sample, or counted.
    /// `version` is the version of the catalogue at which the page was read.
    pub(super) async fn counted_total(
        &self,
        filter: &MovieFilter,
        conditions: &[Condition],
        version: Option<i64>,
    ) -> Result<Total, StoreError> {
        let key = filter.key();
        let is_kept = is_cacheable(filter);
        if is_kept
            && let Some(version) = version
            && let Some(count) = self.cache().total(&key, version)
        {
            return Ok(Total::from_capped_count(count));
        }
        let counted = NUMBERED_ITEMS.saturating_add(1);
        let (version, count) = match self.sample(conditions).await? {
            Some(Sample { version, is_above_cap: true }) => (version, counted),
            // The sample contains fewer than [`CERTAIN_IN_SAMPLE`] matches, so there may be few matches. They are
            // looked up with the index of the rarest condition and counted. The rarest condition need not be the
            // condition with words or a title that the statement for the sample used.
            Some(Sample { is_above_cap: false, .. }) => {
                let access = self.cheapest_lookup(conditions).await?;
                let mut statement = count_statement(conditions, access);
                // The statement must be planned each time, because common texts need another plan than rare ones.
                statement.forget();
                self.count_at_version(statement).await?
            }
            None => {
                let access = self.access_for_count(conditions, counted).await?;
                self.count_at_version(count_statement(conditions, access)).await?
            }
        };
        self.cache().note_version(version);
        if is_kept {
            self.cache().keep_total(key, version, count);
        }
        Ok(Total::from_capped_count(count))
    }
}

/// What a sample of a large catalogue shows about a filter.
struct Sample {
    /// The version of the catalogue.
    version: i64,
    /// Whether almost certainly more movies match than the largest number that is counted exactly
    /// ([`NUMBERED_ITEMS`]). If not, more movies may match all the same.
    is_above_cap: bool,
}

impl Database {
    /// Counts the matches of words or of a title in a sample of a large catalogue. `None` for other filters, for small
    /// catalogues, and on SQLite, which counts these matches cheaply.
    ///
    /// Counting the movies that have two common words would read the rows of all these movies on PostgreSQL, because
    /// its indexes of words and titles contain no other columns.
    async fn sample(&self, conditions: &[Condition]) -> Result<Option<Sample>, StoreError> {
        let Some(statement) = sample_statement(conditions) else { return Ok(None) };
        if self.approximate_movies().await? < SAMPLED_FROM {
            return Ok(None);
        }
        let (version, found) = self.count_at_version(statement).await?;
        Ok(Some(Sample { version, is_above_cap: found >= CERTAIN_IN_SAMPLE }))
    }

    /// The version of the catalogue and the count that the statement returns.
    async fn count_at_version(
        &self,
        mut statement: Statement<(BigInt, BigInt)>,
    ) -> Result<(i64, u64), StoreError> {
        if !self.cache().admits(&statement) {
            statement.forget();
        }
        let counts: Vec<(i64, i64)> = self.fetch(statement).await?;
        let (version, count) =
            counts.into_iter().next().ok_or_else(|| StoreError::failed("a count returned no row"))?;
        Ok((version, u64::try_from(count).map_err(StoreError::failed)?))
    }
}

/// Counts the matches in a random sample of the movies. `None` if there is no condition with words or a title, and
/// always on SQLite, which counts such matches cheaply without a sample.
fn sample_statement(conditions: &[Condition]) -> Option<Statement<(BigInt, BigInt)>> {
    let mut statement = Statement::new("SELECT (SELECT version FROM catalog_state), (SELECT count(*)");
    let driver = conditions.iter().position(|condition| condition.push_sample(&mut statement))?;
    push_checks(&mut statement, conditions, Some(driver));
    statement.sql(")");
    Some(statement)
}

/// Counts the matches up to one more than [`NUMBERED_ITEMS`], and reads the version of the catalogue to which the
/// count belongs.
pub(super) fn count_statement(conditions: &[Condition], access: Access) -> Statement<(BigInt, BigInt)> {
    let mut statement =
        Statement::new("SELECT (SELECT version FROM catalog_state), (SELECT count(*) FROM (SELECT 1");
    match access {
        Access::Walk { limit: None } => push_matching(&mut statement, conditions, None),
        Access::Walk { limit: Some(limit) } => {
            let walk = format!(
                " FROM movies m WHERE m.is_available ORDER BY m.popularity DESC, m.id DESC LIMIT {limit}"
            );
            push_walk(&mut statement, conditions, &Statement::new(""), &Statement::new(walk));
        }
        Access::Lookup { driver } => push_matching(&mut statement, conditions, Some(driver)),
    }
    statement.sql(format!(" LIMIT {}) AS counted)", NUMBERED_ITEMS.saturating_add(1)));
    statement
}

/// The limit of the statement for a page: at least one row more than the page has.
fn limit(request: &PageRequest) -> u32 {
    let wanted = request.size().saturating_add(1);
    LIMITS.into_iter().find(|limit| *limit >= wanted).unwrap_or(wanted)
}

/// Adds `AND …` for the rows after the position at which the page begins; nothing for a numbered page.
fn push_behind<ST>(
    statement: &mut Statement<ST>,
    request: &PageRequest,
    order: &Keyset,
) -> Result<(), StoreError> {
    match request.start() {
        Start::After(position) => {
            statement.sql(" AND ");
            order.push_behind(statement, position)
        }
        Start::Number(_) => Ok(()),
    }
}

/// The statement that reads a page: it limits the rows first, and reads further data only for the movies of the
/// page.
pub(super) fn list_statement(
    conditions: &[Condition],
    order: &Keyset,
    request: &PageRequest,
    viewer: Option<UserId>,
    access: Access,
) -> Result<Statement<ListTypes>, StoreError> {
    let mut statement = Statement::<ListTypes>::new("SELECT ");
    push_summary(&mut statement, viewer);
    statement.sql(", ");
    // In a list without conditions, the complete rows of a page without an offset are selected directly. Otherwise
    // only identifiers are selected first.
    let has_whole_rows = access == Access::Walk { limit: None } && request.offset() == 0;
    match access {
        Access::Walk { limit: None } => {
            statement.sql(NO_TOTAL).sql(" FROM (SELECT ").sql(if has_whole_rows { "m.*" } else { "m.id" });
            order.push_columns(&mut statement);
            push_all(&mut statement, order);
            push_behind(&mut statement, request, order)?;
            order.push(&mut statement);
        }
        Access::Walk { limit: Some(limit) } => {
            statement.sql(NO_TOTAL).sql(" FROM (SELECT m.id");
            order.push_names(&mut statement);
            let (mut keys, mut walk) = (Statement::new(""), Statement::new(""));
            order.push_columns(&mut keys);
            push_all(&mut walk, order);
            push_behind(&mut walk, request, order)?;
            order.push(&mut walk);
            walk.sql(format!(" LIMIT {limit}"));
            push_walk(&mut statement, conditions, &keys, &walk);
        }
        Access::Lookup { driver } => {
            statement.sql("page.total FROM (WITH hits AS MATERIALIZED (SELECT m.id");
            order.push_columns(&mut statement);
            push_matching(&mut statement, conditions, Some(driver));
            statement.sql(") SELECT hits.*, count(*) OVER () AS total FROM hits WHERE TRUE");
            let order = order.named("hits", "hits.id");
            push_behind(&mut statement, request, &order)?;
            order.push(&mut statement);
        }
    }
    statement.sql(format!(" LIMIT {}", limit(request)));
    if request.offset() > 0 {
        statement.sql(" OFFSET ").bind(i64::from(request.offset()));
    }
    statement.sql(if has_whole_rows { ") AS m" } else { ") AS page JOIN movies m ON m.id = page.id" });
    let order = if has_whole_rows { order.named("m", "m.id") } else { order.named("page", "page.id") };
    order.push(&mut statement);
    Ok(statement)
}

pub(super) fn detail_statement(viewer: Option<UserId>) -> Statement<PageTypes> {
    let mut statement = Statement::<PageTypes>::new("SELECT ");
    push_summary(&mut statement, viewer);
    statement.sql(", ");
    push_facts(&mut statement);
    statement.sql(", ");
    push_detail(&mut statement);
    statement.sql(" FROM movies m JOIN certifications c ON c.id = m.certification_id");
    statement
}
