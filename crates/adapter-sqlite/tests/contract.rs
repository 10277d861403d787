//! Runs the test cases of `storage-contract` on SQLite.
#![expect(clippy::unwrap_used, reason = "errors in the support code must fail the case")]

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use adapter_sqlite::{PoolOptions, SqliteDatabase};
use async_trait::async_trait;
use diesel::{
    Connection, OptionalExtension, QueryableByName, RunQueryDsl, SqliteConnection, sql_query,
    sql_types::Binary,
};
use domain::{id::OutboxId, storage::Storage};
use storage_contract::Subject;
use tempfile::TempDir;

/// A database file in a temporary folder, for one case.
struct Database {
    folder: TempDir,
}

impl Database {
    fn path(&self) -> PathBuf {
        self.folder.path().join("cinema.sqlite")
    }

    async fn connect(&self) -> SqliteDatabase {
        SqliteDatabase::open(&self.path(), PoolOptions { size: 4 }).await.unwrap()
    }
}

async fn create() -> Arc<dyn Subject> {
    let database = Database { folder: tempfile::tempdir().unwrap() };
    database.connect().await.migrate().await.unwrap();
    Arc::new(database)
}

#[derive(QueryableByName)]
struct Payload {
    #[diesel(sql_type = Binary)]
    payload: Vec<u8>,
}

#[async_trait]
impl Subject for Database {
    async fn open(&self) -> Arc<dyn Storage> {
        Arc::new(self.connect().await)
    }

    async fn outbox_payload(&self, id: OutboxId) -> Option<Vec<u8>> {
        let mut connection = SqliteConnection::establish(self.path().to_str().unwrap()).unwrap();
        let payload = sql_query("SELECT payload FROM outbox WHERE id = ?")
            .bind::<Binary, _>(id.as_uuid().as_bytes().to_vec());
        payload.get_result(&mut connection).optional().unwrap().map(|row: Payload| row.payload)
    }
}

fn main() -> ExitCode {
    storage_contract::run(create)
}
