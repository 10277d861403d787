use std::sync::Arc;

use diesel_async::{RunQueryDsl, methods::LoadQuery};
use domain::store::StoreError;

use crate::{
    dialect::Connection,
    error::{spoils_connection, store_error},
    pool::Connections,
    queries::CatalogCache,
    statement::Statement,
};

/// The maximum number of attempts of a `SELECT` that fails because of conflicts with other transactions.
const TRIES: u32 = 5;

/// The options of the connection pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolOptions {
    /// The maximum number of connections. 0 counts as 1.
    pub size: usize,
}

/// A PostgreSQL database, which implements the storage ports. Clones share one connection pool and one cache.
#[derive(Clone)]
pub struct PostgresDatabase {
    inner: Arc<Inner>,
}

struct Inner {
    connections: Arc<Connections>,
    cache: CatalogCache,
}

impl std::fmt::Debug for PostgresDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Omits the URL, because it may contain a password.
        f.debug_struct("PostgresDatabase").finish_non_exhaustive()
    }
}

impl PostgresDatabase {
    /// Connects to the database at `postgres://…`, `postgresql://…` or `postgresql+psycopg://…`. Must be called within
    /// a Tokio runtime: this runtime drives all connections, so it must live as long as the database is used.
    ///
    /// # Errors
    /// [`StoreError::Failed`] when the URL is invalid, [`StoreError::Unavailable`] when no connection can be
    /// opened.
    pub async fn connect(url: &str, options: PoolOptions) -> Result<Self, StoreError> {
        let connections = Arc::new(Connections::new(url, options.size)?);
        let cache = CatalogCache::for_connections(options.size);
        let database = Self { inner: Arc::new(Inner { connections, cache }) };
        database.ping().await?;
        Ok(database)
    }

