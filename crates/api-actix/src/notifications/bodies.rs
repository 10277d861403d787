//! Notifications and their settings in requests and responses, as JSON.

use std::collections::BTreeMap;

use app::notifications::IssuedTicket;
use domain::{
    id::NotificationId,
    notifications::{
        Notification, NotificationKind, NotificationSettings, ReadSelection, SettingsChanges, UnreadCounts,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    extract::{Fault, Faults, Input, Text},
    moment::Moment,
    problem::FieldCode,
    rules::Rules,
};

/// What a notification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[schemars(rename = "NotificationKind")]
#[serde(rename_all = "snake_case")]
pub(crate) enum KindBody {
    /// A user replied to a comment of the caller.
    CommentReply,
    /// A user liked a comment of the caller.
    CommentLike,
    /// An order of the caller was paid.
    OrderPaid,
    /// Money for an order was refunded to the caller.
    OrderRefunded,
    /// A movie was deleted while it was in the caller's cart.
    MovieRemovedFromCart,
}

impl From<NotificationKind> for KindBody {
    fn from(kind: NotificationKind) -> Self {
        match kind {
            NotificationKind::CommentReply => Self::CommentReply,
            NotificationKind::CommentLike => Self::CommentLike,
            NotificationKind::OrderPaid => Self::OrderPaid,
            NotificationKind::OrderRefunded => Self::OrderRefunded,
            NotificationKind::MovieRemovedFromCart => Self::MovieRemovedFromCart,
        }
    }
}

/// The user whose action caused a notification.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "NotificationActor")]
struct ActorBody {
    id: Uuid,
    /// The first and last name in the profile, or else `Member` and the last four characters of the id.
    name: String,
}

/// The movie that a notification is about.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "NotificationMovie")]
struct MovieBody {
    id: Uuid,
    name: String,
}

/// A notification.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Notification", example = notification_example())]
pub(crate) struct NotificationBody {
    /// The identifier of the notification.
    id: Uuid,
    kind: KindBody,
    /// When the action happened; for several likes of a comment, when the latest one happened.
    created_at: Moment,
    /// When the notification was marked as read; `null` while it is unread.
    read_at: Option<Moment>,
    /// The user who acted; for several likes of a comment, the user who acted last. `null` when the notification is not
    /// about an action of another user.
    actor: Option<ActorBody>,
    /// The number of actions that the notification summarizes: the number of likes of a comment, 1 for all other kinds.
    count: u64,
    /// The movie that was commented on or deleted; `null` for notifications about orders.
    movie: Option<MovieBody>,
    /// The liked comment, or the reply; `null` for all other kinds.
    comment_id: Option<Uuid>,
    /// The order that was paid or refunded; `null` for all other kinds.
    order_id: Option<Uuid>,
}

impl From<Notification> for NotificationBody {
    fn from(notification: Notification) -> Self {
        Self {
            id: notification.id.as_uuid(),
            kind: notification.kind.into(),
            created_at: Moment(notification.notified_at),
            read_at: notification.read_at.map(Moment),
            actor: notification.actor.map(|actor| ActorBody { id: actor.id.as_uuid(), name: actor.name }),
            count: notification.count,
            movie: notification.movie.map(|movie| MovieBody { id: movie.id.as_uuid(), name: movie.name }),
            comment_id: notification.comment_id.map(|id| id.as_uuid()),
            order_id: notification.order_id.map(|id| id.as_uuid()),
        }
    }
}

/// The numbers of unread notifications.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UnreadCounts", example = json!({"total": 2, "by_kind": {"comment_reply": 2}}))]
pub(crate) struct UnreadCountsBody {
    /// The number of all unread notifications.
    total: u64,
    /// The number of unread notifications of each kind that has any.
    by_kind: BTreeMap<String, u64>,
}

impl From<UnreadCounts> for UnreadCountsBody {
    fn from(counts: UnreadCounts) -> Self {
        Self {
            total: counts.total(),
            by_kind: counts
                .by_kind
                .into_iter()
                .map(|(kind, count)| (kind.as_str().to_owned(), count))
                .collect(),
        }
    }
}

/// The maximum number of identifiers in a request. It is greater than the number of notifications that a client shows
/// at once.
const MAX_READ: usize = 1_000;

/// Which notifications to mark as read: either `ids`, or `all` with the value `true`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NotificationsRead", example = json!({"ids": ["0190a1b2-0000-7000-8000-000000000005"]}))]
pub(crate) struct ReadBody {
    /// Marks the notifications with these identifiers. Identifiers that belong to no notification of the caller are
    /// ignored.
    #[schemars(length(max = MAX_READ))]
    ids: Option<Vec<Text<NotificationId>>>,
    /// `true` marks all notifications of the caller; `false` is not allowed.
    all: Option<bool>,
}

impl Input for ReadBody {
    type Checked = ReadSelection;

    fn check(self, _rules: &Rules, faults: &mut Faults) -> Option<ReadSelection> {
        let (field, fault) = match (self.ids, self.all) {
            (Some(ids), None) => return Some(ReadSelection::Ids(ids.into_iter().map(|id| id.0).collect())),
            (None, Some(true)) => return Some(ReadSelection::All),
            // An invalid member is absent here, and its error has already been added.
            (None, None) if !faults.is_empty() => return None,
            (None, None) => ("ids", Fault::new(FieldCode::Required, "is required, unless `all` is sent")),
            (None, Some(false)) => ("all", Fault::new(FieldCode::InvalidValue, "must be true")),
            (Some(_), Some(_)) => {
                ("all", Fault::new(FieldCode::InvalidValue, "cannot be sent together with `ids`"))
            }
        };
        faults.add(field, fault);
        None
    }
}

/// Which notifications are also sent by mail.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "NotificationMails")]
struct MailsBody {
    /// Whether replies to the caller's comments are sent by mail.
    comment_reply: bool,
    /// Whether likes of the caller's comments are sent by mail, at most once a day for each comment.
    comment_like: bool,
}

/// The settings of notifications.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(
    rename = "NotificationSettings",
    example = json!({"mails": {"comment_reply": true, "comment_like": false}})
)]
pub(crate) struct SettingsBody {
    mails: MailsBody,
}

