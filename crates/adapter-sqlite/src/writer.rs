use std::{error::Error, sync::Arc};

use diesel_async::sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper};
use domain::store::StoreError;
use futures_util::future::{BoxFuture, FutureExt, TryFutureExt};
use tokio::{
    runtime::Handle,
    sync::{Mutex, OwnedMutexGuard},
    time::{Duration, timeout},
};

use crate::{
    dialect::Connection,
    file::{DatabaseFile, Purpose},
};

/// How long a unit of work waits for those before it. SQLite's own wait for another process comes on top.
const WAIT: Duration = Duration::from_secs(5);

/// Runs statements on the runtime's blocking threads. Unlike diesel-async's own, a caller that goes away is not held up
/// until its statement has ended (which panics on a current-thread runtime): the statement ends on its thread, and
/// whoever needs the connection next waits there for it.
#[derive(Debug, Clone)]
pub(crate) struct Threads(Handle);

impl SpawnBlocking for Threads {
    fn spawn_blocking<'a, R>(
        &mut self,
        task: impl FnOnce() -> R + Send + 'static,
    ) -> BoxFuture<'a, Result<R, Box<dyn Error + Send + Sync + 'static>>>
    where
        R: Send + 'static,
    {
        self.0.spawn_blocking(task).map_err(Box::from).boxed()
    }

    fn get_runtime() -> Self {
        Self(Handle::current())
    }
}

/// The one connection that writes, lent to one unit of work at a time.
pub(crate) struct Writer {
    connection: Arc<Mutex<Connection>>,
}

pub(crate) type BorrowedWriter = OwnedMutexGuard<Connection>;

impl Writer {
    pub(crate) fn open(file: &DatabaseFile, runtime: Handle) -> Result<Self, StoreError> {
        let connection = file.open(Purpose::Write)?;
        let connection = SyncConnectionWrapper::with_runtime(connection, Threads(runtime));
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// The connection, when those before are done with it.
    pub(crate) async fn borrow(&self) -> Result<BorrowedWriter, StoreError> {
        timeout(WAIT, Arc::clone(&self.connection).lock_owned()).await.map_err(StoreError::unavailable)
    }
}
