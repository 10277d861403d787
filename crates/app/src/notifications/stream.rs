use std::{fmt, str::FromStr};

use chrono::TimeDelta;
use domain::{
    id::{SessionId, UserId},
    notifications::{Notification, UnreadCounts, UserPosition},
    store::StoreError,
    time::Instant,
};

use super::Notifications;

/// The maximum age of the last event of a client that reconnects. The client gets the notifications that it has missed
/// only if this event is not older.
const REPLAYED: TimeDelta = TimeDelta::hours(1);

/// How many notifications are read at once.
const BATCH: u32 = 100;

/// The id of an event in a live stream: a position, and the time at which the stream reached it. A client that
/// reconnects sends the id of its last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventId {
    /// A position among the changes to the user's notifications (see [`UserPosition`]).
    pub position: i64,
    /// When the stream reached this position: the time of the notification at this position, or the start of the
    /// stream.
    pub at: Instant,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.at.timestamp_millis(), self.position)
    }
}

/// The text is not the id of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of an event")]
pub struct InvalidEventId;

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (at, position) = text.split_once('-').ok_or(InvalidEventId)?;
        let at = at.parse().ok().and_then(Instant::from_timestamp_millis).ok_or(InvalidEventId)?;
        let position = position.parse().ok().filter(|position| *position >= 0).ok_or(InvalidEventId)?;
        Ok(Self { position, at })
    }
}

impl From<&Notification> for EventId {
    fn from(notification: &Notification) -> Self {
        Self { position: notification.position, at: notification.notified_at }
    }
}

/// The state in which a live stream begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamStart {
    /// The stream continues after this event.
    pub from: EventId,
    /// Whether the client may have missed more than can be sent, and must reload its list.
    pub resync: bool,
    /// How many notifications are unread.
    pub unread: UnreadCounts,
}

/// What is new in a user's notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserNews {
    /// New notifications, and notifications that became unread again, in the order of their positions.
    pub notifications: Vec<Notification>,
    /// The position that the news reach: a stream continues after this position.
    pub position: i64,
    /// How many notifications are unread.
    pub unread: UnreadCounts,
}

