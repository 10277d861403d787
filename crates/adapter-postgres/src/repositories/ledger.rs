use async_trait::async_trait;
use diesel::sql_types::{BigInt, Text};
use domain::{
    id::{LedgerEntryId, PaymentId},
    money::{Currency, Money},
    payments::{Account, LedgerRepository, Movement, Posting},
    store::StoreError,
    time::Instant,
};

use crate::{
    dialect::{DbUuid, SqlId},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

#[async_trait]
impl LedgerRepository for UnitOfWork {
    async fn booked(&mut self, id: PaymentId) -> Result<Vec<Posting>, StoreError> {
        let mut statement = Statement::<(Text, SqlId, Text, BigInt, Text)>::new(
            "SELECT subject, subject_id, account, CAST(SUM(amount_minor) AS BIGINT), amount_currency \
             FROM ledger_entries WHERE payment_id = ",
        );
        statement.bind(id.as_uuid()).sql(" GROUP BY subject, subject_id, account, amount_currency");
        let rows: Vec<(String, DbUuid, String, i64, String)> = self.load(statement).await?;
        let broken = || StoreError::failed("the ledger has an entry that cannot be read");
        let posting =
            |(movement, subject, account, minor, currency): (String, DbUuid, String, i64, String)| {
                let currency: Currency = currency.parse().map_err(StoreError::failed)?;
                Ok(Posting {
                    movement: Movement::ALL
                        .into_iter()
                        .find(|known| known.as_str() == movement)
                        .ok_or_else(broken)?,
                    subject_id: subject.0,
                    account: Account::ALL
                        .into_iter()
                        .find(|known| known.as_str() == account)
                        .ok_or_else(broken)?,
                    amount: Money::from_minor(minor, currency),
                })
            };
        rows.into_iter().map(posting).collect()
    }

    async fn book(
        &mut self,
        id: PaymentId,
        entries: &[(LedgerEntryId, Posting)],
        at: Instant,
    ) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut statement = Statement::<()>::new(
            "INSERT INTO ledger_entries (id, subject, subject_id, payment_id, account, amount_minor, \
             amount_currency, booked_at) VALUES ",
        );
        for (index, (entry_id, posting)) in entries.iter().enumerate() {
            statement
                .sql(if index == 0 { "(" } else { ", (" })
                .bind(entry_id.as_uuid())
                .sql(", ")
                .bind(posting.movement.as_str().to_owned())
                .sql(", ")
                .bind(posting.subject_id)
                .sql(", ")
                .bind(id.as_uuid())
                .sql(", ")
                .bind(posting.account.as_str().to_owned())
                .sql(", ")
                .bind(posting.amount.minor())
                .sql(", ")
                .bind(posting.amount.currency().code().to_owned())
                .sql(", ")
                .bind(at)
                .sql(")");
        }
        self.execute(statement).await?;
        Ok(())
    }
}
