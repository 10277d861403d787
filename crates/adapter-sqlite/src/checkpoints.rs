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
use domain::store::StoreError;
use tokio::{runtime::Handle, time::sleep};

use crate::{
    error::store_error,
    file::{DatabaseFile, Purpose},
    log_sync::LogSync,
    statement::Statement,
};

/// How long after a commit the checkpoint starts. Later commits within this time share the checkpoint.
const PACE: Duration = Duration::from_secs(1);

/// How long after a commit the checkpoint starts while many rows are imported: most pages change in every unit of work,
/// and are copied only once in this time.
const BULK_PACE: Duration = Duration::from_secs(8);

/// The maximum pause between two attempts to empty the write-ahead log. An attempt fails while another connection
/// reads the log or writes to it.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Makes checkpoints: copies pages from the write-ahead log to the database file, and empties the log at the start
/// and after personal data was erased. Uses its own connection: the writer waits only while the log is emptied.
/// Clones share the pending requests.
#[derive(Clone)]
pub(crate) struct Checkpoints {
    file: DatabaseFile,
    log_sync: LogSync,
    runtime: Handle,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Whether a task is going to make a checkpoint. A request during the checkpoint itself starts another task.
    is_scheduled: AtomicBool,
    /// Whether the log must be emptied, because it may still contain erased data.
    is_to_be_emptied: AtomicBool,
    /// Whether many rows are being imported.
    expects_bulk: AtomicBool,
}

impl Checkpoints {
    pub(crate) fn new(file: DatabaseFile, log_sync: LogSync, runtime: Handle) -> Self {
        Self { file, log_sync, runtime, state: Arc::default() }
    }

    /// Makes checkpoints less often, for an import.
    pub(crate) fn expect_bulk_writes(&self) {
        self.state.expects_bulk.store(true, Ordering::SeqCst);
    }

    /// Requests a checkpoint. Must be called after each commit, unless [`Self::request_emptying`] is called.
    pub(crate) fn request(&self) {
        if !self.state.is_scheduled.swap(true, Ordering::SeqCst) {
            let pace = if self.state.expects_bulk.load(Ordering::SeqCst) { BULK_PACE } else { PACE };
            self.runtime.spawn(self.clone().run(pace));
        }
    }

    /// Requests that the log is emptied. Must be called after a commit that erased personal data, because the log
    /// keeps old versions of pages. If an attempt fails (see [`LONGEST_PAUSE`]), a task retries until the log is
    /// empty.
    pub(crate) fn request_emptying(&self) {
        self.state.is_to_be_emptied.store(true, Ordering::SeqCst);
        if !self.state.is_scheduled.swap(true, Ordering::SeqCst) {
            self.runtime.spawn(self.clone().run(Duration::ZERO));
        }
    }

    async fn run(self, mut pause: Duration) {
        loop {
            sleep(pause).await;
            // `is_scheduled` and `is_to_be_emptied` are reset before the checkpoint, so that a commit or an erasure
            // during the checkpoint starts another checkpoint.
            self.state.is_scheduled.store(false, Ordering::SeqCst);
            let is_to_be_emptied = self.state.is_to_be_emptied.swap(false, Ordering::SeqCst);
            let (file, log_sync) = (self.file.clone(), self.log_sync.clone());
            let work =
                self.runtime.spawn_blocking(move || checkpoint(&file, &log_sync, is_to_be_emptied)).await;
            let is_done = match work {
                Ok(Ok(is_done)) => is_done,
                Ok(Err(error)) => {
                    tracing::debug!(
                        error = domain::failure::error_chain(&error),
                        "no checkpoint could be made"
                    );
                    !is_to_be_emptied
                }
                // The runtime is shutting down, or `checkpoint` panicked.
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

/// Makes a checkpoint without waiting for locks. Returns `false` if the log should be emptied but could not be.
fn checkpoint(file: &DatabaseFile, log_sync: &LogSync, is_to_be_emptied: bool) -> Result<bool, StoreError> {
    let mut connection = file.open(Purpose::Checkpoint)?;
    // After a failed sync, a part of the log may be missing on the disk (a gap, see [`LogSync`]). After a power
    // failure, SQLite ignores the log from the gap on. If pages from this part had been copied to the database file,
    // the file could contain a mixture of old and new pages. So the complete log is written again first.
    if log_sync.has_gap() {
        connection.batch_execute("BEGIN IMMEDIATE").map_err(store_error)?;
        let closed = log_sync.close_gap().map_err(StoreError::unavailable);
        connection.batch_execute("ROLLBACK").map_err(store_error)?;
        closed?;
    }
    // PASSIVE copies most pages without blocking readers or the writer. So emptying the log, which blocks the writer,
    // has only few pages left to copy.
    connection.batch_execute("PRAGMA wal_checkpoint(PASSIVE)").map_err(store_error)?;
    if !is_to_be_emptied {
        return Ok(true);
    }
    is_emptied(&mut connection).map_err(store_error)
}

/// Empties the log; returns `false` if another connection prevented that.
fn is_emptied(connection: &mut SqliteConnection) -> QueryResult<bool> {
    // The row has: whether the checkpoint was blocked, the number of pages in the log, and the number of copied pages.
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

    /// A connection with an open read transaction, as a backup by another process would have.
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
        // SQLite's own wait for the reader (`busy_timeout`) would be 5 seconds.
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
        // Copies of the files have the state in which a crash would leave them.
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
    async fn committed_pages_are_copied_to_the_file_in_the_background() {
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
    #[tokio::test(flavor = "multi_thread")]
    async fn a_gap_of_the_log_is_closed_before_anything_is_written_copied_or_reported_as_writable() {
        let folder = tempfile::tempdir().unwrap();
        let database = open(folder.path()).await;
        // The reader keeps the log from being emptied.
        let _reader = reader(folder.path());
        erase(&database).await;
        let (wal, moved) = (folder.path().join("cinema.db-wal"), folder.path().join("moved"));
        let copy = || checkpoint(database.file(), database.log_sync(), false).map(drop);
        database.log_sync().open_gap();
        // The log cannot be opened through a link.
        std::fs::rename(&wal, &moved).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(&moved, &wal).unwrap();
        assert!(UnitOfWork::begin(&database).await.is_err());
        assert!(database.check_writable().await.is_err());
        assert!(tokio::task::block_in_place(copy).is_err());
        std::fs::remove_file(&wal).unwrap();
        std::fs::rename(&moved, &wal).unwrap();

        UnitOfWork::begin(&database).await.unwrap().finish().await.unwrap();
        assert!(!database.log_sync().has_gap());
        database.log_sync().open_gap();
        database.check_writable().await.unwrap();
        assert!(!database.log_sync().has_gap());
        database.log_sync().open_gap();
        tokio::task::block_in_place(copy).unwrap();
        assert!(!database.log_sync().has_gap());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn simultaneous_checks_find_the_file_writable() {
        let folder = tempfile::tempdir().unwrap();
        let database = open(folder.path()).await;
        for _ in 0..20 {
            let checks = (0..8).map(|_| {
                let database = database.clone();
                tokio::spawn(async move { database.check_writable().await })
            });
            for check in futures_util::future::join_all(checks).await {
                check.unwrap().unwrap();
            }
        }
    }
}
