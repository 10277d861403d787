use std::{sync::Arc, time::Duration};

use diesel::{
    query_builder::{QueryFragment, QueryId},
    result::{DatabaseErrorKind, Error},
    sql_types::Bool,
};
use diesel_async::{AsyncConnectionCore, RunQueryDsl, SimpleAsyncConnection, methods::LoadQuery};
use domain::store::StoreError;

use crate::{
    Database,
    dialect::{Backend, Connection},
    error::{is_connection_lost, spoils_connection, store_error},
    pool::{Connections, PooledConnection},
    session::Session,
    statement::Statement,
};

/// How long an abandoned statement may delay a rollback before it is cancelled.
const COURTESY: Duration = Duration::from_millis(50);

/// An open transaction, which implements every unit and every repository of the domain. When it is dropped before it is
/// finished, it is rolled back immediately, and its locks are released within milliseconds.
pub struct UnitOfWork {
    connections: Arc<Connections>,
    /// `None` after it has ended, or when its connection is lost.
    session: Option<PooledConnection>,
    /// Whether a statement failed. PostgreSQL would then answer a commit with a rollback, without an error.
    has_failed: bool,
    /// Totals and counts must be read again after the commit.
    has_changed_catalog: bool,
}

/// A transaction was used again after one of its statements had failed.
#[derive(Debug, thiserror::Error)]
#[error("the unit of work has already failed")]
struct FailedBefore;

impl UnitOfWork {
    /// Begins a transaction, on another connection if the first one is lost.
    pub(crate) async fn begin(database: &Database) -> Result<Self, StoreError> {
        match Self::try_begin(database).await {
            Err(StoreError::Unavailable(source)) if source.downcast_ref().is_some_and(is_connection_lost) => {
                Self::try_begin(database).await
            }
            answer => answer,
        }
    }

    async fn try_begin(database: &Database) -> Result<Self, StoreError> {
        let connections = Arc::clone(database.connections());
        let session = connections.get_to_write().await?;
        // The unit is created before `BEGIN`: when the caller is cancelled after it, dropping the unit rolls the transaction back.
        let mut unit =
            Self { connections, session: Some(session), has_failed: false, has_changed_catalog: false };
        // READ COMMITTED is sufficient, and it is the default of PostgreSQL unless the database is configured
        // otherwise.
        unit.batch("BEGIN").await?;
        Ok(unit)
    }

    fn session(&mut self) -> Result<&mut Session, StoreError> {
        if self.has_failed {
            return Err(StoreError::failed(FailedBefore));
        }
        self.connections.count_statement();
        self.session.as_deref_mut().ok_or_else(|| StoreError::failed(FailedBefore))
    }

    async fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        let session = self.session()?;
        let answer = session.patience.wait(session.connection.batch_execute(sql)).await;
        self.note(answer)
    }

    fn note<T>(&mut self, answer: diesel::QueryResult<T>) -> Result<T, StoreError> {
        answer.map_err(|error| {
            self.has_failed = true;
            if spoils_connection(&error)
                && let Some(session) = self.session.take()
            {
                self.connections.discard(session, &error);
            }
            store_error(error)
        })
    }

    /// Checks that this transaction can write. If it cannot, the connection is closed.
    pub(crate) async fn check_writable(&mut self) -> Result<(), StoreError> {
        let state = Statement::<(Bool,)>::new("SELECT current_setting('transaction_read_only')::boolean");
        if self.first::<(bool,), _>(state).await? == Some((false,)) {
            return Ok(());
        }
        let said = "the transaction is read-only".to_owned();
        self.note(Err(Error::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, Box::new(said))))
    }

    /// Runs a statement and returns the number of affected rows.
    pub(crate) async fn execute<'q, Q>(&mut self, query: Q) -> Result<usize, StoreError>
    where
        Q: QueryFragment<Backend> + QueryId + Send + 'q,
    {
        let session = self.session()?;
        let answer = session.patience.wait(session.connection.execute_returning_count(query)).await;
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
        let session = self.session()?;
        let answer = session.patience.wait(query.load::<U>(&mut session.connection)).await;
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

    /// Requests that every node reads totals and counts again after the commit.
    pub(crate) const fn note_catalog_change(&mut self) {
        self.has_changed_catalog = true;
    }

    /// Nothing to do: the server reuses the space of deleted rows.
    #[expect(clippy::unused_self, reason = "the SQLite version does something")]
    pub(crate) const fn note_erasure(&self) {}

    /// Commits the transaction. If there is no answer, it is unknown whether the commit succeeded, so it must not be
    /// retried automatically.
    pub(crate) async fn finish(mut self) -> Result<(), StoreError> {
        if self.has_changed_catalog {
            // This is the last statement, since the row is locked until the commit, and every writer of the catalogue
            // needs it.
            let bump = Statement::<()>::new("UPDATE catalog_state SET version = version + 1");
            self.execute_one(bump).await?;
        }
        self.batch("COMMIT").await?;
        self.session = None;
        Ok(())
    }
}

impl Drop for UnitOfWork {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        self.connections.count_statement();
        self.connections.runtime().spawn(roll_back(Arc::clone(&self.connections), session));
    }
}

/// Rolls back, and returns the connection to the pool only when that succeeded.
async fn roll_back(connections: Arc<Connections>, mut session: PooledConnection) {
    // Requested before anything is awaited, since an abandoned statement may still be running.
    let statement = session.connection.cancel_token();
    let answer = {
        let patience = session.patience;
        let rollback = patience.wait(session.connection.batch_execute("ROLLBACK"));
        tokio::pin!(rollback);
        if let Ok(answer) = tokio::time::timeout(COURTESY, &mut rollback).await {
            answer
        } else {
            connections.cancel(&statement).await;
            // The server may process a cancellation later, which would affect the next user of the connection.
            rollback.await.and(Err(Error::BrokenTransactionManager))
        }
    };
    if let Err(error) = answer {
        connections.discard(session, &error);
    }
}