impl Notifications {
    /// Returns the start of a live stream. `last` is the id of the last event, as the client sent it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start_stream(&self, user_id: UserId, last: Option<&str>) -> Result<StreamStart, StoreError> {
        let now = self.clock.now();
        let positions = self.queries.notification_positions(&[user_id]).await?;
        let position = positions.first().map_or(0, |found| found.position);
        let unread = self.queries.unread_counts(user_id).await?;
        let current = EventId { position, at: now };
        let Some(last) = last else { return Ok(StreamStart { from: current, resync: false, unread }) };
        let kept_since = now.checked_sub_signed(REPLAYED).unwrap_or(now);
        let known =
            last.parse::<EventId>().ok().filter(|last| last.position <= position && last.at >= kept_since);
        Ok(StreamStart { from: known.unwrap_or(current), resync: known.is_none(), unread })
    }

    /// Returns the positions in `known` after which the notifications of their users have changed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn moved(&self, known: &[UserPosition]) -> Result<Vec<UserPosition>, StoreError> {
        let users: Vec<UserId> = known.iter().map(|known| known.user_id).collect();
        let now = self.queries.notification_positions(&users).await?;
        let has_moved = |known: &&UserPosition| {
            now.iter().any(|now| now.user_id == known.user_id && now.position > known.position)
        };
        Ok(known.iter().filter(has_moved).copied().collect())
    }

    /// Returns a user's news after a position. If the news do not fit into one batch, a call with
    /// [`UserNews::position`] returns the next batch.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn news(&self, behind: UserPosition) -> Result<UserNews, StoreError> {
        // The position is read before the notifications. So a notification that this call misses was written after the
        // position was read. It has a later position, and the next call returns it.
        let positions = self.queries.notification_positions(&[behind.user_id]).await?;
        let reached = positions.first().map_or(behind.position, |found| found.position);
        let notifications = self.queries.notifications_behind(behind, BATCH).await?;
        let unread = self.queries.unread_counts(behind.user_id).await?;
        let last = notifications.last().map_or(behind.position, |last| last.position);
        let is_all = u32::try_from(notifications.len()).is_ok_and(|count| count < BATCH);
        let position = if is_all { reached.max(last) } else { last };
        Ok(UserNews { notifications, position, unread })
    }

    /// Returns the sessions among `ids` that are active.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn live_sessions(&self, ids: &[SessionId]) -> Result<Vec<SessionId>, StoreError> {
        self.queries.live_sessions_among(ids, self.clock.now()).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::{
        id::{Id, Kind},
        notifications::NotificationKind,
        time::Clock,
    };
    use uuid::Uuid;

    use super::*;
    use crate::{
        doubles::MovableClock,
        notifications::doubles::{MockQueries, notifications_on},
    };

    fn id<K: Kind>(number: u128) -> Id<K> {
        Id::from_uuid(Uuid::from_u128(number))
    }

    fn notification(position: i64) -> Notification {
        Notification {
            id: id(100),
            kind: NotificationKind::OrderPaid,
            position,
            notified_at: Instant::UNIX_EPOCH,
            read_at: None,
            actor: None,
            count: 1,
            movie: None,
            comment_id: None,
            order_id: Some(id(5)),
        }
    }

    /// Queries that return this position as the latest position of every user.
    fn at_position(position: i64) -> MockQueries {
        let mut queries = MockQueries::new();
        queries.expect_notification_positions().returning(move |users| {
            Ok(users.iter().map(|&user_id| UserPosition { user_id, position }).collect())
        });
        queries.expect_unread_counts().returning(|_| Ok(UnreadCounts::default()));
        queries
    }

    #[tokio::test]
    async fn a_stream_continues_after_a_known_event_of_the_last_hour_and_otherwise_requests_a_resync() {
        let clock = Arc::new(MovableClock::default());
        let then = clock.now();
        clock.advance(TimeDelta::minutes(60));
        let current = EventId { position: 7, at: clock.now() };
        let notifications = notifications_on(at_position(7), &clock);
        let text = |position, at| EventId { position, at }.to_string();
        let second = TimeDelta::seconds(1);
        for (last, from, resync) in [
            (None, current, false),
            (Some(text(3, then + second)), EventId { position: 3, at: then + second }, false),
            (Some(text(7, clock.now())), EventId { position: 7, at: clock.now() }, false),
            (Some(text(3, then - second)), current, true),
            (Some(text(8, clock.now())), current, true),
            (Some("else".to_owned()), current, true),
        ] {
            let start = notifications.start_stream(id(1), last.as_deref()).await.unwrap();
            let to_milliseconds = |id: EventId| (id.position, id.at.timestamp_millis());
            assert_eq!(
                (to_milliseconds(start.from), start.resync),
                (to_milliseconds(from), resync),
                "{last:?}"
            );
        }
    }

    #[tokio::test]
    async fn users_with_news_after_their_known_position_are_returned() {
        let notifications = notifications_on(at_position(7), &Arc::new(MovableClock::default()));
        let known = |number, position| UserPosition { user_id: id(number), position };
        let moved = notifications.moved(&[known(1, 7), known(2, 6), known(3, 0)]).await.unwrap();
        assert_eq!(moved, [known(2, 6), known(3, 0)]);
    }

    #[tokio::test]
    async fn news_beyond_one_batch_continue_after_the_last_returned_notification() {
        for (count, reached) in [(0, 500), (3, 500), (100, 100)] {
            let mut queries = at_position(500);
            queries
                .expect_notifications_behind()
                .returning(move |_, _| Ok((1..=count).map(notification).collect()));
            let notifications = notifications_on(queries, &Arc::new(MovableClock::default()));
            let news = notifications.news(UserPosition { user_id: id(1), position: 0 }).await.unwrap();
            assert_eq!(news.position, reached, "{count}");
        }
    }

    #[test]
    fn the_id_of_an_event_reads_back_in_whole_milliseconds() {
        let at = Instant::from_timestamp_millis(1_800_000_000_123).unwrap();
        let id = EventId { position: 42, at };
        assert_eq!(id.to_string(), "1800000000123-42");
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in [
            "",
            "-",
            "1",
            "1800000000123",
            "1800000000123--1",
            "x-1",
            "1-x",
            "1-2-3",
            "99999999999999999999-1",
        ] {
            assert_eq!(bad.parse::<EventId>(), Err(InvalidEventId), "{bad}");
        }
    }
}
