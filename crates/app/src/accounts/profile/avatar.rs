use chrono::TimeDelta;
use domain::{
    accounts::{AccessError, Actor, Profile},
    id::UserId,
    media::{MediaKey, PictureError},
    outbox::OutboxRepository,
    store::{Attempt, StoreError, retried},
    time::Instant,
};

use super::Profiles;
use crate::{outbox::Message, record::Recorder};

/// How long after the announcement of a picture (see [`Profiles::set_avatar`]) the outbox checks whether a profile uses
/// the picture.
const LOOKED_AT_AFTER: TimeDelta = TimeDelta::hours(1);

/// How long after its announcement a picture may become an avatar. This is much shorter than [`LOOKED_AT_AFTER`], so
/// that clock differences between nodes do not matter.
const TAKEN_WITHIN: TimeDelta = TimeDelta::minutes(10);

/// Why an avatar was not set.
#[derive(Debug, thiserror::Error)]
pub enum SetAvatarError {
    /// The upload cannot be converted into an avatar.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The actor may not change the avatar.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The database or the media store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Profiles {
    /// Sets the upload as the user's avatar and replaces the previous avatar.
    ///
    /// No transaction spans both the database and the media store. A message about the picture (its announcement) is
    /// therefore written to the outbox before the picture is stored. An hour later, the outbox processes this message
    /// and removes the picture if the profile does not use it. So a picture that a failure left unused is removed, too.
    ///
    /// # Errors
    /// See [`SetAvatarError`].
    pub async fn set_avatar(&self, actor: Actor, upload: Vec<u8>) -> Result<Profile, SetAvatarError> {
        let picture = self.avatars.make(upload).await?;
        let key = MediaKey::avatar(self.ids.uuid());
        let announced_at = self.clock.now();
        retried(&*self.backoff, |attempt| self.announce(attempt, actor, &key, announced_at)).await?;
        self.media.put(&key, picture).await?;
        retried(&*self.backoff, |attempt| self.take_avatar(attempt, actor, &key, announced_at)).await
    }

    async fn announce(
        &self,
        attempt: Attempt,
        actor: Actor,
        key: &MediaKey,
        now: Instant,
    ) -> Result<(), AccessError> {
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let due = now.checked_add_signed(LOOKED_AT_AFTER).unwrap_or(now);
        self.recorder.unused_avatar(&mut *unit, actor.user_id, key, "stored", now, due).await?;
        unit.commit().await?;
        Ok(())
    }

    async fn take_avatar(
        &self,
        attempt: Attempt,
        actor: Actor,
        key: &MediaKey,
        announced_at: Instant,
    ) -> Result<Profile, SetAvatarError> {
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let mut profile = self.profile_of(&mut *unit, actor.user_id).await?;
        let now = self.clock.now();
        if now.signed_duration_since(announced_at) > TAKEN_WITHIN {
            return Err(StoreError::unavailable("storing the picture took too long").into());
        }
        if let Some(old) = profile.avatar.replace(key.clone()) {
            self.recorder.removed_avatar(&mut *unit, actor.user_id, &old, now).await?;
        }
        unit.put_profile(&profile).await?;
        unit.commit().await?;
        Ok(profile)
    }

    /// Removes the actor's avatar, if there is one.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn remove_avatar(&self, actor: Actor) -> Result<(), AccessError> {
        retried(&*self.backoff, |attempt| self.try_remove_avatar(attempt, actor)).await
    }

    async fn try_remove_avatar(&self, attempt: Attempt, actor: Actor) -> Result<(), AccessError> {
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let mut profile = self.profile_of(&mut *unit, actor.user_id).await?;
        let Some(old) = profile.avatar.take() else { return Ok(()) };
        self.recorder.removed_avatar(&mut *unit, actor.user_id, &old, self.clock.now()).await?;
        unit.put_profile(&profile).await?;
        unit.commit().await?;
        Ok(())
    }

    /// Removes the stored picture unless the user's profile uses it. An unused picture cannot become an avatar after
    /// this check: a new picture is checked an hour after its announcement, but may become an avatar only within 10
    /// minutes; a picture that was an avatar before is never set again.
    ///
    /// # Errors
    /// When the database or the media store fails. The call can be repeated safely.
    pub async fn remove_unused_avatar(&self, user_id: UserId, key: &MediaKey) -> Result<(), StoreError> {
        let shown = retried(&*self.backoff, |attempt| self.shown_avatar(attempt, user_id)).await?;
        if shown.as_ref() == Some(key) {
            return Ok(());
        }
        self.media.delete(key).await
    }

    async fn shown_avatar(&self, attempt: Attempt, user_id: UserId) -> Result<Option<MediaKey>, StoreError> {
        let mut unit = self.store.begin(attempt).await?;
        // Locking the user waits until concurrent changes of the profile have ended.
        if unit.find_user_for_update(user_id).await?.is_none() {
            return Ok(None);
        }
        Ok(unit.find_profile(user_id).await?.and_then(|profile| profile.avatar))
    }

    /// Returns the stored picture with this key, or `None` when there is no such picture.
    ///
    /// # Errors
    /// When the media store fails.
    pub async fn avatar(&self, key: &MediaKey) -> Result<Option<Vec<u8>>, StoreError> {
        self.media.get(key).await
    }
}

