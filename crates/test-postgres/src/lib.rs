//! Provides each test with a separate PostgreSQL database, fast.
//!
//! With `TEST_DATABASE_URL` the databases are created on that server. Otherwise the PostgreSQL binaries of the machine
//! create a cluster in a temporary folder, one for the test process, which is removed when the process ends in any way.
//! Without PostgreSQL the tests fail and say what to install; `SKIP_POSTGRES=1` skips them.
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

/// A PostgreSQL server for the databases of tests.
pub struct TestPostgres {
    databases: Arc<Databases>,
    template: OnceCell<String>,
    /// The last field, so that the server outlives the connections to it; `None` on a shared server.
    cluster: Option<std::sync::Mutex<Cluster>>,
}

impl TestPostgres {
    /// Whether tests that need PostgreSQL are skipped: `SKIP_POSTGRES=1`.
    #[must_use]
    pub fn is_skipped() -> bool {
        binaries::setting("SKIP_POSTGRES").is_some_and(|value| value != "0")
    }

    /// The server that all tests of this process share; the first call starts it.
    ///
    /// # Panics
    /// When there is no PostgreSQL, or it does not start: the message has advice.
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

    /// A server for one test, which may stop and start it. It is removed when this is dropped. It is always created
    /// here, even with `TEST_DATABASE_URL`, since a shared server must not be stopped.
    ///
    /// # Panics
    /// When there is no PostgreSQL, or it does not start: the message has advice.
    #[must_use]
    pub fn private() -> Self {
        Self::on(Cluster::create(None))
    }

    /// Like [`TestPostgres::private`], with encrypted connections: the server uses this certificate and its key (PEM).
    ///
    /// # Panics
    /// When there is no PostgreSQL, or it does not start: the message has advice.
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

    /// A new database that was prepared with `prepare`, which usually runs migrations on the database at the given
    /// address. It is called once per server, for a template that each database is copied from, so it must be the same
    /// each time.
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

    /// A new database with nothing in it.
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

    /// Stops the server immediately, like a crash: connections break and new ones are refused.
    ///
    /// # Panics
    /// When the server is shared (see [`TestPostgres::private`]) or does not stop.
    pub fn stop(&self) {
        self.own_cluster().lock().unwrap_or_else(PoisonError::into_inner).stop();
    }

    /// Starts the server again, at the same address; returns when it answers.
    ///
    /// # Panics
    /// When the server is shared (see [`TestPostgres::private`]) or does not start.
    pub fn start(&self) {
        self.own_cluster().lock().unwrap_or_else(PoisonError::into_inner).start();
    }

    fn own_cluster(&self) -> &std::sync::Mutex<Cluster> {
        self.cluster.as_ref().expect("only a server of our own is stopped: use TestPostgres::private()")
    }
}

/// A database of one test. When it is dropped, it is removed soon, even if there are open connections.
pub struct TestDatabase {
    name: String,
    url: String,
    databases: Arc<Databases>,
}

impl TestDatabase {
    /// Its address: `postgres://…`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs statements on it, independently of its users.
    ///
    /// # Panics
    /// When a statement fails.
    pub async fn execute(&self, statements: &str) {
        databases::execute_at(&self.url, statements).await;
    }

    /// Makes new sessions read-only or writable, like a fail-over. Making the database read-only ends open sessions;
    /// making it writable again does not.
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

    /// Its name on the server.
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
