use async_trait::async_trait;

use crate::{accounts::Profile, id::UserId, store::StoreError};

/// Stores profiles. Callers hold the lock of the user.
#[async_trait]
pub trait ProfileRepository: Send {
    /// The user's profile, or `None` when none was written yet.
    async fn find_profile(&mut self, user_id: UserId) -> Result<Option<Profile>, StoreError>;
    /// Writes the complete profile, and replaces the user's previous one.
    async fn put_profile(&mut self, profile: &Profile) -> Result<(), StoreError>;
}
