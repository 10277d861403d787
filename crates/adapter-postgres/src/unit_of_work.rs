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

/// How long a rollback waits for a statement that still runs, before it asks the server to cancel the statement.
const COURTESY: Duration = Duration::from_millis(50);

/// An open transaction, which implements every unit of work and every repository of the domain. Dropping it without
/// `finish` rolls it back in a background task, which usually releases its locks within milliseconds.
pub struct UnitOfWork {
    connections: Arc<Connections>,
    /// The connection; `None` after the transaction has ended, or after an error that makes the connection unusable.
    session: Option<PooledConnection>,
    /// Whether a statement failed. In this case the transaction must not be committed: PostgreSQL would roll it back
    /// without reporting an error.
    has_failed: bool,
    /// Whether the commit must invalidate the cached totals and counts of the catalogue.
    has_changed_catalog: bool,
}

/// The error of a transaction that is used again after one of its statements has failed.
#[derive(Debug, thiserror::Error)]
#[error("the unit of work has already failed")]
struct FailedBefore;

impl UnitOfWork {
    /// Begins a transaction. If the connection turns out to be lost, tries once more on another connection.
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
        // The unit is created before `BEGIN` is sent, so that dropping the unit also rolls back when the caller is
        // cancelled while it waits for the answer to `BEGIN`.
        let mut unit =
            Self { connections, session: Some(session), has_failed: false, has_changed_catalog: false };
        // The isolation level is the default of the database: READ COMMITTED, unless the operator configures another
        // level. READ COMMITTED is sufficient.
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

    /// Checks that the transaction can write. If it is read-only, returns an error and closes the connection.
    pub(crate) async fn check_writable(&mut self) -> Result<(), StoreError> {
        let state = Statement::<(Bool,)>::new("SELECT current_setting('transaction_read_only')::boolean");
        if self.first::<(bool,), _>(state).await? == Some((false,)) {
            return Ok(());
        }
        let said = "the transaction is read-only".to_owned();
        self.note(Err(Error::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, Box::new(said))))
    }

    /// Runs a statement, and returns the number of affected rows.
    pub(crate) async fn execute<'q, Q>(&mut self, query: Q) -> Result<usize, StoreError>
    where
        Q: QueryFragment<Backend> + QueryId + Send + 'q,
    {
        let session = self.session()?;
        let answer = session.patience.wait(session.connection.execute_returning_count(query)).await;
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
        let session = self.session()?;
        let answer = session.patience.wait(query.load::<U>(&mut session.connection)).await;
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

    /// Requests that the commit invalidates the cached totals and counts of the catalogue on every node.
    pub(crate) const fn note_catalog_change(&mut self) {
        self.has_changed_catalog = true;
    }

    /// Announces that the transaction erases personal data. Does nothing here: only SQLite must overwrite the deleted
    /// bytes.
    #[expect(clippy::unused_self, reason = "the function with this name on SQLite uses `self`")]
    pub(crate) const fn note_erasure(&self) {}

    /// Commits the transaction. If the answer to the commit is lost, it is unknown whether the commit succeeded, so
    /// callers must not retry the unit of work automatically.
    pub(crate) async fn finish(mut self) -> Result<(), StoreError> {
        if self.has_changed_catalog {
            // Every change of the catalogue updates this row, and locks it until the commit. The update is the last
            // statement, so that the lock is held only briefly.
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

/// Rolls back the transaction. Returns the connection to the pool if that succeeds, and closes it otherwise.
async fn roll_back(connections: Arc<Connections>, mut session: PooledConnection) {
    // The token is needed to cancel a statement that still runs because its caller was cancelled. It is created first,
    // because `rollback` borrows the connection.
    let statement = session.connection.cancel_token();
    let answer = {
        let patience = session.patience;
        let rollback = patience.wait(session.connection.batch_execute("ROLLBACK"));
        tokio::pin!(rollback);
        if let Ok(answer) = tokio::time::timeout(COURTESY, &mut rollback).await {
            answer
        } else {
            connections.cancel(&statement).await;
            // The connection is not used again: the server may process the cancel request late, and then cancel a
            // statement of the connection's next user.
            rollback.await.and(Err(Error::BrokenTransactionManager))
        }
    };
    if let Err(error) = answer {
        connections.discard(session, &error);
    }
}
