use std::{
    future::{Ready, ready},
    sync::Arc,
};

use adapter_postgres::PostgresDatabase;
use adapter_sqlite::SqliteDatabase;
use async_trait::async_trait;
use domain::{storage::Storage, store::StoreError};

use super::start_error::StartError;
use crate::config::{DatabaseSetting, Settings};

/// How the schema of the database compares to the schema that this program needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// The schema is current.
    Current,
    /// This number of migrations has not been run yet.
    Behind(usize),
    /// A newer program migrated the schema.
    Ahead,
}

/// Administrative operations on a database.
#[async_trait]
pub trait DatabaseAdmin: Send + Sync {
    /// Checks that the database responds.
    async fn ping(&self) -> Result<(), StoreError>;
    /// Checks that the database is currently writable.
    async fn check_writable(&self) -> Result<(), StoreError>;
    /// Returns why the database cannot be migrated, with advice; `None` if it can.
    async fn obstacle_to_migrating(&self) -> Result<Option<String>, StoreError>;
    /// Returns how the schema compares to this program.
    async fn schema(&self) -> Result<Schema, StoreError>;
    /// Brings the schema up to date.
    async fn migrate(&self) -> Result<(), StoreError>;
    /// Prepares the database for many large transactions, such as those of an import.
    async fn expect_bulk_writes(&self) -> Result<(), StoreError>;
    /// Returns the number of statements that were run so far. Tests use it to check how many statements a request runs.
    fn statements(&self) -> u64;
}

/// Returns how the schema of the configured database compares to this program, without creating or writing anything.
pub(crate) async fn look_at_schema(settings: &Settings) -> Result<Schema, StartError> {
    let schema = match &settings.database {
        DatabaseSetting::Sqlite(path) => SqliteDatabase::schema_state_at(path).await.map(Schema::from),
        DatabaseSetting::Postgres(url) => connect(url, 1).await?.schema_state().await.map(Schema::from),
    };
    schema.map_err(StartError::Database)
}

/// Connects to a PostgreSQL database, and checks that it meets the requirements. Logs a warning if the connection pool
/// is larger than the connection limit of the PostgreSQL server.
async fn connect(url: &str, size: usize) -> Result<PostgresDatabase, StartError> {
    let options = adapter_postgres::PoolOptions { size };
    let database = PostgresDatabase::connect(url, options).await.map_err(StartError::Database)?;
    if let Some(obstacle) = database.obstacle_to_use().await.map_err(StartError::Database)? {
        return Err(StartError::Unsuitable(obstacle.to_string()));
    }
    let limit = database.max_connections().await.map_err(StartError::Database)?;
    if size > limit {
        tracing::warn!(
            setting = "DATABASE_POOL_SIZE",
            "the pool may open {size} connections, but PostgreSQL accepts only {limit} from all its clients together: \
             lower DATABASE_POOL_SIZE or raise max_connections"
        );
    }
    Ok(database)
}

/// A database with all storage ports and the administrative operations.
pub trait Database: Storage + DatabaseAdmin {}

impl<D: Storage + DatabaseAdmin> Database for D {}

/// Opens the database, whatever state its schema has.
pub(crate) async fn open_database(settings: &Settings) -> Result<Arc<dyn Database>, StartError> {
    let size = usize::try_from(settings.database_pool_size).unwrap_or(usize::MAX);
    Ok(match &settings.database {
        DatabaseSetting::Sqlite(path) => {
            let options = adapter_sqlite::PoolOptions { size };
            Arc::new(SqliteDatabase::open(path, options).await.map_err(StartError::Database)?)
        }
        DatabaseSetting::Postgres(url) => Arc::new(connect(url, size).await?),
    })
}

/// Implements [`DatabaseAdmin`] for the database type of an adapter. `$state` is the adapter's type for the state of
/// the schema, `$obstacle` implements `obstacle_to_migrating`, and `$bulk` implements `expect_bulk_writes`.
macro_rules! administer {
    ($database:ty, $state:path, $obstacle:path, $bulk:path) => {
        impl From<$state> for Schema {
            fn from(state: $state) -> Self {
                use $state as State;
                match state {
                    State::Current => Self::Current,
                    State::Behind(count) => Self::Behind(count),
                    State::Ahead => Self::Ahead,
                }
            }
        }

        #[async_trait]
        impl DatabaseAdmin for $database {
            async fn ping(&self) -> Result<(), StoreError> {
                Self::ping(self).await
            }

            async fn check_writable(&self) -> Result<(), StoreError> {
                Self::check_writable(self).await
            }

            async fn obstacle_to_migrating(&self) -> Result<Option<String>, StoreError> {
                $obstacle(self).await
            }

            async fn schema(&self) -> Result<Schema, StoreError> {
                self.schema_state().await.map(Schema::from)
            }

            async fn migrate(&self) -> Result<(), StoreError> {
                Self::migrate(self).await
            }

            async fn expect_bulk_writes(&self) -> Result<(), StoreError> {
                $bulk(self).await
            }

            fn statements(&self) -> u64 {
                Self::statements(self)
            }
        }
    };
}

administer!(PostgresDatabase, adapter_postgres::SchemaState, of_postgres, no_preparation);
administer!(SqliteDatabase, adapter_sqlite::SchemaState, of_sqlite, SqliteDatabase::expect_bulk_writes);

/// Does nothing, because the settings of PostgreSQL that matter for bulk writes apply to the whole server, and its
/// administrator chooses them.
fn no_preparation(_database: &PostgresDatabase) -> Ready<Result<(), StoreError>> {
    ready(Ok(()))
}

async fn of_postgres(database: &PostgresDatabase) -> Result<Option<String>, StoreError> {
    let obstacle = database.obstacle_to_migrating().await?;
    Ok(obstacle.map(|obstacle| obstacle.to_string()))
}

/// Nothing prevents a migration: an SQLite file that could be opened can also be migrated.
#[expect(clippy::unused_async, reason = "the macro requires an async function, as for PostgreSQL")]
async fn of_sqlite(_: &SqliteDatabase) -> Result<Option<String>, StoreError> {
    Ok(None)
}
