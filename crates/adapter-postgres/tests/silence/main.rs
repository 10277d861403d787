//! Tests with a database that no longer answers, as after a power failure of its machine: connections are neither
//! closed nor refused.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "errors in the support code must fail the test"
)]

mod proxy;

use std::time::Duration;

use adapter_postgres::{PoolOptions, PostgresDatabase};
use domain::{
    accounts::{PasswordHash, User},
    catalog::MovieQueries,
    id::{Id, UserId},
    storage::{WholeStore, WholeUnit},
    store::StoreError,
    time::Instant,
};
use futures_util::future::join_all;
use proxy::Proxy;
use storage_contract::begin_unit;
use test_postgres::{TestDatabase, TestPostgres};
use tokio::time::timeout;
use uuid::Uuid;

const ANN: UserId = Id::from_uuid(Uuid::from_u128(0xA));

/// A call that takes longer than this time fails the test. In these tests the client waits two seconds for an answer:
/// the statement timeout of one second, and one second more.
const FOR_EVER: Duration = Duration::from_secs(30);

/// A database and a store that connects to it through a proxy, with a pool of `size` connections; `None` when tests
/// with PostgreSQL are skipped.
async fn behind_a_proxy(size: usize) -> Option<(TestDatabase, Proxy, PostgresDatabase)> {
    if TestPostgres::is_skipped() {
        return None;
    }
    let migrate = async |url: String| {
        let store = PostgresDatabase::connect(&url, PoolOptions { size: 1 }).await.unwrap();
        store.migrate().await.unwrap();
    };
    let guard = TestPostgres::shared().database(migrate).await;
    let proxy = Proxy::before(guard.url()).await;
    let url = format!("{}?options=-c%20statement_timeout%3D1000", proxy.url());
    let store = PostgresDatabase::connect(&url, PoolOptions { size }).await.unwrap();
    Some((guard, proxy, store))
}

async fn begin(store: &PostgresDatabase) -> Result<Box<dyn WholeUnit>, StoreError> {
    timeout(FOR_EVER, begin_unit(|attempt| store.begin_whole(attempt)))
        .await
        .expect("a unit is begun or refused in time")
}

/// Begins four units at once, so that four connections are open, and commits the units, so that the connections are
/// returned to the pool.
async fn use_all(store: &PostgresDatabase) {
    for unit in join_all((0..4).map(|_| begin(store))).await {
        unit.unwrap().commit().await.unwrap();
    }
}

async fn insert_ann(unit: &mut dyn WholeUnit) {
    let password = PasswordHash::from_phc("hash".to_owned());
    let user = User::register(ANN, "ann@example.com".parse().unwrap(), password, Instant::UNIX_EPOCH);
    unit.insert_user(&user).await.unwrap();
}

/// Checks that a unit of work succeeds again, possibly after temporary errors, and that a query succeeds afterwards.
async fn works_again(store: &PostgresDatabase) {
    let all = async {
        loop {
            match begin_unit(|attempt| store.begin_whole(attempt)).await {
                Ok(unit) => return unit.commit().await.unwrap(),
                Err(StoreError::Unavailable(_)) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    };
    timeout(FOR_EVER, all).await.expect("a unit can begin again in time");
    assert!(store.has_no_movies().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_and_units_replace_unresponsive_connections() {
    let Some((_guard, proxy, store)) = behind_a_proxy(4).await else { return };
    use_all(&store).await;
    proxy.silence();
    for empty in timeout(FOR_EVER, join_all((0..4).map(|_| store.has_no_movies()))).await.unwrap() {
        assert!(empty.unwrap());
    }

    use_all(&store).await;
    proxy.silence();
    use_all(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_unresponsive_connection_closes_the_idle_ones() {
    let Some((_guard, proxy, store)) = behind_a_proxy(4).await else { return };
    use_all(&store).await;
    proxy.silence();
    assert!(store.has_no_movies().await.unwrap());
    // The other three connections were closed too. So each query sends one statement, and does not first try an
    // unresponsive connection.
    let before = store.statements();
    for _ in 0..3 {
        assert!(store.has_no_movies().await.unwrap());
    }
    assert_eq!(store.statements() - before, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_whose_statement_gets_no_answer_is_unavailable_and_releases_its_connection() {
    let Some((_guard, proxy, store)) = behind_a_proxy(1).await else { return };
    let mut unit = begin(&store).await.unwrap();
    proxy.silence();
    let found = timeout(FOR_EVER, unit.find_user(ANN)).await.expect("the call ends");
    assert!(matches!(found, Err(StoreError::Unavailable(_))), "{found:?}");
    // The connection is released even before the unit is dropped.
    works_again(&store).await;
    drop(unit);
    works_again(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_unit_releases_its_connection_even_if_the_rollback_gets_no_answer() {
    let Some((_guard, proxy, store)) = behind_a_proxy(1).await else { return };
    let mut unit = begin(&store).await.unwrap();
    insert_ann(&mut *unit).await;
    proxy.silence();
    drop(unit);
    works_again(&store).await;
    assert!(begin(&store).await.unwrap().find_user(ANN).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_unavailable_and_was_executed_once() {
    let Some((_guard, proxy, store)) = behind_a_proxy(1).await else { return };
    let mut unit = begin(&store).await.unwrap();
    insert_ann(&mut *unit).await;
    proxy.lose_answers();
    let committed = timeout(FOR_EVER, unit.commit()).await.expect("the call ends");
    assert!(matches!(committed, Err(StoreError::Unavailable(_))), "{committed:?}");
    works_again(&store).await;
    assert!(begin(&store).await.unwrap().find_user(ANN).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_is_unavailable_until_it_does() {
    let Some((_guard, proxy, store)) = behind_a_proxy(2).await else { return };
    proxy.silence_all_to_come(true);
    for _ in 0..3 {
        let answer = timeout(FOR_EVER, store.has_no_movies()).await.expect("the call ends");
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    }
    proxy.silence_all_to_come(false);
    works_again(&store).await;
}