impl From<NotificationSettings> for SettingsBody {
    fn from(settings: NotificationSettings) -> Self {
        Self {
            mails: MailsBody {
                comment_reply: settings.mails_comment_reply,
                comment_like: settings.mails_comment_like,
            },
        }
    }
}

/// Which mails to switch on or off. Omitted kinds keep their settings.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "NotificationMailsChanges")]
#[serde(default)]
struct MailsChangesBody {
    /// Whether replies to the caller's comments are sent by mail.
    comment_reply: Option<bool>,
    /// Whether likes of the caller's comments are sent by mail.
    comment_like: Option<bool>,
}

/// Changes to the settings of notifications.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "NotificationSettingsChanges", example = json!({"mails": {"comment_like": false}}))]
#[serde(default)]
pub(crate) struct SettingsChangesBody {
    mails: MailsChangesBody,
}

impl Input for SettingsChangesBody {
    type Checked = SettingsChanges;

    fn check(self, _rules: &Rules, _faults: &mut Faults) -> Option<SettingsChanges> {
        Some(SettingsChanges {
            mails_comment_reply: self.mails.comment_reply,
            mails_comment_like: self.mails.comment_like,
        })
    }
}

/// A ticket for one live stream of the caller's notifications.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(
    rename = "StreamTicket",
    example = json!({"ticket": "kX9…", "expires_at": "2026-11-22T10:01:00Z"})
)]
pub(crate) struct TicketBody {
    /// The ticket, which opens one live stream.
    ticket: String,
    /// When the ticket expires.
    expires_at: Moment,
}

impl From<IssuedTicket> for TicketBody {
    fn from(issued: IssuedTicket) -> Self {
        Self { ticket: issued.ticket.expose().to_owned(), expires_at: Moment(issued.expires_at) }
    }
}

fn notification_example() -> Value {
    json!({
        "id": "0190a1b2-0000-7000-8000-000000000005",
        "kind": "comment_like",
        "created_at": "2026-11-22T10:00:00Z",
        "read_at": null,
        "actor": {"id": "0190a1b2-0000-7000-8000-000000000001", "name": "Ann Lee"},
        "count": 3,
        "movie": {"id": "0190a1b2-0000-7000-8000-000000000002", "name": "Heat"},
        "comment_id": "0190a1b2-0000-7000-8000-000000000003",
        "order_id": null,
    })
}
