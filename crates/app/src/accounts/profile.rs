use chrono::NaiveDate;
use domain::{
    accounts::{AccountUnit, DateOfBirth, InvalidDateOfBirth, Profile, ProfileChanges, UserDetails},
    id::UserId,
    store::{Attempt, StoreError, retried},
};

use super::Accounts;

/// A profile can be neither shown nor changed.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The account is gone since the caller was known.
    #[error("there is no such account")]
    AccountGone,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// Shows people their own account.
    ///
    /// # Errors
    /// See [`ProfileError`].
    pub async fn own_account(&self, user_id: UserId) -> Result<UserDetails, ProfileError> {
        self.ports.users.user_details(user_id).await?.ok_or(ProfileError::AccountGone)
    }

    /// The rule for days of birth, for callers that check a whole form at once.
    ///
    /// # Errors
    /// See [`InvalidDateOfBirth`].
    pub fn date_of_birth(&self, day: NaiveDate) -> Result<DateOfBirth, InvalidDateOfBirth> {
        DateOfBirth::new(day, self.now().date_naive())
    }

    /// Changes what people say of themselves (R23). Of two changes at once, neither is lost.
    ///
    /// # Errors
    /// See [`ProfileError`].
    pub async fn change_profile(
        &self,
        user_id: UserId,
        changes: ProfileChanges,
    ) -> Result<Profile, ProfileError> {
        retried(&*self.ports.backoff, |attempt| self.try_change_profile(attempt, user_id, changes.clone()))
            .await
    }

    async fn try_change_profile(
        &self,
        attempt: Attempt,
        user_id: UserId,
        changes: ProfileChanges,
    ) -> Result<Profile, ProfileError> {
        let mut unit = self.ports.store.begin(attempt).await?;
        let before = self.locked_profile(&mut *unit, user_id).await?;
        let mut profile = before.clone();
        profile.change(changes);
        if profile != before {
            unit.put_profile(&profile).await?;
            unit.commit().await?;
        }
        Ok(profile)
    }

    /// The profile, an empty one when nothing was said yet, locked with its user until the unit ends.
    pub(super) async fn locked_profile(
        &self,
        unit: &mut dyn AccountUnit,
        user_id: UserId,
    ) -> Result<Profile, ProfileError> {
        unit.find_user_for_update(user_id).await?.ok_or(ProfileError::AccountGone)?;
        let profile = unit.find_profile(user_id).await?;
        Ok(profile.unwrap_or_else(|| Profile::empty(self.ports.ids.next(), user_id)))
    }
}

#[cfg(test)]
mod tests {
    use domain::{
        accounts::{Change, Gender, ProfileChanges},
        id::Id,
        store::StoreError,
    };
    use uuid::Uuid;

    use crate::accounts::{
        ProfileError,
        doubles::{World, ann},
    };

    fn first_name(name: &str) -> ProfileChanges {
        ProfileChanges { first_name: Change::Set(name.parse().unwrap()), ..ProfileChanges::default() }
    }

    #[tokio::test]
    async fn one_that_was_never_written_is_empty_and_stays_unwritten_when_nothing_changes() {
        let world = World::new();
        world.active(&ann()).await;
        let id = world.user(&ann()).id;
        let account = world.accounts.own_account(id).await.unwrap();
        assert_eq!((account.email, account.is_active, account.profile), (ann(), true, None));
        let profile = world.accounts.change_profile(id, ProfileChanges::default()).await.unwrap();
        assert_eq!((profile.user_id, profile.first_name, profile.avatar), (id, None, None));
        assert!(world.store.rows().profiles.is_empty());
    }

    #[tokio::test]
    async fn changes_add_up_and_a_cleared_field_is_empty() {
        let world = World::new();
        world.active(&ann()).await;
        let id = world.user(&ann()).id;
        world.accounts.change_profile(id, first_name("Ann")).await.unwrap();
        let gender = ProfileChanges { gender: Change::Set(Gender::Woman), ..ProfileChanges::default() };
        world.accounts.change_profile(id, gender).await.unwrap();
        let clear = ProfileChanges { first_name: Change::Clear, ..ProfileChanges::default() };
        let profile = world.accounts.change_profile(id, clear).await.unwrap();
        assert_eq!((&profile.first_name, profile.gender), (&None, Some(Gender::Woman)));
        assert_eq!(world.accounts.own_account(id).await.unwrap().profile, Some(profile));
    }

    #[tokio::test]
    async fn a_change_that_fails_changes_nothing() {
        let world = World::new();
        world.active(&ann()).await;
        let id = world.user(&ann()).id;
        world.accounts.change_profile(id, first_name("Ann")).await.unwrap();
        let before = world.store.rows().clone();
        world.fail_on_commit();
        let failed = world.accounts.change_profile(id, first_name("Bob")).await;
        assert!(matches!(failed, Err(ProfileError::Store(StoreError::Failed(_)))));
        assert_eq!(*world.store.rows(), before);
    }

    #[tokio::test]
    async fn an_account_that_is_gone_has_no_profile() {
        let world = World::new();
        let nobody = Id::from_uuid(Uuid::from_u128(999));
        assert!(matches!(world.accounts.own_account(nobody).await, Err(ProfileError::AccountGone)));
        let refused = world.accounts.change_profile(nobody, first_name("Ann")).await;
        assert!(matches!(refused, Err(ProfileError::AccountGone)));
    }
}
