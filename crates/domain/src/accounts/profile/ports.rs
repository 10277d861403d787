use async_trait::async_trait;

use crate::{accounts::Profile, id::UserId, store::StoreError};

/// Keeps profiles. Callers hold the lock of the user.
#[async_trait]
pub trait ProfileRepository: Send {
    /// The user's profile, or `None` while nothing was ever said.
    async fn find_profile(&mut self, user_id: UserId) -> Result<Option<Profile>, StoreError>;
    /// Writes all of the profile, in place of the user's earlier one.
    async fn put_profile(&mut self, profile: &Profile) -> Result<(), StoreError>;
}
