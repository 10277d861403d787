use std::collections::HashMap;

use async_trait::async_trait;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use domain::{
    id::{MovieId, OrderItemId, PaymentId, PaymentItemId, RefundId, UserId},
    money::{Currency, Money},
    payments::{PaidItem, Refund, RefundItem, RefundOrigin, RefundRepository, RefundState},
    store::StoreError,
    time::Instant,
};

use crate::{
    dialect::{DbInstant, DbUuid, SqlId, SqlInstant},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

pub(crate) type RefundTypes = (
    SqlId,
    SqlId,
    (Text, Text, BigInt, Text, Text),
    Nullable<Text>,
    SqlInstant,
    Nullable<SqlInstant>,
    Nullable<SqlInstant>,
    Integer,
);
pub(crate) type RefundRow = (
    DbUuid,
    DbUuid,
    (String, String, i64, String, String),
    Option<String>,
    DbInstant,
    Option<DbInstant>,
    Option<DbInstant>,
    i32,
);

/// The columns of [`RefundTypes`], for a `SELECT` from `refunds r`.
pub(crate) const REFUND_COLUMNS: &str = "r.id, r.payment_id, r.origin, r.status, r.amount_minor, r.amount_currency, \
    r.reason, r.external_id, r.created_at, r.completed_at, r.next_check_at, r.checks";

/// Selects the items of the refunds `r`: for each, the refund, the payment item, and the movie. A condition must
/// follow.
pub(crate) const REFUND_ITEMS: &str = "SELECT x.refund_id, x.payment_item_id, o.movie_id FROM refunds r \
    JOIN refund_items x ON x.refund_id = r.id JOIN payment_items p ON p.id = x.payment_item_id \
    JOIN order_items o ON o.id = p.order_item_id WHERE ";

#[async_trait]
impl RefundRepository for UnitOfWork {
    async fn paid_items(&mut self, id: PaymentId) -> Result<Vec<PaidItem>, StoreError> {
        let mut statement = Statement::<(SqlId, SqlId, SqlId, BigInt, Text)>::new(
            "SELECT p.id, o.id, o.movie_id, p.price_minor, p.price_currency FROM payment_items p \
             JOIN order_items o ON o.id = p.order_item_id WHERE p.payment_id = ",
        );
        statement.bind(id.as_uuid()).sql(" ORDER BY p.id");
        let rows: Vec<(DbUuid, DbUuid, DbUuid, i64, String)> = self.load(statement).await?;
        let item = |(id, order_item, movie, minor, currency): (DbUuid, DbUuid, DbUuid, i64, String)| {
            let currency: Currency = currency.parse().map_err(StoreError::failed)?;
            Ok(PaidItem {
                id: PaymentItemId::from_uuid(id.0),
                order_item_id: OrderItemId::from_uuid(order_item.0),
                movie_id: MovieId::from_uuid(movie.0),
                price: Money::from_minor(minor, currency),
            })
        };
        rows.into_iter().map(item).collect()
    }

    async fn payments_of_movie(
        &mut self,
        user_id: UserId,
        movie_id: MovieId,
    ) -> Result<Vec<PaymentId>, StoreError> {
        let mut statement = Statement::<(SqlId,)>::new(
            "SELECT p.id FROM payments p JOIN payment_items i ON i.payment_id = p.id \
             JOIN order_items o ON o.id = i.order_item_id WHERE p.settlement = 'pays_order' AND p.user_id = ",
        );
        statement.bind(user_id.as_uuid()).sql(" AND o.movie_id = ").bind(movie_id.as_uuid());
        statement.sql(" ORDER BY p.created_at, p.id");
        let ids: Vec<(DbUuid,)> = self.load(statement).await?;
        Ok(ids.into_iter().map(|(id,)| PaymentId::from_uuid(id.0)).collect())
    }

    async fn refunds_of_payment(&mut self, id: PaymentId) -> Result<Vec<Refund>, StoreError> {
        let mut statement = Statement::<(SqlId, SqlId, SqlId)>::new(REFUND_ITEMS);
        statement.sql("r.payment_id = ").bind(id.as_uuid()).sql(" ORDER BY x.payment_item_id");
        let items: Vec<(DbUuid, DbUuid, DbUuid)> = self.load(statement).await?;
        let mut statement = Statement::<RefundTypes>::new("SELECT ");
        statement
            .sql(REFUND_COLUMNS)
            .sql(" FROM refunds r WHERE r.payment_id = ")
            .bind(id.as_uuid())
            .sql(" ORDER BY r.created_at, r.id");
        let rows: Vec<RefundRow> = self.load(statement).await?;
        refunds(rows, items)
    }

    async fn insert_refund(&mut self, refund: &Refund) -> Result<(), StoreError> {
        let mut statement = Statement::<()>::new(
            "INSERT INTO refunds (id, payment_id, origin, amount_minor, amount_currency, reason, created_at, status, \
             external_id, completed_at, next_check_at, checks) VALUES (",
        );
        statement
            .bind(refund.id.as_uuid())
            .sql(", ")
            .bind(refund.payment_id.as_uuid())
            .sql(", ")
            .bind(refund.origin.as_str().to_owned())
            .sql(", ")
            .bind(refund.amount.minor())
            .sql(", ")
            .bind(refund.amount.currency().code().to_owned())
            .sql(", ")
            .bind(refund.reason.clone())
            .sql(", ")
            .bind(refund.created_at)
            .sql(", ")
            .bind(refund.state.status().as_str().to_owned())
            .sql(", ");
        push_text(&mut statement, refund.external_id.as_ref());
        statement.sql(", ");
        push_instant(&mut statement, completed_at(refund.state));
        statement.sql(", ");
        push_instant(&mut statement, refund.next_check_at);
        statement.sql(", ").bind(i64::from(refund.checks)).sql(")");
        self.execute_one(statement).await?;
        if refund.items.is_empty() {
            return Ok(());
        }
        let mut statement =
            Statement::<()>::new("INSERT INTO refund_items (refund_id, payment_item_id, is_active) VALUES ");
        for (index, item) in refund.items.iter().enumerate() {
            statement
                .sql(if index == 0 { "(" } else { ", (" })
                .bind(refund.id.as_uuid())
                .sql(", ")
                .bind(item.id.as_uuid())
                .sql(if refund.is_active() { ", TRUE)" } else { ", FALSE)" });
        }
        self.execute(statement).await?;
        Ok(())
    }

    async fn update_refund(&mut self, refund: &Refund) -> Result<(), StoreError> {
        let mut statement = Statement::<()>::new("UPDATE refunds SET status = ");
        statement.bind(refund.state.status().as_str().to_owned()).sql(", external_id = ");
        push_text(&mut statement, refund.external_id.as_ref());
        statement.sql(", completed_at = ");
        push_instant(&mut statement, completed_at(refund.state));
        statement.sql(", next_check_at = ");
        push_instant(&mut statement, refund.next_check_at);
        statement.sql(", checks = ").bind(i64::from(refund.checks));
        statement.sql(" WHERE id = ").bind(refund.id.as_uuid());
        self.execute_one(statement).await?;
        if !refund.is_active() {
            let mut statement = Statement::<()>::new(
                "UPDATE refund_items SET is_active = FALSE WHERE is_active AND refund_id = ",
            );
            statement.bind(refund.id.as_uuid());
            self.execute(statement).await?;
        }
        Ok(())
    }
}

const fn completed_at(state: RefundState) -> Option<Instant> {
    match state {
        RefundState::Pending => None,
        RefundState::Succeeded { at } | RefundState::Failed { at } => Some(at),
    }
}

fn push_text(statement: &mut Statement<()>, text: Option<&String>) {
    match text {
        Some(text) => statement.bind(text.clone()),
        None => statement.sql("NULL"),
    };
}

fn push_instant(statement: &mut Statement<()>, instant: Option<Instant>) {
    match instant {
        Some(instant) => statement.bind(instant),
        None => statement.sql("NULL"),
    };
}

/// Converts rows to refunds. `items` are the results of [`REFUND_ITEMS`] for these refunds.
pub(crate) fn refunds(
    rows: Vec<RefundRow>,
    items: Vec<(DbUuid, DbUuid, DbUuid)>,
) -> Result<Vec<Refund>, StoreError> {
    let mut of_refund: HashMap<_, Vec<RefundItem>> = HashMap::new();
    for (refund, item, movie) in items {
        let item = RefundItem { id: PaymentItemId::from_uuid(item.0), movie_id: MovieId::from_uuid(movie.0) };
        of_refund.entry(refund.0).or_default().push(item);
    }
    let broken = || StoreError::failed("a refund has a state that does not exist");
    let refund = |row: RefundRow| {
        let (
            id,
            payment_id,
            (origin, status, minor, currency, reason),
            external_id,
            created_at,
            done,
            next,
            checks,
        ) = row;
        let done = || done.map(|at| at.0).ok_or_else(broken);
        let currency: Currency = currency.parse().map_err(StoreError::failed)?;
        Ok(Refund {
            id: RefundId::from_uuid(id.0),
            payment_id: PaymentId::from_uuid(payment_id.0),
            origin: RefundOrigin::ALL
                .into_iter()
                .find(|known| known.as_str() == origin)
                .ok_or_else(|| StoreError::failed("a refund has an origin that does not exist"))?,
            state: match status.as_str() {
                "pending" => RefundState::Pending,
                "succeeded" => RefundState::Succeeded { at: done()? },
                "failed" => RefundState::Failed { at: done()? },
                _ => return Err(broken()),
            },
            amount: Money::from_minor(minor, currency),
            items: of_refund.remove(&id.0).unwrap_or_default(),
            reason,
            external_id,
            created_at: created_at.0,
            next_check_at: next.map(|at| at.0),
            checks: u32::try_from(checks).map_err(StoreError::failed)?,
        })
    };
    rows.into_iter().map(refund).collect()
}
