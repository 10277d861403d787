use domain::{
    accounts::{AccessError, Actor},
    id::UserId,
    notifications::{NotificationSettings, SettingsChanges},
    store::{Attempt, StoreError, retried},
};

use super::Notifications;

impl Notifications {
    /// Returns which notifications the user also gets by mail.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settings(&self, user_id: UserId) -> Result<NotificationSettings, StoreError> {
        self.queries.notification_settings(user_id).await
    }

    /// Changes the actor's settings and returns them.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn change_settings(
        &self,
        actor: Actor,
        changes: SettingsChanges,
    ) -> Result<NotificationSettings, AccessError> {
        retried(&*self.backoff, |attempt| self.try_change_settings(attempt, actor, changes)).await
    }

    async fn try_change_settings(
        &self,
        attempt: Attempt,
        actor: Actor,
        changes: SettingsChanges,
    ) -> Result<NotificationSettings, AccessError> {
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let Some(settings) = unit.notification_settings_for_update(actor.user_id).await? else {
            return Err(StoreError::failed("an active user has no notification settings").into());
        };
        let settings = settings.changed(changes);
        unit.put_notification_settings(actor.user_id, settings).await?;
        unit.commit().await?;
        Ok(settings)
    }
}
