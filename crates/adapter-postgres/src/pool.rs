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

/// The time limit for waiting for a free connection in the pool.
const WAIT: Duration = Duration::from_secs(1);

/// The time limit for opening a connection, and for a request to cancel a statement.
const OPEN: Duration = Duration::from_secs(2);

/// The maximum age of a pooled connection. It limits how long the pool uses an old server after a fail-over, if the old
/// server did not close its connections, or if the host name now resolves to another server.
const MAX_AGE: Duration = Duration::from_mins(10);

/// The number of different maximum ages of connections. They are spread evenly over the last quarter of [`MAX_AGE`], so
/// that connections that were opened together are not replaced together.
const AGE_STEPS: u32 = 16;

/// The options of every pooled connection: time limits in milliseconds for statements, locks and idle transactions; no
/// JIT compilation; and the random page cost of an SSD, so that the planner reads lists in the order of an index.
///
/// The lock timeout is longer than PostgreSQL's `deadlock_timeout` of 1 s, so that a deadlock is reported as a deadlock
/// and not as a timeout. `PgBouncer` refuses these options unless `ignore_startup_parameters = options` is set; with
/// this setting it drops them, and they must be set on the database role.
const STARTUP: &str = "-c statement_timeout=5000 -c lock_timeout=1500 \
    -c idle_in_transaction_session_timeout=10000 -c jit=off -c random_page_cost=1.1";

/// The options of connections for migrations: statements have no time limit, but a wait for a lock ends after 10 s,
/// because other statements on the same table must wait behind the waiting statement.
const MIGRATION_STARTUP: &str = "-c statement_timeout=0 -c lock_timeout=10000";

/// Why a connection cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("cannot connect to PostgreSQL")]
    Connect(#[from] Error),
    #[error("cannot set up the connection to PostgreSQL")]
    Setup(#[from] diesel::ConnectionError),
    #[error("cannot read the settings of the PostgreSQL session")]
    Ask(#[from] diesel::result::Error),
    #[error("PostgreSQL did not answer in time")]
    TimedOut(#[from] tokio::time::error::Elapsed),
    #[error("the task that opens a connection was aborted or has panicked")]
    Runtime(#[from] tokio::task::JoinError),
}

/// The server answers, but is read-only.
#[derive(Debug, thiserror::Error)]
#[error("PostgreSQL is read-only: the server is a standby, or default_transaction_read_only is on")]
pub(crate) struct ReadOnly;

/// Opens connections. All of them are driven by the runtime that the pool was created on, and not by the runtime of
/// the caller. So a busy web worker, which has its own runtime, does not delay the connections that it has opened.
#[derive(Clone)]
pub(crate) struct Manager {
    config: Config,
    tls: MakeRustlsConnect,
    runtime: Handle,
    max_age: Duration,
    /// The number of opened connections, from which the maximum age of the next connection is computed.
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

    /// A copy of this manager that also sets `options` on each connection.
    fn with_options(&self, options: &str) -> Self {
        let mut manager = self.clone();
        // If an option occurs twice, PostgreSQL uses the last value. So options in the URL take precedence.
        let theirs = manager.config.get_options().unwrap_or_default();
        let options = format!("{options} {theirs}");
        manager.config.options(options.trim());
        manager
    }
}

/// Connects. If TLS is only preferred (`sslmode=prefer`) and the TLS handshake fails, connects without encryption.
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
                "the TLS handshake failed: PostgreSQL is used without encryption"
            );
            config.clone().ssl_mode(SslMode::Disable).connect(tls).await
        }
        answer => answer,
    }
}

/// Whether the TLS handshake failed. `tokio_postgres` has no public error kind, so the error is recognized by its
/// message.
fn is_of_encryption(error: &Error) -> bool {
    error.to_string().starts_with("error performing TLS handshake")
}

impl managed::Manager for Manager {
    type Type = Session;
    type Error = ConnectError;

