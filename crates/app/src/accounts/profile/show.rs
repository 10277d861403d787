use domain::accounts::{AccessError, Actor, UserDetails};

use super::Profiles;

impl Profiles {
    /// Returns the actor's own account with its profile.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn show(&self, actor: Actor) -> Result<UserDetails, AccessError> {
        self.queries.user_details(actor.user_id).await?.ok_or(AccessError::SignedOut)
    }
}
