use diesel::{
    migration::{MigrationSource, MigrationVersion},
    pg::Pg,
    sql_types::{Bool, Text},
};
use diesel_async::AsyncMigrationHarness;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use domain::store::StoreError;

use crate::{PostgresDatabase, statement::Statement};

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

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// The maximum number of attempts to run the pending migrations. When two nodes run the same migration concurrently,
/// one of them waits for the other and then fails; its next attempt continues with the next migration.
const TRIES: u32 = 20;

impl PostgresDatabase {
    /// Brings the schema, the keys of email addresses (the form by which addresses are compared) and the search index
    /// up to date. Each schema migration is one transaction. Several nodes may call this function concurrently.
    ///
    /// # Errors
    /// When the database is unavailable, a migration fails, or the schema is newer than this program.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.migrate_schema().await?;
        self.update_email_keys().await?;
        self.index_outdated_movies().await.map(drop)
    }

    async fn migrate_schema(&self) -> Result<(), StoreError> {
        let mut last = None;
        for _ in 0..TRIES {
            match self.schema_state().await? {
                SchemaState::Current => return Ok(()),
                SchemaState::Ahead => {
                    return Err(StoreError::failed("the schema is newer than this program"));
                }
                SchemaState::Behind(_) => {}
            }
            last = self.run_pending().await.err();
        }
        match self.schema_state().await? {
            SchemaState::Current => Ok(()),
            _ => Err(last.unwrap_or_else(|| StoreError::failed("the schema is still not up to date"))),
        }
    }

    async fn run_pending(&self) -> Result<(), StoreError> {
        let connection = self.connections().open_for_migrations().await?;
        // The migration harness blocks its thread.
        let run =
            move || AsyncMigrationHarness::new(connection).run_pending_migrations(MIGRATIONS).map(|_| ());
        self.connections()
            .runtime()
            .spawn_blocking(run)
            .await
            .map_err(StoreError::failed)?
            .map_err(StoreError::failed)
    }

    /// Reverts the last schema migration, for tests and for operators who return to an older version of this program.
    ///
    /// # Errors
    /// When the database is unavailable, no migration was applied, or the last one cannot be reverted.
    pub async fn revert_last_migration(&self) -> Result<(), StoreError> {
        let connection = self.connections().open_for_migrations().await?;
        let run =
            move || AsyncMigrationHarness::new(connection).revert_last_migration(MIGRATIONS).map(|_| ());
        self.connections()
            .runtime()
            .spawn_blocking(run)
            .await
            .map_err(StoreError::failed)?
            .map_err(StoreError::failed)
    }

    /// Compares the schema with the migrations of this program.
    ///
    /// # Errors
    /// When the database is unavailable.
    pub async fn schema_state(&self) -> Result<SchemaState, StoreError> {
        let exists =
            Statement::<(Bool,)>::new("SELECT to_regclass('__diesel_schema_migrations') IS NOT NULL");
        let exists: Vec<(bool,)> = self.fetch(exists).await?;
        let applied: Vec<(String,)> = if exists == [(true,)] {
            self.fetch(Statement::<(Text,)>::new("SELECT version::text FROM __diesel_schema_migrations"))
                .await?
        } else {
            Vec::new()
        };
        Ok(SchemaState::compare(&known_versions()?, applied.into_iter().map(|(version,)| version)))
    }
}

fn known_versions() -> Result<Vec<MigrationVersion<'static>>, StoreError> {
    let migrations = MigrationSource::<Pg>::migrations(&MIGRATIONS).map_err(StoreError::failed)?;
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
