use std::sync::LazyLock;

use async_trait::async_trait;
use diesel::sql_types::{BigInt, Nullable, Text};
use domain::{
    id::{OrderId, PaymentId, ShopId, UserId},
    money::{Currency, Money},
    page::{Page, PageRequest, Position, SortValue},
    payments::{PaymentFilter, PaymentQueries, PaymentState, PaymentView},
    store::StoreError,
    time::Instant,
};

use crate::{
    Database,
    dialect::{DbInstant, DbUuid, ORDERED_MOVIES, SqlId, SqlInstant},
    queries::{
        keyset::{KeyType, Keyset},
        orders::{buyer, push_email, read_items},
        plain_list::PlainList,
    },
    repositories::{PaymentStateColumns, payment_state, payment_status},
    statement::Statement,
};

/// The tables that `COLUMNS` are selected from. A buyer whose account was deleted is not joined, and thus not shown.
const TABLES: &str = " FROM payments p LEFT JOIN users u ON u.id = p.user_id AND u.deleted_at IS NULL WHERE ";

type StateTypes =
    (Text, Nullable<Text>, Nullable<SqlInstant>, Nullable<SqlInstant>, Nullable<BigInt>, Nullable<Text>);
type MoneyTypes = (BigInt, Text, BigInt, BigInt);
type PaymentTypes = (
    SqlId,
    SqlId,
    Text,
    SqlInstant,
    StateTypes,
    MoneyTypes,
    Nullable<Text>,
    (Nullable<SqlId>, Nullable<Text>),
    Nullable<Text>,
);
type PaymentRow = (
    DbUuid,
    DbUuid,
    String,
    DbInstant,
    PaymentStateColumns,
    (i64, String, i64, i64),
    Option<String>,
    (Option<DbUuid>, Option<String>),
    Option<String>,
);

/// The columns of [`PaymentTypes`], for a `SELECT` from `TABLES`.
static COLUMNS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "p.id, p.order_id, p.provider, p.created_at, p.status, p.failure_code, p.failed_at, p.completed_at, \
         p.received_minor, p.received_currency, p.amount_minor, p.amount_currency, p.refunded_minor, \
         p.disputed_minor, p.checkout_url, u.id, u.email, (SELECT {ORDERED_MOVIES} FROM \
         (SELECT o.id, o.movie_id, l.price_minor FROM payment_items l JOIN order_items o ON o.id = l.order_item_id \
         WHERE l.payment_id = p.id) AS i JOIN movies m ON m.id = i.movie_id)"
    )
});

#[async_trait]
impl PaymentQueries for Database {
    async fn payment_page(
        &self,
        filter: &PaymentFilter,
        request: &PageRequest,
    ) -> Result<Page<PaymentView>, StoreError> {
        let list = list(filter);
        let rows: Vec<PaymentRow> = self.fetch(list.statement::<PaymentTypes>(request)?).await?;
        let position = |(id, _, _, at, ..): &PaymentRow| Position {
            values: vec![SortValue::Integer(at.0.timestamp_micros())],
            id: id.0,
        };
        self.page_of(&list, request, rows, position).await?.try_map(view)
    }

    async fn payment_view(&self, id: PaymentId) -> Result<Option<PaymentView>, StoreError> {
        let mut statement = Statement::<PaymentTypes>::new("SELECT ");
        statement.sql(COLUMNS.as_str()).sql(TABLES).sql("p.id = ").bind(id.as_uuid());
        let rows: Vec<PaymentRow> = self.fetch(statement).await?;
        rows.into_iter().next().map(view).transpose()
    }

    async fn payments_of(&self, user_id: UserId) -> Result<Vec<PaymentView>, StoreError> {
        let mut statement = Statement::<PaymentTypes>::new("SELECT ");
        statement
            .sql(COLUMNS.as_str())
            .sql(TABLES)
            .sql("p.user_id = ")
            .bind(user_id.as_uuid())
            .sql(" ORDER BY p.created_at, p.id");
        let rows: Vec<PaymentRow> = self.fetch(statement).await?;
        rows.into_iter().map(view).collect()
    }

