use async_trait::async_trait;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use domain::{
    id::{DisputeId, PaymentId},
    money::{Currency, Money},
    payments::{Dispute, DisputeRepository, DisputeState},
    store::StoreError,
    time::Instant,
};

use crate::{
    dialect::{DbInstant, DbUuid, SqlId, SqlInstant},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

pub(crate) type DisputeTypes = (
    SqlId,
    SqlInstant,
    (SqlId, Text, Text, Text),
    (BigInt, BigInt, Text),
    (Nullable<SqlInstant>, Nullable<SqlInstant>, Nullable<SqlInstant>),
    Integer,
);
pub(crate) type DisputeRow = (
    DbUuid,
    DbInstant,
    (DbUuid, String, String, String),
    (i64, i64, String),
    (Option<DbInstant>, Option<DbInstant>, Option<DbInstant>),
    i32,
);

/// The columns of [`DisputeTypes`], for a `SELECT` from `disputes d`.
macro_rules! dispute_columns {
    () => {
        "d.id, d.created_at, d.payment_id, d.external_id, d.status, d.reason, d.amount_minor, d.withdrawn_minor, \
         d.amount_currency, d.due_by, d.closed_at, d.next_check_at, d.checks"
    };
}
pub(crate) use dispute_columns;

#[async_trait]
impl DisputeRepository for UnitOfWork {
    async fn disputes_of_payment(&mut self, id: PaymentId) -> Result<Vec<Dispute>, StoreError> {
        let mut statement = Statement::<DisputeTypes>::new(concat!(
            "SELECT ",
            dispute_columns!(),
            " FROM disputes d WHERE d.payment_id = "
        ));
        statement.bind(id.as_uuid()).sql(" ORDER BY d.created_at, d.id");
        let rows: Vec<DisputeRow> = self.load(statement).await?;
        rows.into_iter().map(dispute).collect()
    }

    async fn insert_dispute(&mut self, dispute: &Dispute) -> Result<(), StoreError> {
        let mut statement = Statement::<()>::new(
            "INSERT INTO disputes (id, payment_id, external_id, created_at, amount_currency, status, amount_minor, \
             withdrawn_minor, reason, checks, due_by, closed_at, next_check_at) VALUES (",
        );
        statement
            .bind(dispute.id.as_uuid())
            .sql(", ")
            .bind(dispute.payment_id.as_uuid())
            .sql(", ")
            .bind(dispute.external_id.clone())
            .sql(", ")
            .bind(dispute.created_at)
            .sql(", ")
            .bind(dispute.amount.currency().code().to_owned())
            .sql(", ")
            .bind(dispute.state.status().as_str().to_owned())
            .sql(", ")
            .bind(dispute.amount.minor())
            .sql(", ")
            .bind(dispute.withdrawn.minor())
            .sql(", ")
            .bind(dispute.reason.clone())
            .sql(", ")
            .bind(i64::from(dispute.checks));
        for instant in [dispute.due_by, closed_at(dispute.state), dispute.next_check_at] {
            statement.sql(", ");
            push_instant(&mut statement, instant);
        }
        statement.sql(")");
        self.execute_one(statement).await
    }

    async fn update_dispute(&mut self, dispute: &Dispute) -> Result<(), StoreError> {
        let mut statement = Statement::<()>::new("UPDATE disputes SET status = ");
        statement
            .bind(dispute.state.status().as_str().to_owned())
            .sql(", amount_minor = ")
            .bind(dispute.amount.minor())
            .sql(", withdrawn_minor = ")
            .bind(dispute.withdrawn.minor())
            .sql(", reason = ")
            .bind(dispute.reason.clone())
            .sql(", checks = ")
            .bind(i64::from(dispute.checks))
            .sql(", due_by = ");
        push_instant(&mut statement, dispute.due_by);
        statement.sql(", closed_at = ");
        push_instant(&mut statement, closed_at(dispute.state));
        statement.sql(", next_check_at = ");
        push_instant(&mut statement, dispute.next_check_at);
        statement.sql(" WHERE id = ").bind(dispute.id.as_uuid());
        self.execute_one(statement).await
    }
}

const fn closed_at(state: DisputeState) -> Option<Instant> {
    match state {
        DisputeState::Open => None,
        DisputeState::Won { closed_at } | DisputeState::Lost { closed_at } => Some(closed_at),
    }
}

fn push_instant(statement: &mut Statement<()>, instant: Option<Instant>) {
    match instant {
        Some(instant) => statement.bind(instant),
        None => statement.sql("NULL"),
    };
}

/// Converts a row to a dispute.
pub(crate) fn dispute(row: DisputeRow) -> Result<Dispute, StoreError> {
    let (id, created_at, (payment_id, external_id, status, reason), money, instants, checks) = row;
    let ((amount, withdrawn, currency), (due_by, closed_at, next_check_at)) = (money, instants);
    let broken = || StoreError::failed("a dispute has a state that does not exist");
    let closed = || closed_at.map(|at| at.0).ok_or_else(broken);
    let currency: Currency = currency.parse().map_err(StoreError::failed)?;
    Ok(Dispute {
        id: DisputeId::from_uuid(id.0),
        payment_id: PaymentId::from_uuid(payment_id.0),
        external_id,
        amount: Money::from_minor(amount, currency),
        withdrawn: Money::from_minor(withdrawn, currency),
        reason,
        state: match status.as_str() {
            "open" => DisputeState::Open,
            "won" => DisputeState::Won { closed_at: closed()? },
            "lost" => DisputeState::Lost { closed_at: closed()? },
            _ => return Err(broken()),
        },
        due_by: due_by.map(|at| at.0),
        created_at: created_at.0,
        next_check_at: next_check_at.map(|at| at.0),
        checks: u32::try_from(checks).map_err(StoreError::failed)?,
    })
}
