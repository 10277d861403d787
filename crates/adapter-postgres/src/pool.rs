use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use deadpool::managed::{self, Metrics, Object, Pool, RecycleError, RecycleResult};
use diesel_async::{AsyncPgConnection, pooled_connection::PoolableConnection};
use domain::store::StoreError;
use tls_trust::Trust;
use tokio::{runtime::Handle, time::timeout};
use tokio_postgres::{
    CancelToken, Client, Config, Connection, Error, Socket,
    config::SslMode,
    tls::{MakeTlsConnect, TlsStream},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{
    address::Address,
    error::is_read_only,
    session::{Session, is_silence},
    tls::connector,
};

/// How long to wait for a free connection before giving up.
const WAIT: Duration = Duration::from_secs(1);

/// The time limit for opening a connection, and for asking the server to cancel a statement.
const OPEN: Duration = Duration::from_secs(2);

/// The maximum age of a connection. After that time at the latest, no connection leads to a server that was replaced without
/// closing its connections, or that the host name no longer resolves to.
const MAX_AGE: Duration = Duration::from_mins(10);

/// The maximum ages of connections differ in this many steps over a quarter of [`MAX_AGE`], so that connections that were
/// opened together are not replaced together.
const AGE_STEPS: u32 = 16;

/// The options of every connection: time limits for statements, locks and idle transactions; and random page costs of SSDs, so
/// that lists are read by their index. The lock timeout is longer than PostgreSQL's `deadlock_timeout` of 1 s, so that a
/// deadlock is reported as one. `PgBouncer` refuses options unless `ignore_startup_parameters = options` is set; then the role
/// must have them.
const STARTUP: &str = "-c statement_timeout=5000 -c lock_timeout=1500 \
    -c idle_in_transaction_session_timeout=10000 -c jit=off -c random_page_cost=1.1";

/// The options for migrations, which may run for long but must not block the service while they wait for a lock.
const MIGRATION_STARTUP: &str = "-c statement_timeout=0 -c lock_timeout=10000";

/// Why the pool cannot provide a connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("cannot connect to PostgreSQL")]
    Connect(#[from] Error),
    #[error("cannot set up the connection to PostgreSQL")]
    Setup(#[from] diesel::ConnectionError),
    #[error("cannot read the statement_timeout of PostgreSQL")]
    Ask(#[from] diesel::result::Error),
    #[error("PostgreSQL did not answer in time")]
    TimedOut(#[from] tokio::time::error::Elapsed),
    #[error("the runtime that opens connections has ended")]
    Runtime(#[from] tokio::task::JoinError),
}

/// The server answers, but is read-only.
#[derive(Debug, thiserror::Error)]
#[error("PostgreSQL is read-only: the server is a standby, or default_transaction_read_only is on")]
pub(crate) struct ReadOnly;

/// Opens connections, each driven by the runtime that the pool was created on, so that a busy web worker never stalls
/// them.
#[derive(Clone)]
pub(crate) struct Manager {
    config: Config,
    tls: MakeRustlsConnect,
    runtime: Handle,
    max_age: Duration,
    /// How many connections were opened.
    opened: Arc<AtomicU32>,
}

pub(crate) type PooledConnection = Object<Manager>;

impl Manager {
    async fn open(self) -> Result<Session, ConnectError> {
        let max_age = self.next_max_age();
        let (client, connection) = connect(&self.config, self.tls).await?;
        let connection = AsyncPgConnection::try_from_client_and_connection(client, connection).await?;
        Ok(Session::on(connection, max_age).await?)
    }

    fn next_max_age(&self) -> Duration {
        let step = self.opened.fetch_add(1, Ordering::Relaxed).checked_rem(AGE_STEPS).unwrap_or_default();
        let steps = AGE_STEPS.saturating_mul(4);
        let part = self.max_age.checked_div(steps).unwrap_or_default().saturating_mul(step);
        self.max_age.saturating_sub(part)
    }

    /// The same connections with other settings.
    fn with_options(&self, options: &str) -> Self {
        let mut manager = self.clone();
        // The default options come first, so that options in the address take precedence.
        let theirs = manager.config.get_options().unwrap_or_default();
        let options = format!("{options} {theirs}");
        manager.config.options(options.trim());
        manager
    }
}

/// Connects; without encryption if it is only preferred and the TLS handshake fails.
async fn connect<T>(
    config: &Config,
    tls: T,
) -> Result<(Client, Connection<Socket, impl TlsStream + Unpin + Send + 'static>), Error>
where
    T: MakeTlsConnect<Socket> + Clone,
    T::Stream: Send + 'static,
{
    match config.connect(tls.clone()).await {
        Err(error) if config.get_ssl_mode() == SslMode::Prefer && is_of_encryption(&error) => {
            tracing::warn!(
                error = domain::failure::error_chain(&error),
                "PostgreSQL is used without encryption"
            );
            config.clone().ssl_mode(SslMode::Disable).connect(tls).await
        }
        answer => answer,
    }
}

/// Whether the TLS handshake failed, which can only be recognized by the message of the library.
fn is_of_encryption(error: &Error) -> bool {
    error.to_string().starts_with("error performing TLS handshake")
}

impl managed::Manager for Manager {
    type Type = Session;
    type Error = ConnectError;

    async fn create(&self) -> Result<Session, ConnectError> {
        let open = self.clone().open();
        // The time limit is part of the task, which continues when its caller is cancelled.
        self.runtime.spawn(async move { timeout(OPEN, open).await }).await??
    }

    /// Does not query the server: a connection that broke in the meantime is detected at its first statement, which is
    /// retried.
    async fn recycle(&self, session: &mut Session, metrics: &Metrics) -> RecycleResult<ConnectError> {
        if session.connection.is_broken() {
            Err(RecycleError::Message("the connection is broken".into()))
        } else if metrics.age() >= session.max_age {
            Err(RecycleError::Message("the connection is too old".into()))
        } else {
            Ok(())
        }
    }
}

/// Hands out connections and counts the statements that run on them.
pub(crate) struct Connections {
    pool: Pool<Manager>,
    /// Opens connections outside the pool.
    manager: Manager,
    statements: AtomicU64,
}

impl Connections {
    /// Parses the address without opening a connection.
    pub(crate) fn new(url: &str, size: usize) -> Result<Self, StoreError> {
        Self::with_max_age(url, size, MAX_AGE)
    }

    /// As [`Connections::new`], with another maximum age.
    pub(crate) fn with_max_age(url: &str, size: usize, max_age: Duration) -> Result<Self, StoreError> {
        let Address { config, trust } = Address::parse(url).map_err(StoreError::failed)?;
        let tls = connector(&trust, config.get_ssl_negotiation()).map_err(StoreError::failed)?;
        if config.get_ssl_mode() == SslMode::Require && trust == Trust::Anybody {
            tracing::warn!(
                "sslmode=require encrypts, and takes anybody for the database: sslmode=verify-full looks at the certificate"
            );
        }
        let manager = Manager { config, tls, runtime: Handle::current(), max_age, opened: Arc::default() };
        let pool = Pool::builder(manager.with_options(STARTUP))
            .max_size(size.max(1))
            .wait_timeout(Some(WAIT))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(StoreError::failed)?;
        Ok(Self { pool, manager, statements: AtomicU64::new(0) })
    }

    /// A connection, or an error after [`WAIT`] and [`OPEN`] at the latest.
    pub(crate) async fn get(&self) -> Result<PooledConnection, StoreError> {
        self.pool.get().await.map_err(StoreError::unavailable)
    }

    /// A connection to write on. A connection that was read-only when it was opened is replaced by a new one, so that
    /// writing continues as soon as the server allows it again. If the new one is read-only too, it stays in the pool
    /// for reading.
    pub(crate) async fn get_to_write(&self) -> Result<PooledConnection, StoreError> {
        loop {
            let session = self.get().await?;
            if !session.is_read_only {
                return Ok(session);
            }
            let is_new = Object::metrics(&session).recycle_count == 0;
            if is_new {
                return Err(StoreError::unavailable(ReadOnly));
            }
            drop(Object::take(session));
        }
    }

    /// Closes a connection that can no longer be used. If the server stopped responding or became read-only, the idle
    /// connections are also closed, because they are connected to the same server.
    pub(crate) fn discard(&self, session: PooledConnection, why: &diesel::result::Error) {
        drop(Object::take(session));
        let is_read_only = is_read_only(why);
        if is_silence(why) || is_read_only {
            let reason = if is_read_only { "is read-only" } else { "does not answer" };
            tracing::warn!("PostgreSQL {reason}: its idle connections are closed");
            self.pool.retain(|_, _| false);
        }
    }

    /// Cancels a statement whose caller was cancelled.
    pub(crate) async fn cancel(&self, statement: &CancelToken) {
        match timeout(OPEN, statement.cancel_query(self.manager.tls.clone())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a statement could not be cancelled"),
            Err(_) => tracing::debug!("a statement could not be cancelled in time"),
        }
    }

    /// A connection outside the pool, without time limit for statements.
    pub(crate) async fn open_for_migrations(&self) -> Result<AsyncPgConnection, StoreError> {
        let manager = self.manager.with_options(MIGRATION_STARTUP);
        let session = managed::Manager::create(&manager).await.map_err(StoreError::unavailable)?;
        if session.is_read_only { Err(StoreError::unavailable(ReadOnly)) } else { Ok(session.connection) }
    }

    /// The runtime on which work continues when a caller is cancelled.
    pub(crate) const fn runtime(&self) -> &Handle {
        &self.manager.runtime
    }

    /// Counts a statement.
    pub(crate) fn count_statement(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }

    /// How many statements were run so far.
    pub(crate) fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connections_that_were_opened_together_do_not_expire_together() {
        let connections = Connections::new("postgres://localhost/cinema", 2).unwrap();
        let ages: Vec<u64> = (0..32).map(|_| connections.manager.next_max_age().as_secs()).collect();
        assert_eq!(ages.iter().max(), Some(&600));
        assert!(ages.iter().all(|age| *age > 450), "{ages:?}");
        assert_eq!(ages.iter().collect::<std::collections::BTreeSet<_>>().len(), 16);
    }

    #[tokio::test]
    async fn options_in_the_address_override_the_defaults() {
        let url = "postgres://localhost/cinema?options=-c%20statement_timeout%3D9000";
        let manager = Connections::new(url, 2).unwrap().manager.with_options(STARTUP);
        let options = manager.config.get_options().unwrap();
        assert!(options.ends_with("random_page_cost=1.1 -c statement_timeout=9000"), "{options}");
    }
}