    async fn order_of_payment(&self, id: PaymentId) -> Result<Option<OrderId>, StoreError> {
        let mut statement = Statement::<(SqlId,)>::new("SELECT order_id FROM payments WHERE id = ");
        statement.bind(id.as_uuid());
        let rows: Vec<(DbUuid,)> = self.fetch(statement).await?;
        Ok(rows.first().map(|(id,)| OrderId::from_uuid(id.0)))
    }

    async fn payment_of_checkout(
        &self,
        provider: &str,
        checkout_id: &str,
    ) -> Result<Option<(PaymentId, OrderId)>, StoreError> {
        let mut statement =
            Statement::<(SqlId, SqlId)>::new("SELECT id, order_id FROM payments WHERE provider = ");
        statement.bind(provider.to_owned()).sql(" AND checkout_id = ").bind(checkout_id.to_owned());
        let rows: Vec<(DbUuid, DbUuid)> = self.fetch(statement).await?;
        Ok(rows.first().map(pair))
    }

    async fn shop_id(&self) -> Result<Option<ShopId>, StoreError> {
        let rows: Vec<(DbUuid,)> = self.fetch(Statement::<(SqlId,)>::new("SELECT shop_id FROM shop")).await?;
        Ok(rows.first().map(|(id,)| ShopId::from_uuid(id.0)))
    }

    async fn payments_to_check(
        &self,
        now: Instant,
        limit: u32,
    ) -> Result<Vec<(PaymentId, OrderId)>, StoreError> {
        let mut statement =
            Statement::<(SqlId, SqlId)>::new("SELECT id, order_id FROM payments WHERE next_check_at <= ");
        statement.bind(now).sql(" ORDER BY next_check_at, id LIMIT ").bind(i64::from(limit));
        let rows: Vec<(DbUuid, DbUuid)> = self.fetch(statement).await?;
        Ok(rows.iter().map(pair).collect())
    }
}

fn pair((id, order_id): &(DbUuid, DbUuid)) -> (PaymentId, OrderId) {
    (PaymentId::from_uuid(id.0), OrderId::from_uuid(order_id.0))
}

/// The list of payments that match the filter, newest first.
fn list(filter: &PaymentFilter) -> PlainList {
    let mut matching = Statement::new(TABLES);
    matching.sql("TRUE");
    if let Some(user_id) = filter.user_id {
        matching.sql(" AND p.user_id = ").bind(user_id.as_uuid());
    }
    if let Some(status) = filter.status {
        matching.sql(" AND p.status = ").bind(status.as_str().to_owned());
    }
    if let Some(from) = filter.from {
        matching.sql(" AND p.created_at >= ").bind(from);
    }
    if let Some(to) = filter.to {
        matching.sql(" AND p.created_at < ").bind(to);
    }
    push_email(&mut matching, filter.email.as_deref());
    let order = Keyset::ending_in("p.id").then_by(Statement::new("p.created_at"), KeyType::Instant, true);
    PlainList { columns: COLUMNS.as_str(), matching, order }
}

fn view(row: PaymentRow) -> Result<PaymentView, StoreError> {
    let (id, order_id, provider, created_at, columns, money, checkout_url, of, items) = row;
    let (amount, currency, refunded, disputed) = money;
    let currency: Currency = currency.parse().map_err(StoreError::failed)?;
    let status = payment_status(&columns.0)?;
    let state = payment_state(columns)?;
    let received = match &state {
        PaymentState::Mismatched { received, .. } => received.currency(),
        _ => currency,
    };
    Ok(PaymentView {
        id: PaymentId::from_uuid(id.0),
        order_id: OrderId::from_uuid(order_id.0),
        buyer: buyer(of)?,
        provider,
        status,
        amount: Money::from_minor(amount, currency),
        refunded: Money::from_minor(refunded, received),
        disputed: Money::from_minor(disputed, received),
        items: read_items(items.as_deref(), currency)?,
        checkout_url,
        failure: state.failure(),
        created_at: created_at.0,
        completed_at: state.completed_at(),
    })
}
