use async_trait::async_trait;
use domain::{
    accounts::{PasswordHash, PersonalDataRepository, Role},
    engagement::EngagementRepository,
    id::UserId,
    store::StoreError,
    time::Instant,
};

use super::accounts::group_id;
use crate::{
    dialect::{DbUuid, SqlId},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

/// The tables whose rows are deleted with their user, in the order in which units of work lock them. The items of a
/// cart are not listed, because the database deletes them with the cart.
const ERASED: [&str; 14] = [
    "idempotency_keys",
    "user_profiles",
    "activation_tokens",
    "password_reset_tokens",
    "refresh_tokens",
    "stream_tickets",
    "sessions",
    "known_devices",
    "carts",
    "watch_progress",
    "outbox",
    "notification_actors",
    "notifications",
    "notification_inboxes",
];

#[async_trait]
impl PersonalDataRepository for UnitOfWork {
    async fn has_pending_order(&mut self, user_id: UserId) -> Result<bool, StoreError> {
        let mut statement =
            Statement::<(SqlId,)>::new("SELECT id FROM orders WHERE status = 'pending' AND user_id = ");
        statement.bind(user_id.as_uuid()).sql(" LIMIT 1");
        Ok(self.first::<(DbUuid,), _>(statement).await?.is_some())
    }

    async fn erase_user(&mut self, user_id: UserId, at: Instant) -> Result<(), StoreError> {
        self.erase_engagement(user_id).await?;
        self.forget_actor(user_id).await?;
        for table in ERASED {
            let mut statement = Statement::<()>::new("DELETE FROM ");
            statement.sql(table).sql(" WHERE user_id = ").bind(user_id.as_uuid());
            self.execute(statement).await?;
        }
        // Refund requests are kept for accounting, without the texts that the user and the administrator wrote.
        let mut statement =
            Statement::<()>::new("UPDATE refund_requests SET reason = NULL, note = NULL WHERE user_id = ");
        statement.bind(user_id.as_uuid());
        self.execute(statement).await?;
        // The key contains a space, which the key of a valid address cannot contain. So nobody can sign in, register or
        // request a link as the erased user.
        let mut statement = Statement::<()>::new("UPDATE users SET email = ");
        statement
            .bind(format!("deleted-{user_id}@deleted.invalid"))
            .sql(", email_key = ")
            .bind(format!("deleted {user_id}"))
            .sql(", hashed_password = ")
            .bind(PasswordHash::unusable().as_str().to_owned())
            .sql(", is_password_contested = FALSE, is_active = FALSE, version = version + 1, group_id = ")
            .bind(group_id(Role::User).0)
            .sql(", updated_at = ")
            .bind(at)
            .sql(", deleted_at = ")
            .bind(at)
            .sql(" WHERE id = ")
            .bind(user_id.as_uuid());
        self.execute_one(statement).await?;
        self.note_erasure();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::ERASED;

    /// Tables from which `erase_engagement` deletes the user's rows (a comment with replies of others is emptied
    /// instead). For most of these tables, it also updates counters, such as the number of likes.
    const COUNTED: [&str; 6] =
        ["movie_reactions", "movie_ratings", "favorites", "comments", "comment_likes", "comment_reports"];

    /// Tables whose rows are kept for accounting. After the erasure, they contain no personal data.
    const KEPT: [&str; 5] = ["purchases", "orders", "order_items", "payments", "refund_requests"];

    #[test]
    fn every_table_with_user_data_is_erased_or_kept_deliberately() {
        let columns = include_str!("../../../../migrations/columns.txt");
        for line in columns.lines() {
            let mut words = line.split(' ');
            let (table, column) = (words.next().unwrap(), words.next().unwrap());
            if column == "user_id" {
                let lists = [&ERASED[..], &COUNTED[..], &KEPT[..]];
                let listed = lists.iter().filter(|list| list.contains(&table)).count();
                assert_eq!(listed, 1, "{table} must be in exactly one list");
            }
        }
    }
}
