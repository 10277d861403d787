//! Provides each test with a separate PostgreSQL database, in a short time.
//!
//! With the setting `TEST_DATABASE_URL`, the databases are created on that server. Otherwise, the test process starts a
//! server with the PostgreSQL programs of the machine. The data of that server are in a temporary folder. The server
//! and the folder are removed when the process ends, also when it is killed. If PostgreSQL is not installed, the tests
//! fail and say what to install; `SKIP_POSTGRES=1` skips them.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test without its database must fail and report the reason"
)]

mod binaries;
mod cluster;
mod databases;

use std::sync::{Arc, OnceLock, PoisonError};

use cluster::{Cluster, Identity};
use databases::Databases;
use tokio::sync::OnceCell;

/// A PostgreSQL server on which tests create databases.
pub struct TestPostgres {
    databases: Arc<Databases>,
    /// The name of the prepared database that [`TestPostgres::database`] copies.
    template: OnceCell<String>,
    /// `None` on a server that this process did not start. This is the last field, so that it is dropped last: the
    /// server must outlive the connections to it.
    cluster: Option<std::sync::Mutex<Cluster>>,
}

impl TestPostgres {
    /// Returns whether tests that need PostgreSQL must be skipped, because `SKIP_POSTGRES` is set to a value other
    /// than `0`. An empty value counts as missing.
    #[must_use]
    pub fn is_skipped() -> bool {
        binaries::setting("SKIP_POSTGRES").is_some_and(|value| value != "0")
    }

    /// Returns the server that all tests of this process share. The first call starts it, if `TEST_DATABASE_URL` is not
    /// set.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, or does not start. The message says what to do.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<TestPostgres> = OnceLock::new();
        SHARED.get_or_init(|| match binaries::setting("TEST_DATABASE_URL") {
            Some(url) => {
                let databases = Databases::on_foreign_server(&url);
                Self { databases: Arc::new(databases), template: OnceCell::new(), cluster: None }
            }
            None => Self::private(),
        })
    }

    /// Starts a server for one test, which may stop it and start it again. The server is removed when the returned
    /// value is dropped. `TEST_DATABASE_URL` is ignored, because a test must not stop a shared server.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, or does not start. The message says what to do.
    #[must_use]
    pub fn private() -> Self {
        Self::on(Cluster::create(None))
    }

    /// Starts a server as [`TestPostgres::private`] does. It also accepts encrypted connections, with this certificate
    /// and its private key, both as PEM.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, or does not start. The message says what to do.
    #[must_use]
    pub fn encrypted(certificate: &str, key: &str) -> Self {
        Self::on(Cluster::create(Some(Identity { certificate, key })))
    }

    fn on(cluster: Cluster) -> Self {
        let databases = Databases::on_own_server(&cluster.url());
        Self {
            databases: Arc::new(databases),
            template: OnceCell::new(),
            cluster: Some(std::sync::Mutex::new(cluster)),
        }
    }

    /// Creates a database that is a copy of a prepared template. The first call for a server creates the template,
    /// and calls `prepare` with its URL, usually to run migrations. Later calls ignore `prepare`, so all calls for
    /// a server must pass the same function.
    ///
    /// # Panics
    /// When the database cannot be made.
    pub async fn database<F, Fut>(&self, prepare: F) -> TestDatabase
    where
        F: FnOnce(String) -> Fut,
        Fut: Future<Output = ()>,
    {
        let template = self
            .template
            .get_or_init(async || {
                let name = self.databases.create("template0").await;
                prepare(self.databases.url(&name)).await;
                self.databases.seal(&name).await;
                name
            })
            .await;
        self.copy(template).await
    }

    /// Creates an empty database.
    ///
    /// # Panics
    /// When the database cannot be made.
    pub async fn empty_database(&self) -> TestDatabase {
        self.copy("template0").await
    }

    async fn copy(&self, template: &str) -> TestDatabase {
        let name = self.databases.create(template).await;
        TestDatabase { url: self.databases.url(&name), name, databases: Arc::clone(&self.databases) }
    }

    /// Stops the server immediately, as a crash does: connections break, and new connections are refused.
    ///
    /// # Panics
    /// When this process did not start the server (`TEST_DATABASE_URL` is set), or the server does not stop. Call
    /// this only for a server of [`TestPostgres::private`]: other tests use the shared server.
    pub fn stop(&self) {
        self.own_cluster().lock().unwrap_or_else(PoisonError::into_inner).stop();
    }

    /// Starts the server again at the same address, and waits until it accepts connections.
    ///
    /// # Panics
    /// When this process did not start the server (`TEST_DATABASE_URL` is set), or the server does not start.
    pub fn start(&self) {
        self.own_cluster().lock().unwrap_or_else(PoisonError::into_inner).start();
    }

    fn own_cluster(&self) -> &std::sync::Mutex<Cluster> {
        self.cluster.as_ref().expect("a shared server cannot be stopped: use TestPostgres::private()")
    }
}

/// A database of one test. Some time after this value is dropped, the database is removed, even if connections to it
/// are open.
pub struct TestDatabase {
    name: String,
    url: String,
    databases: Arc<Databases>,
}

impl TestDatabase {
    /// Returns the URL of this database: `postgres://…`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs statements on this database, on a separate connection.
    ///
    /// # Panics
    /// When a statement fails.
    pub async fn execute(&self, statements: &str) {
        databases::execute_at(&self.url, statements).await;
    }

    /// Makes new sessions of this database read-only, or writable again. This simulates a fail-over to a standby and
    /// back. When the sessions become read-only, open sessions are ended; when the sessions become writable, open
    /// sessions are not ended.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn set_read_only(&self, is_on: bool) {
        let change = if is_on {
            "SET default_transaction_read_only = on"
        } else {
            "RESET default_transaction_read_only"
        };
        self.execute(&format!("BEGIN READ WRITE; ALTER DATABASE {} {change}; COMMIT", self.name)).await;
        if is_on {
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
            self.execute(end).await;
        }
    }

    /// Returns the name of this database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        self.databases.remove_later(&self.name);
    }
}
