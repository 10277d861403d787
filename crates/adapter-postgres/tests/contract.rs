//! Runs the test cases of `storage-contract` on PostgreSQL.
#![expect(clippy::unwrap_used, reason = "errors in the support code must fail the case")]

use std::{process::ExitCode, sync::Arc};

use adapter_postgres::{PoolOptions, PostgresDatabase};
use async_trait::async_trait;
use domain::{id::OutboxId, storage::Storage};
use storage_contract::Subject;
use test_postgres::{TestDatabase, TestPostgres};
use tokio_postgres::NoTls;

/// A database for one case, on a server that all cases share.
struct Database(TestDatabase);

/// Connection options to add to the database's URL: long timeouts, because the cases run in parallel and may wait
/// for locks on a busy machine.
const PATIENT: &str = "options=-c%20lock_timeout%3D60000%20-c%20statement_timeout%3D60000%20\
    -c%20idle_in_transaction_session_timeout%3D60000";

async fn connect(url: &str) -> PostgresDatabase {
    let separator = if url.contains('?') { '&' } else { '?' };
    PostgresDatabase::connect(&format!("{url}{separator}{PATIENT}"), PoolOptions { size: 10 }).await.unwrap()
}

async fn create() -> Arc<dyn Subject> {
    let migrate = async |url: String| connect(&url).await.migrate().await.unwrap();
    Arc::new(Database(TestPostgres::shared().database(migrate).await))
}

#[async_trait]
impl Subject for Database {
    async fn open(&self) -> Arc<dyn Storage> {
        Arc::new(connect(self.0.url()).await)
    }

    async fn outbox_payload(&self, id: OutboxId) -> Option<Vec<u8>> {
        let (client, connection) = tokio_postgres::connect(self.0.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        let payload = "SELECT payload FROM outbox WHERE id::text = $1";
        client.query_opt(payload, &[&id.to_string()]).await.unwrap().map(|row| row.get(0))
    }
}

fn main() -> ExitCode {
    if TestPostgres::is_skipped() {
        return ExitCode::SUCCESS;
    }
    storage_contract::run(create)
}
