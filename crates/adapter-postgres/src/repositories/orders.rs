use async_trait::async_trait;
use diesel::sql_types::{BigInt, Nullable, Text};
use domain::{
    id::{MovieId, OrderId, OrderItemId, UserId},
    money::{Currency, Money},
    orders::{CancelReason, ExcludedMovie, Order, OrderItem, OrderRepository, OrderState, OrderStatus},
    purchases::PurchaseRefusal,
    store::StoreError,
    time::Instant,
};

use crate::{
    dialect::{DbInstant, DbUuid, FOR_UPDATE, SqlId, SqlInstant},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

type OrderTypes = (
    Text,
    SqlId,
    Text,
    BigInt,
    Text,
    SqlInstant,
    Nullable<SqlInstant>,
    Nullable<SqlInstant>,
    Nullable<Text>,
    Nullable<SqlInstant>,
);
type OrderRow = (
    String,
    DbUuid,
    String,
    i64,
    String,
    DbInstant,
    Option<DbInstant>,
    Option<DbInstant>,
    Option<String>,
    Option<DbInstant>,
);

#[async_trait]
impl OrderRepository for UnitOfWork {
    async fn find_buyer(&mut self, id: OrderId) -> Result<Option<UserId>, StoreError> {
        let mut statement = Statement::<(SqlId,)>::new("SELECT user_id FROM orders WHERE id = ");
        statement.bind(id.as_uuid());
        let found: Option<(DbUuid,)> = self.first(statement).await?;
        Ok(found.map(|(id,)| UserId::from_uuid(id.0)))
    }

    async fn find_order_for_update(&mut self, id: OrderId) -> Result<Option<Order>, StoreError> {
        let mut statement = Statement::<OrderTypes>::new(
            "SELECT number, user_id, status, total_minor, total_currency, created_at, paid_at, canceled_at, \
             cancel_reason, expires_at FROM orders WHERE id = ",
        );
        statement.bind(id.as_uuid()).sql(FOR_UPDATE);
        let Some(row) = self.first::<OrderRow, _>(statement).await? else { return Ok(None) };
        let (number, user_id, status, minor, currency, created_at, paid_at, canceled_at, reason, expires_at) =
            row;
        let currency = currency.parse().map_err(StoreError::failed)?;
        Ok(Some(Order {
            id,
            number,
            user_id: UserId::from_uuid(user_id.0),
            state: order_state(&status, paid_at, canceled_at, reason.as_deref(), expires_at)?,
            items: self.order_items(id, currency).await?,
            total: Money::from_minor(minor, currency),
            excluded: self.order_exclusions(id).await?,
            created_at: created_at.0,
        }))
    }

    async fn insert_order(&mut self, order: &Order) -> Result<bool, StoreError> {
        let mut statement = Statement::<()>::new(
            "INSERT INTO orders (id, number, user_id, total_minor, total_currency, created_at, status, paid_at, \
             canceled_at, cancel_reason, expires_at) VALUES (",
        );
        statement
            .bind(order.id.as_uuid())
            .sql(", ")
            .bind(order.number.clone())
            .sql(", ")
            .bind(order.user_id.as_uuid())
            .sql(", ")
            .bind(order.total.minor())
            .sql(", ")
            .bind(order.total.currency().code().to_owned())
            .sql(", ")
            .bind(order.created_at);
        for (_, value) in state_columns(order.state) {
            statement.sql(", ");
            value.push(&mut statement);
        }
        statement.sql(")");
        self.execute_one(statement).await?;
        self.insert_order_exclusions(order).await?;
        self.insert_order_items(order).await
    }

    async fn update_order_state(&mut self, order: &Order) -> Result<(), StoreError> {
        let mut statement = Statement::<()>::new("UPDATE orders SET ");
        for (index, (column, value)) in state_columns(order.state).into_iter().enumerate() {
            statement.sql(if index == 0 { "" } else { ", " }).sql(column).sql(" = ");
            value.push(&mut statement);
        }
        statement.sql(" WHERE id = ").bind(order.id.as_uuid());
        self.execute_one(statement).await?;
        if order.state.status() != OrderStatus::Pending {
            let mut statement = Statement::<()>::new(
                "UPDATE order_items SET is_pending = FALSE WHERE is_pending AND order_id = ",
            );
            statement.bind(order.id.as_uuid());
            self.execute(statement).await?;
        }
        Ok(())
    }

    async fn update_order_prices(&mut self, order: &Order) -> Result<(), StoreError> {
        let mut statement = Statement::<()>::new("UPDATE orders SET total_minor = ");
        statement.bind(order.total.minor());
        statement.sql(", total_currency = ").bind(order.total.currency().code().to_owned());
        statement.sql(" WHERE id = ").bind(order.id.as_uuid());
        self.execute_one(statement).await?;
        for item in &order.items {
            let mut statement = Statement::<()>::new("UPDATE order_items SET price_minor = ");
            statement.bind(item.price.minor());
            statement.sql(", price_currency = ").bind(item.price.currency().code().to_owned());
            statement.sql(" WHERE id = ").bind(item.id.as_uuid());
            self.execute_one(statement).await?;
        }
        Ok(())
    }

    async fn movies_in_pending_orders(&mut self, user_id: UserId) -> Result<Vec<MovieId>, StoreError> {
        let mut statement =
            Statement::<(SqlId,)>::new("SELECT movie_id FROM order_items WHERE is_pending AND user_id = ");
        statement.bind(user_id.as_uuid());
        let movies: Vec<(DbUuid,)> = self.load(statement).await?;
        Ok(movies.into_iter().map(|(id,)| MovieId::from_uuid(id.0)).collect())
    }
}

impl UnitOfWork {
    async fn order_items(&mut self, id: OrderId, currency: Currency) -> Result<Vec<OrderItem>, StoreError> {
        let mut statement = Statement::<(SqlId, SqlId, BigInt)>::new(
            "SELECT id, movie_id, price_minor FROM order_items WHERE order_id = ",
        );
        statement.bind(id.as_uuid()).sql(" ORDER BY id");
        let rows: Vec<(DbUuid, DbUuid, i64)> = self.load(statement).await?;
        let item = |(id, movie_id, minor): (DbUuid, DbUuid, i64)| OrderItem {
            id: OrderItemId::from_uuid(id.0),
            movie_id: MovieId::from_uuid(movie_id.0),
            price: Money::from_minor(minor, currency),
        };
        Ok(rows.into_iter().map(item).collect())
    }

    async fn order_exclusions(&mut self, id: OrderId) -> Result<Vec<ExcludedMovie>, StoreError> {
        let mut statement = Statement::<(SqlId, Text)>::new(
            "SELECT movie_id, reason FROM order_exclusions WHERE order_id = ",
        );
        statement.bind(id.as_uuid()).sql(" ORDER BY position");
        let rows: Vec<(DbUuid, String)> = self.load(statement).await?;
        let excluded = |(movie_id, reason): (DbUuid, String)| {
            Ok(ExcludedMovie { movie_id: MovieId::from_uuid(movie_id.0), reason: purchase_refusal(&reason)? })
        };
        rows.into_iter().map(excluded).collect()
    }

    async fn insert_order_exclusions(&mut self, order: &Order) -> Result<(), StoreError> {
        if order.excluded.is_empty() {
            return Ok(());
        }
        let mut statement = Statement::<()>::new(
            "INSERT INTO order_exclusions (order_id, movie_id, reason, position) VALUES ",
        );
        for (excluded, position) in order.excluded.iter().zip(0_i64..) {
            statement
                .sql(if position == 0 { "(" } else { ", (" })
                .bind(order.id.as_uuid())
                .sql(", ")
                .bind(excluded.movie_id.as_uuid())
                .sql(", ")
                .bind(excluded.reason.as_str().to_owned())
                .sql(", ")
                .bind(position)
                .sql(")");
        }
        self.execute(statement).await?;
        Ok(())
    }

    /// Inserts the items; returns `false` when another pending order of the buyer contains one of the movies.
    async fn insert_order_items(&mut self, order: &Order) -> Result<bool, StoreError> {
        let is_pending = if order.state.status() == OrderStatus::Pending { "TRUE" } else { "FALSE" };
        let mut statement = Statement::<()>::new(
            "INSERT INTO order_items (id, order_id, user_id, movie_id, price_minor, price_currency, is_pending) VALUES ",
        );
        for (index, item) in order.items.iter().enumerate() {
            statement
                .sql(if index == 0 { "(" } else { ", (" })
                .bind(item.id.as_uuid())
                .sql(", ")
                .bind(order.id.as_uuid())
                .sql(", ")
                .bind(order.user_id.as_uuid())
                .sql(", ")
                .bind(item.movie_id.as_uuid())
                .sql(", ")
                .bind(item.price.minor())
                .sql(", ")
                .bind(item.price.currency().code().to_owned())
                .sql(", ")
                .sql(is_pending)
                .sql(")");
        }
        statement.sql(" ON CONFLICT DO NOTHING");
        Ok(self.execute(statement).await? == order.items.len())
    }
}

/// A value to write into a nullable column.
enum Cell {
    Text(&'static str),
    Instant(Instant),
    Null,
}

impl Cell {
    fn instant(instant: Option<Instant>) -> Self {
        instant.map_or(Self::Null, Self::Instant)
    }

    fn push(self, statement: &mut Statement<()>) {
        match self {
            Self::Text(text) => statement.bind(text.to_owned()),
            Self::Instant(instant) => statement.bind(instant),
            Self::Null => statement.sql("NULL"),
        };
    }
}

/// The columns that store the state of an order, with their values.
fn state_columns(state: OrderState) -> [(&'static str, Cell); 5] {
    let (canceled_at, reason) = match state {
        OrderState::Canceled { canceled_at, reason } => (Some(canceled_at), Cell::Text(reason.as_str())),
        _ => (None, Cell::Null),
    };
    [
        ("status", Cell::Text(state.status().as_str())),
        ("paid_at", Cell::instant(state.paid_at())),
        ("canceled_at", Cell::instant(canceled_at)),
        ("cancel_reason", reason),
        ("expires_at", Cell::instant(state.expires_at())),
    ]
}

/// Reads the state of an order from the columns of [`state_columns`].
pub(crate) fn order_state(
    status: &str,
    paid_at: Option<DbInstant>,
    canceled_at: Option<DbInstant>,
    reason: Option<&str>,
    expires_at: Option<DbInstant>,
) -> Result<OrderState, StoreError> {
    let broken = || StoreError::failed("an order has a state that does not exist");
    let status = OrderStatus::ALL.into_iter().find(|known| known.as_str() == status).ok_or_else(broken)?;
    let paid_at = || paid_at.map(|at| at.0).ok_or_else(broken);
    Ok(match status {
        OrderStatus::Pending => OrderState::Pending { expires_at: expires_at.map(|at| at.0) },
        OrderStatus::Paid => OrderState::Paid { paid_at: paid_at()? },
        OrderStatus::PartiallyRefunded => OrderState::PartiallyRefunded { paid_at: paid_at()? },
        OrderStatus::Refunded => OrderState::Refunded { paid_at: paid_at()? },
        OrderStatus::Canceled => {
            let reasons = [CancelReason::ByUser, CancelReason::Expired];
            let reason = reasons.into_iter().find(|known| Some(known.as_str()) == reason);
            let (canceled_at, reason) = canceled_at.zip(reason).ok_or_else(broken)?;
            OrderState::Canceled { canceled_at: canceled_at.0, reason }
        }
    })
}

/// Parses the stored reason why an order excludes a movie.
pub(crate) fn purchase_refusal(name: &str) -> Result<PurchaseRefusal, StoreError> {
    [PurchaseRefusal::AlreadyPurchased, PurchaseRefusal::MovieUnavailable]
        .into_iter()
        .find(|known| known.as_str() == name)
        .ok_or_else(|| StoreError::failed("an order excludes a movie for a reason that does not exist"))
}
