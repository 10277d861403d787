use std::{
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use deadpool::managed::{self, Metrics, Object, Pool, RecycleError, RecycleResult};
use diesel_async::{AsyncPgConnection, pooled_connection::PoolableConnection};
use domain::store::StoreError;
use tokio::runtime::Handle;
use tokio_postgres::{Config, NoTls};

/// How long to wait for a free connection before giving up.
const WAIT: Duration = Duration::from_secs(1);

/// How long opening a connection may take.
const OPEN: Duration = Duration::from_secs(2);

/// What every connection is opened with: nothing runs, waits for a lock or idles in a transaction for long; and pages
/// are planned for disks without moving parts, so that lists walk their index. Waiting for a lock is given up later than
/// after PostgreSQL's `deadlock_timeout` of 1 s, so that who waits in a circle is told so. `PgBouncer` refuses these
/// unless `ignore_startup_parameters = options` is set; give them to the role then.
const STARTUP: &str = "-c statement_timeout=5000 -c lock_timeout=1500 \
    -c idle_in_transaction_session_timeout=10000 -c jit=off -c random_page_cost=1.1";

/// Migrations may take their time, but do not hold up the service while they wait for a lock.
const MIGRATION_STARTUP: &str = "-c statement_timeout=0 -c lock_timeout=10000";

/// The pool cannot give a connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("cannot connect to PostgreSQL")]
    Connect(#[from] tokio_postgres::Error),
    #[error("cannot set up the connection to PostgreSQL")]
    Setup(#[from] diesel::ConnectionError),
    #[error("the runtime that opens connections has ended")]
    Runtime(#[from] tokio::task::JoinError),
}

/// Opens connections, each driven by the runtime that the pool was made on: a busy web worker never stalls them.
#[derive(Debug)]
pub(crate) struct Manager {
    config: Config,
    runtime: Handle,
}

pub(crate) type PooledConnection = Object<Manager>;

impl managed::Manager for Manager {
    type Type = AsyncPgConnection;
    type Error = ConnectError;

    async fn create(&self) -> Result<AsyncPgConnection, ConnectError> {
        let config = self.config.clone();
        self.runtime
            .spawn(async move {
                let (client, connection) = config.connect(NoTls).await?;
                Ok(AsyncPgConnection::try_from_client_and_connection(client, connection).await?)
            })
            .await?
    }

    /// Without asking the server: a connection that broke meanwhile shows at its first statement, which is tried again.
    async fn recycle(&self, connection: &mut AsyncPgConnection, _: &Metrics) -> RecycleResult<ConnectError> {
        if connection.is_broken() {
            Err(RecycleError::Message("the connection is broken".into()))
        } else {
            Ok(())
        }
    }
}

/// Hands out connections and counts the statements that run on them.
pub(crate) struct Connections {
    pool: Pool<Manager>,
    config: Config,
    runtime: Handle,
    statements: AtomicU64,
}

impl Connections {
    /// Reads the address; opens nothing yet.
    pub(crate) fn new(url: &str, size: usize) -> Result<Self, StoreError> {
        // The form that SQLAlchemy writes is understood too (R111).
        let plain = url.replacen("postgresql+psycopg://", "postgresql://", 1);
        let mut config = Config::from_str(&plain).map_err(StoreError::failed)?;
        if config.get_application_name().is_none() {
            config.application_name("cinema");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(OPEN);
        }
        let runtime = Handle::current();
        let manager = Manager { config: with_options(&config, STARTUP), runtime: runtime.clone() };
        let pool = Pool::builder(manager)
            .max_size(size.max(1))
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(OPEN))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(StoreError::failed)?;
        Ok(Self { pool, config, runtime, statements: AtomicU64::new(0) })
    }

    /// A connection, at the latest after [`WAIT`].
    pub(crate) async fn get(&self) -> Result<PooledConnection, StoreError> {
        self.pool.get().await.map_err(StoreError::unavailable)
    }

    /// A connection outside the pool, for migrations.
    pub(crate) async fn open_for_migrations(&self) -> Result<AsyncPgConnection, StoreError> {
        let manager =
            Manager { config: with_options(&self.config, MIGRATION_STARTUP), runtime: self.runtime.clone() };
        managed::Manager::create(&manager).await.map_err(StoreError::unavailable)
    }

    /// Where work goes on when a caller has gone away.
    pub(crate) const fn runtime(&self) -> &Handle {
        &self.runtime
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

/// Ours first, so that what the address says wins.
fn with_options(config: &Config, ours: &str) -> Config {
    let mut config = config.clone();
    let theirs = config.get_options().unwrap_or_default().to_owned();
    config.options(format!("{ours} {theirs}").trim());
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_form_of_address_is_understood() {
        for scheme in ["postgres", "postgresql", "postgresql+psycopg"] {
            let connections =
                Connections::new(&format!("{scheme}://ann:secret@db.example.com:5433/cinema"), 2).unwrap();
            assert_eq!(connections.config.get_dbname(), Some("cinema"));
            assert_eq!(connections.config.get_ports(), [5433]);
        }
        assert!(Connections::new("mysql://localhost/cinema", 2).is_err());
    }

    #[tokio::test]
    async fn options_in_the_address_win_over_ours() {
        let url = "postgres://localhost/cinema?options=-c%20statement_timeout%3D9000";
        let connections = Connections::new(url, 2).unwrap();
        let merged = with_options(&connections.config, STARTUP);
        assert!(merged.get_options().unwrap().ends_with("random_page_cost=1.1 -c statement_timeout=9000"));
    }
}
