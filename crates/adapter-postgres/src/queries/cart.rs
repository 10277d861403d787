use async_trait::async_trait;
use diesel::sql_types::Bool;
use domain::{
    cart::{CartLine, CartQueries, CartRefusal, CartView, UnavailableItem},
    id::UserId,
    store::StoreError,
};

use crate::{
    Database,
    dialect::{DbInstant, SqlInstant},
    queries::movie_row::{SummaryRow, SummaryTypes, push_summary},
    statement::Statement,
};

type LineTypes = (SummaryTypes, Bool, SqlInstant);
type LineRow = (SummaryRow, bool, DbInstant);

#[async_trait]
impl CartQueries for Database {
    async fn cart_view(&self, user_id: UserId) -> Result<CartView, StoreError> {
        let mut statement = Statement::<LineTypes>::new("SELECT ");
        push_summary(&mut statement, Some(user_id));
        statement
            .sql(
                ", m.is_available, i.added_at FROM carts k JOIN cart_items i ON i.cart_id = k.id \
                 JOIN movies m ON m.id = i.movie_id JOIN certifications c ON c.id = m.certification_id \
                 WHERE k.user_id = ",
            )
            .bind(user_id.as_uuid())
            .sql(" ORDER BY i.added_at DESC, i.id DESC");
        let rows: Vec<LineRow> = self.fetch(statement).await?;
        let mut view = CartView::default();
        for (row, is_available, added_at) in rows {
            let reason = match (row.viewer.is_purchased, is_available) {
                (true, _) => Some(CartRefusal::AlreadyPurchased),
                (false, false) => Some(CartRefusal::MovieUnavailable),
                (false, true) => None,
            };
            let movie = row.into_summary(Some(user_id))?;
            match reason {
                Some(reason) => view.unavailable.push(UnavailableItem { movie, reason }),
                None => view.items.push(CartLine { movie, added_at: added_at.0 }),
            }
        }
        Ok(view)
    }
}
