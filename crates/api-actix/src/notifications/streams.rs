//! The live streams that this server sends.
//!
//! One task polls the store once a second for the new notifications of all streams together, so that many streams need
//! few database statements, and each server also notices the changes that other servers make. The task runs only while
//! there are streams.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    fmt::Write,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    body::{BodySize, MessageBody},
    http::header::{HeaderName, HeaderValue, RETRY_AFTER},
    web::Bytes,
};
use app::notifications::{EventId, Notifications, StreamStart, UserNews};
use domain::{
    id::{SessionId, UserId},
    notifications::{Notification, UnreadCounts, UserPosition},
    store::StoreError,
};
use serde::Serialize;
use tokio::{
    runtime::Handle,
    sync::{
        OwnedSemaphorePermit, Semaphore,
        mpsc::{self, Receiver, Sender},
    },
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

use super::bodies::{NotificationBody, UnreadCountsBody};
use crate::{
    problem::{Failure, Problem, kinds},
    readiness::Readiness,
};

/// The maximum number of streams of one user on one server.
const STREAMS_OF_A_USER: usize = 10;

/// The maximum number of parts of a response body that are queued for a slow client. When the queue is full and another
/// part must be sent, the stream ends; the client can then reconnect.
const WAITING_PARTS: usize = 16;

/// The interval at which the store is polled.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The sessions of the streams are checked once in this number of polls.
const LOOKS_AT_SESSIONS: u32 = 2;

/// The time without events and comments after which a client gets a comment, so that proxies do not close the
/// connection.
const COMMENT_EVERY: Duration = Duration::from_secs(15);

/// The comment, which clients ignore. Sending it also reveals whether the client is still connected.
const COMMENT: Bytes = Bytes::from_static(b":\n\n");

/// The maximum number of comments that are sent as probes on each stream of a user who has the maximum number of
/// streams and opens another one. More than one is needed to detect that a client has disconnected: the first one can
/// still be written to the socket, but makes the client's system reset the connection, so that a later one fails.
const PROBES: u32 = 4;
/// The pause after each of the [`PROBES`].
const PROBE: Duration = Duration::from_millis(100);

/// The maximum number of streams that are opened at the same time. A limit is needed because, when a server stops, all
/// its clients reconnect to the other servers at once.
const OPENED_AT_ONCE: usize = 16;

/// A permit to open a stream. When it is dropped, another stream may be opened.
pub(crate) type OpeningTurn = OwnedSemaphorePermit;

/// The table of the live streams that this server sends.
pub(crate) struct LiveStreams {
    notifications: Arc<Notifications>,
    readiness: Arc<dyn Readiness>,
    runtime: Handle,
    opening: Arc<Semaphore>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    streams: HashMap<u64, LiveStream>,
    next_key: u64,
    /// Whether the polling task is running.
    is_watched: bool,
}

struct LiveStream {
    user_id: UserId,
    session_id: SessionId,
    /// The state that was last sent to the client; `None` until the first events were read from the store.
    told: Option<Told>,
    /// When an event or a comment was last sent.
    sent_at: Instant,
    parts: Sender<Bytes>,
}

/// The state that was last sent to the client of a stream: the position of the user's inbox (which each change of the
/// inbox advances), and the unread counts.
struct Told {
    position: i64,
    unread: UnreadCounts,
}

impl LiveStreams {
    /// Creates an empty table. The polling task runs on `runtime`.
    pub(crate) fn new(
        notifications: Arc<Notifications>,
        readiness: Arc<dyn Readiness>,
        runtime: Handle,
    ) -> Self {
        let opening = Arc::new(Semaphore::new(OPENED_AT_ONCE));
        Self { notifications, readiness, runtime, opening, table: Mutex::default() }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a permit to open a stream. The permit must be acquired before the caller is authenticated, because the
    /// permits also limit the concurrent database queries of this authentication.
    ///
    /// # Errors
    /// 503 when no permit is available in time.
    pub(crate) async fn turn(&self, patience: Duration) -> Result<OpeningTurn, Problem> {
        let turn = timeout(patience, Arc::clone(&self.opening).acquire_owned()).await;
        turn.ok()
            .and_then(Result::ok)
            .ok_or_else(|| Problem::unavailable().because("Too many live streams are being opened."))
    }

    /// Opens a stream for a session. `last` is the id of the last event that the client got. If the user already has
    /// the maximum number of streams, the permit is released while these streams are probed, and `patience` is the
    /// maximum time to wait for another permit.
    ///
    /// # Errors
    /// 429 when the user has too many streams, 503 when the server is shutting down or no permit is available in time,
    /// and the errors of the store.
    pub(crate) async fn open(
        self: &Arc<Self>,
        user_id: UserId,
        session_id: SessionId,
        last: Option<String>,
        turn: OpeningTurn,
        patience: Duration,
    ) -> Result<EventBody, Failure<StoreError>> {
        if self.readiness.is_draining() {
            return Err(Failure::Problem(Problem::unavailable().because("The server is about to stop.")));
        }
        let _turn = if self.table().count(user_id) < STREAMS_OF_A_USER {
            turn
        } else {
            drop(turn);
            self.probe_clients(user_id).await;
            self.turn(patience).await.map_err(Failure::Problem)?
        };
        let (parts, events) = mpsc::channel(WAITING_PARTS);
        let stream = LiveStream { user_id, session_id, told: None, sent_at: Instant::now(), parts };
        let key = self.table().add(stream).ok_or_else(|| Failure::Problem(too_many()))?;
        let place = Place { streams: Arc::clone(self), key };
        let first = self.begin(key, user_id, last).await?;
        Ok(EventBody { first: Some(first), events, _place: place })
    }

    /// Sends comments on the streams of a user who has the maximum number of streams. If a client has disconnected,
    /// this ends its stream.
    async fn probe_clients(&self, user_id: UserId) {
        for _ in 0..PROBES {
            self.table().send_comments(|stream| stream.user_id == user_id);
            sleep(PROBE).await;
            if self.table().count(user_id) < STREAMS_OF_A_USER {
                return;
            }
        }
    }

    /// Reads the first events of the stream and registers the stream for later events.
    async fn begin(
        self: &Arc<Self>,
        key: u64,
        user_id: UserId,
        last: Option<String>,
    ) -> Result<Bytes, Failure<StoreError>> {
        let notifications = Arc::clone(&self.notifications);
        let reading = async move {
            let start = notifications.start_stream(user_id, last.as_deref()).await?;
            let behind = UserPosition { user_id, position: start.from.position };
            let news = notifications.news(behind).await?;
            Ok::<_, StoreError>((start, news))
        };
        let read = self.runtime.spawn(reading).await;
        let (start, news) = match read {
            Ok(read) => read?,
            Err(panic) => return Err(Failure::Problem(Problem::new(&kinds::INTERNAL).caused_by(&panic))),
        };
        let mut table = self.table();
        if let Some(stream) = table.streams.get_mut(&key) {
            stream.told = Some(Told { position: news.position, unread: news.unread.clone() });
        }
        if !std::mem::replace(&mut table.is_watched, true) {
            drop(self.runtime.spawn(Arc::clone(self).watch()));
        }
        Ok(beginning(&start, &news))
    }

    /// Polls for new notifications until there are no streams left.
    async fn watch(self: Arc<Self>) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut count = 0_u32;
        loop {
            looks.tick().await;
            {
                let mut table = self.table();
                if self.readiness.is_draining() {
                    table.streams.clear();
                }
                if table.streams.is_empty() {
                    table.is_watched = false;
                    return;
                }
            }
            count = count.wrapping_add(1);
            if count.checked_rem(LOOKS_AT_SESSIONS) == Some(0)
                && let Err(error) = self.end_those_without_session().await
            {
                tracing::warn!(%error, "the sessions of live streams could not be read from the store");
            }
            if let Err(error) = self.send_news().await {
                tracing::warn!(%error, "notifications for live streams could not be read from the store");
            }
            let now = Instant::now();
            self.table().send_comments(|stream| now.duration_since(stream.sent_at) >= COMMENT_EVERY);
        }
    }

    async fn send_news(&self) -> Result<(), StoreError> {
        let known = self.table().positions();
        for behind in self.notifications.moved(&known).await? {
            let news = self.notifications.news(behind).await?;
            self.table().send_news(behind.user_id, &news);
        }
        Ok(())
    }

    async fn end_those_without_session(&self) -> Result<(), StoreError> {
        let sessions: HashSet<SessionId> =
            self.table().streams.values().map(|stream| stream.session_id).collect();
        let sessions: Vec<SessionId> = sessions.into_iter().collect();
        let live: HashSet<SessionId> =
            self.notifications.live_sessions(&sessions).await?.into_iter().collect();
        let looked_at: HashSet<SessionId> = sessions.into_iter().collect();
        self.table()
            .streams
            .retain(|_, stream| live.contains(&stream.session_id) || !looked_at.contains(&stream.session_id));
        Ok(())
    }
}

impl Table {
    fn count(&self, user_id: UserId) -> usize {
        self.streams.values().filter(|stream| stream.user_id == user_id).count()
    }

    /// Adds a stream and returns its key; `None` when its user has the maximum number of streams.
    fn add(&mut self, stream: LiveStream) -> Option<u64> {
        if self.count(stream.user_id) >= STREAMS_OF_A_USER {
            return None;
        }
        let key = self.next_key;
        self.next_key = key.wrapping_add(1);
        self.streams.insert(key, stream);
        Some(key)
    }

    /// Returns the position from which to read new notifications, for each user: the earliest position of the user's
    /// streams.
    fn positions(&self) -> Vec<UserPosition> {
        let mut least: HashMap<UserId, i64> = HashMap::new();
        for stream in self.streams.values() {
            if let Some(told) = &stream.told {
                let position = least.entry(stream.user_id).or_insert(told.position);
                *position = told.position.min(*position);
            }
        }
        least.into_iter().map(|(user_id, position)| UserPosition { user_id, position }).collect()
    }

    /// Sends each stream of the user the notifications that it does not have yet, and the unread counts if they have
    /// changed. Ends streams whose clients are too slow or have disconnected.
    fn send_news(&mut self, user_id: UserId, news: &UserNews) {
        let now = Instant::now();
        self.streams.retain(|_, stream| {
            let Some(told) = stream.told.as_mut().filter(|_| stream.user_id == user_id) else { return true };
            let mut part = String::new();
            for notification in news.notifications.iter().filter(|one| one.position > told.position) {
                push_notification(&mut part, notification);
            }
            if told.unread != news.unread {
                push_event(&mut part, "unread", None, &UnreadCountsBody::from(news.unread.clone()));
                told.unread = news.unread.clone();
            }
            told.position = told.position.max(news.position);
            part.is_empty() || stream.send(part.into(), now)
        });
    }

    fn send_comments(&mut self, is_due: impl Fn(&LiveStream) -> bool) {
        let now = Instant::now();
        self.streams.retain(|_, stream| !is_due(stream) || stream.send(COMMENT, now));
    }
}

impl LiveStream {
    /// Queues a part for the client; `false` when the client is too slow or has disconnected.
    fn send(&mut self, part: Bytes, now: Instant) -> bool {
        self.sent_at = now;
        self.parts.try_send(part).is_ok()
    }
}

fn too_many() -> Problem {
    let policy = format!("\"live-streams\";q={STREAMS_OF_A_USER}");
    let seconds = COMMENT_EVERY.as_secs();
    let header = |name, text: &str| (HeaderName::from_static(name), HeaderValue::from_str(text));
    let headers = [
        header("ratelimit-policy", &policy),
        header("ratelimit", &format!("\"live-streams\";r=0;t={seconds}")),
    ];
    let problem = Problem::new(&kinds::RATE_LIMITED)
        .because(format!("A user may have {STREAMS_OF_A_USER} live streams. Close one of them first."))
        .with_header(RETRY_AFTER, HeaderValue::from(seconds));
    headers.into_iter().fold(problem, |problem, (name, value)| match value {
        Ok(value) => problem.with_header(name, value),
        Err(_) => problem,
    })
}

/// Returns the first events of a stream: the counts, `resync` if `start` requires it, and the notifications that the
/// client missed.
fn beginning(start: &StreamStart, news: &UserNews) -> Bytes {
    let mut part = String::new();
    push_event(&mut part, "unread", Some(&start.from), &UnreadCountsBody::from(news.unread.clone()));
    if start.resync {
        push_event(&mut part, "resync", None, &serde_json::json!({}));
    }
    for notification in &news.notifications {
        push_notification(&mut part, notification);
    }
    part.into()
}

fn push_notification(part: &mut String, notification: &Notification) {
    let id = EventId::from(notification);
    push_event(part, "notification", Some(&id), &NotificationBody::from(notification.clone()));
}

/// Appends an event in the format of the HTML Standard, section 9.2.5. The data is one line, because compact JSON has
/// no line breaks.
fn push_event(part: &mut String, event: &str, id: Option<&EventId>, data: &impl Serialize) {
    let data = serde_json::to_string(data).unwrap_or_default();
    let id = id.map_or_else(String::new, |id| format!("id: {id}\n"));
    // Writing to a string never fails.
    let _ = write!(part, "event: {event}\n{id}data: {data}\n\n");
}

/// The place of a stream in the table. When this value is dropped, the stream is removed from the table.
struct Place {
    streams: Arc<LiveStreams>,
    key: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.streams.table().streams.remove(&self.key);
    }
}

/// The body of the response with a live stream. It ends when the stream is removed from the table.
pub(crate) struct EventBody {
    first: Option<Bytes>,
    events: Receiver<Bytes>,
    _place: Place,
}

impl std::fmt::Debug for EventBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventBody").finish_non_exhaustive()
    }
}

impl MessageBody for EventBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        self.events.poll_recv(context).map(|part| part.map(Ok))
    }
}
