//! Creates and removes databases on a server.

use std::{
    process::{Child, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::{SystemTime, UNIX_EPOCH},
};

use tokio_postgres::{Client, NoTls};

use crate::binaries;

/// A shell script that waits for the end of its input, which is the end of the test process, and then removes the
/// databases of the process.
const FOREIGN_WATCHDOG: &str = "trap '' INT TERM HUP; cat >/dev/null; \
    printf '%s\\n' \"SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', datname) FROM pg_database \
    WHERE starts_with(datname, '$3') \\gexec\" | \"$1\" -X -q \"$2\"";

/// The databases that this process creates on one server.
pub(crate) struct Databases {
    admin_url: String,
    /// The prefix of the names of all databases. On a server that this process did not start, the prefix is unique to
    /// this process.
    prefix: String,
    next: AtomicU32,
    /// Receives the names of databases to remove.
    removals: Mutex<mpsc::Sender<String>>,
    /// Removes the databases when its input ends, at the end of this process; `None` on a server of this process, and
    /// if `psql` is not installed.
    _watchdog: Option<Child>,
}

impl Databases {
    /// For a server of this process, which is removed together with all its databases.
    pub(crate) fn on_own_server(admin_url: &str) -> Self {
        Self::new(admin_url, "test".to_owned(), None)
    }

    /// For a server that this process did not start and does not remove.
    pub(crate) fn on_foreign_server(admin_url: &str) -> Self {
        let prefix = format!("cinema_test_{}_{}", std::process::id(), start_of_run());
        let watchdog = binaries::psql().map(|psql| {
            Command::new("/bin/sh")
                .args(["-c", FOREIGN_WATCHDOG, "watchdog"])
                .arg(psql)
                .args([admin_url, &prefix])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("start a shell")
        });
        Self::new(admin_url, prefix, watchdog)
    }

    fn new(admin_url: &str, prefix: String, watchdog: Option<Child>) -> Self {
        let (removals, names) = mpsc::channel();
        let url = admin_url.to_owned();
        std::thread::spawn(move || remove_all(&url, &names));
        Self {
            admin_url: admin_url.to_owned(),
            prefix,
            next: AtomicU32::new(0),
            removals: Mutex::new(removals),
            _watchdog: watchdog,
        }
    }

    /// Returns the URL of the database with this name.
    pub(crate) fn url(&self, name: &str) -> String {
        with_database(&self.admin_url, name)
    }

    /// Creates a database as a copy of the template and returns its name.
    pub(crate) async fn create(&self, template: &str) -> String {
        let name = format!("{}_{}", self.prefix, self.next.fetch_add(1, Ordering::Relaxed));
        self.execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        name
    }

    /// Ends all connections to a database and refuses new ones, because PostgreSQL copies only databases without
    /// connections.
    pub(crate) async fn seal(&self, name: &str) {
        self.execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
        let others =
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        self.execute(&others).await;
    }

    /// Makes the background thread remove a database.
    pub(crate) fn remove_later(&self, name: &str) {
        // This cannot fail, because the background thread runs until this sender is dropped.
        let _ = self.removals.lock().unwrap_or_else(PoisonError::into_inner).send(name.to_owned());
    }

    async fn execute(&self, statement: &str) {
        execute_at(&self.admin_url, statement).await;
    }
}

/// Runs statements on the database with this URL.
pub(crate) async fn execute_at(url: &str, statements: &str) {
    let client = connect(url).await.expect("connect to the PostgreSQL server for tests");
    if let Err(error) = client.batch_execute(statements).await {
        panic!("{statements}: {error:?}");
    }
}

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // This task ends when the client is dropped.
    tokio::spawn(connection);
    Ok(client)
}

/// Removes each database whose name is received. Errors are ignored, because a database that remains is removed with
/// the server of this process, or by the watchdog if `psql` is installed.
fn remove_all(admin_url: &str, names: &mpsc::Receiver<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime.expect("make a runtime");
    for name in names {
        runtime.block_on(async {
            if let Ok(client) = connect(admin_url).await {
                let _ = client.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
            }
        });
    }
}

/// Returns the current time in milliseconds, which distinguishes two runs with the same process ID, for example in
/// containers.
#[expect(clippy::disallowed_methods, reason = "no test depends on the time")]
fn start_of_run() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis())
}

/// Returns the URL with the name of the database replaced.
fn with_database(url: &str, name: &str) -> String {
    let (address, parameters) = url.split_once('?').map_or((url, None), |(left, right)| (left, Some(right)));
    let authority = address.find("://").map_or(0, |at| at.saturating_add(3));
    let (scheme, rest) = address.split_at(authority);
    let host = rest.split('/').next().unwrap_or_default();
    let parameters = parameters.map(|text| format!("?{text}")).unwrap_or_default();
    format!("{scheme}{host}/{name}{parameters}")
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn only_the_name_of_the_database_is_replaced_in_a_url() {
        for (url, other) in [
            ("postgres://u:p@h:5432/a", "postgres://u:p@h:5432/x"),
            ("postgres://h", "postgres://h/x"),
            ("postgresql://h/a?sslmode=disable", "postgresql://h/x?sslmode=disable"),
        ] {
            assert_eq!(with_database(url, "x"), other);
        }
    }
}
