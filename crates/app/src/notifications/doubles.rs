//! The use cases of notifications on mocks of their ports.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    accounts::{AccessError, Actor},
    id::{CommentId, NotificationId, SessionId, UserId},
    notifications::{
        NewNotification, Notification, NotificationQueries, NotificationRepository, NotificationSettings,
        NotificationStore, NotificationUnit, PushedNotification, ReadSelection, UnreadCounts, UserPosition,
    },
    outbox::{NewOutboxMessage, OutboxRepository},
    page::{Page, PageRequest},
    store::{Attempt, StoreError},
    time::Instant,
};

use super::Notifications;
use crate::{
    accounts::doubles::ReadableTokens,
    doubles::{CountingIds, FlipSealer, MovableClock, NoWait, SumSigner},
    paging::CursorCodec,
};

mockall::mock! {
    pub(crate) Queries {}
    #[async_trait]
    impl NotificationQueries for Queries {
        async fn notification_page(
            &self,
            user_id: UserId,
            unread_only: bool,
            request: &PageRequest,
        ) -> Result<Page<Notification>, StoreError>;
        async fn unread_counts(&self, user_id: UserId) -> Result<UnreadCounts, StoreError>;
        async fn notification_settings(&self, user_id: UserId) -> Result<NotificationSettings, StoreError>;
        async fn notification_positions(&self, user_ids: &[UserId]) -> Result<Vec<UserPosition>, StoreError>;
        async fn notifications_behind(
            &self,
            behind: UserPosition,
            limit: u32,
        ) -> Result<Vec<Notification>, StoreError>;
        async fn live_sessions_among(&self, ids: &[SessionId], now: Instant) -> Result<Vec<SessionId>, StoreError>;
    }
}

mockall::mock! {
    /// A unit of work that writes notifications and outbox messages.
    pub(crate) Unit {}
    #[async_trait]
    impl NotificationRepository for Unit {
        async fn push_notification(
            &mut self,
            new: &NewNotification,
        ) -> Result<Option<PushedNotification>, StoreError>;
        async fn mark_notification_mailed(&mut self, id: NotificationId, at: Instant) -> Result<(), StoreError>;
        async fn withdraw_like_notification(
            &mut self,
            comment_id: CommentId,
            actor: UserId,
        ) -> Result<(), StoreError>;
        async fn remove_comment_notifications(&mut self, comment_id: CommentId) -> Result<(), StoreError>;
        async fn mark_notifications_read(
            &mut self,
            receiver: UserId,
            selection: &ReadSelection,
            at: Instant,
        ) -> Result<(), StoreError>;
        async fn notification_settings_for_update(
            &mut self,
            user_id: UserId,
        ) -> Result<Option<NotificationSettings>, StoreError>;
        async fn put_notification_settings(
            &mut self,
            user_id: UserId,
            settings: NotificationSettings,
        ) -> Result<(), StoreError>;
    }
    #[async_trait]
    impl OutboxRepository for Unit {
        async fn push_message(&mut self, message: NewOutboxMessage) -> Result<(), StoreError>;
        async fn remove_message(&mut self, id: domain::id::OutboxId) -> Result<bool, StoreError>;
    }
}

/// A store that is unavailable.
struct NoStore;

#[async_trait]
impl NotificationStore for NoStore {
    async fn begin_own(
        &self,
        _attempt: Attempt,
        _owner: &Actor,
    ) -> Result<Box<dyn NotificationUnit>, AccessError> {
        Err(StoreError::unavailable("no store").into())
    }
    async fn begin_notifications(&self, _attempt: Attempt) -> Result<Box<dyn NotificationUnit>, StoreError> {
        Err(StoreError::unavailable("no store"))
    }
}

/// The use cases on these queries. Beginning a unit of work fails.
pub(crate) fn notifications_on(queries: MockQueries, clock: &Arc<MovableClock>) -> Notifications {
    Notifications {
        store: Arc::new(NoStore),
        queries: Arc::new(queries),
        clock: clock.clone(),
        backoff: Arc::new(NoWait),
        ids: Arc::new(CountingIds::default()),
        tokens: Arc::new(ReadableTokens::default()),
        sealer: Arc::new(FlipSealer),
        cursors: CursorCodec::new(Arc::new(SumSigner)),
    }
}
