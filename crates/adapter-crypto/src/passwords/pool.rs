//! The threads that hash passwords, and the limited queue in front of them.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};

use argon2::Block;
use domain::accounts::HashError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// A thread that has had no job for this time frees its memory.
const KEEP_MEMORY: Duration = Duration::from_secs(10);

/// The increment that hashing threads pass to `nice(2)`, so that threads that serve requests get the processor first.
const NICE: i32 = 5;

/// The limits of the pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The number of hashing threads, which is also the maximum number of jobs that run at the same time.
    pub(super) slots: usize,
    /// The number of callers that may wait in the queue.
    pub(super) queue: usize,
    /// The maximum time that a caller waits in the queue.
    pub(super) patience: Duration,
}

impl Default for Limits {
    /// One thread, and a queue in which up to 64 callers wait for at most two seconds.
    fn default() -> Self {
        Self { slots: 1, queue: 64, patience: Duration::from_secs(2) }
    }
}

/// The memory in which Argon2 works. Each thread has its own memory and reuses it for each password.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    /// Returns `count` blocks. Their contents need not be cleared, because the first pass of Argon2 overwrites them.
    pub(super) fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.len() < count {
            self.0 = vec![Block::default(); count];
        }
        self.0.get_mut(..count).unwrap_or_default()
    }
}

/// A function that sends the result of a job to its caller.
type Tell = Box<dyn FnOnce() + Send>;

/// A job for a thread.
struct Job {
    /// Does the work and returns the function that sends the result.
    work: Box<dyn FnOnce(&mut Memory) -> Tell + Send>,
    ends: Ends,
}

/// The resources that a job holds, and which are given back when its work ends.
struct Ends {
    /// The permits from `HashPool::places` and `HashPool::slots`. The job owns them, so that they are not released
    /// before the work is done, even if the caller is cancelled.
    permits: [OwnedSemaphorePermit; 2],
    /// The channel that sends jobs to the thread that runs this job. The channel is returned to the pool when the work
    /// is done.
    thread: Sender<Job>,
}

/// A finished job whose result has not been sent yet. The function is `None` if the job panicked; the channel to its
/// caller is then closed without a result.
type Done = (Option<Tell>, Ends);

/// For each thread without a job, the channel that sends jobs to it.
type IdleThreads = Mutex<Vec<Sender<Job>>>;

/// Runs jobs on the hashing threads.
#[derive(Debug)]
pub(super) struct HashPool {
    /// One permit for each caller for whom there is still room, on a thread or in the queue.
    places: Arc<Semaphore>,
    /// One permit for each thread without a job.
    slots: Arc<Semaphore>,
    idle: Arc<IdleThreads>,
    patience: Duration,
    jobs_done: Arc<AtomicU64>,
}

impl HashPool {
    pub(super) fn start(limits: Limits) -> Result<Self, std::io::Error> {
        let slots = limits.slots.max(1);
        let idle = Arc::new(IdleThreads::default());
        let jobs_done = Arc::new(AtomicU64::new(0));
        let (done, announced) = channel();
        for number in 0..slots {
            let (sender, jobs) = channel();
            let (done, jobs_done) = (done.clone(), Arc::clone(&jobs_done));
            thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || work(&jobs, &done, &jobs_done))?;
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        }
        let idle_again = Arc::downgrade(&idle);
        thread::Builder::new()
            .name("hash-done".to_owned())
            .spawn(move || announce(&announced, &idle_again))?;
        Ok(Self {
            places: Arc::new(Semaphore::new(slots.saturating_add(limits.queue))),
            slots: Arc::new(Semaphore::new(slots)),
            idle,
            patience: limits.patience,
            jobs_done,
        })
    }

    /// Runs a job on one of the threads. Fails immediately when the queue is full, and after `patience` when no thread
    /// becomes free. Also fails when the job panics.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| HashError::Busy)?;
        let slot = tokio::time::timeout(self.patience, Arc::clone(&self.slots).acquire_owned())
            .await
            .map_err(|_| HashError::Busy)?
            .map_err(|error| HashError::Failed(Box::new(error)))?;
        let thread = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some(thread) = thread else {
            return Err(HashError::Failed("a slot was free and no thread was idle".into()));
        };
        let (answer, answered) = oneshot::channel();
        let job = Job {
            work: Box::new(move |memory| {
                let outcome = work(memory);
                Box::new(move || drop(answer.send(outcome)))
            }),
            ends: Ends { permits: [place, slot], thread: thread.clone() },
        };
        thread.send(job).map_err(|_| HashError::Failed("a hashing thread is gone".into()))?;
        answered.await.map_err(|_| HashError::Failed("the hashing of a password panicked".into()))
    }

    /// Returns whether another caller would now find a free thread or a place in the queue.
    pub(super) fn has_room(&self) -> bool {
        self.places.available_permits() > 0
    }

    /// Returns the number of jobs that the threads have begun, including those that are still running.
    pub(super) fn jobs_done(&self) -> u64 {
        self.jobs_done.load(Ordering::SeqCst)
    }
}

