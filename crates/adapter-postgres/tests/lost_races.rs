//! Tests of transactions that compete for the same rows. When PostgreSQL refuses a statement or a commit because of
//! another transaction, the unit of work reports a conflict. A lock timeout is an exception: it is reported as
//! unavailable.
#![expect(clippy::unwrap_used, reason = "errors in the support code must fail the test")]

use adapter_postgres::{PoolOptions, PostgresDatabase};
use domain::{
    accounts::{AccountMaintenance, PasswordHash, User},
    id::{Id, UserId},
    storage::{WholeStore, WholeUnit},
    store::StoreError,
    time::Instant,
};
use storage_contract::begin_unit;
use test_postgres::{TestDatabase, TestPostgres};
use uuid::Uuid;

const ANN: UserId = Id::from_uuid(Uuid::from_u128(0xA));
const BOB: UserId = Id::from_uuid(Uuid::from_u128(0xB));

const SERIALIZABLE: &str = "?options=-c%20default_transaction_isolation%3Dserializable";

/// A database with two users, opened with `options` appended to its URL; `None` when tests with PostgreSQL are
/// skipped.
async fn with_two_users(options: &str) -> Option<(TestDatabase, PostgresDatabase)> {
    if TestPostgres::is_skipped() {
        return None;
    }
    let guard = TestPostgres::shared().database(fill).await;
    let url = format!("{}{options}", guard.url());
    let store = PostgresDatabase::connect(&url, PoolOptions { size: 3 }).await.unwrap();
    Some((guard, store))
}

async fn fill(url: String) {
    let store = PostgresDatabase::connect(&url, PoolOptions { size: 1 }).await.unwrap();
    store.migrate().await.unwrap();
    let mut unit = begin(&store).await;
    for (id, address) in [(ANN, "ann@example.com"), (BOB, "bob@example.com")] {
        let password = PasswordHash::from_phc("hash".to_owned());
        let user = User::register(id, address.parse().unwrap(), password, Instant::UNIX_EPOCH);
        unit.insert_user(&user).await.unwrap();
    }
    unit.commit().await.unwrap();
}

async fn begin(store: &PostgresDatabase) -> Box<dyn WholeUnit> {
    begin_unit(|attempt| store.begin_whole(attempt)).await.unwrap()
}

async fn activate(unit: &mut dyn WholeUnit, mut user: User) -> Result<(), StoreError> {
    user.activate(Instant::UNIX_EPOCH).unwrap();
    unit.update_user(&user).await
}

async fn is_active(store: &PostgresDatabase, id: UserId) -> bool {
    begin(store).await.find_user(id).await.unwrap().unwrap().is_active()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_deadlock_one_unit_gets_a_conflict_and_the_other_continues() {
    let Some((_guard, store)) = with_two_users("").await else { return };
    let (mut one, mut other) = (begin(&store).await, begin(&store).await);
    one.find_user_for_update(ANN).await.unwrap();
    other.find_user_for_update(BOB).await.unwrap();
    let (of_one, of_other) = tokio::join!(one.find_user_for_update(BOB), other.find_user_for_update(ANN));
    let (mut winner, found, lost) = match (of_one, of_other) {
        (Ok(found), Err(lost)) => (one, found.unwrap(), lost),
        (Err(lost), Ok(found)) => (other, found.unwrap(), lost),
        both => panic!("exactly one of the two statements must fail: {both:?}"),
    };
    assert!(matches!(lost, StoreError::Conflict(_)), "{lost:?}");
    let id = found.id;
    activate(&mut *winner, found).await.unwrap();
    winner.commit().await.unwrap();
    assert!(is_active(&store, id).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serializable_unit_that_writes_a_changed_row_gets_a_conflict() {
    let Some((_guard, store)) = with_two_users(SERIALIZABLE).await else { return };
    let (mut one, mut other) = (begin(&store).await, begin(&store).await);
    let seen_by_one = one.find_user(ANN).await.unwrap().unwrap();
    let seen_by_other = other.find_user(ANN).await.unwrap().unwrap();
    activate(&mut *one, seen_by_one).await.unwrap();
    one.commit().await.unwrap();
    let lost = activate(&mut *other, seen_by_other).await;
    assert!(matches!(lost, Err(StoreError::Conflict(_))), "{lost:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_with_a_conflict_at_its_commit_changes_nothing() {
    let Some((_guard, store)) = with_two_users(SERIALIZABLE).await else { return };
    let (mut one, mut other) = (begin(&store).await, begin(&store).await);
    // Each transaction reads the old version of the row that the other one writes. If they had run one after the other,
    // the second one would have read the new version. So the database must refuse one of them.
    let (ann, bob) = (one.find_user(ANN).await.unwrap(), other.find_user(BOB).await.unwrap());
    activate(&mut *one, bob.unwrap()).await.unwrap();
    activate(&mut *other, ann.unwrap()).await.unwrap();
    one.commit().await.unwrap();
    let lost = other.commit().await;
    assert!(matches!(lost, Err(StoreError::Conflict(_))), "{lost:?}");
    assert!(is_active(&store, BOB).await && !is_active(&store, ANN).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_timeout_is_unavailable_and_not_a_conflict() {
    let Some((_guard, store)) = with_two_users("?options=-c%20lock_timeout%3D10").await else { return };
    let (mut one, mut other) = (begin(&store).await, begin(&store).await);
    one.find_user_for_update(ANN).await.unwrap();
    let late = other.find_user_for_update(ANN).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn purging_skips_a_locked_cart() {
    let Some((_guard, store)) = with_two_users("").await else { return };
    // Each cart is created after its user was erased, so it must be purged.
    for (user, cart) in [(ANN, 1), (BOB, 2)] {
        let mut unit = begin(&store).await;
        unit.find_user_for_update(user).await.unwrap();
        unit.erase_user(user, Instant::UNIX_EPOCH).await.unwrap();
        unit.commit().await.unwrap();
        let mut unit = begin_unit(|attempt| store.begin_whole(attempt)).await.unwrap();
        unit.open_cart_for_update(user, Id::from_uuid(Uuid::from_u128(cart))).await.unwrap();
        unit.commit().await.unwrap();
    }
    let mut holder = begin_unit(|attempt| store.begin_whole(attempt)).await.unwrap();
    holder.open_cart_for_update(ANN, Id::from_uuid(Uuid::from_u128(3))).await.unwrap();
    let purge = || store.purge_expired(Instant::UNIX_EPOCH, Instant::UNIX_EPOCH, 100);
    assert_eq!(purge().await.unwrap(), 1);
    holder.commit().await.unwrap();
    assert_eq!(purge().await.unwrap(), 1);
}
