use std::sync::LazyLock;

use async_trait::async_trait;
use diesel::sql_types::{BigInt, Nullable, Text};
use domain::{
    accounts::UserFilter,
    id::{MovieId, OrderId, UserId},
    money::{Currency, Money},
    orders::{Buyer, ExcludedMovie, OrderFilter, OrderQueries, OrderView, OrderedMovie},
    page::{Page, PageRequest, Position, SortValue},
    store::StoreError,
    time::Instant,
};
use uuid::Uuid;

use crate::{
    Database,
    dialect::{DbInstant, DbUuid, EXCLUDED_MOVIES, ORDERED_MOVIES, SqlId, SqlInstant, push_contains},
    queries::{
        keyset::{KeyType, Keyset},
        plain_list::PlainList,
    },
    repositories::{order_state, purchase_refusal},
    statement::Statement,
};

/// The tables that `COLUMNS` are selected from. A buyer whose account was deleted is not joined, and thus not shown.
const TABLES: &str = " FROM orders o LEFT JOIN users u ON u.id = o.user_id AND u.deleted_at IS NULL WHERE ";

type StateTypes = (Text, Nullable<SqlInstant>, Nullable<SqlInstant>, Nullable<Text>, Nullable<SqlInstant>);
type StateColumns = (String, Option<DbInstant>, Option<DbInstant>, Option<String>, Option<DbInstant>);
type MoneyTypes = (BigInt, Text);
type BuyerTypes = (Nullable<SqlId>, Nullable<Text>);
type MovieTypes = (Nullable<Text>, Nullable<Text>);
pub(super) type OrderTypes = (SqlId, Text, SqlInstant, StateTypes, MoneyTypes, BuyerTypes, MovieTypes);
type OrderRow = (
    DbUuid,
    String,
    DbInstant,
    StateColumns,
    (i64, String),
    (Option<DbUuid>, Option<String>),
    (Option<String>, Option<String>),
);

/// The columns of [`OrderTypes`], for a `SELECT` from `TABLES`.
static COLUMNS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "o.id, o.number, o.created_at, o.status, o.paid_at, o.canceled_at, o.cancel_reason, o.expires_at, \
         o.total_minor, o.total_currency, u.id, u.email, \
         (SELECT {ORDERED_MOVIES} FROM order_items i JOIN movies m ON m.id = i.movie_id WHERE i.order_id = o.id), \
         (SELECT {EXCLUDED_MOVIES} FROM order_exclusions x WHERE x.order_id = o.id)"
    )
});

#[async_trait]
impl OrderQueries for Database {
    async fn order_page(
        &self,
        filter: &OrderFilter,
        request: &PageRequest,
    ) -> Result<Page<OrderView>, StoreError> {
        let list = list(filter);
        let rows: Vec<OrderRow> = self.fetch(list.statement::<OrderTypes>(request)?).await?;
        let position = |(id, _, at, ..): &OrderRow| Position {
            values: vec![SortValue::Integer(at.0.timestamp_micros())],
            id: id.0,
        };
        self.page_of(&list, request, rows, position).await?.try_map(view)
    }

    async fn order_view(&self, id: OrderId) -> Result<Option<OrderView>, StoreError> {
        let mut statement = Statement::<OrderTypes>::new("SELECT ");
        statement.sql(COLUMNS.as_str()).sql(TABLES).sql("o.id = ").bind(id.as_uuid());
        let rows: Vec<OrderRow> = self.fetch(statement).await?;
        rows.into_iter().next().map(view).transpose()
    }

    async fn orders_of(&self, user_id: UserId) -> Result<Vec<OrderView>, StoreError> {
        let mut statement = Statement::<OrderTypes>::new("SELECT ");
        statement
            .sql(COLUMNS.as_str())
            .sql(TABLES)
            .sql("o.user_id = ")
            .bind(user_id.as_uuid())
            .sql(" ORDER BY o.created_at, o.id");
        let rows: Vec<OrderRow> = self.fetch(statement).await?;
        rows.into_iter().map(view).collect()
    }

