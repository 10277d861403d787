//! The caller's notifications: the list, unread counts, settings and live stream.

mod bodies;
pub(crate) mod pages;
mod query;
mod stream;
pub(crate) mod streams;

use app::{
    notifications::{Notifications, TicketError, UnsubscribeError},
    paging::ListError,
};
use domain::{accounts::AccessError, store::StoreError};
use paperclip::actix::api_v2_operation;

use self::{
    bodies::{NotificationBody, ReadBody, SettingsBody, SettingsChangesBody, TicketBody, UnreadCountsBody},
    query::NotificationQuery,
    stream::{EventStream, StreamCaller},
};
use crate::{
    extract::{Body, Caller, Limited, Patch, Query, UseCases},
    page::PageBody,
    problem::Failure,
    rate_limits, refusals,
    reply::{CreatedJson, OkJson, PrivatePage},
};

refusals! {
    TicketError {
        Invalid => TICKET_INVALID;
        via Store: StoreError,
    }
    UnsubscribeError {
        Invalid => TOKEN_INVALID;
        via Store: StoreError,
    }
}

rate_limits! {
    /// Limits the rate at which a user creates tickets for live streams, because each ticket is stored until it is used
    /// or expires.
    Tickets by user: |limits| &limits.fixed.stream_tickets;
}

/// List the caller's notifications.
///
/// The newest notification is first. All likes of one comment are one notification with a `count`; another like makes
/// this notification unread again and moves it to the beginning.
#[api_v2_operation(operation_id = "listNotifications", tags("notifications"))]
pub(crate) async fn list(
    notifications: UseCases<Notifications>,
    Caller(actor, Query(wanted)): Caller<Query<NotificationQuery>>,
) -> Result<PrivatePage<NotificationBody>, Failure<ListError>> {
    let listing =
        notifications.run(async move |notifications| notifications.list(actor.user_id, wanted).await).await?;
    Ok(PrivatePage(PageBody::of(listing, NotificationBody::from)))
}

/// Count the caller's unread notifications.
///
/// Returns the total and the count of each kind; kinds without unread notifications are omitted.
#[api_v2_operation(operation_id = "countUnreadNotifications", tags("notifications"))]
pub(crate) async fn count_unread(
    notifications: UseCases<Notifications>,
    Caller(actor, _): Caller,
) -> Result<OkJson<UnreadCountsBody>, Failure<StoreError>> {
    let counts = notifications
        .run(async move |notifications| notifications.unread_counts(actor.user_id).await)
        .await?;
    Ok(OkJson(counts.into()))
}

/// Mark notifications as read.
///
/// Marks all notifications of the caller, or only the notifications with the given identifiers; unknown identifiers are
/// ignored. The response has the new numbers of unread notifications.
#[api_v2_operation(operation_id = "readNotifications", tags("notifications"))]
pub(crate) async fn mark_read(
    notifications: UseCases<Notifications>,
    Caller(actor, Body(selection)): Caller<Body<ReadBody>>,
) -> Result<OkJson<UnreadCountsBody>, Failure<AccessError>> {
    let counts =
        notifications.run(async move |notifications| notifications.mark_read(actor, selection).await).await?;
    Ok(OkJson(counts.into()))
}

/// Show which notifications the caller also gets by mail.
///
/// Replies to comments and likes of comments are sent by mail until they are switched off.
#[api_v2_operation(operation_id = "getNotificationSettings", tags("notifications"))]
pub(crate) async fn show_settings(
    notifications: UseCases<Notifications>,
    Caller(actor, _): Caller,
) -> Result<OkJson<SettingsBody>, Failure<StoreError>> {
    let settings =
        notifications.run(async move |notifications| notifications.settings(actor.user_id).await).await?;
    Ok(OkJson(settings.into()))
}

/// Change which notifications the caller also gets by mail.
///
/// Omitted kinds keep their settings.
#[api_v2_operation(operation_id = "changeNotificationSettings", tags("notifications"))]
pub(crate) async fn change_settings(
    notifications: UseCases<Notifications>,
    Caller(actor, Patch(changes)): Caller<Patch<SettingsChangesBody>>,
) -> Result<OkJson<SettingsBody>, Failure<AccessError>> {
    let settings = notifications
        .run(async move |notifications| notifications.change_settings(actor, changes).await)
        .await?;
    Ok(OkJson(settings.into()))
}

/// Create a ticket that opens one live stream.
///
/// For clients that cannot send a token when they open the stream, such as `EventSource` in browsers. The ticket is
/// sent as the parameter `ticket`, and can be used once within 60 seconds.
#[api_v2_operation(operation_id = "createStreamTicket", tags("notifications"))]
pub(crate) async fn create_ticket(
    notifications: UseCases<Notifications>,
    Caller(actor, Limited(_, ())): Caller<Limited<Tickets>>,
) -> Result<CreatedJson<TicketBody>, Failure<AccessError>> {
    let issued =
        notifications.run(async move |notifications| notifications.issue_ticket(actor).await).await?;
    Ok(CreatedJson(issued.into()))
}

/// Open a live stream of the caller's notifications.
///
/// Server-sent events (`text/event-stream`) for a bearer token or a `ticket`. The first event is `unread` with the
/// counts. An event `notification` follows for each notification that is new or became unread again, with the
/// notification as data and an id; `unread` is sent again when the counts change. A client that reconnects sends the id
/// of its last event as `Last-Event-ID` and gets the events of the last hour that it missed; if it missed more, it gets
/// the event `resync` and should reload its list. After 15 seconds without events, a comment line (`:`) is sent. The
/// stream ends when the session ends. A user may have 10 streams on each server.
#[api_v2_operation(operation_id = "streamNotifications", tags("notifications"))]
pub(crate) async fn open_stream(caller: StreamCaller) -> Result<EventStream, Failure<StoreError>> {
    caller.open().await
}
