use std::{
    collections::VecDeque,
    error::Error,
    sync::{self, Arc},
};

use diesel_async::sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper};
use domain::store::StoreError;
use futures_util::future::{BoxFuture, FutureExt};
use tokio::{
    runtime::Handle,
    sync::{Mutex, OwnedMutexGuard, oneshot},
    time::{Duration, timeout},
};

use crate::{
    dialect::Connection,
    file::{DatabaseFile, Purpose},
};

/// How long a unit of work waits for those before it. SQLite's own wait for another process comes on top.
const WAIT: Duration = Duration::from_secs(5);

/// Runs the statements of one connection on the runtime's blocking threads, in the order in which they were sent. Unlike
/// diesel-async's own, a caller that goes away is not held up until its statement has ended (which panics on a
/// current-thread runtime): the statement ends on its thread, and what is sent next waits there for it. The order
/// matters: a statement that nobody waits for any more, run after the rollback that follows it, would stand alone.
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
        // Nobody may wait for the answer any more.
        let job: Job = Box::new(move || drop(answer.send(task())));
        lock(&self.jobs).push_back(job);
        let (jobs, turn) = (Arc::clone(&self.jobs), Arc::clone(&self.turn));
        // Threads start in any order: each does the oldest job, which need not be the one it was started for.
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

/// The one connection that writes, lent to one unit of work at a time.
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

    /// The connection, when those before are done with it.
    pub(crate) async fn borrow(&self) -> Result<BorrowedWriter, StoreError> {
        timeout(WAIT, Arc::clone(&self.connection).lock_owned()).await.map_err(StoreError::unavailable)
    }

    /// The connection, unless a unit of work has it.
    pub(crate) fn try_borrow(&self) -> Option<BorrowedWriter> {
        Arc::clone(&self.connection).try_lock_owned().ok()
    }
}
