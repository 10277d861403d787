use std::sync::{Arc, Mutex, PoisonError};

use diesel::{QueryResult, SqliteConnection};
use domain::store::StoreError;
use tokio::{
    runtime::Handle,
    sync::Semaphore,
    time::{Duration, timeout},
};

use crate::{
    error::{is_connection_lost, store_error},
    file::{DatabaseFile, Purpose},
};

/// The time limit for waiting for a free connection in the pool.
const WAIT: Duration = Duration::from_secs(1);

/// A pool of connections for reading. In WAL mode, these connections neither wait for the writer nor block it. They
/// are opened when they are needed.
pub(crate) struct Readers {
    file: DatabaseFile,
    runtime: Handle,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<SqliteConnection>>>,
}

impl Readers {
    pub(crate) fn new(file: DatabaseFile, size: usize, runtime: Handle) -> Self {
        Self {
            file,
            runtime,
            permits: Arc::new(Semaphore::new(size.max(1))),
            idle: Arc::new(Mutex::new(Vec::new())),
        }
    }

    /// Runs a query on a free connection, on one of the runtime's blocking threads. If the caller is cancelled, the
    /// query still runs to its end.
    pub(crate) async fn run<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
    {
        let permit = timeout(WAIT, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(StoreError::unavailable)?
            .map_err(StoreError::unavailable)?;
        let idle = Arc::clone(&self.idle);
        let file = self.file.clone();
        let task = move || {
            let ready = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut connection = match ready {
                Some(connection) => connection,
                None => file.open(Purpose::Read)?,
            };
            let answer = query(&mut connection);
            if !answer.as_ref().is_err_and(is_connection_lost) {
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            }
            drop(permit);
            answer.map_err(store_error)
        };
        self.runtime.spawn_blocking(task).await.map_err(StoreError::failed)?
    }
}
