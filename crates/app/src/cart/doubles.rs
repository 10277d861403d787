//! The use cases of carts on a test database.

use std::sync::Arc;

use super::Carts;
use crate::doubles::{
    CountingIds, MovableClock, NoWait,
    fixtures::{ANN, BOB, price},
    storage::TestStorage,
};

/// The use cases on movies 1 to `count`, each for 9.99 dollars, with Ann and Bob signed in.
pub(crate) async fn carts_with_movies(count: u128) -> (Carts, Arc<TestStorage>) {
    let store = TestStorage::new().await;
    for actor in [ANN, BOB] {
        store.add_user(actor).await;
    }
    store.add_movies(count).await;
    let carts = Carts {
        store: store.clone(),
        queries: store.clone(),
        clock: Arc::new(MovableClock::default()),
        backoff: Arc::new(NoWait),
        ids: Arc::new(CountingIds::default()),
        currency: price("0").currency(),
    };
    (carts, store)
}