    async fn expired_orders(
        &self,
        now: Instant,
        after: Option<(Instant, OrderId)>,
        limit: u32,
    ) -> Result<Vec<(Instant, OrderId)>, StoreError> {
        let mut statement =
            Statement::<(SqlInstant, SqlId)>::new("SELECT expires_at, id FROM orders WHERE expires_at <= ");
        statement.bind(now);
        if let Some((expires_at, id)) = after {
            statement.sql(" AND (expires_at, id) > (").bind(expires_at).sql(", ").bind(id.as_uuid()).sql(")");
        }
        statement.sql(" ORDER BY expires_at, id LIMIT ").bind(i64::from(limit));
        let rows: Vec<(DbInstant, DbUuid)> = self.fetch(statement).await?;
        Ok(rows.into_iter().map(|(at, id)| (at.0, OrderId::from_uuid(id.0))).collect())
    }
}

/// The list of orders that match the filter, newest first.
pub(super) fn list(filter: &OrderFilter) -> PlainList {
    let mut matching = Statement::new(TABLES);
    matching.sql("TRUE");
    if let Some(user_id) = filter.user_id {
        matching.sql(" AND o.user_id = ").bind(user_id.as_uuid());
    }
    if let Some(status) = filter.status {
        matching.sql(" AND o.status = ").bind(status.as_str().to_owned());
    }
    if let Some(from) = filter.from {
        matching.sql(" AND o.created_at >= ").bind(from);
    }
    if let Some(to) = filter.to {
        matching.sql(" AND o.created_at < ").bind(to);
    }
    push_email(&mut matching, filter.email.as_deref());
    let order = Keyset::ending_in("o.id").then_by(Statement::new("o.created_at"), KeyType::Instant, true);
    PlainList { columns: COLUMNS.as_str(), matching, order }
}

/// Appends the condition that the email address of the buyer `u` contains `email`; nothing without `email`.
pub(super) fn push_email(statement: &mut Statement, email: Option<&str>) {
    let filter = UserFilter { email: email.map(str::to_owned), ..UserFilter::default() };
    for (index, part) in filter.parts_of_key().iter().enumerate() {
        statement.sql(if index == 0 { " AND (" } else { " OR " });
        push_contains(statement, "u.email_key", part);
    }
    if !filter.parts_of_key().is_empty() {
        statement.sql(")");
    }
}

fn view(
    (id, number, created_at, state, (minor, currency), of, movies): OrderRow,
) -> Result<OrderView, StoreError> {
    let (status, paid_at, canceled_at, reason, expires_at) = state;
    let currency: Currency = currency.parse().map_err(StoreError::failed)?;
    Ok(OrderView {
        id: OrderId::from_uuid(id.0),
        number,
        buyer: buyer(of)?,
        state: order_state(&status, paid_at, canceled_at, reason.as_deref(), expires_at)?,
        items: read_items(movies.0.as_deref(), currency)?,
        total: Money::from_minor(minor, currency),
        excluded: read_exclusions(movies.1.as_deref())?,
        created_at: created_at.0,
    })
}

/// The buyer; `None` if the account was deleted.
pub(super) fn buyer((id, email): (Option<DbUuid>, Option<String>)) -> Result<Option<Buyer>, StoreError> {
    let Some((id, email)) = id.zip(email) else { return Ok(None) };
    Ok(Some(Buyer { id: UserId::from_uuid(id.0), email: email.parse().map_err(StoreError::failed)? }))
}

/// Parses the result of [`ORDERED_MOVIES`].
pub(super) fn read_items(json: Option<&str>, currency: Currency) -> Result<Vec<OrderedMovie>, StoreError> {
    let Some(json) = json else { return Ok(Vec::new()) };
    let rows: Vec<(&str, String, i32, i64)> = serde_json::from_str(json).map_err(StoreError::failed)?;
    let movie = |(id, name, year, minor): (&str, String, i32, i64)| {
        let id = MovieId::from_uuid(Uuid::parse_str(id).map_err(StoreError::failed)?);
        Ok(OrderedMovie { id, name, year, price: Money::from_minor(minor, currency) })
    };
    rows.into_iter().map(movie).collect()
}

/// Parses the result of [`EXCLUDED_MOVIES`].
fn read_exclusions(json: Option<&str>) -> Result<Vec<ExcludedMovie>, StoreError> {
    let Some(json) = json else { return Ok(Vec::new()) };
    let rows: Vec<(&str, &str)> = serde_json::from_str(json).map_err(StoreError::failed)?;
    let excluded = |(id, reason): (&str, &str)| {
        let movie_id = MovieId::from_uuid(Uuid::parse_str(id).map_err(StoreError::failed)?);
        Ok(ExcludedMovie { movie_id, reason: purchase_refusal(reason)? })
    };
    rows.into_iter().map(excluded).collect()
}
