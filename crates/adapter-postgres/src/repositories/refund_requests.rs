use std::collections::HashMap;

use async_trait::async_trait;
use diesel::sql_types::{BigInt, Nullable, Text};
use domain::{
    id::{MovieId, OrderId, OrderItemId, PaymentId, RefundId, RefundRequestId, UserId},
    money::{Currency, Money},
    payments::{RefundRequest, RefundRequestRepository, RefundRequestStatus, RequestedItem},
    store::StoreError,
};

use crate::{
    dialect::{DbInstant, DbUuid, SqlId, SqlInstant},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

pub(crate) type RefundRequestTypes = (
    SqlId,
    SqlInstant,
    (SqlId, SqlId),
    (Text, BigInt, Text),
    (Nullable<Text>, Nullable<Text>),
    Nullable<SqlId>,
    Nullable<SqlInstant>,
);
pub(crate) type RefundRequestRow = (
    DbUuid,
    DbInstant,
    (DbUuid, DbUuid),
    (String, i64, String),
    (Option<String>, Option<String>),
    Option<DbUuid>,
    Option<DbInstant>,
);

/// The columns of [`RefundRequestTypes`], for a `SELECT` from `refund_requests r`.
macro_rules! refund_request_columns {
    () => {
        "r.id, r.created_at, r.order_id, r.user_id, r.status, r.amount_minor, r.amount_currency, r.reason, r.note, \
         r.refund_id, r.decided_at"
    };
}
pub(crate) use refund_request_columns;

/// Selects the items of refund requests: for each, the request, the order item, and the movie. A condition must
/// follow.
pub(crate) const REFUND_REQUEST_ITEMS: &str = "SELECT x.request_id, x.order_item_id, o.movie_id \
    FROM refund_request_items x JOIN order_items o ON o.id = x.order_item_id WHERE ";

#[async_trait]
impl RefundRequestRepository for UnitOfWork {
    async fn paying_payment(&mut self, id: OrderId) -> Result<Option<PaymentId>, StoreError> {
        let mut statement = Statement::<(SqlId,)>::new(
            "SELECT id FROM payments WHERE settlement = 'pays_order' AND order_id = ",
        );
        statement.bind(id.as_uuid());
        let found: Option<(DbUuid,)> = self.first(statement).await?;
        Ok(found.map(|(id,)| PaymentId::from_uuid(id.0)))
    }

    async fn insert_refund_request(&mut self, request: &RefundRequest) -> Result<bool, StoreError> {
        let mut statement = Statement::<()>::new(
            "INSERT INTO refund_requests (id, order_id, user_id, status, amount_minor, amount_currency, created_at, \
             reason) VALUES (",
        );
        statement
            .bind(request.id.as_uuid())
            .sql(", ")
            .bind(request.order_id.as_uuid())
            .sql(", ")
            .bind(request.user_id.as_uuid())
            .sql(", ")
            .bind(request.status.as_str().to_owned())
            .sql(", ")
            .bind(request.amount.minor())
            .sql(", ")
            .bind(request.amount.currency().code().to_owned())
            .sql(", ")
            .bind(request.created_at)
            .sql(", ");
        push_text(&mut statement, request.reason.as_ref());
        statement.sql(")");
        self.execute_one(statement).await?;
        let mut statement = Statement::<()>::new(
            "INSERT INTO refund_request_items (request_id, order_item_id, is_open) VALUES ",
        );
        for (index, item) in request.items.iter().enumerate() {
            statement
                .sql(if index == 0 { "(" } else { ", (" })
                .bind(request.id.as_uuid())
                .sql(", ")
                .bind(item.order_item_id.as_uuid())
                .sql(", TRUE)");
        }
        statement.sql(" ON CONFLICT DO NOTHING");
        Ok(self.execute(statement).await? == request.items.len())
    }

    async fn find_refund_request(
        &mut self,
        id: RefundRequestId,
    ) -> Result<Option<RefundRequest>, StoreError> {
        let mut statement = Statement::<(SqlId, SqlId, SqlId)>::new(REFUND_REQUEST_ITEMS);
        statement.sql("x.request_id = ").bind(id.as_uuid()).sql(" ORDER BY x.order_item_id");
        let items: Vec<(DbUuid, DbUuid, DbUuid)> = self.load(statement).await?;
        let mut statement = Statement::<RefundRequestTypes>::new(concat!(
            "SELECT ",
            refund_request_columns!(),
            " FROM refund_requests r WHERE r.id = "
        ));
        statement.bind(id.as_uuid());
        let rows: Vec<RefundRequestRow> = self.load(statement).await?;
        Ok(refund_requests(rows, items)?.pop())
    }

    async fn decide_refund_request(&mut self, request: &RefundRequest) -> Result<(), StoreError> {
        let mut statement = Statement::<()>::new("UPDATE refund_requests SET status = ");
        statement.bind(request.status.as_str().to_owned()).sql(", note = ");
        push_text(&mut statement, request.note.as_ref());
        statement.sql(", refund_id = ");
        match request.refund_id {
            Some(id) => statement.bind(id.as_uuid()),
            None => statement.sql("NULL"),
        };
        statement.sql(", decided_at = ");
        match request.decided_at {
            Some(at) => statement.bind(at),
            None => statement.sql("NULL"),
        };
        statement.sql(" WHERE id = ").bind(request.id.as_uuid());
        self.execute_one(statement).await?;
        let mut statement =
            Statement::<()>::new("UPDATE refund_request_items SET is_open = FALSE WHERE request_id = ");
        statement.bind(request.id.as_uuid());
        self.execute(statement).await?;
        Ok(())
    }
}

fn push_text(statement: &mut Statement<()>, text: Option<&String>) {
    match text {
        Some(text) => statement.bind(text.clone()),
        None => statement.sql("NULL"),
    };
}

/// Parses the stored name of a status.
fn status(name: &str) -> Result<RefundRequestStatus, StoreError> {
    RefundRequestStatus::ALL
        .into_iter()
        .find(|known| known.as_str() == name)
        .ok_or_else(|| StoreError::failed("a refund request has a status that does not exist"))
}

/// Converts rows to refund requests. `items` are the results of [`REFUND_REQUEST_ITEMS`] for these requests.
pub(crate) fn refund_requests(
    rows: Vec<RefundRequestRow>,
    items: Vec<(DbUuid, DbUuid, DbUuid)>,
) -> Result<Vec<RefundRequest>, StoreError> {
    let mut of_request: HashMap<_, Vec<RequestedItem>> = HashMap::new();
    for (request, item, movie) in items {
        let item = RequestedItem {
            order_item_id: OrderItemId::from_uuid(item.0),
            movie_id: MovieId::from_uuid(movie.0),
        };
        of_request.entry(request.0).or_default().push(item);
    }
    let request = |row: RefundRequestRow| {
        let (
            id,
            created_at,
            (order_id, user_id),
            (name, minor, currency),
            (reason, note),
            refund_id,
            decided_at,
        ) = row;
        let currency: Currency = currency.parse().map_err(StoreError::failed)?;
        Ok(RefundRequest {
            id: RefundRequestId::from_uuid(id.0),
            order_id: OrderId::from_uuid(order_id.0),
            user_id: UserId::from_uuid(user_id.0),
            items: of_request.remove(&id.0).unwrap_or_default(),
            amount: Money::from_minor(minor, currency),
            reason,
            status: status(&name)?,
            note,
            refund_id: refund_id.map(|id| RefundId::from_uuid(id.0)),
            created_at: created_at.0,
            decided_at: decided_at.map(|at| at.0),
        })
    };
    rows.into_iter().map(request).collect()
}
