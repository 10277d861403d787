use std::{
    collections::VecDeque,
    error::Error,
    sync::{self, Arc},
};

use diesel::SqliteConnection;
use diesel_async::sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper};
use domain::store::StoreError;
use futures_util::future::{BoxFuture, FutureExt};
use tokio::{
    runtime::Handle,
    sync::{Mutex, OwnedMutexGuard, oneshot},
    time::{Duration, timeout},
};

use crate::file::{DatabaseFile, Purpose};

/// The connection that writes.
pub(crate) type Connection = SyncConnectionWrapper<SqliteConnection, Threads>;

/// How long a unit of work waits for earlier units, in addition to SQLite's wait for other processes.
const WAIT: Duration = Duration::from_secs(5);

/// Runs the statements of one connection on the runtime's blocking threads, in the order in which they were sent. With
/// diesel-async's own implementation a cancelled caller blocks until its statement has ended, which panics on a current-thread
/// runtime; here the statement ends on its thread, and the next one waits for it there. The order matters: a statement whose
/// caller was cancelled must not run after the rollback that follows it, outside any transaction.
#[derive(Clone)]
pub(crate) struct Threads {
    runtime: Handle,
    jobs: Arc<sync::Mutex<VecDeque<Job>>>,
    turn: Arc<sync::Mutex<()>>,
}

type Job = Box<dyn FnOnce() + Send>;

impl Threads {
    fn new(runtime: Handle) -> Self {
        Self { runtime, jobs: Arc::default(), turn: Arc::default() }
    }
}

impl SpawnBlocking for Threads {
    fn spawn_blocking<'a, R>(
        &mut self,
        task: impl FnOnce() -> R + Send + 'static,
    ) -> BoxFuture<'a, Result<R, Box<dyn Error + Send + Sync + 'static>>>
    where
        R: Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        // The caller may have been cancelled.
        let job: Job = Box::new(move || drop(answer.send(task())));
        lock(&self.jobs).push_back(job);
        let (jobs, turn) = (Arc::clone(&self.jobs), Arc::clone(&self.turn));
        // Threads start in any order: each takes the oldest job, which may not be the one that it was started for.
        let thread = self.runtime.spawn_blocking(move || {
            let _turn = lock(&turn);
            let job = lock(&jobs).pop_front();
            if let Some(job) = job {
                job();
            }
        });
        async move {
            match thread.await {
                Err(error) if error.is_cancelled() => Err(error.into()),
                _ => Ok(answered.await?),
            }
        }
        .boxed()
    }

    fn get_runtime() -> Self {
        Self::new(Handle::current())
    }
}

fn lock<T>(mutex: &sync::Mutex<T>) -> sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(sync::PoisonError::into_inner)
}

/// The only writing connection, used by one unit of work at a time.
pub(crate) struct Writer {
    connection: Arc<Mutex<Connection>>,
}

pub(crate) type BorrowedWriter = OwnedMutexGuard<Connection>;

impl Writer {
    pub(crate) fn open(file: &DatabaseFile, runtime: Handle) -> Result<Self, StoreError> {
        let connection = file.open(Purpose::Write)?;
        let connection = SyncConnectionWrapper::with_runtime(connection, Threads::new(runtime));
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Waits for the connection until the earlier units of work have ended.
    pub(crate) async fn borrow(&self) -> Result<BorrowedWriter, StoreError> {
        timeout(WAIT, Arc::clone(&self.connection).lock_owned()).await.map_err(StoreError::unavailable)
    }

    /// Returns the connection, unless a unit of work is using it.
    pub(crate) fn try_borrow(&self) -> Option<BorrowedWriter> {
        Arc::clone(&self.connection).try_lock_owned().ok()
    }
}
