//! The connection to Redis. A lost connection is replaced in the background, and no request waits for the new one.

use std::{sync::Arc, time::Duration};

use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult, aio::MultiplexedConnection};
use tokio::{
    sync::watch,
    task::AbortHandle,
    time::{Instant, sleep, timeout},
};

/// How long a request waits for an answer from Redis. After that, the connection counts as lost for all requests.
const PATIENCE: Duration = Duration::from_millis(150);

/// The time limit for a new connection, including the login and the check that it can be used.
const CONNECTING: Duration = Duration::from_secs(2);

/// The shortest and the longest pause between two attempts to connect. Each pause is twice as long as the previous one,
/// up to the longest pause.
const PAUSES: std::ops::RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(2);

/// After a connection that lasted at least this long, the next pause is the shortest one again.
const LASTING: Duration = Duration::from_secs(10);

const LATE: &str = "it did not answer in time";

/// The text is not a valid Redis URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "REDIS_URL is not the URL of a Redis server; allowed: redis://USER:PASSWORD@HOST:PORT/NUMBER, rediss:// with TLS"
)]
pub struct InvalidRedisUrl;

/// Checks that the text is a valid Redis URL. Does not connect.
pub(crate) fn check(url: &str) -> Result<(), InvalidRedisUrl> {
    Client::open(url).map(drop).map_err(|_| InvalidRedisUrl)
}

/// Owns the connection to Redis, if there is one. When the connection is lost, a background task opens a new one.
pub(crate) struct Link {
    current: Arc<Current>,
    keeper: AbortHandle,
}

/// The current connection and its number. Because of the number, a request that fails late on an earlier connection
/// does not drop the current one.
type Current = watch::Sender<Option<(u64, MultiplexedConnection)>>;

impl Link {
    /// Starts the background task on the current Tokio runtime. `prepare` checks that a new connection can be used.
    pub(crate) fn open<P, F>(url: &str, prepare: P) -> Result<Self, InvalidRedisUrl>
    where
        P: Fn(MultiplexedConnection) -> F + Send + Sync + 'static,
        F: Future<Output = RedisResult<()>> + Send + 'static,
    {
        let client = Client::open(url).map_err(|_| InvalidRedisUrl)?;
        let current = Arc::new(Current::new(None));
        let keeper = tokio::spawn(keep(client, Arc::clone(&current), prepare)).abort_handle();
        Ok(Self { current, keeper })
    }

    /// Sends a request to Redis, and returns its answer. Returns `None` when there is no connection. Also returns
    /// `None` when the request fails or gets no answer in time; the connection is then dropped.
    pub(crate) async fn ask<T, F>(&self, question: impl FnOnce(MultiplexedConnection) -> F) -> Option<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let (number, connection) = self.current.borrow().clone()?;
        match timeout(PATIENCE, question(connection)).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => self.take_away(number, &reason(&error)),
            Err(_) => self.take_away(number, LATE),
        }
        None
    }

    /// Waits until there is a connection.
    pub(crate) async fn connected(&self) {
        // Cannot fail, because `self` owns the sender.
        let _ = self.current.subscribe().wait_for(Option::is_some).await;
    }

    /// Drops the connection with this number, if it is still the current one.
    fn take_away(&self, number: u64, why: &str) {
        let was_there = self.current.send_if_modified(|current| {
            let is_that = current.as_ref().is_some_and(|(known, _)| *known == number);
            if is_that {
                *current = None;
            }
            is_that
        });
        if was_there {
            tracing::warn!(why, "Redis is away: this node counts rate limits in its own memory");
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Connects, waits until the connection is lost, and connects again.
async fn keep<P, F>(client: Client, current: Arc<Current>, prepare: P)
where
    P: Fn(MultiplexedConnection) -> F,
    F: Future<Output = RedisResult<()>>,
{
    let (mut number, mut pause, mut is_told) = (0_u64, *PAUSES.start(), false);
    loop {
        let connecting = async {
            let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
            let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
            prepare(connection.clone()).await?;
            RedisResult::Ok(connection)
        };
        let why = match timeout(CONNECTING, connecting).await {
            Ok(Ok(connection)) => {
                number = number.wrapping_add(1);
                let mut losing = current.subscribe();
                current.send_replace(Some((number, connection)));
                tracing::info!("connected to Redis: the nodes count rate limits together");
                is_told = true;
                let since = Instant::now();
                if losing.wait_for(Option::is_none).await.is_err() {
                    return;
                }
                if since.elapsed() >= LASTING {
                    pause = *PAUSES.start();
                }
                None
            }
            Ok(Err(error)) => Some(reason(&error)),
            Err(_) => Some(LATE.to_owned()),
        };
        if let Some(why) = why
            && !std::mem::replace(&mut is_told, true)
        {
            tracing::warn!(why, "Redis is away: this node counts rate limits in its own memory");
        }
        sleep(pause).await;
        pause = pause.saturating_mul(2).min(*PAUSES.end());
    }
}

/// The reason for an error, for the log. The server's message is omitted, because it may repeat data that was sent to
/// the server.
fn reason(error: &RedisError) -> String {
    if error.is_io_error() { error.to_string() } else { error.category().to_owned() }
}
