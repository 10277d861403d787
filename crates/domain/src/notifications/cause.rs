use std::str::FromStr;

use crate::{
    id::{CommentId, MovieId, NotificationId, OrderId, RefundId, UserId},
    time::Instant,
};

/// The kinds of notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotificationKind {
    /// A user replied to a comment of the receiver.
    CommentReply,
    /// Users liked a comment of the receiver.
    CommentLike,
    /// An order of the receiver was paid.
    OrderPaid,
    /// Money for an order was refunded to the receiver.
    OrderRefunded,
    /// A movie was deleted while it was in the receiver's cart.
    MovieRemovedFromCart,
}

/// The text is not the name of a kind of notification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no kind of notification has this name")]
pub struct UnknownNotificationKind;

impl NotificationKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::CommentReply,
        Self::CommentLike,
        Self::OrderPaid,
        Self::OrderRefunded,
        Self::MovieRemovedFromCart,
    ];

    /// The name of the kind, such as `comment_reply`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CommentReply => "comment_reply",
            Self::CommentLike => "comment_like",
            Self::OrderPaid => "order_paid",
            Self::OrderRefunded => "order_refunded",
            Self::MovieRemovedFromCart => "movie_removed_from_cart",
        }
    }
}

impl FromStr for NotificationKind {
    type Err = UnknownNotificationKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownNotificationKind)
    }
}

/// What a user is notified about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotificationCause {
    /// A user replied to a comment of the receiver.
    CommentReply {
        /// Who replied.
        actor: UserId,
        /// The movie that the comments are about.
        movie_id: MovieId,
        /// The reply.
        reply_id: CommentId,
    },
    /// A user liked a comment of the receiver. All likes of one comment are merged into one notification.
    CommentLike {
        /// Who liked the comment.
        actor: UserId,
        /// The movie that the comment is about.
        movie_id: MovieId,
        /// The comment.
        comment_id: CommentId,
    },
    /// An order of the receiver was paid.
    OrderPaid {
        /// The order.
        order_id: OrderId,
    },
    /// Money for an order was refunded to the receiver.
    OrderRefunded {
        /// The order.
        order_id: OrderId,
        /// The refund. Each refund has a separate notification.
        refund_id: RefundId,
    },
    /// A movie was deleted while it was in the receiver's cart.
    MovieRemovedFromCart {
        /// The deleted movie.
        movie_id: MovieId,
        /// The name of the deleted movie, which can no longer be looked up.
        movie_name: String,
    },
}

impl NotificationCause {
    /// The kind of notification that the cause leads to.
    #[must_use]
    pub const fn kind(&self) -> NotificationKind {
        match self {
            Self::CommentReply { .. } => NotificationKind::CommentReply,
            Self::CommentLike { .. } => NotificationKind::CommentLike,
            Self::OrderPaid { .. } => NotificationKind::OrderPaid,
            Self::OrderRefunded { .. } => NotificationKind::OrderRefunded,
            Self::MovieRemovedFromCart { .. } => NotificationKind::MovieRemovedFromCart,
        }
    }

    /// The user whose action is the cause; `None` for causes that name no such user.
    #[must_use]
    pub const fn actor(&self) -> Option<UserId> {
        match self {
            Self::CommentReply { actor, .. } | Self::CommentLike { actor, .. } => Some(*actor),
            Self::OrderPaid { .. } | Self::OrderRefunded { .. } | Self::MovieRemovedFromCart { .. } => None,
        }
    }

    /// The deduplication key, which is unique among the notifications of one receiver. A second notification with the
    /// same key is not created. A like by another user is added to the existing notification instead.
    #[must_use]
    pub fn dedupe_key(&self) -> String {
        let kind = self.kind().as_str();
        match self {
            Self::CommentReply { reply_id, .. } => format!("{kind}:{reply_id}"),
            Self::CommentLike { comment_id, .. } => format!("{kind}:{comment_id}"),
            Self::OrderPaid { order_id } => format!("{kind}:{order_id}"),
            Self::OrderRefunded { refund_id, .. } => format!("{kind}:{refund_id}"),
            Self::MovieRemovedFromCart { movie_id, .. } => format!("{kind}:{movie_id}"),
        }
    }
}

/// A notification to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotification {
    /// The identifier that the notification gets, unless it is merged into an earlier one.
    pub id: NotificationId,
    /// The user who is notified.
    pub receiver: UserId,
    /// What the receiver is notified about.
    pub cause: NotificationCause,
    /// When the cause happened.
    pub at: Instant,
}

impl NewNotification {
    /// Whether the receiver is also the actor, and therefore need not be notified.
    #[must_use]
    pub fn is_own_act(&self) -> bool {
        self.cause.actor() == Some(self.receiver)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use uuid::Uuid;

    use super::*;
    use crate::id::{Id, Kind};

    fn id<K: Kind>(number: u128) -> Id<K> {
        Id::from_uuid(Uuid::from_u128(number))
    }

    fn causes() -> Vec<NotificationCause> {
        vec![
            NotificationCause::CommentReply { actor: id(1), movie_id: id(2), reply_id: id(3) },
            NotificationCause::CommentLike { actor: id(1), movie_id: id(2), comment_id: id(3) },
            NotificationCause::OrderPaid { order_id: id(3) },
            NotificationCause::OrderRefunded { order_id: id(3), refund_id: id(4) },
            NotificationCause::MovieRemovedFromCart { movie_id: id(3), movie_name: "Heat".to_owned() },
        ]
    }

    #[test]
    fn every_kind_reads_back_from_its_name() {
        for kind in NotificationKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!("COMMENT_REPLY".parse::<NotificationKind>(), Err(UnknownNotificationKind));
    }

    #[test]
    fn each_cause_has_its_own_kind_and_key() {
        let kinds: Vec<_> = causes().iter().map(NotificationCause::kind).collect();
        assert_eq!(kinds, NotificationKind::ALL);
        let keys: BTreeSet<_> = causes().iter().map(NotificationCause::dedupe_key).collect();
        assert_eq!(keys.len(), 5);
    }

    #[test]
    fn likes_of_one_comment_share_a_key_and_likes_of_different_comments_do_not() {
        let key = |actor, comment| {
            let (actor, comment_id) = (id(actor), id(comment));
            NotificationCause::CommentLike { actor, movie_id: id(2), comment_id }.dedupe_key()
        };
        assert_eq!(key(1, 3), key(9, 3));
        assert_ne!(key(1, 3), key(1, 4));
    }

    #[test]
    fn an_action_whose_actor_is_the_receiver_is_an_own_action() {
        let own = causes().into_iter().map(|cause| {
            NewNotification { id: id(7), receiver: id(1), cause, at: Instant::UNIX_EPOCH }.is_own_act()
        });
        assert_eq!(own.collect::<Vec<_>>(), [true, true, false, false, false]);
    }
}
