use async_trait::async_trait;
use diesel::sql_types::{Nullable, Text};
use domain::{
    id::{DisputeId, OrderId, PaymentId},
    page::{Page, PageRequest, Position, SortValue},
    payments::{DisputeFilter, DisputeQueries, DisputeView, DueDispute},
    store::StoreError,
    time::Instant,
};

use crate::{
    Database,
    dialect::{DbUuid, SqlId},
    queries::{
        keyset::{KeyType, Keyset},
        orders::{buyer, push_email},
        plain_list::PlainList,
    },
    repositories::{DisputeRow, DisputeTypes, dispute, dispute_columns},
    statement::Statement,
};

type ViewTypes = (DisputeTypes, SqlId, (Nullable<SqlId>, Nullable<Text>));
type ViewRow = (DisputeRow, DbUuid, (Option<DbUuid>, Option<String>));

/// The columns of [`ViewTypes`], for a `SELECT` from `TABLES`.
const COLUMNS: &str = concat!(dispute_columns!(), ", p.order_id, u.id, u.email");

/// The tables that `COLUMNS` are selected from. A buyer whose account was deleted is not joined, and thus not shown.
const TABLES: &str = " FROM disputes d JOIN payments p ON p.id = d.payment_id \
    LEFT JOIN users u ON u.id = p.user_id AND u.deleted_at IS NULL WHERE ";

#[async_trait]
impl DisputeQueries for Database {
    async fn dispute_page(
        &self,
        filter: &DisputeFilter,
        request: &PageRequest,
    ) -> Result<Page<DisputeView>, StoreError> {
        let list = list(filter);
        let rows: Vec<ViewRow> = self.fetch(list.statement::<ViewTypes>(request)?).await?;
        let position = |((id, at, ..), _, _): &ViewRow| Position {
            values: vec![SortValue::Integer(at.0.timestamp_micros())],
            id: id.0,
        };
        let view = |(row, order_id, of): ViewRow| {
            Ok(DisputeView {
                dispute: dispute(row)?,
                order_id: OrderId::from_uuid(order_id.0),
                buyer: buyer(of)?,
            })
        };
        self.page_of(&list, request, rows, position).await?.try_map(view)
    }

    async fn disputes_to_check(&self, now: Instant, limit: u32) -> Result<Vec<DueDispute>, StoreError> {
        let mut statement = Statement::<(SqlId, Text, SqlId, SqlId)>::new(
            "SELECT d.id, d.external_id, p.id, p.order_id FROM disputes d JOIN payments p ON p.id = d.payment_id \
             WHERE d.next_check_at <= ",
        );
        statement.bind(now).sql(" ORDER BY d.next_check_at, d.id LIMIT ").bind(i64::from(limit));
        let rows: Vec<(DbUuid, String, DbUuid, DbUuid)> = self.fetch(statement).await?;
        let due = |(id, external_id, payment, order): (DbUuid, String, DbUuid, DbUuid)| DueDispute {
            id: DisputeId::from_uuid(id.0),
            external_id,
            payment_id: PaymentId::from_uuid(payment.0),
            order_id: OrderId::from_uuid(order.0),
        };
        Ok(rows.into_iter().map(due).collect())
    }
}

/// The list of disputes that match the filter, newest first.
fn list(filter: &DisputeFilter) -> PlainList {
    let mut matching = Statement::new(TABLES);
    matching.sql("TRUE");
    if let Some(user_id) = filter.user_id {
        matching.sql(" AND p.user_id = ").bind(user_id.as_uuid());
    }
    if let Some(status) = filter.status {
        matching.sql(" AND d.status = ").bind(status.as_str().to_owned());
    }
    if let Some(from) = filter.from {
        matching.sql(" AND d.created_at >= ").bind(from);
    }
    if let Some(to) = filter.to {
        matching.sql(" AND d.created_at < ").bind(to);
    }
    push_email(&mut matching, filter.email.as_deref());
    let order = Keyset::ending_in("d.id").then_by(Statement::new("d.created_at"), KeyType::Instant, true);
    PlainList { columns: COLUMNS, matching, order }
}
