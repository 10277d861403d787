//! Tests with a database server that stops, restarts or does not exist.

use adapter_postgres::{PoolOptions, PostgresDatabase};
use domain::{catalog::MovieQueries, storage::WholeStore, store::StoreError};
use storage_contract::begin_unit;
use test_postgres::TestPostgres;

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stopped_is_unavailable_and_is_used_again_after_its_restart() {
    if TestPostgres::is_skipped() {
        return;
    }
    let server = TestPostgres::private();
    let guard = server.empty_database().await;
    let store = PostgresDatabase::connect(guard.url(), PoolOptions { size: 4 }).await.unwrap();
    store.migrate().await.unwrap();
    // Opens several connections, which all break when the server stops.
    let units =
        futures_util::future::join_all((0..4).map(|_| begin_unit(|attempt| store.begin_whole(attempt))))
            .await;
    drop(units.into_iter().map(Result::unwrap).collect::<Vec<_>>());

    server.stop();
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.has_no_movies().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(
        begin_unit(|attempt| store.begin_whole(attempt)).await.map(|_| ()),
        Err(StoreError::Unavailable(_))
    ));

    server.start();
    assert!(store.has_no_movies().await.unwrap());
    begin_unit(|attempt| store.begin_whole(attempt)).await.unwrap().commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_connections_after_a_restart_do_not_fail_requests() {
    if TestPostgres::is_skipped() {
        return;
    }
    let server = TestPostgres::private();
    let guard = server.empty_database().await;
    let store = PostgresDatabase::connect(guard.url(), PoolOptions { size: 4 }).await.unwrap();
    store.migrate().await.unwrap();
    let units =
        futures_util::future::join_all((0..4).map(|_| begin_unit(|attempt| store.begin_whole(attempt))))
            .await;
    for unit in units {
        unit.unwrap().commit().await.unwrap();
    }

    server.stop();
    server.start();
    for _ in 0..4 {
        assert!(store.has_no_movies().await.unwrap());
        begin_unit(|attempt| store.begin_whole(attempt)).await.unwrap().commit().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_without_a_server_is_unavailable() {
    let connected =
        PostgresDatabase::connect("postgres://ann@127.0.0.1:1/cinema", PoolOptions { size: 1 }).await;
    assert!(matches!(connected, Err(StoreError::Unavailable(_))));
}
