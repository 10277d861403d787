use std::path::Path;

use diesel::{
    QueryResult, SqliteConnection,
    migration::{MigrationSource, MigrationVersion},
    query_dsl::LoadQuery,
    sql_types::{BigInt, Text},
    sqlite::Sqlite,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use domain::store::StoreError;
use tokio::runtime::Handle;

use crate::{
    SqliteDatabase,
    file::{DatabaseFile, Purpose},
    readers::Readers,
    statement::Statement,
};

/// How the schema of the database compares with the migrations of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaState {
    /// The schema has exactly the migrations of this program.
    Current,
    /// The schema lacks the given number of migrations.
    Behind(usize),
    /// The schema has a migration that this program does not know, because a newer version migrated it.
    Ahead,
}

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

type HarnessError = Box<dyn std::error::Error + Send + Sync>;

impl SqliteDatabase {
    /// Brings the schema up to date in one transaction. After that transaction, updates the keys of email addresses
    /// (the forms by which addresses are compared) and the search index. Several processes may call this function
    /// concurrently: each waits for the previous one.
    ///
    /// # Errors
    /// When the file cannot be written, a migration fails, the schema is newer than this program, or another process
    /// holds the write lock for longer than 5 seconds (`busy_timeout`).
    pub async fn migrate(&self) -> Result<(), StoreError> {
        if self.schema_state().await? == SchemaState::Ahead {
            return Err(StoreError::failed("the schema is newer than this program"));
        }
        self.with_harness(|connection| connection.run_pending_migrations(MIGRATIONS).map(|_| ())).await?;
        self.update_email_keys().await?;
        self.index_outdated_movies().await.map(drop)
    }

    /// Reverts the last schema migration, for tests and for operators who return to an older version of this program.
    ///
    /// # Errors
    /// When no migration was applied, or the last one cannot be reverted.
    pub async fn revert_last_migration(&self) -> Result<(), StoreError> {
        self.with_harness(|connection| connection.revert_last_migration(MIGRATIONS).map(|_| ())).await
    }

    /// Runs migrations in one transaction, on a new connection.
    async fn with_harness(
        &self,
        run: impl FnOnce(&mut SqliteConnection) -> Result<(), HarnessError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let file = self.file().clone();
        let task = move || {
            let mut connection = file.open(Purpose::Write)?;
            let mut failure = None;
            let outcome = connection.immediate_transaction(|connection| {
                run(connection).map_err(|error| {
                    failure = Some(error);
                    diesel::result::Error::RollbackTransaction
                })
            });
            match (outcome, failure) {
                (Ok(()), _) => Ok(()),
                (Err(_), Some(failure)) => Err(StoreError::failed(failure)),
                (Err(error), None) => Err(crate::error::store_error(error)),
            }
        };
        self.runtime().spawn_blocking(task).await.map_err(StoreError::failed)?
    }

    /// Compares the schema with the migrations of this program.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn schema_state(&self) -> Result<SchemaState, StoreError> {
        self.count_statement();
        schema_state(self.readers()).await
    }

    /// Compares the schema of a file with the migrations of this program. Does not create the file: a missing file
    /// counts as a schema that lacks every migration.
    ///
    /// # Errors
    /// When the file exists but cannot be read.
    pub async fn schema_state_at(path: &Path) -> Result<SchemaState, StoreError> {
        match DatabaseFile::existing(path)? {
            Some(file) => schema_state(&Readers::new(file, 1, Handle::current())).await,
            None => Ok(SchemaState::compare(&known_versions()?, std::iter::empty())),
        }
    }
}

async fn schema_state(readers: &Readers) -> Result<SchemaState, StoreError> {
    let read = |connection: &mut SqliteConnection| -> QueryResult<Vec<(String,)>> {
        let tables = Statement::<(BigInt,)>::new(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '__diesel_schema_migrations'",
        );
        let tables: Vec<(i64,)> = tables.internal_load(connection)?.collect::<QueryResult<_>>()?;
        if tables != [(1,)] {
            return Ok(Vec::new());
        }
        let versions = Statement::<(Text,)>::new("SELECT version FROM __diesel_schema_migrations");
        versions.internal_load(connection)?.collect()
    };
    let applied = readers.run(read).await?;
    Ok(SchemaState::compare(&known_versions()?, applied.into_iter().map(|(version,)| version)))
}

fn known_versions() -> Result<Vec<MigrationVersion<'static>>, StoreError> {
    let migrations = MigrationSource::<Sqlite>::migrations(&MIGRATIONS).map_err(StoreError::failed)?;
    Ok(migrations.iter().map(|migration| migration.name().version().as_owned()).collect())
}

impl SchemaState {
    fn compare(known: &[MigrationVersion<'static>], applied: impl Iterator<Item = String>) -> Self {
        let mut pending = known.len();
        for version in applied {
            let version = MigrationVersion::from(version);
            if !known.contains(&version) {
                return Self::Ahead;
            }
            pending = pending.saturating_sub(1);
        }
        if pending == 0 { Self::Current } else { Self::Behind(pending) }
    }
}
