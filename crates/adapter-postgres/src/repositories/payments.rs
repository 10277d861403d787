use async_trait::async_trait;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use domain::{
    id::{OrderId, PaymentId, ShopId, UserId},
    money::{Currency, Money},
    orders::RefundedPart,
    payments::{
        OpenedCheckout, Payment, PaymentFailure, PaymentRepository, PaymentState, PaymentStatus, Settlement,
    },
    store::StoreError,
    time::Instant,
};

use crate::{
    dialect::{DbInstant, DbUuid, FOR_UPDATE, SqlId, SqlInstant},
    repositories::checkout_request,
    statement::Statement,
    unit_of_work::UnitOfWork,
};

type NullableInstant = Nullable<SqlInstant>;
type NullableText = Nullable<Text>;
type StateTypes = (Text, NullableText, NullableInstant, NullableInstant, Nullable<BigInt>, NullableText);
pub(crate) type PaymentStateColumns =
    (String, Option<String>, Option<DbInstant>, Option<DbInstant>, Option<i64>, Option<String>);
type CheckoutTypes = (NullableText, NullableText, NullableText, NullableInstant, NullableText, NullableText);
type CheckoutColumns =
    (Option<String>, Option<String>, Option<String>, Option<DbInstant>, Option<String>, Option<String>);
type PaymentTypes = (
    SqlId,
    SqlId,
    SqlId,
    Text,
    (BigInt, Text, BigInt, BigInt),
    StateTypes,
    CheckoutTypes,
    SqlInstant,
    NullableInstant,
    Integer,
);
type PaymentRow = (
    DbUuid,
    DbUuid,
    DbUuid,
    String,
    (i64, String, i64, i64),
    PaymentStateColumns,
    CheckoutColumns,
    DbInstant,
    Option<DbInstant>,
    i32,
);

/// Selects the columns of [`PaymentTypes`]. A condition must follow.
const COLUMNS: &str = "SELECT id, order_id, user_id, provider, amount_minor, amount_currency, refunded_minor, \
    disputed_minor, status, failure_code, failed_at, completed_at, received_minor, received_currency, request, \
    checkout_id, checkout_url, checkout_expires_at, charge, settlement, created_at, next_check_at, checks \
    FROM payments WHERE ";

#[async_trait]
impl PaymentRepository for UnitOfWork {
    async fn shop_id(&mut self, proposed: ShopId) -> Result<ShopId, StoreError> {
        if let Some(id) = self.find_shop().await? {
            return Ok(id);
        }
        let mut statement = Statement::<()>::new("INSERT INTO shop (id, shop_id) VALUES (1, ");
        statement.bind(proposed.as_uuid()).sql(") ON CONFLICT (id) DO NOTHING");
        self.execute(statement).await?;
        self.find_shop().await?.ok_or_else(|| StoreError::failed("the shop has no identifier"))
    }

    async fn insert_payment(&mut self, payment: &Payment) -> Result<bool, StoreError> {
        let mut statement = Statement::<()>::new(
            "INSERT INTO payments (id, order_id, user_id, provider, amount_minor, amount_currency, created_at",
        );
        let columns = changing_columns(payment)?;
        for (column, _) in &columns {
            statement.sql(", ").sql(*column);
        }
        statement
            .sql(") VALUES (")
            .bind(payment.id.as_uuid())
            .sql(", ")
            .bind(payment.order_id.as_uuid())
            .sql(", ")
            .bind(payment.user_id.as_uuid())
            .sql(", ")
            .bind(payment.provider.clone())
            .sql(", ")
            .bind(payment.amount.minor())
            .sql(", ")
            .bind(payment.amount.currency().code().to_owned())
            .sql(", ")
            .bind(payment.created_at);
        for (_, value) in columns {
            statement.sql(", ");
            value.push(&mut statement);
        }
        statement.sql(") ON CONFLICT DO NOTHING");
        if self.execute(statement).await? == 0 {
            return Ok(false);
        }
        self.insert_payment_items(payment).await?;
        self.note_sale(payment).await?;
        Ok(true)
    }

    async fn find_payment_for_update(&mut self, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        let mut statement = Statement::<PaymentTypes>::new(COLUMNS);
        statement.sql("id = ").bind(id.as_uuid()).sql(FOR_UPDATE);
        self.first::<PaymentRow, _>(statement).await?.map(payment).transpose()
    }

    async fn find_open_payment(&mut self, order_id: OrderId) -> Result<Option<Payment>, StoreError> {
        let mut statement = Statement::<PaymentTypes>::new(COLUMNS);
        statement
            .sql("status IN ('pending', 'processing') AND order_id = ")
            .bind(order_id.as_uuid())
            .sql(FOR_UPDATE);
        self.first::<PaymentRow, _>(statement).await?.map(payment).transpose()
    }

