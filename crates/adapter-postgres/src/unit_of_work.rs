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

/// How long a statement that nobody waits for any more may hold up a rollback before it is cancelled.
const COURTESY: Duration = Duration::from_millis(50);

/// An open transaction: every unit and every repository of the domain. Dropped before it is finished, it is rolled back
/// at once, and what it locked is free within milliseconds.
pub struct UnitOfWork {
    connections: Arc<Connections>,
    /// `None` once it is over, or its connection is lost.
    session: Option<PooledConnection>,
    /// A statement failed: PostgreSQL would answer the commit by a rollback, without an error.
    has_failed: bool,
    /// Totals and counts are to be read anew after the commit.
    has_changed_catalog: bool,
}

/// A transaction was used on after a statement of it failed.
#[derive(Debug, thiserror::Error)]
#[error("the unit of work had failed before")]
struct FailedBefore;

impl UnitOfWork {
    /// Begins one, on another connection when the first turns out to be gone.
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
        // Made before the transaction begins: a caller that goes away meanwhile leaves none open.
        let mut unit =
            Self { connections, session: Some(session), has_failed: false, has_changed_catalog: false };
        // READ COMMITTED is what it needs and what PostgreSQL does when nobody wants more of the database.
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

    /// Looks whether this transaction can write. When it cannot, the connection is closed.
    pub(crate) async fn check_writable(&mut self) -> Result<(), StoreError> {
        let state = Statement::<(Bool,)>::new("SELECT current_setting('transaction_read_only')::boolean");
        if self.first::<(bool,), _>(state).await? == Some((false,)) {
            return Ok(());
        }
        let said = "the transaction is read-only".to_owned();
        self.note(Err(Error::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, Box::new(said))))
    }

    /// Runs a statement; says how many rows it touched.
    pub(crate) async fn execute<'q, Q>(&mut self, query: Q) -> Result<usize, StoreError>
    where
        Q: QueryFragment<Backend> + QueryId + Send + 'q,
    {
        let session = self.session()?;
        let answer = session.patience.wait(session.connection.execute_returning_count(query)).await;
        self.note(answer)
    }

    /// Runs a statement that has to touch one row.
    pub(crate) async fn execute_one<'q, Q>(&mut self, query: Q) -> Result<(), StoreError>
    where
        Q: QueryFragment<Backend> + QueryId + Send + 'q,
    {
        match self.execute(query).await? {
            1 => Ok(()),
            rows => Err(StoreError::failed(format!("one row was to be written, not {rows}"))),
        }
    }

    /// The rows of a query.
    pub(crate) async fn load<'q, U, Q>(&mut self, query: Q) -> Result<Vec<U>, StoreError>
    where
        U: Send + 'q,
        Q: LoadQuery<'q, Connection, U> + Send + 'q,
    {
        let session = self.session()?;
        let answer = session.patience.wait(query.load::<U>(&mut session.connection)).await;
        self.note(answer)
    }

    /// The first row of a query.
    pub(crate) async fn first<'q, U, Q>(&mut self, query: Q) -> Result<Option<U>, StoreError>
    where
        U: Send + 'q,
        Q: LoadQuery<'q, Connection, U> + Send + 'q,
    {
        Ok(self.load(query).await?.into_iter().next())
    }

    /// Has totals and counts read anew after the commit, on every node.
    pub(crate) const fn note_catalog_change(&mut self) {
        self.has_changed_catalog = true;
    }

    /// Nothing to do: the space of deleted rows is the server's to use again.
    #[expect(clippy::unused_self, reason = "on SQLite there is something to do")]
    pub(crate) const fn note_erasure(&self) {}

    /// Makes it happen. When no answer comes it may have happened or not: nobody may do it again by himself.
    pub(crate) async fn finish(mut self) -> Result<(), StoreError> {
        if self.has_changed_catalog {
            // Last, since the row is locked from here to the commit, and every writer of the catalogue needs it.
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

/// Rolls back, and gives the connection back only when that worked.
async fn roll_back(connections: Arc<Connections>, mut session: PooledConnection) {
    // Asked for before anything is awaited: a statement may still be running that nobody waits for.
    let statement = session.connection.cancel_token();
    let answer = {
        let patience = session.patience;
        let rollback = patience.wait(session.connection.batch_execute("ROLLBACK"));
        tokio::pin!(rollback);
        if let Ok(answer) = tokio::time::timeout(COURTESY, &mut rollback).await {
            answer
        } else {
            connections.cancel(&statement).await;
            // The server acts on a cancellation whenever it comes to it: the connection's next user would be hit.
            rollback.await.and(Err(Error::BrokenTransactionManager))
        }
    };
    if let Err(error) = answer {
        connections.discard(session, &error);
    }
}
