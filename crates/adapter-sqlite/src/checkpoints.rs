use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use diesel::{
    QueryResult, SqliteConnection, connection::SimpleConnection, query_dsl::LoadQuery, sql_types::BigInt,
};
use tokio::{runtime::Handle, time::sleep};

use crate::{
    error::store_error,
    file::{DatabaseFile, Purpose},
    statement::Statement,
};

/// How long commits are collected before their pages are copied from the write-ahead log into the file.
const PACE: Duration = Duration::from_secs(1);

/// The maximum pause between attempts to empty the log while it is being read.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Copies the write-ahead log into the file, and empties it after an erasure, on a separate connection, so that the
/// writer never waits for it. Clones share the pending requests.
#[derive(Clone)]
pub(crate) struct Checkpoints {
    file: DatabaseFile,
    runtime: Handle,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Whether a task will make a checkpoint or is making one.
    is_scheduled: AtomicBool,
    /// Whether erased data may still be in the log.
    is_to_be_emptied: AtomicBool,
}

impl Checkpoints {
    pub(crate) fn new(file: DatabaseFile, runtime: Handle) -> Self {
        Self { file, runtime, state: Arc::default() }
    }

    /// Requests a checkpoint after a commit.
    pub(crate) fn request(&self) {
        if !self.state.is_scheduled.swap(true, Ordering::SeqCst) {
            self.runtime.spawn(self.clone().run(PACE));
        }
    }

    /// Requests after an erasure that the log, which keeps old versions of pages, is emptied as soon as it is not being
    /// read.
    pub(crate) fn request_emptying(&self) {
        self.state.is_to_be_emptied.store(true, Ordering::SeqCst);
        if !self.state.is_scheduled.swap(true, Ordering::SeqCst) {
            self.runtime.spawn(self.clone().run(Duration::ZERO));
        }
    }

    async fn run(self, mut pause: Duration) {
        loop {
            sleep(pause).await;
            // Later commits and erasures request another checkpoint.
            self.state.is_scheduled.store(false, Ordering::SeqCst);
            let is_to_be_emptied = self.state.is_to_be_emptied.swap(false, Ordering::SeqCst);
            let file = self.file.clone();
            let work = self.runtime.spawn_blocking(move || checkpoint(&file, is_to_be_emptied)).await;
            let is_done = match work {
                Ok(Ok(is_done)) => is_done,
                Ok(Err(error)) => {
                    tracing::debug!(
                        error = domain::failure::error_chain(&error),
                        "no checkpoint could be made"
                    );
                    !is_to_be_emptied
                }
                // The runtime is shutting down.
                Err(_) => return,
            };
            if is_done {
                return;
            }
            self.state.is_to_be_emptied.store(true, Ordering::SeqCst);
            if self.state.is_scheduled.swap(true, Ordering::SeqCst) {
                return;
            }
            pause = pause.saturating_mul(2).clamp(PACE, LONGEST_PAUSE);
        }
    }
}

/// Makes a checkpoint without waiting for others; returns whether everything requested is done.
fn checkpoint(file: &DatabaseFile, is_to_be_emptied: bool) -> Result<bool, domain::store::StoreError> {
    let mut connection = file.open(Purpose::Checkpoint)?;
    // Most pages are copied without blocking readers and the writer; emptying blocks the writer only for the remaining
    // pages.
    connection.batch_execute("PRAGMA wal_checkpoint(PASSIVE)").map_err(store_error)?;
    if !is_to_be_emptied {
        return Ok(true);
    }
    is_emptied(&mut connection).map_err(store_error)
}

fn is_emptied(connection: &mut SqliteConnection) -> QueryResult<bool> {
    // Whether the checkpoint was blocked, the number of pages in the log, and how many of them are in the file.
    let statement = Statement::<(BigInt, BigInt, BigInt)>::new("PRAGMA wal_checkpoint(TRUNCATE)");
    let rows: Vec<(i64, i64, i64)> = statement.internal_load(connection)?.collect::<QueryResult<_>>()?;
    Ok(rows.first().is_some_and(|(is_busy, pages, _)| *is_busy == 0 && *pages <= 0))
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Instant};

    use diesel::Connection as _;

    use super::*;
    use crate::{Database, PoolOptions, unit_of_work::UnitOfWork};

    async fn open(folder: &Path) -> Database {
        let database = Database::open(&folder.join("cinema.db"), PoolOptions { size: 1 }).await.unwrap();
        let mut unit = UnitOfWork::begin(&database).await.unwrap();
        unit.execute(Statement::<()>::new("CREATE TABLE things (n int)")).await.unwrap();
        unit.finish().await.unwrap();
        database
    }

    /// Another process with a long read transaction, like a backup.
    fn reader(folder: &Path) -> SqliteConnection {
        let path = folder.join("cinema.db");
        let mut reader = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        reader.batch_execute("BEGIN; SELECT count(*) FROM things").unwrap();
        reader
    }

    async fn erase(database: &Database) {
        let mut unit = UnitOfWork::begin(database).await.unwrap();
        unit.execute(Statement::<()>::new("INSERT INTO things VALUES (1)")).await.unwrap();
        unit.note_erasure();
        unit.finish().await.unwrap();
    }

    /// Waits until the log is empty.
    async fn emptied(folder: &Path) {
        let log = folder.join("cinema.db-wal");
        let begun = Instant::now();
        while std::fs::metadata(&log).unwrap().len() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(30), "the log is not emptied");
            sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_erasure_during_a_read_blocks_no_writer_and_is_completed_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let database = open(folder.path()).await;
        let mut reader = reader(folder.path());
        let begun = Instant::now();
        for _ in 0..4 {
            erase(&database).await;
        }
        // Less than SQLite's own wait for one reader.
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        assert!(std::fs::metadata(folder.path().join("cinema.db-wal")).unwrap().len() > 0);
        reader.batch_execute("COMMIT").unwrap();
        emptied(folder.path()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn data_erased_before_a_crash_is_removed_from_the_log_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let database = open(folder.path()).await;
        let reader = reader(folder.path());
        erase(&database).await;
        // A copy of the current files is equivalent to the state after a crash.
        let crashed = tempfile::tempdir().unwrap();
        for name in ["cinema.db", "cinema.db-wal"] {
            std::fs::copy(folder.path().join(name), crashed.path().join(name)).unwrap();
        }
        drop(reader);
        let _database =
            Database::open(&crashed.path().join("cinema.db"), PoolOptions { size: 1 }).await.unwrap();
        emptied(crashed.path()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn commits_are_written_to_the_file_in_the_background() {
        let folder = tempfile::tempdir().unwrap();
        let database = open(folder.path()).await;
        let file = || std::fs::metadata(folder.path().join("cinema.db")).unwrap().len();
        let mut unit = UnitOfWork::begin(&database).await.unwrap();
        let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) \
            INSERT INTO things SELECT i FROM n";
        unit.execute(Statement::<()>::new(many)).await.unwrap();
        unit.finish().await.unwrap();
        let begun = Instant::now();
        while file() < 1_000_000 {
            assert!(begun.elapsed() < Duration::from_secs(30), "no checkpoint is made");
            sleep(Duration::from_millis(5)).await;
        }
    }
}
