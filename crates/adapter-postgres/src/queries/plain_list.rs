//! Reads pages of a list that is described by its columns, its conditions and its order.

use diesel::sql_types::BigInt;
use domain::{
    page::{NUMBERED_ITEMS, Page, PageRequest, Position, Start, Total},
    store::StoreError,
};

use crate::{Database, queries::keyset::Keyset, statement::Statement};

/// The description of a list, from which statements for its pages are made.
pub(crate) struct PlainList {
    /// The columns to select.
    pub(crate) columns: &'static str,
    /// ` FROM … WHERE …`. It must end in a condition, because ` AND …` may be appended.
    pub(crate) matching: Statement,
    pub(crate) order: Keyset,
}

impl PlainList {
    /// A statement that reads the requested page and one more row, which shows whether there is a next page. `ST` is
    /// the SQL type of the columns.
    pub(crate) fn statement<ST>(&self, request: &PageRequest) -> Result<Statement<ST>, StoreError> {
        let mut statement = Statement::new("SELECT ");
        statement.sql(self.columns);
        self.push_part(&mut statement, request)?;
        Ok(statement)
    }

    /// Appends everything after the columns to `statement`, for lists whose columns depend on the viewer.
    pub(crate) fn push_part<ST>(
        &self,
        statement: &mut Statement<ST>,
        request: &PageRequest,
    ) -> Result<(), StoreError> {
        statement.append(&self.matching);
        if let Start::After(position) = request.start() {
            statement.sql(" AND ");
            self.order.push_behind(statement, position)?;
        }
        self.order.push(statement);
        statement.sql(" LIMIT ").bind(i64::from(request.size().saturating_add(1)));
        if request.offset() > 0 {
            statement.sql(" OFFSET ").bind(i64::from(request.offset()));
        }
        Ok(())
    }

    /// A statement that counts the matching rows. It stops at one more than [`NUMBERED_ITEMS`], the largest exact
    /// total.
    fn count(&self) -> Statement<(BigInt,)> {
        let mut statement = Statement::new("SELECT count(*) FROM (SELECT 1");
        statement
            .append(&self.matching)
            .sql(format!(" LIMIT {}) AS counted", NUMBERED_ITEMS.saturating_add(1)));
        statement
    }
}

impl Database {
    /// Creates a page from the rows of [`PlainList::statement`]. Counts the list with another statement only for a
    /// numbered page whose rows do not show the total.
    pub(crate) async fn page_of<Row: Send>(
        &self,
        list: &PlainList,
        request: &PageRequest,
        mut rows: Vec<Row>,
        position: impl Fn(&Row) -> Position + Send,
    ) -> Result<Page<Row>, StoreError> {
        let size = usize::try_from(request.size()).map_err(StoreError::failed)?;
        let has_more = rows.len() > size;
        rows.truncate(size);
        let next = rows.last().filter(|_| has_more).map(position);
        let on_page = u64::try_from(rows.len()).map_err(StoreError::failed)?;
        let total = match request.start() {
            Start::After(_) => None,
            Start::Number(_) if !has_more && (on_page > 0 || request.offset() == 0) => {
                Some(u64::from(request.offset()).saturating_add(on_page))
            }
            Start::Number(_) => {
                let counts: Vec<(i64,)> = self.fetch(list.count()).await?;
                let (count,) = counts
                    .into_iter()
                    .next()
                    .ok_or_else(|| StoreError::failed("the statement that counts a list returned no row"))?;
                Some(u64::try_from(count).map_err(StoreError::failed)?)
            }
        };
        Ok(Page { items: rows, next, total: total.map(Total::from_capped_count) })
    }
}