    async fn update_payment(&mut self, payment: &Payment) -> Result<(), StoreError> {
        let mut statement = Statement::<()>::new("UPDATE payments SET ");
        for (index, (column, value)) in changing_columns(payment)?.into_iter().enumerate() {
            statement.sql(if index == 0 { "" } else { ", " }).sql(column).sql(" = ");
            value.push(&mut statement);
        }
        statement.sql(" WHERE id = ").bind(payment.id.as_uuid());
        self.execute_one(statement).await?;
        self.note_sale(payment).await
    }
}

impl UnitOfWork {
    async fn find_shop(&mut self) -> Result<Option<ShopId>, StoreError> {
        let statement = Statement::<(SqlId,)>::new("SELECT shop_id FROM shop");
        let found: Option<(DbUuid,)> = self.first(statement).await?;
        Ok(found.map(|(id,)| ShopId::from_uuid(id.0)))
    }

    async fn insert_payment_items(&mut self, payment: &Payment) -> Result<(), StoreError> {
        if payment.items.is_empty() {
            return Ok(());
        }
        let mut statement = Statement::<()>::new(
            "INSERT INTO payment_items (id, payment_id, order_item_id, price_minor, price_currency, movie_id) VALUES ",
        );
        for (index, item) in payment.items.iter().enumerate() {
            statement
                .sql(if index == 0 { "(" } else { ", (" })
                .bind(item.id.as_uuid())
                .sql(", ")
                .bind(payment.id.as_uuid())
                .sql(", ")
                .bind(item.order_item_id.as_uuid())
                .sql(", ")
                .bind(item.price.minor())
                .sql(", ")
                .bind(item.price.currency().code().to_owned())
                .sql(", (SELECT movie_id FROM order_items WHERE id = ")
                .bind(item.order_item_id.as_uuid())
                .sql("))");
        }
        self.execute(statement).await?;
        Ok(())
    }

    /// If the payment has paid its order, writes the time of the sale to the payment's items, for the sales report.
    async fn note_sale(&mut self, payment: &Payment) -> Result<(), StoreError> {
        let has_paid = payment.settlement == Some(Settlement::PaysOrder);
        let Some(at) = payment.state.completed_at().filter(|_| has_paid) else { return Ok(()) };
        let mut statement = Statement::<()>::new("UPDATE payment_items SET sold_at = ");
        statement.bind(at).sql(" WHERE sold_at IS NULL AND payment_id = ").bind(payment.id.as_uuid());
        self.execute(statement).await?;
        Ok(())
    }
}

/// A value to write into a nullable column.
enum Cell {
    Text(Option<String>),
    Integer(Option<i64>),
    Instant(Option<Instant>),
}

impl Cell {
    fn push(self, statement: &mut Statement<()>) {
        match self {
            Self::Text(Some(text)) => statement.bind(text),
            Self::Integer(Some(number)) => statement.bind(number),
            Self::Instant(Some(instant)) => statement.bind(instant),
            Self::Text(None) | Self::Integer(None) | Self::Instant(None) => statement.sql("NULL"),
        };
    }
}

/// The columns that may change after a payment was inserted, with their values.
fn changing_columns(payment: &Payment) -> Result<[(&'static str, Cell); 16], StoreError> {
    let failure = payment.state.failure();
    let received = match &payment.state {
        PaymentState::Successful { .. } => Some(payment.amount),
        PaymentState::Mismatched { received, .. } => Some(*received),
        _ => None,
    };
    let checkout = payment.checkout.as_ref();
    let request = payment.request.as_ref().map(checkout_request::write).transpose()?;
    Ok([
        ("status", Cell::Text(Some(payment.status().as_str().to_owned()))),
        ("failure_code", Cell::Text(failure.as_ref().map(|failure| failure.code.clone()))),
        ("failed_at", Cell::Instant(failure.map(|failure| failure.at))),
        ("completed_at", Cell::Instant(payment.state.completed_at())),
        ("received_minor", Cell::Integer(received.map(Money::minor))),
        ("received_currency", Cell::Text(received.map(|money| money.currency().code().to_owned()))),
        ("refunded_minor", Cell::Integer(Some(payment.refunded.minor()))),
        ("disputed_minor", Cell::Integer(Some(payment.disputed.minor()))),
        ("request", Cell::Text(request)),
        ("checkout_id", Cell::Text(checkout.map(|checkout| checkout.id.clone()))),
        ("checkout_url", Cell::Text(checkout.and_then(|checkout| checkout.url.clone()))),
        ("checkout_expires_at", Cell::Instant(checkout.map(|checkout| checkout.expires_at))),
        ("charge", Cell::Text(payment.charge.clone())),
        (
            "settlement",
            Cell::Text(payment.settlement.map(|settlement| settlement_name(settlement).to_owned())),
        ),
        ("next_check_at", Cell::Instant(payment.next_check_at)),
        ("checks", Cell::Integer(Some(payment.checks.into()))),
    ])
}

const fn settlement_name(settlement: Settlement) -> &'static str {
    match settlement {
        Settlement::PaysOrder => "pays_order",
        Settlement::ReturnedOrderCanceled => "returned_order_canceled",
        Settlement::ReturnedOrderPaid => "returned_order_paid",
    }
}

