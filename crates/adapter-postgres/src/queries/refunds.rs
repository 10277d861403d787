use async_trait::async_trait;
use domain::{
    id::{OrderId, PaymentId, RefundId},
    page::{Page, PageRequest, Position, SortValue},
    payments::{Refund, RefundQueries},
    store::StoreError,
    time::Instant,
};

use crate::{
    Database,
    dialect::{DbUuid, SqlId, push_any},
    queries::{
        keyset::{KeyType, Keyset},
        plain_list::PlainList,
    },
    repositories::{REFUND_COLUMNS, REFUND_ITEMS, RefundRow, RefundTypes, refunds},
    statement::Statement,
};

const TABLES: &str = " FROM refunds r WHERE ";

#[async_trait]
impl RefundQueries for Database {
    async fn refund_page(&self, id: PaymentId, request: &PageRequest) -> Result<Page<Refund>, StoreError> {
        let mut matching = Statement::new(TABLES);
        matching.sql("r.payment_id = ").bind(id.as_uuid());
        let order = Keyset::ending_in("r.id").then_by(Statement::new("r.created_at"), KeyType::Instant, true);
        let list = PlainList { columns: REFUND_COLUMNS, matching, order };
        let rows: Vec<RefundRow> = self.fetch(list.statement::<RefundTypes>(request)?).await?;
        let position = |(id, _, _, _, at, ..): &RefundRow| Position {
            values: vec![SortValue::Integer(at.0.timestamp_micros())],
            id: id.0,
        };
        let Page { items, next, total } = self.page_of(&list, request, rows, position).await?;
        Ok(Page { items: self.with_items(items).await?, next, total })
    }

    async fn refund(&self, id: RefundId) -> Result<Option<Refund>, StoreError> {
        let mut statement = Statement::<RefundTypes>::new("SELECT ");
        statement.sql(REFUND_COLUMNS).sql(TABLES).sql("r.id = ").bind(id.as_uuid());
        let rows: Vec<RefundRow> = self.fetch(statement).await?;
        Ok(self.with_items(rows).await?.pop())
    }

    async fn payment_of_charge(
        &self,
        provider: &str,
        charge: &str,
    ) -> Result<Option<(PaymentId, OrderId)>, StoreError> {
        let mut statement =
            Statement::<(SqlId, SqlId)>::new("SELECT id, order_id FROM payments WHERE provider = ");
        statement.bind(provider.to_owned()).sql(" AND charge = ").bind(charge.to_owned());
        let rows: Vec<(DbUuid, DbUuid)> = self.fetch(statement).await?;
        Ok(rows.first().map(|(id, order)| (PaymentId::from_uuid(id.0), OrderId::from_uuid(order.0))))
    }

    async fn refunds_to_check(
        &self,
        now: Instant,
        limit: u32,
    ) -> Result<Vec<(RefundId, PaymentId, OrderId)>, StoreError> {
        let mut statement = Statement::<(SqlId, SqlId, SqlId)>::new(
            "SELECT r.id, p.id, p.order_id FROM refunds r JOIN payments p ON p.id = r.payment_id \
             WHERE r.next_check_at <= ",
        );
        statement.bind(now).sql(" ORDER BY r.next_check_at, r.id LIMIT ").bind(i64::from(limit));
        let rows: Vec<(DbUuid, DbUuid, DbUuid)> = self.fetch(statement).await?;
        let ids = |(id, payment, order): (DbUuid, DbUuid, DbUuid)| {
            (RefundId::from_uuid(id.0), PaymentId::from_uuid(payment.0), OrderId::from_uuid(order.0))
        };
        Ok(rows.into_iter().map(ids).collect())
    }
}

impl Database {
    /// Converts rows to refunds, with their items.
    async fn with_items(&self, rows: Vec<RefundRow>) -> Result<Vec<Refund>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = Statement::<(SqlId, SqlId, SqlId)>::new(REFUND_ITEMS);
        push_any(&mut statement, "r.id", rows.iter().map(|(id, ..)| id.0).collect());
        statement.sql(" ORDER BY x.payment_item_id");
        let items: Vec<(DbUuid, DbUuid, DbUuid)> = self.fetch(statement).await?;
        refunds(rows, items)
    }
}