impl Recorder {
    /// Writes an outbox message that removes the picture after the unit of work is committed. Called when the profile
    /// stops using the picture, because it is replaced or removed, or the account is deleted.
    pub(in crate::accounts) async fn removed_avatar<U: OutboxRepository + ?Sized>(
        &self,
        unit: &mut U,
        user_id: UserId,
        key: &MediaKey,
        now: Instant,
    ) -> Result<(), StoreError> {
        self.unused_avatar(unit, user_id, key, "left", now, now).await
    }

    async fn unused_avatar<U: OutboxRepository + ?Sized>(
        &self,
        unit: &mut U,
        user_id: UserId,
        key: &MediaKey,
        cause: &str,
        now: Instant,
        due: Instant,
    ) -> Result<(), StoreError> {
        let message = Message::UnusedAvatar { user_id, key: key.clone() };
        let cause = format!("unused_avatar:{key}:{cause}");
        self.message_for_later(unit, cause, &message, now, due).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use domain::{
        accounts::{AccessError, Change, ProfileChanges},
        id::UserId,
        media::{MediaKey, PictureError},
        store::StoreError,
    };

    use super::SetAvatarError;
    use crate::{
        accounts::doubles::{World, ann},
        outbox::Message,
    };

    async fn world_of_ann() -> (World, UserId) {
        let world = World::new().await;
        world.active(&ann()).await;
        let id = world.user(&ann()).await.id;
        world.actor(id).await;
        (world, id)
    }

    /// Processes all messages about unused avatars twice, as can happen after a crash, even if they are not due yet.
    async fn clean(world: &World) {
        for message in world.messages().into_iter().chain(world.messages()) {
            if let Message::UnusedAvatar { user_id, key } = message {
                world.profiles.remove_unused_avatar(user_id, &key).await.unwrap();
            }
        }
    }

    /// Returns for each message about an avatar whether it is due an hour after it was written.
    async fn due_after_an_hour(world: &World) -> Vec<bool> {
        let rows = world.store.rows().await;
        let avatars = rows.outbox.iter().filter(|row| row.kind == "unused_avatar");
        avatars.map(|row| row.not_before.signed_duration_since(row.created_at).num_minutes() == 60).collect()
    }

    #[tokio::test]
    async fn an_upload_becomes_the_avatar_and_survives_repeated_checks() {
        let (world, id) = world_of_ann().await;
        let profile = world.profiles.set_avatar(world.actor(id).await, b"photo".to_vec()).await.unwrap();
        let key = profile.avatar.clone().unwrap();
        assert_eq!(world.profiles.show(world.actor(id).await).await.unwrap().profile, Some(profile));
        assert_eq!(world.profiles.avatar(&key).await.unwrap(), Some(b"made of photo".to_vec()));
        assert_eq!(due_after_an_hour(&world).await, [true]);
        clean(&world).await;
        assert_eq!(world.media.keys(), [key]);
    }

    #[tokio::test]
    async fn a_new_avatar_has_another_key_and_the_old_picture_is_removed() {
        let (world, id) = world_of_ann().await;
        let first =
            world.profiles.set_avatar(world.actor(id).await, b"one".to_vec()).await.unwrap().avatar.unwrap();
        let second =
            world.profiles.set_avatar(world.actor(id).await, b"one".to_vec()).await.unwrap().avatar.unwrap();
        assert_ne!(first, second);
        assert_eq!(world.media.keys().len(), 2, "the old picture is removed after the commit, not before");
        assert_eq!(due_after_an_hour(&world).await, [true, true, false]);
        clean(&world).await;
        assert_eq!(world.media.keys(), [second]);
    }

    #[tokio::test]
    async fn a_removed_avatar_leaves_the_rest_of_the_profile() {
        let (world, id) = world_of_ann().await;
        let name =
            ProfileChanges { first_name: Change::Set("Ann".parse().unwrap()), ..ProfileChanges::default() };
        world.profiles.change(world.actor(id).await, name).await.unwrap();
        world.profiles.set_avatar(world.actor(id).await, b"photo".to_vec()).await.unwrap();
        for _ in 0..2 {
            world.profiles.remove_avatar(world.actor(id).await).await.unwrap();
        }
        let profile = world.profiles.show(world.actor(id).await).await.unwrap().profile.unwrap();
        assert_eq!((profile.first_name.as_deref(), profile.avatar), (Some("Ann"), None));
        clean(&world).await;
        assert!(world.media.keys().is_empty());
    }

    #[tokio::test]
    async fn a_refused_upload_stores_nothing() {
        let (world, id) = world_of_ann().await;
        let before = world.store.rows().await;
        let refused = world.profiles.set_avatar(world.actor(id).await, Vec::new()).await;
        assert!(matches!(refused, Err(SetAvatarError::Picture(PictureError::Unsupported))));
        assert_eq!(world.store.rows().await, before);
        assert!(world.media.keys().is_empty());
    }

    #[tokio::test]
    async fn a_picture_whose_commit_failed_is_removed_and_the_previous_one_stays() {
        let (world, id) = world_of_ann().await;
        let shown =
            world.profiles.set_avatar(world.actor(id).await, b"one".to_vec()).await.unwrap().avatar.unwrap();
        world.media.then_fail_commits(&world.store);
        let failed = world.profiles.set_avatar(world.actor(id).await, b"two".to_vec()).await;
        assert!(matches!(failed, Err(SetAvatarError::Store(StoreError::Failed(_)))));
        world.store.let_commits_succeed();
        assert_eq!(world.media.keys().len(), 2);
        clean(&world).await;
        assert_eq!(world.media.keys(), [shown]);
    }

    #[tokio::test]
    async fn an_unavailable_store_leaves_the_previous_avatar() {
        let (world, id) = world_of_ann().await;
        let shown = world.profiles.set_avatar(world.actor(id).await, b"one".to_vec()).await.unwrap().avatar;
        world.media.is_away.store(true, Ordering::Relaxed);
        let failed = world.profiles.set_avatar(world.actor(id).await, b"two".to_vec()).await;
        assert!(matches!(failed, Err(SetAvatarError::Store(StoreError::Unavailable(_)))));
        assert_eq!(world.profiles.show(world.actor(id).await).await.unwrap().profile.unwrap().avatar, shown);
    }

    #[tokio::test]
    async fn a_picture_that_took_too_long_to_store_is_never_used() {
        let (world, id) = world_of_ann().await;
        world.media.takes_seconds(&world.clock, 601);
        let failed = world.profiles.set_avatar(world.actor(id).await, b"photo".to_vec()).await;
        assert!(matches!(failed, Err(SetAvatarError::Store(StoreError::Unavailable(_)))));
        assert!(world.store.rows().await.profiles.is_empty());
        clean(&world).await;
        assert!(world.media.keys().is_empty());
    }

    #[tokio::test]
    async fn the_pictures_of_a_deleted_user_are_removed() {
        let (world, id) = world_of_ann().await;
        let key = world
            .profiles
            .set_avatar(world.actor(id).await, b"photo".to_vec())
            .await
            .unwrap()
            .avatar
            .unwrap();
        world.store.execute("UPDATE users SET deleted_at = 1").await;
        let refused = world.profiles.set_avatar(world.actor(id).await, b"another".to_vec()).await;
        assert!(matches!(refused, Err(SetAvatarError::Access(AccessError::SignedOut))));
        assert!(world.media.keys().contains(&key));
        clean(&world).await;
        assert!(world.media.keys().is_empty());
    }

    #[tokio::test]
    async fn removing_an_unknown_picture_does_not_affect_the_avatar() {
        let (world, id) = world_of_ann().await;
        let key = world
            .profiles
            .set_avatar(world.actor(id).await, b"photo".to_vec())
            .await
            .unwrap()
            .avatar
            .unwrap();
        let unknown: MediaKey = "avatars/00000000-0000-0000-0000-0000000003e7.jpg".parse().unwrap();
        world.profiles.remove_unused_avatar(id, &unknown).await.unwrap();
        assert_eq!(world.media.keys(), [key]);
    }
}
