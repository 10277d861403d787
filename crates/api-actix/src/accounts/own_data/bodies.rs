//! The export of the caller's own data in a response, and the request to delete the account, as JSON.

use std::collections::BTreeMap;

use domain::{
    accounts::{
        HeldMovie, HeldPurchase, KnownDevice, LinkKind, NotifiedAct, OpenLink, PersonalData, RefreshToken,
        Session, WatchedMovie,
    },
    audit::AuditRecord,
    id::UserId,
    notifications::{Notification, NotificationSettings},
    time::Instant,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::opinions::{CommentRowBody, LikedCommentBody, RatingRowBody, ReactionRowBody, ReportRowBody};
use crate::{
    accounts::users::bodies::UserBody,
    audit::bodies::state,
    extract::{TypedPassword, inputs},
    moment::Moment,
    orders::bodies::OrderBody,
    payments::{bodies::PaymentBody, refund_requests::RefundRequestBody},
    problem::{Problem, kinds},
};

/// The confirmation that the caller's account is to be deleted.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "AccountDeletion", example = json!({"password": "correct horse 1"}))]
pub(crate) struct DeletionBody {
    /// The caller's password.
    pub(crate) password: TypedPassword,
}

inputs!(DeletionBody);

/// A session.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportedSession")]
struct SessionBody {
    id: Uuid,
    user_agent: Option<String>,
    ip: Option<String>,
    created_at: Moment,
    last_used_at: Moment,
    expires_at: Moment,
    ended_at: Option<Moment>,
}

impl From<Session> for SessionBody {
    fn from(session: Session) -> Self {
        Self {
            id: session.id.as_uuid(),
            user_agent: session.device.user_agent,
            ip: session.device.ip.map(|ip| ip.to_string()),
            created_at: Moment(session.created_at),
            last_used_at: Moment(session.last_used_at),
            expires_at: Moment(session.expires_at),
            ended_at: session.ended_at.map(Moment),
        }
    }
}

/// A refresh token. Only a hash of it is stored.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportedRefreshToken")]
struct RefreshTokenBody {
    session_id: Uuid,
    issued_at: Moment,
    expires_at: Moment,
    rotated_at: Option<Moment>,
}

impl From<RefreshToken> for RefreshTokenBody {
    fn from(token: RefreshToken) -> Self {
        Self {
            session_id: token.session_id.as_uuid(),
            issued_at: Moment(token.issued_at),
            expires_at: Moment(token.expires_at),
            rotated_at: token.rotated_at.map(Moment),
        }
    }
}

/// A device that the user signed in from. Only a hash of its fingerprint is stored.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportedDevice")]
struct DeviceBody {
    first_seen_at: Moment,
    last_seen_at: Moment,
}

impl From<KnownDevice> for DeviceBody {
    fn from(device: KnownDevice) -> Self {
        Self { first_seen_at: Moment(device.first_seen_at), last_seen_at: Moment(device.last_seen_at) }
    }
}

/// What a mailed link is for.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "LinkKind")]
#[serde(rename_all = "snake_case")]
enum LinkKindBody {
    /// The link activates the account.
    Activation,
    /// The link sets a new password.
    PasswordReset,
}

/// A mailed link that has not been used yet.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportedLink")]
struct LinkBody {
    kind: LinkKindBody,
    expires_at: Moment,
}

impl From<OpenLink> for LinkBody {
    fn from(link: OpenLink) -> Self {
        let kind = match link.kind {
            LinkKind::Activation => LinkKindBody::Activation,
            LinkKind::PasswordReset => LinkKindBody::PasswordReset,
        };
        Self { kind, expires_at: Moment(link.expires_at) }
    }
}

/// A movie that was added to the cart, or to the favourites.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportedMovie")]
struct CartItemBody {
    movie_id: Uuid,
    name: String,
    added_at: Moment,
}

impl From<HeldMovie> for CartItemBody {
    fn from(movie: HeldMovie) -> Self {
        Self { movie_id: movie.id.as_uuid(), name: movie.name, added_at: Moment(movie.since) }
    }
}

/// A movie that was bought.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportedPurchase")]
struct PurchaseBody {
    movie_id: Uuid,
    name: String,
    purchased_at: Moment,
    /// When the purchase was suspended because its payment was disputed.
    suspended_at: Option<Moment>,
    /// When the purchase was revoked.
    revoked_at: Option<Moment>,
}

impl From<HeldPurchase> for PurchaseBody {
    fn from(purchase: HeldPurchase) -> Self {
        Self {
            movie_id: purchase.movie_id.as_uuid(),
            name: purchase.name,
            purchased_at: Moment(purchase.purchased_at),
            suspended_at: purchase.suspended_at.map(Moment),
            revoked_at: purchase.revoked_at.map(Moment),
        }
    }
}

/// The playback position in a bought movie.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportedProgress")]
struct WatchedMovieBody {
    movie_id: Uuid,
    name: String,
    position_seconds: i64,
    at: Moment,
    is_watched: bool,
}

impl From<WatchedMovie> for WatchedMovieBody {
    fn from(movie: WatchedMovie) -> Self {
        Self {
            movie_id: movie.movie_id.as_uuid(),
            name: movie.name,
            position_seconds: movie.progress.position_seconds,
            at: Moment(movie.progress.at),
            is_watched: movie.progress.is_watched,
        }
    }
}

/// An action of the user, or an action on the account, from the audit log.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportedDeed")]
struct DeedBody {
    created_at: Moment,
    /// The action.
    action: String,
    /// Whether the user acted while signed in; `false` for an action on the account by another user, by the operator
    /// of the server, or by a client that was not signed in.
    by_me: bool,
    /// The changed values before the action.
    before: Option<BTreeMap<String, String>>,
    /// The changed values after the action.
    after: Option<BTreeMap<String, String>>,
    /// The network of the client, for actions of the user: the first 24 bits of an IPv4 address, or the first 48 bits
    /// of an IPv6 address.
    ip: Option<String>,
    /// The id of the request, for actions of the user.
    request_id: Option<String>,
}

impl DeedBody {
    /// Creates the entry for the export of this user. If the user did not act, the network and the request id are
    /// omitted, because they may belong to another person.
    fn new(record: AuditRecord, user_id: UserId) -> Self {
        let by_me = record.actor == Some(user_id);
        Self {
            created_at: Moment(record.at),
            action: record.action,
            by_me,
            before: record.before.as_ref().map(state),
            after: record.after.as_ref().map(state),
            ip: record.network.filter(|_| by_me),
            request_id: record.request_id.filter(|_| by_me),
        }
    }
}

/// A notification. The user whose action caused it is omitted.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportedNotification")]
struct NotificationBody {
    /// What the notification is about.
    kind: String,
    created_at: Moment,
    read_at: Option<Moment>,
    /// The number of actions that the notification summarizes.
    count: u64,
    movie_id: Option<Uuid>,
    /// The name of the movie.
    name: Option<String>,
    comment_id: Option<Uuid>,
    order_id: Option<Uuid>,
}

impl From<Notification> for NotificationBody {
    fn from(notification: Notification) -> Self {
        let (movie_id, name) = notification.movie.map(|movie| (movie.id.as_uuid(), movie.name)).unzip();
        Self {
            kind: notification.kind.as_str().to_owned(),
            created_at: Moment(notification.notified_at),
            read_at: notification.read_at.map(Moment),
            count: notification.count,
            movie_id,
            name,
            comment_id: notification.comment_id.map(|id| id.as_uuid()),
            order_id: notification.order_id.map(|id| id.as_uuid()),
        }
    }
}

/// An action of the user that another user was notified about.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportedNotifiedAct")]
struct NotifiedActBody {
    /// What the notification is about.
    kind: String,
    /// The liked comment, or the reply that the user wrote.
    comment_id: Option<Uuid>,
    created_at: Moment,
}

impl From<NotifiedAct> for NotifiedActBody {
    fn from(act: NotifiedAct) -> Self {
        Self {
            kind: act.kind.as_str().to_owned(),
            comment_id: act.comment_id.map(|id| id.as_uuid()),
            created_at: Moment(act.at),
        }
    }
}

/// Which notifications are also sent by mail.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportedNotificationSettings")]
struct NotificationSettingsBody {
    mails_comment_reply: bool,
    mails_comment_like: bool,
}

impl From<NotificationSettings> for NotificationSettingsBody {
    fn from(settings: NotificationSettings) -> Self {
        let NotificationSettings { mails_comment_reply, mails_comment_like } = settings;
        Self { mails_comment_reply, mails_comment_like }
    }
}

/// An unused ticket for a live stream of notifications. Only a hash of the ticket is stored.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportedStreamTicket")]
struct StreamTicketBody {
    expires_at: Moment,
}

impl From<Instant> for StreamTicketBody {
    fn from(expires_at: Instant) -> Self {
        Self { expires_at: Moment(expires_at) }
    }
}

/// Everything that is stored about the caller.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PersonalData", example = example())]
pub(crate) struct PersonalDataBody {
    /// When the export was made.
    exported_at: Moment,
    /// The account and its profile.
    account: UserBody,
    /// The sessions, including ended ones that are still stored.
    sessions: Vec<SessionBody>,
    /// The refresh tokens of these sessions.
    refresh_tokens: Vec<RefreshTokenBody>,
    /// The devices that the user signed in from.
    devices: Vec<DeviceBody>,
    /// Mailed links that have not been used yet.
    links: Vec<LinkBody>,
    /// The movies in the cart.
    cart: Vec<CartItemBody>,
    /// The bought movies.
    purchases: Vec<PurchaseBody>,
    /// How far bought movies were watched.
    watched: Vec<WatchedMovieBody>,
    /// The reactions to movies.
    reactions: Vec<ReactionRowBody>,
    /// The ratings of movies.
    ratings: Vec<RatingRowBody>,
    /// The favourites.
    favorites: Vec<CartItemBody>,
    /// The comments that the user wrote.
    comments: Vec<CommentRowBody>,
    /// The comments that the user likes.
    liked_comments: Vec<LikedCommentBody>,
    /// The comments that the user reported.
    reports: Vec<ReportRowBody>,
    /// The orders, including canceled ones.
    orders: Vec<OrderBody>,
    /// The payments for these orders.
    payments: Vec<PaymentBody>,
    /// The requests for refunds.
    refund_requests: Vec<RefundRequestBody>,
    /// The number of stored requests with idempotency keys.
    remembered_requests: u64,
    /// The entries of the audit log that concern the user.
    audit: Vec<DeedBody>,
    /// The number of mails that have not been sent yet.
    pending_mails: u64,
    /// The notifications.
    notifications: Vec<NotificationBody>,
    /// Which notifications are also sent by mail.
    notification_settings: NotificationSettingsBody,
    /// Actions of the user that other users were notified about.
    notified_acts: Vec<NotifiedActBody>,
    /// Unused tickets for live streams of notifications.
    stream_tickets: Vec<StreamTicketBody>,
}

fn all<T, B: From<T>>(items: Vec<T>) -> Vec<B> {
    items.into_iter().map(B::from).collect()
}

impl PersonalDataBody {
    /// Creates the export with an empty list of comments: the comments are read and inserted while the export is sent.
    pub(crate) fn new(data: PersonalData, at: Instant, public_url: &str) -> Self {
        let user_id = data.user.id;
        Self {
            exported_at: Moment(at),
            account: UserBody::new(data.user, public_url),
            sessions: all(data.sessions),
            refresh_tokens: all(data.refresh_tokens),
            devices: all(data.devices),
            links: all(data.links),
            cart: all(data.cart),
            purchases: all(data.purchases),
            watched: all(data.watched),
            reactions: all(data.opinions.reactions),
            ratings: all(data.opinions.ratings),
            favorites: all(data.opinions.favorites),
            comments: Vec::new(),
            liked_comments: all(data.opinions.liked_comments),
            reports: all(data.opinions.reports),
            orders: all(data.orders),
            payments: all(data.payments),
            refund_requests: all(data.refund_requests),
            remembered_requests: data.remembered_requests,
            audit: data.audit.into_iter().map(|record| DeedBody::new(record, user_id)).collect(),
            pending_mails: data.pending_mails,
            notifications: all(data.notifications),
            notification_settings: data.notification_settings.into(),
            notified_acts: all(data.notified_acts),
            stream_tickets: all(data.stream_tickets),
        }
    }

    /// Splits the JSON at the empty list of comments. Returns the text before the elements of the list and the text
    /// after them.
    pub(super) fn around_the_comments(&self) -> Result<(String, String), Problem> {
        let json =
            serde_json::to_string(self).map_err(|error| Problem::new(&kinds::INTERNAL).caused_by(&error))?;
        // The text to split at cannot occur in user-written texts, because JSON escapes the quotes in them.
        match json.split_once("\"comments\":[]") {
            Some((before, after)) => Ok((format!("{before}\"comments\":["), format!("]{after}"))),
            None => Err(Problem::new(&kinds::INTERNAL)),
        }
    }
}

fn example() -> Value {
    json!({
        "exported_at": "2026-11-22T10:00:00Z",
        "account": {
            "id": "0190a1b2-0000-7000-8000-000000000000",
            "email": "ann@example.com",
            "role": "user",
            "is_active": true,
            "created_at": "2026-11-22T09:00:00Z",
            "profile": {
                "first_name": "Ann", "last_name": null, "gender": null, "date_of_birth": null, "info": null,
                "avatar_url": null,
            },
        },
        "sessions": [],
        "refresh_tokens": [],
        "devices": [],
        "links": [],
        "cart": [],
        "purchases": [],
        "watched": [],
        "reactions": [],
        "ratings": [],
        "favorites": [],
        "comments": [],
        "liked_comments": [],
        "reports": [],
        "orders": [],
        "payments": [],
        "refund_requests": [],
        "remembered_requests": 0,
        "audit": [{
            "created_at": "2026-11-22T10:00:00Z", "action": "data_exported", "by_me": true, "before": null,
            "after": null, "ip": "203.0.113.0/24", "request_id": "0190a1b2-0000-7000-8000-00000000000f",
        }],
        "pending_mails": 0,
        "notifications": [{
            "kind": "comment_like", "created_at": "2026-11-22T10:00:00Z", "read_at": null, "count": 2,
            "movie_id": "0190a1b2-0000-7000-8000-000000000001", "name": "Alien",
            "comment_id": "0190a1b2-0000-7000-8000-000000000002", "order_id": null,
        }],
        "notification_settings": {"mails_comment_reply": true, "mails_comment_like": false},
        "notified_acts": [],
        "stream_tickets": [],
    })
}
