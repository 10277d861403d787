use async_trait::async_trait;
use diesel::sql_types::{Nullable, Text};
use domain::{
    id::{RefundRequestId, UserId},
    page::{Page, PageRequest, Position, SortValue},
    payments::{RefundRequest, RefundRequestFilter, RefundRequestQueries, RefundRequestView},
    store::StoreError,
};

use crate::{
    Database,
    dialect::{DbUuid, SqlId, push_any},
    queries::{
        keyset::{KeyType, Keyset},
        orders::{buyer, push_email},
        plain_list::PlainList,
    },
    repositories::{
        REFUND_REQUEST_ITEMS, RefundRequestRow, RefundRequestTypes, refund_request_columns, refund_requests,
    },
    statement::Statement,
};

type ViewTypes = (RefundRequestTypes, (Nullable<SqlId>, Nullable<Text>));
type ViewRow = (RefundRequestRow, (Option<DbUuid>, Option<String>));

/// The columns of [`ViewTypes`], for a `SELECT` from `TABLES`.
const COLUMNS: &str = concat!(refund_request_columns!(), ", u.id, u.email");

/// The tables that `COLUMNS` are selected from. A buyer whose account was deleted is not joined, and thus not shown.
const TABLES: &str =
    " FROM refund_requests r LEFT JOIN users u ON u.id = r.user_id AND u.deleted_at IS NULL WHERE ";

#[async_trait]
impl RefundRequestQueries for Database {
    async fn refund_request_page(
        &self,
        filter: &RefundRequestFilter,
        request: &PageRequest,
    ) -> Result<Page<RefundRequestView>, StoreError> {
        let list = list(filter);
        let rows: Vec<ViewRow> = self.fetch(list.statement::<ViewTypes>(request)?).await?;
        let position = |((id, at, ..), _): &ViewRow| Position {
            values: vec![SortValue::Integer(at.0.timestamp_micros())],
            id: id.0,
        };
        let Page { items, next, total } = self.page_of(&list, request, rows, position).await?;
        Ok(Page { items: self.request_views(items).await?, next, total })
    }

    async fn refund_request(&self, id: RefundRequestId) -> Result<Option<RefundRequestView>, StoreError> {
        let mut statement = Statement::<ViewTypes>::new("SELECT ");
        statement.sql(COLUMNS).sql(TABLES).sql("r.id = ").bind(id.as_uuid());
        let rows: Vec<ViewRow> = self.fetch(statement).await?;
        Ok(self.request_views(rows).await?.pop())
    }

    async fn refund_requests_of(&self, user_id: UserId) -> Result<Vec<RefundRequest>, StoreError> {
        let mut statement = Statement::<ViewTypes>::new("SELECT ");
        statement
            .sql(COLUMNS)
            .sql(TABLES)
            .sql("r.user_id = ")
            .bind(user_id.as_uuid())
            .sql(" ORDER BY r.created_at, r.id");
        let rows: Vec<ViewRow> = self.fetch(statement).await?;
        Ok(self.request_views(rows).await?.into_iter().map(|view| view.request).collect())
    }
}

impl Database {
    async fn request_views(&self, rows: Vec<ViewRow>) -> Result<Vec<RefundRequestView>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = Statement::<(SqlId, SqlId, SqlId)>::new(REFUND_REQUEST_ITEMS);
        push_any(&mut statement, "x.request_id", rows.iter().map(|((id, ..), _)| id.0).collect());
        statement.sql(" ORDER BY x.order_item_id");
        let items: Vec<(DbUuid, DbUuid, DbUuid)> = self.fetch(statement).await?;
        let (rows, buyers): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        refund_requests(rows, items)?
            .into_iter()
            .zip(buyers)
            .map(|(request, of)| Ok(RefundRequestView { request, buyer: buyer(of)? }))
            .collect()
    }
}

/// The list of refund requests that match the filter, newest first.
fn list(filter: &RefundRequestFilter) -> PlainList {
    let mut matching = Statement::new(TABLES);
    matching.sql("TRUE");
    if let Some(order_id) = filter.order_id {
        matching.sql(" AND r.order_id = ").bind(order_id.as_uuid());
    }
    if let Some(user_id) = filter.user_id {
        matching.sql(" AND r.user_id = ").bind(user_id.as_uuid());
    }
    if let Some(status) = filter.status {
        matching.sql(" AND r.status = ").bind(status.as_str().to_owned());
    }
    if let Some(from) = filter.from {
        matching.sql(" AND r.created_at >= ").bind(from);
    }
    if let Some(to) = filter.to {
        matching.sql(" AND r.created_at < ").bind(to);
    }
    push_email(&mut matching, filter.email.as_deref());
    let order = Keyset::ending_in("r.id").then_by(Statement::new("r.created_at"), KeyType::Instant, true);
    PlainList { columns: COLUMNS, matching, order }
}
