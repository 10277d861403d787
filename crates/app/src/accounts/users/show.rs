use domain::{accounts::UserDetails, id::UserId, store::StoreError};

use super::Users;

impl Users {
    /// Returns a user with the profile; `None` when there is no such user.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn show(&self, id: UserId) -> Result<Option<UserDetails>, StoreError> {
        self.queries.user_details(id).await
    }
}