    async fn create(&self) -> Result<Session, ConnectError> {
        let open = self.clone().open();
        // The task continues when its caller is cancelled, so the time limit must be inside the task.
        self.runtime.spawn(async move { timeout(OPEN, open).await }).await??
    }

    /// Decides whether an idle connection can be used again. Does not query the server: a connection that broke while
    /// it was idle is detected when its first statement fails. `Database::fetch` and `UnitOfWork::begin` then try
    /// another connection.
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

/// Provides connections from a pool, and counts the statements that run on them.
pub(crate) struct Connections {
    pool: Pool<Manager>,
    /// Opens connections outside the pool, for migrations.
    manager: Manager,
    statements: AtomicU64,
}

impl Connections {
    /// Creates a pool for the database at `url`, with at most `size` connections. Opens no connection yet.
    pub(crate) fn new(url: &str, size: usize) -> Result<Self, StoreError> {
        Self::with_max_age(url, size, MAX_AGE)
    }

    /// As [`Connections::new`], with another maximum age of connections.
    pub(crate) fn with_max_age(url: &str, size: usize, max_age: Duration) -> Result<Self, StoreError> {
        let Address { config, trust } = Address::parse(url).map_err(StoreError::failed)?;
        let tls = connector(&trust, config.get_ssl_negotiation()).map_err(StoreError::failed)?;
        if config.get_ssl_mode() == SslMode::Require && trust == Trust::Anybody {
            tracing::warn!(
                "sslmode=require encrypts the connection, but does not check who the server is: sslmode=verify-full checks it"
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

    /// Takes an idle connection, or opens one. Fails after [`WAIT`] plus [`OPEN`] at the latest.
    pub(crate) async fn get(&self) -> Result<PooledConnection, StoreError> {
        self.pool.get().await.map_err(StoreError::unavailable)
    }

    /// Takes a connection for a transaction that may write. A pooled connection that was read-only when it was opened
    /// is replaced, because the server may accept writes again. If a newly opened connection is read-only, the call
    /// fails, and the connection returns to the pool for reads.
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

    /// Closes an unusable connection. If the server does not respond or has become read-only, the idle connections are
    /// also closed, because they lead to the same server.
    pub(crate) fn discard(&self, session: PooledConnection, why: &diesel::result::Error) {
        drop(Object::take(session));
        let is_read_only = is_read_only(why);
        if is_silence(why) || is_read_only {
            let reason = if is_read_only { "is read-only" } else { "does not answer" };
            tracing::warn!("PostgreSQL {reason}: its idle connections are closed");
            self.pool.retain(|_, _| false);
        }
    }

    /// Asks the server to cancel a running statement whose result is no longer needed.
    pub(crate) async fn cancel(&self, statement: &CancelToken) {
        match timeout(OPEN, statement.cancel_query(self.manager.tls.clone())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a statement could not be cancelled"),
            Err(_) => tracing::debug!("a statement could not be cancelled in time"),
        }
    }

    /// Opens a connection outside the pool, without a time limit for statements.
    pub(crate) async fn open_for_migrations(&self) -> Result<AsyncPgConnection, StoreError> {
        let manager = self.manager.with_options(MIGRATION_STARTUP);
        let session = managed::Manager::create(&manager).await.map_err(StoreError::unavailable)?;
        if session.is_read_only { Err(StoreError::unavailable(ReadOnly)) } else { Ok(session.connection) }
    }

    /// The runtime for work that must continue when its caller is cancelled.
    pub(crate) const fn runtime(&self) -> &Handle {
        &self.manager.runtime
    }

    pub(crate) fn count_statement(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of statements counted so far.
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
    async fn options_in_the_url_override_the_defaults() {
        let url = "postgres://localhost/cinema?options=-c%20statement_timeout%3D9000";
        let manager = Connections::new(url, 2).unwrap().manager.with_options(STARTUP);
        let options = manager.config.get_options().unwrap();
        assert!(options.ends_with("random_page_cost=1.1 -c statement_timeout=9000"), "{options}");
    }
}
