use super::NotificationKind;
use crate::{
    catalog::Named,
    id::{CommentId, MovieKind, NotificationId, OrderId, UserKind},
    time::Instant,
};

/// A notification as its receiver sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The identifier of the notification.
    pub id: NotificationId,
    /// The kind of the notification.
    pub kind: NotificationKind,
    /// The notification's position among all changes to the receiver's notifications. Later changes have greater
    /// positions. A notification gets its position when it is created, and a new position when a further like is added
    /// to it.
    pub position: i64,
    /// When the latest action that the notification is about happened.
    pub notified_at: Instant,
    /// When the notification was marked as read; `None` while it is unread.
    pub read_at: Option<Instant>,
    /// The user who acted last, with the public name; `None` for kinds without an acting user.
    pub actor: Option<Named<UserKind>>,
    /// How many actions the notification summarizes.
    pub count: u64,
    /// The movie that the notification is about; `None` for notifications about orders.
    pub movie: Option<Named<MovieKind>>,
    /// The comment that was liked, or the reply; `None` for other kinds.
    pub comment_id: Option<CommentId>,
    /// The order that the notification is about; `None` for other kinds.
    pub order_id: Option<OrderId>,
}

/// The unread notifications of a user by kind; kinds without unread notifications are omitted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnreadCounts {
    /// The kinds with their counts, in the order of [`NotificationKind`].
    pub by_kind: Vec<(NotificationKind, u64)>,
}

impl UnreadCounts {
    /// The total number of unread notifications.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_kind.iter().fold(0, |total, (_, count)| total.saturating_add(*count))
    }
}