/// Runs the jobs that are sent to one thread, until the pool is dropped.
fn work(jobs: &Receiver<Job>, done: &Sender<Done>, jobs_done: &AtomicU64) {
    stand_back();
    let mut memory = Memory::default();
    loop {
        match jobs.recv_timeout(KEEP_MEMORY) {
            Ok(Job { work, ends }) => {
                jobs_done.fetch_add(1, Ordering::SeqCst);
                // If the job panics, the channel to the caller is closed, and `run` returns an error. The thread
                // continues.
                let tell = catch_unwind(AssertUnwindSafe(|| work(&mut memory))).ok();
                if done.send((tell, ends)).is_err() {
                    return;
                }
            }
            Err(RecvTimeoutError::Timeout) => memory = Memory::default(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Lowers the priority of this thread below the priority of the threads that serve requests. This is only done on
/// Linux, because elsewhere `nice(2)` would lower the priority of the whole process.
fn stand_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::warn!(%error, "the priority of a thread that hashes passwords cannot be lowered");
    }
}

/// Sends the results of jobs to their callers, until the pool is dropped. This function runs on a separate thread of
/// normal priority, because sending a result takes locks of the async runtime. A hashing thread, whose priority is low,
/// might be interrupted while it holds such a lock, and then the runtime would have to wait.
fn announce(done: &Receiver<Done>, idle: &Weak<IdleThreads>) {
    while let Ok((tell, Ends { permits, thread })) = done.recv() {
        if let Some(idle) = idle.upgrade() {
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        drop(permits);
        if let Some(tell) = tell {
            tell();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a pool with one thread, which is busy until the returned sender is dropped.
    async fn busy_pool(queue: usize) -> (Arc<HashPool>, Sender<()>) {
        let limits = Limits { slots: 1, queue, patience: Duration::from_secs(2) };
        let pool = Arc::new(HashPool::start(limits).unwrap());
        let (release, released) = channel::<()>();
        let (started, has_started) = oneshot::channel();
        let busy = Arc::clone(&pool);
        tokio::spawn(async move {
            busy.run(move |_| {
                started.send(()).unwrap();
                let _ = released.recv();
            })
            .await
        });
        has_started.await.unwrap();
        (pool, release)
    }

    #[tokio::test]
    async fn a_caller_is_refused_immediately_when_the_queue_is_full() {
        let (pool, release) = busy_pool(0).await;
        assert!(!pool.has_room());
        assert!(matches!(pool.run(|_| ()).await, Err(HashError::Busy)));
        drop(release);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_is_refused_after_waiting_too_long() {
        let (pool, release) = busy_pool(1).await;
        let before = tokio::time::Instant::now();
        assert!(matches!(pool.run(|_| ()).await, Err(HashError::Busy)));
        assert_eq!(before.elapsed(), Duration::from_secs(2));
        drop(release);
    }

    #[tokio::test]
    async fn a_waiting_caller_gets_the_next_free_thread() {
        let (pool, release) = busy_pool(1).await;
        assert!(pool.has_room());
        let waiting = Arc::clone(&pool);
        let waiting = tokio::spawn(async move { waiting.run(|_| 7).await });
        drop(release);
        assert_eq!(waiting.await.unwrap().unwrap(), 7);
    }

    #[tokio::test]
    async fn the_thread_of_a_cancelled_caller_is_free_only_after_the_work() {
        let limits = Limits { slots: 1, queue: 0, patience: Duration::from_secs(2) };
        let pool = Arc::new(HashPool::start(limits).unwrap());
        let (release, released) = channel::<()>();
        let (started, has_started) = oneshot::channel();
        let gone = Arc::clone(&pool);
        let caller = tokio::spawn(async move {
            gone.run(move |_| {
                started.send(()).unwrap();
                let _ = released.recv();
            })
            .await
        });
        has_started.await.unwrap();
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        assert!(matches!(pool.run(|_| ()).await, Err(HashError::Busy)));
        drop(release);
    }

    #[tokio::test]
    async fn after_a_panic_the_caller_gets_an_error_and_the_thread_continues() {
        let pool = HashPool::start(Limits::default()).unwrap();
        let failed = pool.run(|_| panic!("on purpose")).await;
        assert!(matches!(failed, Err(HashError::Failed(_))));
        assert_eq!(pool.run(|_| 7).await.unwrap(), 7);
    }
}
