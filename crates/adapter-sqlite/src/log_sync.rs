use std::{
    fs::File,
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use domain::store::StoreError;
use tokio::{runtime::Handle, sync::Mutex};

use crate::file::DatabaseFile;

/// Syncs the write-ahead log to the disk after commits. Commits that wait at the same time share one sync, so that many
/// concurrent writers do not wait for one sync each.
///
/// SQLite would sync the log inside `COMMIT` (`synchronous = FULL`), while no other unit of work can write. Here,
/// `COMMIT` only writes to the log. The next unit of work can then begin, while the caller of the first unit of work
/// waits for a sync that begins after its commit. During this wait, other units of work can already read its changes.
/// Their own commits come later in the log, so a power failure cannot keep their changes and lose the earlier ones.
pub(crate) struct LogSync {
    sync: Arc<dyn Fn() -> io::Result<()> + Send + Sync>,
    runtime: Handle,
    /// The number of commits that have been written to the log.
    written: Arc<AtomicU64>,
    /// Locked during a sync.
    synced: Arc<Mutex<Synced>>,
}

/// Which commits the earlier syncs have included. Commits are numbered from 1.
#[derive(Debug, Clone, Copy, Default)]
struct Synced {
    /// The number of the last commit that the last successful sync included.
    commits: u64,
    /// The number of the last commit that the last failed sync included. The operating system reports an error only
    /// once, and a later sync that succeeds does not show that these commits are on the disk.
    failed: u64,
}

/// A sync of the log failed, so it is unknown whether the change would survive a power failure.
#[derive(Debug, thiserror::Error)]
#[error("the write-ahead log could not be synced to the disk")]
struct NotSynced;

impl LogSync {
    pub(crate) fn new(file: DatabaseFile, runtime: Handle) -> Self {
        let log: OnceLock<File> = OnceLock::new();
        Self::with(runtime, move || {
            // The file exists after the first commit, and until the last connection is closed.
            if let Some(log) = log.get() {
                return log.sync_data();
            }
            let opened = file.open_log()?;
            log.get_or_init(|| opened).sync_data()
        })
    }

    fn with(runtime: Handle, sync: impl Fn() -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self { sync: Arc::new(sync), runtime, written: Arc::default(), synced: Arc::default() }
    }

    /// Notes that a commit was written to the log; returns its number. Must be called before the next commit.
    pub(crate) fn note_commit(&self) -> u64 {
        self.written.fetch_add(1, Ordering::SeqCst).saturating_add(1)
    }

    /// Waits until the commit with this number is on the disk.
    ///
    /// # Errors
    /// When the log could not be synced. The change can be read, but a power failure may lose it.
    pub(crate) async fn until_synced(&self, commit: u64) -> Result<(), StoreError> {
        let mut synced = Arc::clone(&self.synced).lock_owned().await;
        if synced.failed >= commit {
            return Err(StoreError::unavailable(NotSynced));
        }
        if synced.commits >= commit {
            return Ok(());
        }
        let (sync, written) = (Arc::clone(&self.sync), Arc::clone(&self.written));
        // The result is noted in the task, so that a failure is noted even if this caller is cancelled.
        let task = self.runtime.spawn_blocking(move || {
            let written = written.load(Ordering::SeqCst);
            let answer = sync();
            match answer {
                Ok(()) => synced.commits = written,
                Err(_) => synced.failed = written,
            }
            answer
        });
        task.await.map_err(io::Error::other).flatten().map_err(StoreError::unavailable)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex as Blocking};

    use futures_util::future::join_all;

    use super::*;

    /// A simulated disk, whose syncs wait until the test permits them.
    #[derive(Default)]
    struct Disk {
        /// How many syncs have begun, and how many may end.
        syncs: Blocking<(u64, u64)>,
        changed: Condvar,
    }

    impl Disk {
        fn sync(&self) {
            let mut syncs = self.syncs.lock().unwrap();
            syncs.0 = syncs.0.saturating_add(1);
            let mine = syncs.0;
            self.changed.notify_all();
            drop(self.changed.wait_while(syncs, |(_, permitted)| *permitted < mine).unwrap());
        }

        fn until_begun(&self, count: u64) {
            let syncs = self.syncs.lock().unwrap();
            drop(self.changed.wait_while(syncs, |(begun, _)| *begun < count).unwrap());
        }

        fn permit(&self, count: u64) {
            self.syncs.lock().unwrap().1 = count;
            self.changed.notify_all();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_commit_waits_for_a_sync_that_began_after_it_and_shares_it_with_others() {
        let disk = Arc::new(Disk::default());
        let log = {
            let disk = Arc::clone(&disk);
            Arc::new(LogSync::with(Handle::current(), move || {
                disk.sync();
                Ok(())
            }))
        };
        let commit = || {
            let (number, log) = (log.note_commit(), Arc::clone(&log));
            tokio::spawn(async move { log.until_synced(number).await })
        };
        let first = commit();
        disk.until_begun(1);
        let others: Vec<_> = (0..8).map(|_| commit()).collect();
        disk.permit(1);
        first.await.unwrap().unwrap();
        disk.until_begun(2);
        assert!(others.iter().all(|other| !other.is_finished()), "the first sync began before these commits");
        disk.permit(2);
        for other in join_all(others).await {
            other.unwrap().unwrap();
        }
        assert_eq!(*disk.syncs.lock().unwrap(), (2, 2), "the eight commits share one sync");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_failed_sync_fails_all_commits_before_it_and_none_after_it() {
        let attempts = AtomicU64::new(0);
        let log = LogSync::with(Handle::current(), move || match attempts.fetch_add(1, Ordering::SeqCst) {
            0 => Err(io::Error::other("no such disk")),
            _ => Ok(()),
        });
        let (first, second) = (log.note_commit(), log.note_commit());
        assert!(log.until_synced(first).await.is_err());
        assert!(log.until_synced(second).await.is_err(), "the next sync would not report the error again");
        let third = log.note_commit();
        log.until_synced(third).await.unwrap();
        assert!(log.until_synced(second).await.is_err());
    }
}
