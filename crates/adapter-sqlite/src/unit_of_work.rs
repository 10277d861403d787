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

/// An open transaction, which implements every unit and every repository of the domain. It owns the only writing
/// connection. When it is dropped before it is finished, it is rolled back before the next transaction begins.
pub struct UnitOfWork {
    database: Database,
    /// `None` after it has ended.
    connection: Option<BorrowedWriter>,
    /// Whether a statement failed. SQLite may then have rolled back automatically, and later statements would be
    /// outside the transaction.
    has_failed: bool,
    /// Totals and counts must be read again after the commit.
    has_changed_catalog: bool,
    /// Data was erased that must also be removed from the write-ahead log.
    has_erased: bool,
}

/// A transaction was used again after one of its statements had failed.
#[derive(Debug, thiserror::Error)]
#[error("the unit of work has already failed")]
struct FailedBefore;

impl UnitOfWork {
    /// Begins a transaction, after all earlier writers have finished.
    pub(crate) async fn begin(database: &Database) -> Result<Self, StoreError> {
        let connection = database.writer().borrow().await?;
        // The unit is created before `BEGIN`: when the caller is cancelled after it, dropping the unit rolls the transaction back.
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

    /// Runs a task with several statements on one blocking thread.
    pub(crate) async fn run<T, F>(&mut self, task: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    {
        let answer = self.connection()?.spawn_blocking(task).await;
        self.note(answer)
    }

    /// Runs a statement and returns the number of affected rows.
    pub(crate) async fn execute<'q, Q>(&mut self, query: Q) -> Result<usize, StoreError>
    where
        Q: QueryFragment<Backend> + QueryId + Send + 'q,
    {
        let answer = self.connection()?.execute_returning_count(query).await;
        self.note(answer)
    }

    /// Runs a statement that must affect exactly one row.
    pub(crate) async fn execute_one<'q, Q>(&mut self, query: Q) -> Result<(), StoreError>
    where
        Q: QueryFragment<Backend> + QueryId + Send + 'q,
    {
        match self.execute(query).await? {
            1 => Ok(()),
            rows => Err(StoreError::failed(format!("one row was to be written, not {rows}"))),
        }
    }

    /// Returns the rows of a query.
    pub(crate) async fn load<'q, U, Q>(&mut self, query: Q) -> Result<Vec<U>, StoreError>
    where
        U: Send + 'q,
        Q: LoadQuery<'q, Connection, U> + Send + 'q,
    {
        let answer = query.load::<U>(self.connection()?).await;
        self.note(answer)
    }

    /// Returns the first row of a query.
    pub(crate) async fn first<'q, U, Q>(&mut self, query: Q) -> Result<Option<U>, StoreError>
    where
        U: Send + 'q,
        Q: LoadQuery<'q, Connection, U> + Send + 'q,
    {
        Ok(self.load(query).await?.into_iter().next())
    }

    /// Requests that every process reads totals and counts again after the commit.
    pub(crate) const fn note_catalog_change(&mut self) {
        self.has_changed_catalog = true;
    }

    /// Requests that the write-ahead log, which keeps old versions of pages, is emptied after the commit.
    pub(crate) const fn note_erasure(&mut self) {
        self.has_erased = true;
    }

    /// Commits the transaction.
    pub(crate) async fn finish(mut self) -> Result<(), StoreError> {
        if self.has_changed_catalog {
            let bump = Statement::<()>::new("UPDATE catalog_state SET version = version + 1");
            self.execute_one(bump).await?;
        }
        self.batch("COMMIT").await?;
        self.connection = None;
        // Runs on another connection, so that writers do not wait for it.
        let checkpoints = self.database.checkpoints();
        if self.has_erased {
            checkpoints.request_emptying();
        } else {
            checkpoints.request();
        }
        Ok(())
    }
}

impl Drop for UnitOfWork {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        self.database.count_statement();
        self.database.runtime().spawn(async move {
            // Runs on a blocking thread, since an abandoned statement may still be running. It fails when SQLite has
            // already rolled back automatically. The next unit gets the connection afterwards.
            if let Err(error) = connection.batch_execute("ROLLBACK").await {
                tracing::debug!(%error, "nothing to roll back");
            }
        });
    }
}
