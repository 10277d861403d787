use diesel::{ExpressionMethods, QueryDsl};
use domain::{accounts::EmailAddress, store::StoreError};

use crate::{
    Database,
    dialect::{DbUuid, for_update},
    schema::users,
    unit_of_work::UnitOfWork,
};

/// The maximum number of users that one transaction updates.
const BATCH: i64 = 500;

impl Database {
    /// Recomputes the keys of email addresses (the form by which addresses are compared) that were computed with an
    /// earlier version of the rule for keys. Called after the migrations. Several nodes may run it concurrently, and
    /// it can be interrupted at any time.
    ///
    /// The keys stay unique, because every new version of the rule must give different keys to all addresses that have
    /// different keys under the earlier version.
    pub(crate) async fn update_email_keys(&self) -> Result<(), StoreError> {
        loop {
            let mut unit = UnitOfWork::begin(self).await?;
            let outdated = users::table
                .filter(users::email_key_version.lt(EmailAddress::KEY_VERSION))
                .filter(users::deleted_at.is_null())
                .order(users::id)
                .limit(BATCH)
                .select((users::id, users::email, users::email_key));
            let rows: Vec<(DbUuid, String, String)> = unit.load(for_update!(outdated)).await?;
            if rows.is_empty() {
                return unit.finish().await;
            }
            for (id, email, old_key) in rows {
                // A stored address that is no longer valid keeps its key.
                let key = email.parse::<EmailAddress>().map_or(old_key, |email| email.key().to_owned());
                let update = diesel::update(users::table.filter(users::id.eq(id)))
                    .set((users::email_key.eq(key), users::email_key_version.eq(EmailAddress::KEY_VERSION)));
                unit.execute_one(update).await?;
            }
            unit.finish().await?;
        }
    }
}
