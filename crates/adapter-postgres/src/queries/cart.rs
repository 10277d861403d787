use async_trait::async_trait;
use diesel::sql_types::Bool;
use domain::{
    cart::{CartEntry, CartQueries},
    id::UserId,
    store::StoreError,
};

use crate::{
    Database,
    dialect::{DbInstant, SqlInstant},
    queries::{
        movie_facts::read_with_facts,
        movie_row::{SummaryRow, SummaryTypes, push_summary},
    },
    statement::Statement,
};

type EntryTypes = (SummaryTypes, Bool, SqlInstant);
type EntryRow = (SummaryRow, bool, DbInstant);

#[async_trait]
impl CartQueries for Database {
    async fn cart_entries(&self, user_id: UserId) -> Result<Vec<CartEntry>, StoreError> {
        let mut statement = Statement::<EntryTypes>::new("SELECT ");
        push_summary(&mut statement, Some(user_id));
        statement
            .sql(
                ", m.is_available, i.added_at FROM carts k JOIN cart_items i ON i.cart_id = k.id \
                 JOIN movies m ON m.id = i.movie_id WHERE k.user_id = ",
            )
            .bind(user_id.as_uuid())
            .sql(" ORDER BY i.added_at DESC, i.id DESC");
        read_with_facts(async || {
            let rows: Vec<EntryRow> = self.fetch(statement.clone()).await?;
            let facts = self.facts_of(rows.iter().map(|(row, _, _)| row)).await?;
            let Some(facts) = facts else { return Ok(None) };
            let entries = rows.into_iter().map(|(row, is_available, added_at)| {
                let is_purchased = row.is_bought();
                let facts = facts.of(&row)?;
                let movie = row.into_summary(facts, Some(user_id))?;
                Ok(CartEntry { movie, is_available, is_purchased, added_at: added_at.0 })
            });
            entries.collect::<Result<_, _>>().map(Some)
        })
        .await
    }
}
