use domain::{
    accounts::{AccessError, Actor},
    id::UserId,
    notifications::{Notification, ReadSelection, UnreadCounts},
    store::{Attempt, StoreError, retried},
};

use super::Notifications;
use crate::paging::{ListError, Listing, PageSelection};

/// The parameters of the list of notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListNotifications {
    /// Whether only unread notifications are listed.
    pub unread_only: bool,
    /// The requested page.
    pub page: PageSelection,
}

impl Notifications {
    /// Returns a page of the user's notifications, the newest first.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list(
        &self,
        user_id: UserId,
        wanted: ListNotifications,
    ) -> Result<Listing<Notification>, ListError> {
        let ListNotifications { unread_only, page } = wanted;
        // The context of the cursors is never parsed. It must be equal for all pages of a list, and differ between
        // lists.
        let context = format!("notifications {user_id} {unread_only}");
        let request = self.cursors.request(&context, page)?;
        let page = self.queries.notification_page(user_id, unread_only, &request).await?;
        Ok(self.cursors.listing(&context, &request, page))
    }

    /// Returns how many of the user's notifications are unread.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn unread_counts(&self, user_id: UserId) -> Result<UnreadCounts, StoreError> {
        self.queries.unread_counts(user_id).await
    }

    /// Marks the selected notifications of the actor as read; returns the new unread counts. Notifications of
    /// other users are not changed, even if they are selected.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn mark_read(
        &self,
        actor: Actor,
        selection: ReadSelection,
    ) -> Result<UnreadCounts, AccessError> {
        retried(&*self.backoff, |attempt| self.try_mark_read(attempt, actor, &selection)).await?;
        Ok(self.queries.unread_counts(actor.user_id).await?)
    }

    async fn try_mark_read(
        &self,
        attempt: Attempt,
        actor: Actor,
        selection: &ReadSelection,
    ) -> Result<(), AccessError> {
        let now = self.clock.now();
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        unit.mark_notifications_read(actor.user_id, selection, now).await?;
        unit.commit().await?;
        Ok(())
    }
}