    /// Checks that the database answers a query.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let statement = Statement::<(diesel::sql_types::Integer,)>::new("SELECT 1");
        self.fetch::<_, (i32,)>(statement).await.map(|_| ())
    }

    /// The number of statements that all clones have sent so far, for tests that limit this number.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.inner.connections.statements()
    }

    pub(crate) fn connections(&self) -> &Arc<Connections> {
        &self.inner.connections
    }

    pub(crate) fn cache(&self) -> &CatalogCache {
        &self.inner.cache
    }

    /// Runs a `SELECT` outside a transaction, and returns its rows. The statement must not write, because it may run
    /// more than once:
    ///
    /// - When the connection must be closed ([`spoils_connection`]), for example because it was interrupted by a
    ///   restart of the database, it is discarded, and the statement is run once more on another connection.
    /// - When the statement fails because of a conflict with another transaction (if the database's default isolation
    ///   level is serializable, this also happens to a `SELECT`), it is retried immediately, with at most [`TRIES`]
    ///   attempts. No delay is needed, because the statement cannot conflict twice with the same transaction.
    pub(crate) async fn fetch<ST, U>(&self, statement: Statement<ST>) -> Result<Vec<U>, StoreError>
    where
        U: Send + 'static,
        for<'q> Statement<ST>: LoadQuery<'q, Connection, U>,
        ST: 'static,
    {
        let mut is_first = true;
        let mut tries_left = TRIES;
        loop {
            let mut session = self.inner.connections.get().await?;
            self.inner.connections.count_statement();
            let patience = session.patience;
            match patience.wait(statement.clone().load::<U>(&mut session.connection)).await {
                Ok(rows) => return Ok(rows),
                Err(error) if spoils_connection(&error) => {
                    self.inner.connections.discard(session, &error);
                    if !is_first {
                        return Err(store_error(error));
                    }
                    is_first = false;
                }
                Err(error) => match store_error(error) {
                    StoreError::Conflict(_) if tries_left > 1 => tries_left = tries_left.saturating_sub(1),
                    error => return Err(error),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use diesel::sql_types::{Bool, Integer};
    use domain::store::StoreError;
    use test_postgres::{TestDatabase, TestPostgres};

    use super::{CatalogCache, Connections, Inner, PoolOptions, Statement};
    use crate::{Database, unit_of_work::UnitOfWork};

    /// An empty database with a pool of one connection; `None` when tests that need PostgreSQL are skipped.
    async fn empty() -> Option<(TestDatabase, Database)> {
        if TestPostgres::is_skipped() {
            return None;
        }
        let guard = TestPostgres::shared().empty_database().await;
        let database = Database::connect(guard.url(), PoolOptions { size: 1 }).await.unwrap();
        Some((guard, database))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_connection_without_its_prepared_statements_counts_as_lost() {
        let Some((_guard, database)) = empty().await else { return };
        // Simulates a connection pooler that does not keep prepared statements between transactions.
        let forget = || Statement::<()>::new("DEALLOCATE ALL");
        database.ping().await.unwrap();
        let mut unit = UnitOfWork::begin(&database).await.unwrap();
        unit.execute(forget()).await.unwrap();
        unit.finish().await.unwrap();
        database.ping().await.unwrap();

        let mut unit = UnitOfWork::begin(&database).await.unwrap();
        let one = || Statement::<(Integer,)>::new("SELECT 1");
        unit.load::<(i32,), _>(one()).await.unwrap();
        unit.execute(forget()).await.unwrap();
        let lost = unit.load::<(i32,), _>(one()).await;
        assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
        UnitOfWork::begin(&database).await.unwrap().finish().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_select_is_retried_after_up_to_four_conflicts() {
        let Some((guard, database)) = empty().await else { return };
        // The function counts attempts with a sequence, because the value of a sequence is not rolled back.
        guard
            .execute(
                "CREATE SEQUENCE races;
                CREATE FUNCTION wins(after int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
                    IF nextval('races') <= after THEN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END IF;
                    PERFORM setval('races', 1, false);
                    RETURN true;
                END $$",
            )
            .await;
        let read =
            async |sql: &'static str| database.fetch::<_, (bool,)>(Statement::<(Bool,)>::new(sql)).await;
        assert_eq!(read("SELECT wins(4)").await.unwrap(), [(true,)]);
        assert!(matches!(read("SELECT wins(5)").await, Err(StoreError::Conflict(_))));
    }

    /// Runs a statement in its own transaction.
    async fn run(database: &Database, sql: &'static str) -> Result<(), StoreError> {
        let mut unit = UnitOfWork::begin(database).await?;
        unit.execute(Statement::<()>::new(sql)).await?;
        unit.finish().await
    }

    /// The identifier of the server process of the connection. It changes when the pool replaces the connection.
    async fn backend(database: &Database) -> i32 {
        let rows = database.fetch::<_, (i32,)>(Statement::<(Integer,)>::new("SELECT pg_backend_pid()")).await;
        rows.unwrap()[0].0
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_connection_that_became_read_only_is_closed_after_its_first_refused_write() {
        let Some((_guard, database)) = empty().await else { return };
        let write = "CREATE TABLE IF NOT EXISTS written (n int)";
        run(&database, write).await.unwrap();
        let before = backend(&database).await;
        run(&database, "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY").await.unwrap();
        let refused = run(&database, write).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        run(&database, write).await.unwrap();
        assert_ne!(backend(&database).await, before);

        run(&database, "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY").await.unwrap();
        let seen = database.check_writable().await;
        assert!(matches!(seen, Err(StoreError::Unavailable(_))), "{seen:?}");
        database.check_writable().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_connection_whose_search_path_was_changed_is_closed() {
        let Some((guard, database)) = empty().await else { return };
        guard.execute("CREATE TABLE things (n int); INSERT INTO things VALUES (7)").await;
        let things = || Statement::<(Integer,)>::new("SELECT n FROM things");
        let mislead = "SET search_path = nowhere";
        run(&database, mislead).await.unwrap();
        assert_eq!(database.fetch::<_, (i32,)>(things()).await.unwrap(), [(7,)], "reading is retried");
        run(&database, mislead).await.unwrap();
        let write = "INSERT INTO things VALUES (8)";
        assert!(matches!(run(&database, write).await, Err(StoreError::Failed(_))));
        run(&database, write).await.unwrap();
        // The error for a table that does not exist is the same as for a wrong `search_path`. The query is retried
        // once, and then fails.
        let missing =
            database.fetch::<_, (i32,)>(Statement::<(Integer,)>::new("SELECT n FROM nothing")).await;
        assert!(matches!(missing, Err(StoreError::Failed(_))), "{missing:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_statement_whose_result_type_was_changed_by_a_migration_is_prepared_again() {
        let Some((guard, database)) = empty().await else { return };
        guard.execute("CREATE TABLE things (n int); INSERT INTO things VALUES (7)").await;
        let things = || Statement::<(Integer,)>::new("SELECT * FROM things");
        assert_eq!(database.fetch::<_, (i32,)>(things()).await.unwrap(), [(7,)]);
        guard
            .execute("ALTER TABLE things ALTER n TYPE text; ALTER TABLE things ALTER n TYPE int USING n::int")
            .await;
        assert_eq!(database.fetch::<_, (i32,)>(things()).await.unwrap(), [(7,)]);
        guard.execute("ALTER TABLE things ADD COLUMN other int").await;
        let mut unit = UnitOfWork::begin(&database).await.unwrap();
        let changed = unit.load::<(i32,), _>(things()).await;
        assert!(matches!(changed, Err(StoreError::Unavailable(_))), "{changed:?}");
        drop(unit);
        guard.execute("ALTER TABLE things DROP COLUMN other").await;
        assert_eq!(database.fetch::<_, (i32,)>(things()).await.unwrap(), [(7,)]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_connection_is_not_used_beyond_its_maximum_age() {
        let Some((guard, database)) = empty().await else { return };
        assert_eq!(backend(&database).await, backend(&database).await);
        let connections = Arc::new(Connections::with_max_age(guard.url(), 1, Duration::ZERO).unwrap());
        let cache = CatalogCache::for_connections(1);
        let old = Database { inner: Arc::new(Inner { connections, cache }) };
        assert_ne!(backend(&old).await, backend(&old).await);
    }
}
