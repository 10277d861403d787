use diesel::{
    QueryResult, SqliteConnection,
    query_builder::{QueryFragment, QueryId},
};
use diesel_async::{AsyncConnectionCore, RunQueryDsl, SimpleAsyncConnection, methods::LoadQuery};
use domain::store::StoreError;

use crate::{
    Database,
    dialect::{Backend, Connection},
    error::store_error,
    statement::Statement,
    writer::BorrowedWriter,
};

/// An open transaction, which implements every unit of work and every repository of the domain. It owns the only
/// connection for writing (except that migrations use another one). If it is dropped without `finish`, it is rolled
/// back before the next unit of work can begin.
pub struct UnitOfWork {
    database: Database,
    /// The connection; `None` after the transaction has ended.
    connection: Option<BorrowedWriter>,
    /// Whether a statement failed. SQLite may then have rolled back the transaction automatically, and a later
    /// statement would run outside a transaction.
    has_failed: bool,
    /// Whether the commit must invalidate the cached totals and counts of the catalogue.
    has_changed_catalog: bool,
    /// Whether data was erased, which must also be removed from the write-ahead log after the commit.
    has_erased: bool,
}

/// The error of a transaction that is used again after one of its statements has failed.
#[derive(Debug, thiserror::Error)]
#[error("the unit of work has already failed")]
struct FailedBefore;

impl UnitOfWork {
    /// Waits until all earlier units of work have ended, and begins a transaction. Fails if the wait takes too long.
    pub(crate) async fn begin(database: &Database) -> Result<Self, StoreError> {
        let connection = database.writer().borrow().await?;
        // The unit is created before `BEGIN` is run, so that dropping the unit also rolls back when the caller is
        // cancelled while `BEGIN` runs.
        let mut unit = Self {
            database: database.clone(),
            connection: Some(connection),
            has_failed: false,
            has_changed_catalog: false,
            has_erased: false,
        };
        // Takes the write lock immediately, so that no other process can write between a read and a write of this
        // transaction.
        unit.batch("BEGIN IMMEDIATE").await?;
        let log_sync = database.log_sync();
        if log_sync.has_gap() {
            let log_sync = log_sync.clone();
            // A part of the write-ahead log may be missing on the disk, so the complete log is written again. This
            // task locks the connection like a statement. So if the caller is cancelled, the rollback, which releases
            // the write lock, waits until the task ends.
            unit.run(move |_| Ok(log_sync.close_gap())).await?.map_err(StoreError::unavailable)?;
        }
        Ok(unit)
    }

    fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        if self.has_failed {
            return Err(StoreError::failed(FailedBefore));
        }
        self.database.count_statement();
        self.connection.as_deref_mut().ok_or_else(|| StoreError::failed(FailedBefore))
    }

    async fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        let answer = self.connection()?.batch_execute(sql).await;
        self.note(answer)
    }

    fn note<T>(&mut self, answer: QueryResult<T>) -> Result<T, StoreError> {
        answer.map_err(|error| {
            self.has_failed = true;
            store_error(error)
        })
    }

    /// Runs a task with several statements on a blocking thread.
    pub(crate) async fn run<T, F>(&mut self, task: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    {
        let answer = self.connection()?.spawn_blocking(task).await;
        self.note(answer)
    }

    /// Runs a statement, and returns the number of affected rows.
    pub(crate) async fn execute<'q, Q>(&mut self, query: Q) -> Result<usize, StoreError>
    where
        Q: QueryFragment<Backend> + QueryId + Send + 'q,
    {
        let answer = self.connection()?.execute_returning_count(query).await;
        self.note(answer)
    }

    /// Runs a statement that must affect exactly one row. Any other number is an error.
    pub(crate) async fn execute_one<'q, Q>(&mut self, query: Q) -> Result<(), StoreError>
    where
        Q: QueryFragment<Backend> + QueryId + Send + 'q,
    {
        match self.execute(query).await? {
            1 => Ok(()),
            rows => Err(StoreError::failed(format!("one row should be affected, not {rows}"))),
        }
    }

    /// Runs a query, and returns its rows.
    pub(crate) async fn load<'q, U, Q>(&mut self, query: Q) -> Result<Vec<U>, StoreError>
    where
        U: Send + 'q,
        Q: LoadQuery<'q, Connection, U> + Send + 'q,
    {
        let answer = query.load::<U>(self.connection()?).await;
        self.note(answer)
    }

    /// Runs a query, and returns its first row.
    pub(crate) async fn first<'q, U, Q>(&mut self, query: Q) -> Result<Option<U>, StoreError>
    where
        U: Send + 'q,
        Q: LoadQuery<'q, Connection, U> + Send + 'q,
    {
        Ok(self.load(query).await?.into_iter().next())
    }

    /// Requests that the commit invalidates the cached totals and counts of the catalogue in every process.
    pub(crate) const fn note_catalog_change(&mut self) {
        self.has_changed_catalog = true;
    }

    /// Announces that the transaction erases personal data. After the commit, the write-ahead log is emptied, because
    /// it keeps old versions of pages.
    pub(crate) const fn note_erasure(&mut self) {
        self.has_erased = true;
    }

    /// Commits the transaction, and waits until it is on the disk.
    pub(crate) async fn finish(mut self) -> Result<(), StoreError> {
        if self.has_changed_catalog {
            let bump = Statement::<()>::new("UPDATE catalog_state SET version = version + 1");
            self.execute_one(bump).await?;
        }
        self.batch("COMMIT").await?;
        let commit = self.database.log_sync().note_commit();
        self.connection = None;
        // Checkpoints run on another connection, so that this function does not wait for them.
        let checkpoints = self.database.checkpoints();
        if self.has_erased {
            checkpoints.request_emptying();
        } else {
            checkpoints.request();
        }
        self.database.log_sync().until_synced(commit).await
    }
}

impl Drop for UnitOfWork {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        self.database.count_statement();
        self.database.runtime().spawn(async move {
            // If the caller was cancelled, its statement may still be running. In this case the rollback waits for it
            // on a blocking thread. The rollback fails if SQLite has already rolled back automatically. The next unit
            // of work gets the connection when this task ends.
            if let Err(error) = connection.batch_execute("ROLLBACK").await {
                tracing::debug!(%error, "the rollback failed, usually because SQLite has already rolled back");
            }
        });
    }
}
