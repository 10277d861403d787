//! Tests of [`TestPostgres`].
#![expect(clippy::unwrap_used, reason = "errors in the support code must fail the test")]

use test_postgres::TestPostgres;
use tokio_postgres::{Client, Error, NoTls};

async fn connect(url: &str) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn prepare(url: String) {
    let client = connect(&url).await.unwrap();
    client.batch_execute("CREATE TABLE prepared (n int); INSERT INTO prepared VALUES (1)").await.unwrap();
}

async fn rows(client: &Client) -> i64 {
    client.query_one("SELECT count(*) FROM prepared", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn each_test_has_its_own_prepared_database() {
    if TestPostgres::is_skipped() {
        return;
    }
    let server = TestPostgres::shared();
    let (one, other) = (server.database(prepare).await, server.database(prepare).await);
    let (in_one, in_other) = (connect(one.url()).await.unwrap(), connect(other.url()).await.unwrap());
    in_one.batch_execute("INSERT INTO prepared VALUES (2)").await.unwrap();
    assert_eq!((rows(&in_one).await, rows(&in_other).await), (2, 1));
}

#[tokio::test]
async fn an_empty_database_was_not_prepared() {
    if TestPostgres::is_skipped() {
        return;
    }
    let database = TestPostgres::shared().empty_database().await;
    let client = connect(database.url()).await.unwrap();
    assert!(client.query_one("SELECT count(*) FROM prepared", &[]).await.is_err());
}

#[tokio::test]
async fn a_private_server_can_be_stopped_and_started_again() {
    if TestPostgres::is_skipped() {
        return;
    }
    let server = TestPostgres::private();
    let database = server.database(prepare).await;
    let before = connect(database.url()).await.unwrap();
    server.stop();
    assert!(before.query("SELECT 1", &[]).await.is_err());
    assert!(connect(database.url()).await.is_err());
    server.start();
    assert_eq!(rows(&connect(database.url()).await.unwrap()).await, 1);
}
