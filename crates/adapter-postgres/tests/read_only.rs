//! Tests with a database that is read-only, as it can be for some time after a fail-over.
#![expect(clippy::unwrap_used, reason = "errors in the support code must fail the test")]

use std::time::Duration;

use adapter_postgres::{PoolOptions, PostgresDatabase};
use domain::{catalog::MovieQueries, storage::WholeStore, store::StoreError};
use storage_contract::begin_unit;
use test_postgres::{TestDatabase, TestPostgres};

async fn migrated(size: usize) -> (TestDatabase, PostgresDatabase) {
    let guard = TestPostgres::shared().empty_database().await;
    let store = PostgresDatabase::connect(guard.url(), PoolOptions { size }).await.unwrap();
    store.migrate().await.unwrap();
    (guard, store)
}

/// Opens every connection of the pool.
async fn open_all(store: &PostgresDatabase, size: usize) {
    let reads = futures_util::future::join_all((0..size).map(|_| store.has_no_movies())).await;
    assert!(reads.into_iter().all(|read| read.unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn writing_continues_after_a_database_was_read_only() {
    if TestPostgres::is_skipped() {
        return;
    }
    let (guard, store) = migrated(4).await;
    store.check_writable().await.unwrap();
    guard.set_read_only(true).await;
    for _ in 0..3 {
        open_all(&store, 4).await;
        let refused = begin_unit(|attempt| store.begin_whole(attempt)).await.map(|_| ());
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        let seen = store.check_writable().await;
        assert!(matches!(seen, Err(StoreError::Unavailable(_))), "{seen:?}");
    }
    // The pool still has connections that were opened while the database was read-only.
    guard.set_read_only(false).await;
    for _ in 0..8 {
        store.check_writable().await.unwrap();
        begin_unit(|attempt| store.begin_whole(attempt)).await.unwrap().commit().await.unwrap();
    }
    open_all(&store, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_requires_writable_connections_refuses_a_read_only_database() {
    if TestPostgres::is_skipped() {
        return;
    }
    let (guard, _) = migrated(1).await;
    guard.set_read_only(true).await;
    let wanting = |what: &str| {
        let separator = if guard.url().contains('?') { '&' } else { '?' };
        format!("{}{separator}target_session_attrs={what}", guard.url())
    };
    for (wanted, is_connected) in [("any", true), ("read-write", false), ("primary", false)] {
        let url = wanting(wanted);
        let connected = PostgresDatabase::connect(&url, PoolOptions { size: 1 }).await;
        assert_eq!(connected.is_ok(), is_connected, "{wanted}");
    }
    guard.set_read_only(false).await;
    let store = PostgresDatabase::connect(&wanting("read-write"), PoolOptions { size: 1 }).await.unwrap();
    store.check_writable().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_a_read_only_database_fails_with_that_reason() {
    if TestPostgres::is_skipped() {
        return;
    }
    let guard = TestPostgres::shared().empty_database().await;
    guard.set_read_only(true).await;
    let store = PostgresDatabase::connect(guard.url(), PoolOptions { size: 1 }).await.unwrap();
    let migrated = tokio::time::timeout(Duration::from_mins(1), store.migrate()).await.unwrap();
    let StoreError::Unavailable(source) = migrated.unwrap_err() else { panic!("not `Unavailable`") };
    assert!(source.to_string().contains("is read-only"), "{source}");
}