fn settlement(name: &str) -> Result<Settlement, StoreError> {
    [Settlement::PaysOrder, Settlement::ReturnedOrderCanceled, Settlement::ReturnedOrderPaid]
        .into_iter()
        .find(|known| settlement_name(*known) == name)
        .ok_or_else(|| StoreError::failed("a payment was settled in a way that does not exist"))
}

/// Parses the stored name of a status.
pub(crate) fn payment_status(name: &str) -> Result<PaymentStatus, StoreError> {
    PaymentStatus::ALL
        .into_iter()
        .find(|known| known.as_str() == name)
        .ok_or_else(|| StoreError::failed("a payment has a status that does not exist"))
}

/// Reads the state of a payment from its columns.
pub(crate) fn payment_state(columns: PaymentStateColumns) -> Result<PaymentState, StoreError> {
    let (status, code, failed_at, completed_at, received_minor, received_currency) = columns;
    let broken = || StoreError::failed("a payment has a state that does not exist");
    let failure = code.zip(failed_at).map(|(code, at)| PaymentFailure { at: at.0, code });
    let completed_at = || completed_at.map(|at| at.0).ok_or_else(broken);
    Ok(match payment_status(&status)? {
        PaymentStatus::Pending => PaymentState::Pending { failure },
        PaymentStatus::Processing => PaymentState::Processing { failure },
        PaymentStatus::Canceled => PaymentState::Canceled { completed_at: completed_at()? },
        PaymentStatus::Successful | PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded => {
            PaymentState::Successful { completed_at: completed_at()? }
        }
        PaymentStatus::Failed => match received_minor.zip(received_currency) {
            Some((minor, currency)) => {
                let currency: Currency = currency.parse().map_err(StoreError::failed)?;
                let received = Money::from_minor(minor, currency);
                PaymentState::Mismatched { received, completed_at: completed_at()? }
            }
            None => {
                PaymentState::Failed { failure: failure.ok_or_else(broken)?, completed_at: completed_at()? }
            }
        },
    })
}

fn payment(row: PaymentRow) -> Result<Payment, StoreError> {
    let (id, order_id, user_id, provider, money, state, checkout, created_at, next_check_at, checks) = row;
    let (amount, currency, refunded, disputed) = money;
    let (request, checkout_id, url, expires_at, charge, settled) = checkout;
    let currency: Currency = currency.parse().map_err(StoreError::failed)?;
    let free_refund = match (amount, payment_status(&state.0)?) {
        (0, PaymentStatus::PartiallyRefunded) => RefundedPart::Some,
        (0, PaymentStatus::Refunded) => RefundedPart::All,
        _ => RefundedPart::Nothing,
    };
    let state = payment_state(state)?;
    // If the received amount or currency was wrong, the amounts of refunds and disputes are in the received
    // currency.
    let received = match &state {
        PaymentState::Mismatched { received, .. } => received.currency(),
        _ => currency,
    };
    let opened = |(id, expires_at): (String, DbInstant)| OpenedCheckout { id, url, expires_at: expires_at.0 };
    Ok(Payment {
        id: PaymentId::from_uuid(id.0),
        order_id: OrderId::from_uuid(order_id.0),
        user_id: UserId::from_uuid(user_id.0),
        provider,
        state,
        amount: Money::from_minor(amount, currency),
        refunded: Money::from_minor(refunded, received),
        disputed: Money::from_minor(disputed, received),
        free_refund,
        items: Vec::new(),
        request: request.map(|text| checkout_request::read(&text)).transpose()?,
        checkout: checkout_id.zip(expires_at).map(opened),
        charge,
        settlement: settled.map(|name| settlement(&name)).transpose()?,
        created_at: created_at.0,
        next_check_at: next_check_at.map(|at| at.0),
        checks: u32::try_from(checks).map_err(StoreError::failed)?,
    })
}
