//! The connection to Redis: either there, or away without anybody waiting for it.

use std::{sync::Arc, time::Duration};

use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult, aio::MultiplexedConnection};
use tokio::{
    sync::watch,
    task::AbortHandle,
    time::{Instant, sleep, timeout},
};

/// How long a request waits for Redis. Who waited in vain takes the connection away from everybody.
const PATIENCE: Duration = Duration::from_millis(150);

/// How long connecting, with everything that belongs to it, may take.
const CONNECTING: Duration = Duration::from_secs(2);

/// The pauses between two attempts to connect: each is twice the one before.
const PAUSES: std::ops::RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(2);

/// A connection that lasted this long was a good one.
const LASTING: Duration = Duration::from_secs(10);

const LATE: &str = "it did not answer in time";

/// The address is none of a Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "REDIS_URL is no address of a Redis; allowed: redis://USER:PASSWORD@HOST:PORT/NUMBER, rediss:// with TLS"
)]
pub struct InvalidRedisUrl;

/// Whether the address is one of a Redis.
pub(crate) fn check(url: &str) -> Result<(), InvalidRedisUrl> {
    Client::open(url).map(drop).map_err(|_| InvalidRedisUrl)
}

/// Holds the connection while there is one; a task of its own keeps looking for the next.
pub(crate) struct Link {
    current: Arc<Current>,
    keeper: AbortHandle,
}

/// The connection, numbered so that it is taken away once only.
type Current = watch::Sender<Option<(u64, MultiplexedConnection)>>;

impl Link {
    /// Begins to connect, on the runtime that this is called on. `prepare` proves that a connection can be used.
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

    /// Asks Redis; `None` when it is away, or does not answer as it should.
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
        // The sender is ours: it does not end before this does.
        let _ = self.current.subscribe().wait_for(Option::is_some).await;
    }

    fn take_away(&self, number: u64, why: &str) {
        let was_there = self.current.send_if_modified(|current| {
            let is_that = current.as_ref().is_some_and(|(known, _)| *known == number);
            if is_that {
                *current = None;
            }
            is_that
        });
        if was_there {
            tracing::warn!(why, "Redis is away: this node counts by itself");
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
                tracing::info!("Redis is there: the nodes count together");
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
            tracing::warn!(why, "Redis is away: this node counts by itself");
        }
        sleep(pause).await;
        pause = pause.saturating_mul(2).min(*PAUSES.end());
    }
}

/// What went wrong, without what the server says of it: that may repeat what it was sent.
fn reason(error: &RedisError) -> String {
    if error.is_io_error() { error.to_string() } else { error.category().to_owned() }
}
