use async_trait::async_trait;
use diesel::sql_types::{BigInt, Integer};
use domain::{
    catalog::{MovieDetail, MovieFilter, MovieQueries, MovieSort, MovieSummary},
    id::{MovieId, UserId},
    page::{NUMBERED_ITEMS, Page, PageRequest, Start, Total},
    store::StoreError,
};

use crate::{
    Database,
    dialect::SEARCHES_BY_INDEX_ALONE,
    queries::{
        movie_page::{Order, Reading, Titles, push_matching},
        movie_row::{DetailRow, DetailTypes, SummaryRow, SummaryTypes, push_detail, push_summary},
    },
    statement::Statement,
};

/// How many rows a page is asked for: a few numbers written into the text, so that there are few shapes and the planner
/// knows them. The first that is enough, one row more included, is taken.
const LIMITS: [u32; 4] = [11, 21, 51, 101];

pub(super) type ListTypes = (SummaryTypes, BigInt);
type ListRow = (SummaryRow, i64);
pub(super) type PageTypes = (SummaryTypes, DetailTypes);
type PageRow = (SummaryRow, DetailRow);

#[async_trait]
impl MovieQueries for Database {
    async fn movie_page(
        &self,
        filter: &MovieFilter,
        sorts: &[MovieSort],
        request: &PageRequest,
        viewer: Option<UserId>,
    ) -> Result<Page<MovieSummary>, StoreError> {
        let titles = Titles::of(filter);
        let order = Order::of(sorts, &titles, filter.favorites_of);
        let mut statement = list_statement(filter, &titles, &order, request, viewer)?;
        if !self.cache().admits(&statement) {
            statement.forget();
        }
        let mut rows: Vec<ListRow> = self.fetch(statement).await?;
        let size = usize::try_from(request.size()).map_err(StoreError::failed)?;
        let has_more = rows.len() > size;
        rows.truncate(size);
        let total = match request.start() {
            Start::Number(_) => Some(self.total(filter, &titles, request, &rows, has_more).await?),
            Start::After(_) => None,
        };
        let next = rows.last().filter(|_| has_more).map(|(row, _)| order.position(row));
        let items = rows.into_iter().map(|(row, _)| row.into_summary(viewer)).collect::<Result<_, _>>()?;
        Ok(Page { items, next, total })
    }

    async fn movie_detail(
        &self,
        id: MovieId,
        viewer: Option<UserId>,
    ) -> Result<Option<MovieDetail>, StoreError> {
        let mut statement = detail_statement(viewer);
        statement.sql(" WHERE m.id = ").bind(id.as_uuid());
        let rows: Vec<PageRow> = self.fetch(statement).await?;
        rows.into_iter().next().map(|(summary, detail)| detail.into_detail(summary, viewer)).transpose()
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
        rows.into_iter().map(|(summary, detail)| detail.into_detail(summary, None)).collect()
    }

    async fn has_no_movies(&self) -> Result<bool, StoreError> {
        let rows: Vec<(i32,)> =
            self.fetch(Statement::<(Integer,)>::new("SELECT 1 FROM movies LIMIT 1")).await?;
        Ok(rows.is_empty())
    }
}

impl Database {
    /// How many movies meet the filter: told by the page itself when it is the last one, else from memory as long as the
    /// catalogue is as it was, else counted.
    async fn total(
        &self,
        filter: &MovieFilter,
        titles: &Titles,
        request: &PageRequest,
        rows: &[ListRow],
        has_more: bool,
    ) -> Result<Total, StoreError> {
        let on_page = u64::try_from(rows.len()).map_err(StoreError::failed)?;
        if !has_more && (on_page > 0 || request.offset() == 0) {
            let items = u64::from(request.offset()).saturating_add(on_page);
            return Ok(Total::from_capped_count(items));
        }
        let key = filter.key();
        // Favourites change without the catalogue.
        let is_kept = filter.favorites_of.is_none();
        if is_kept
            && let Some((_, version)) = rows.first()
            && let Some(count) = self.cache().total(&key, *version)
        {
            return Ok(Total::from_capped_count(count));
        }
        let mut statement = count_statement(filter, titles);
        if !self.cache().admits(&statement) {
            statement.forget();
        }
        let counts: Vec<(i64, i64)> = self.fetch(statement).await?;
        let (version, count) =
            counts.into_iter().next().ok_or_else(|| StoreError::failed("a count without a row"))?;
        let count = u64::try_from(count).map_err(StoreError::failed)?;
        if is_kept {
            self.cache().keep_total(key, version, count);
        }
        Ok(Total::from_capped_count(count))
    }
}

/// Counts to the cap, and reads the version that the count holds for.
pub(super) fn count_statement(filter: &MovieFilter, titles: &Titles) -> Statement<(BigInt, BigInt)> {
    let mut statement =
        Statement::new("SELECT (SELECT version FROM catalog_state), (SELECT count(*) FROM (SELECT 1");
    push_matching(&mut statement, filter, titles, Reading::All);
    statement.sql(format!(" LIMIT {}) AS counted)", NUMBERED_ITEMS.saturating_add(1)));
    statement
}

/// One statement: the page is cut first, and what belongs to its movies is read for those alone.
pub(super) fn list_statement(
    filter: &MovieFilter,
    titles: &Titles,
    order: &Order,
    request: &PageRequest,
    viewer: Option<UserId>,
) -> Result<Statement<ListTypes>, StoreError> {
    // What a deep page skips is skipped in the index.
    let finds_ids_first = request.offset() > 0 || (SEARCHES_BY_INDEX_ALONE && titles.is_asked());
    let mut statement = Statement::<ListTypes>::new("SELECT ");
    push_summary(&mut statement, viewer);
    statement.sql(", (SELECT version FROM catalog_state) FROM (SELECT ").sql(if finds_ids_first {
        "m.id"
    } else {
        "m.*"
    });
    push_matching(&mut statement, filter, titles, Reading::Some);
    if let Start::After(position) = request.start() {
        statement.sql(" AND ");
        order.push_behind(&mut statement, position)?;
    }
    order.push(&mut statement);
    let wanted = request.size().saturating_add(1);
    let limit = LIMITS.into_iter().find(|limit| *limit >= wanted).unwrap_or(wanted);
    statement.sql(format!(" LIMIT {limit}"));
    if request.offset() > 0 {
        statement.sql(" OFFSET ").bind(i64::from(request.offset()));
    }
    statement.sql(if finds_ids_first { ") AS page JOIN movies m ON m.id = page.id" } else { ") AS m" });
    statement.sql(" JOIN certifications c ON c.id = m.certification_id");
    order.push(&mut statement);
    Ok(statement)
}

pub(super) fn detail_statement(viewer: Option<UserId>) -> Statement<PageTypes> {
    let mut statement = Statement::<PageTypes>::new("SELECT ");
    push_summary(&mut statement, viewer);
    statement.sql(", ");
    push_detail(&mut statement);
    statement.sql(" FROM movies m JOIN certifications c ON c.id = m.certification_id");
    statement
}
