use domain::{
    accounts::{AccessError, Actor, Profile, ProfileChanges, ProfileUnit},
    id::UserId,
    store::{Attempt, StoreError, retried},
};

use super::Profiles;

impl Profiles {
    /// Changes the actor's profile. Concurrent changes are serialized, so that none is lost.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn change(&self, actor: Actor, changes: ProfileChanges) -> Result<Profile, AccessError> {
        retried(&*self.backoff, |attempt| self.try_change(attempt, actor, changes.clone())).await
    }

    async fn try_change(
        &self,
        attempt: Attempt,
        actor: Actor,
        changes: ProfileChanges,
    ) -> Result<Profile, AccessError> {
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let before = self.profile_of(&mut *unit, actor.user_id).await?;
        let mut profile = before.clone();
        profile.change(changes);
        if profile != before {
            unit.put_profile(&profile).await?;
            unit.commit().await?;
        }
        Ok(profile)
    }

    /// Returns the profile of the user, or an empty profile when none is stored yet. `unit` must have locked the user.
    pub(super) async fn profile_of(
        &self,
        unit: &mut dyn ProfileUnit,
        user_id: UserId,
    ) -> Result<Profile, StoreError> {
        let profile = unit.find_profile(user_id).await?;
        Ok(profile.unwrap_or_else(|| Profile::empty(self.ids.next(), user_id)))
    }
}

#[cfg(test)]
mod tests {
    use domain::{
        accounts::{AccessError, Change, Gender, ProfileChanges},
        id::Id,
        store::StoreError,
    };
    use uuid::Uuid;

    use crate::accounts::doubles::{World, ann};

    fn first_name(name: &str) -> ProfileChanges {
        ProfileChanges { first_name: Change::Set(name.parse().unwrap()), ..ProfileChanges::default() }
    }

    #[tokio::test]
    async fn an_unwritten_profile_is_empty_and_stays_unwritten_without_changes() {
        let world = World::new().await;
        world.active(&ann()).await;
        let id = world.user(&ann()).await.id;
        let account = world.profiles.show(world.actor(id).await).await.unwrap();
        assert_eq!((account.email, account.is_active, account.profile), (ann(), true, None));
        let profile = world.profiles.change(world.actor(id).await, ProfileChanges::default()).await.unwrap();
        assert_eq!((profile.user_id, profile.first_name, profile.avatar), (id, None, None));
        assert!(world.store.rows().await.profiles.is_empty());
    }

    #[tokio::test]
    async fn changes_accumulate_and_a_cleared_field_is_empty() {
        let world = World::new().await;
        world.active(&ann()).await;
        let id = world.user(&ann()).await.id;
        world.profiles.change(world.actor(id).await, first_name("Ann")).await.unwrap();
        let gender = ProfileChanges { gender: Change::Set(Gender::Woman), ..ProfileChanges::default() };
        world.profiles.change(world.actor(id).await, gender).await.unwrap();
        let clear = ProfileChanges { first_name: Change::Clear, ..ProfileChanges::default() };
        let profile = world.profiles.change(world.actor(id).await, clear).await.unwrap();
        assert_eq!((&profile.first_name, profile.gender), (&None, Some(Gender::Woman)));
        assert_eq!(world.profiles.show(world.actor(id).await).await.unwrap().profile, Some(profile));
    }

    #[tokio::test]
    async fn a_change_that_fails_changes_nothing() {
        let world = World::new().await;
        world.active(&ann()).await;
        let id = world.user(&ann()).await.id;
        world.profiles.change(world.actor(id).await, first_name("Ann")).await.unwrap();
        let before = world.store.rows().await;
        world.fail_on_commit();
        let failed = world.profiles.change(world.actor(id).await, first_name("Bob")).await;
        assert!(matches!(failed, Err(AccessError::Store(StoreError::Failed(_)))));
        assert_eq!(world.store.rows().await, before);
    }

    #[tokio::test]
    async fn a_deleted_account_has_no_profile() {
        let world = World::new().await;
        let nobody = Id::from_uuid(Uuid::from_u128(999));
        assert!(matches!(world.profiles.show(world.actor(nobody).await).await, Err(AccessError::SignedOut)));
        let refused = world.profiles.change(world.actor(nobody).await, first_name("Ann")).await;
        assert!(matches!(refused, Err(AccessError::SignedOut)));
    }
}
