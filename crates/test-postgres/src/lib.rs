//! Gives each test a PostgreSQL database of its own, fast.
//!
//! With `TEST_DATABASE_URL` the databases are made on that server. Else the PostgreSQL binaries of the machine make a
//! cluster in a temporary folder, one for the whole test process; it goes away with the process, however that ends.
//! Without PostgreSQL the tests fail and say what to install; `SKIP_POSTGRES=1` leaves them out.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot have its database has to stop and say why"
)]

mod binaries;
mod cluster;
mod databases;

use std::sync::{Arc, OnceLock, PoisonError};

use cluster::{Cluster, Identity};
use databases::Databases;
use tokio::sync::OnceCell;

/// A PostgreSQL server that tests make their databases on.
pub struct TestPostgres {
    databases: Arc<Databases>,
    template: OnceCell<String>,
    /// Last, so that the server outlives the connections to it; `None` on a server that is not ours.
    cluster: Option<std::sync::Mutex<Cluster>>,
}

impl TestPostgres {
    /// Whether tests that need PostgreSQL are to be left out: `SKIP_POSTGRES=1`.
    #[must_use]
    pub fn is_skipped() -> bool {
        binaries::setting("SKIP_POSTGRES").is_some_and(|value| value != "0")
    }

    /// The server that all tests of this process share; the first call starts it.
    ///
    /// # Panics
    /// When there is no PostgreSQL, or it does not start: the message says what to do.
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

    /// A server for one test alone, that it may stop and start. It goes away when this is dropped. Always made here,
    /// also with `TEST_DATABASE_URL`: nobody stops a server that others use.
    ///
    /// # Panics
    /// When there is no PostgreSQL, or it does not start: the message says what to do.
    #[must_use]
    pub fn private() -> Self {
        Self::on(Cluster::create(None))
    }

    /// The same, which takes encrypted connections too: it proves who it is with this certificate and its key (PEM).
    ///
    /// # Panics
    /// When there is no PostgreSQL, or it does not start: the message says what to do.
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

    /// A new database that `prepare` has filled. What it does (to the database at the given address, usually
    /// migrations) is done once a server, to a template that each database is then a copy of: give the same each time.
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

    /// Stops the server at once, as a crash does: connections break and new ones are refused.
    ///
    /// # Panics
    /// When the server is not ours (see [`TestPostgres::private`]) or does not stop.
    pub fn stop(&self) {
        self.own_cluster().lock().unwrap_or_else(PoisonError::into_inner).stop();
    }

    /// Starts the server again, at the same address; returns when it answers.
    ///
    /// # Panics
    /// When the server is not ours (see [`TestPostgres::private`]) or does not start.
    pub fn start(&self) {
        self.own_cluster().lock().unwrap_or_else(PoisonError::into_inner).start();
    }

    fn own_cluster(&self) -> &std::sync::Mutex<Cluster> {
        self.cluster.as_ref().expect("only a server of our own is stopped: use TestPostgres::private()")
    }
}

/// A database of one test. Dropped, it is removed soon, also when somebody is still connected.
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

    /// Runs statements on it, past whoever uses it.
    ///
    /// # Panics
    /// When one fails.
    pub async fn execute(&self, statements: &str) {
        databases::execute_at(&self.url, statements).await;
    }

    /// Lets the sessions that are opened from now on write or not, as a fail-over does. Making it read-only ends those that are
    /// open; making it writable again ends none.
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
