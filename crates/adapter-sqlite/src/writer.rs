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

/// The type of the connection for writing.
pub(crate) type Connection = SyncConnectionWrapper<SqliteConnection, Threads>;

/// The longest wait for earlier units of work of this process. SQLite may then also wait for other processes
/// (`busy_timeout`).
const WAIT: Duration = Duration::from_secs(5);

/// Runs the statements of one connection on the runtime's blocking threads, one at a time, in the order in which they
/// were sent.
///
/// It replaces diesel-async's own implementation, in which a cancelled caller blocks its thread until the
/// statement has ended, and which panics on a current-thread runtime. Here, a cancelled caller does not wait; the
/// next statement waits on a blocking thread. The order matters when a caller is cancelled: its statement must not
/// run after the rollback that follows, because it would then run outside a transaction.
#[derive(Clone)]
pub(crate) struct Threads {
    runtime: Handle,
    /// The statements that have not begun to run, oldest first.
    jobs: Arc<sync::Mutex<VecDeque<Job>>>,
    /// Locked while a statement runs.
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
        // Sending the answer fails if the caller was cancelled, which is not an error.
        let job: Job = Box::new(move || drop(answer.send(task())));
        lock(&self.jobs).push_back(job);
        let (jobs, turn) = (Arc::clone(&self.jobs), Arc::clone(&self.turn));
        // Blocking threads may start in another order than they were requested. So each thread takes the oldest job,
        // which may not be the one that it was started for.
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

/// The only connection for writing, except that migrations use another one. One unit of work at a time uses it.
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

    /// Waits until the earlier units of work have ended, and returns the connection. Fails after [`WAIT`].
    pub(crate) async fn borrow(&self) -> Result<BorrowedWriter, StoreError> {
        timeout(WAIT, Arc::clone(&self.connection).lock_owned()).await.map_err(StoreError::unavailable)
    }

    /// Returns the connection, or `None` while a unit of work uses it.
    pub(crate) fn try_borrow(&self) -> Option<BorrowedWriter> {
        Arc::clone(&self.connection).try_lock_owned().ok()
    }
}
