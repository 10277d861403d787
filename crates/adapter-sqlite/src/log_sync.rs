use std::{
    fs::File,
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
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
///
/// After a failed sync, a part of the log may be missing on the disk, although a later sync succeeds: the operating
/// system reports the error once, and does not write these pages again. SQLite ignores everything after such a gap when
/// it reads the log after a power failure. So no commit is acknowledged, no unit of work begins, and no page is copied
/// to the database file, until the complete log was written again ([`Self::close_gap`]).
#[derive(Clone)]
pub(crate) struct LogSync {
    log: Arc<dyn Log>,
    runtime: Handle,
    /// The number of commits that have been written to the log.
    written: Arc<AtomicU64>,
    /// Locked during a sync.
    synced: Arc<Mutex<Synced>>,
    /// Whether a part of the log may be missing on the disk. Changed only while `synced` is locked.
    has_gap: Arc<AtomicBool>,
}

/// The file of the write-ahead log, or a simulation in tests.
trait Log: Send + Sync {
    /// Waits until the file is on the disk.
    fn sync(&self) -> io::Result<()>;
    /// Writes the complete content of the file again, and waits until it is on the disk.
    fn rewrite(&self) -> io::Result<()>;
}

struct LogFile {
    file: DatabaseFile,
    opened: OnceLock<File>,
}

impl Log for LogFile {
    fn sync(&self) -> io::Result<()> {
        // The file exists after the first commit, and until the last connection is closed.
        if let Some(log) = self.opened.get() {
            return log.sync_data();
        }
        let opened = self.file.open_log()?;
        self.opened.get_or_init(|| opened).sync_data()
    }

    fn rewrite(&self) -> io::Result<()> {
        self.file.rewrite_log()
    }
}

/// Which commits the earlier syncs have included. Commits are numbered from 1.
#[derive(Debug, Clone, Copy, Default)]
struct Synced {
    /// The number of the last commit that the last successful sync included.
    commits: u64,
    /// The number of the last commit that must not be acknowledged: it was written before the gap was closed.
    failed: u64,
}

/// A sync of the log failed, so it is unknown whether the change would survive a power failure.
#[derive(Debug, thiserror::Error)]
#[error("the write-ahead log could not be synced to the disk")]
pub(crate) struct NotSynced;

impl LogSync {
    /// If the log is not empty, an earlier process may have ended after a failed sync. So the log counts as having a
    /// gap until it was written again.
    pub(crate) fn new(file: DatabaseFile, runtime: Handle) -> Self {
        let has_gap = file.has_log();
        Self::with(runtime, LogFile { file, opened: OnceLock::new() }, has_gap)
    }

    fn with(runtime: Handle, log: impl Log + 'static, has_gap: bool) -> Self {
        Self {
            log: Arc::new(log),
            runtime,
            written: Arc::default(),
            synced: Arc::default(),
            has_gap: Arc::new(AtomicBool::new(has_gap)),
        }
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
        if synced.failed >= commit || self.has_gap() {
            return Err(StoreError::unavailable(NotSynced));
        }
        if synced.commits >= commit {
            return Ok(());
        }
        let this = self.clone();
        // The result is noted in the task, so that a failure is noted even if this caller is cancelled.
        let task = self.runtime.spawn_blocking(move || {
            let written = this.written.load(Ordering::SeqCst);
            let answer = this.log.sync();
            if answer.is_ok() {
                synced.commits = written;
            } else {
                synced.failed = written;
                this.has_gap.store(true, Ordering::SeqCst);
            }
            answer
        });
        task.await.map_err(io::Error::other).flatten().map_err(StoreError::unavailable)
    }

    /// Acts as if a sync had failed.
    #[cfg(test)]
    pub(crate) fn open_gap(&self) {
        self.has_gap.store(true, Ordering::SeqCst);
    }

    /// Whether a part of the log may be missing on the disk.
    pub(crate) fn has_gap(&self) -> bool {
        self.has_gap.load(Ordering::SeqCst)
    }

    /// Writes the complete log again if it may have a gap. The caller must hold SQLite's write lock, so that no other
    /// connection writes to the log or empties it. Blocks the thread.
    ///
    /// # Errors
    /// When the log cannot be written. The gap then remains, and the next call tries again.
    pub(crate) fn close_gap(&self) -> io::Result<()> {
        if !self.has_gap() {
            return Ok(());
        }
        let mut synced = Arc::clone(&self.synced).blocking_lock_owned();
        if self.has_gap() {
            self.log.rewrite()?;
            // Every unit of work notes its commit before it releases the write lock.
            synced.failed = self.written.load(Ordering::SeqCst);
            self.has_gap.store(false, Ordering::SeqCst);
        }
        Ok(())
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

    impl Log for Arc<Disk> {
        fn sync(&self) -> io::Result<()> {
            let mut syncs = self.syncs.lock().unwrap();
            syncs.0 = syncs.0.saturating_add(1);
            let mine = syncs.0;
            self.changed.notify_all();
            drop(self.changed.wait_while(syncs, |(_, permitted)| *permitted < mine).unwrap());
            Ok(())
        }

        fn rewrite(&self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Disk {
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
            Arc::new(LogSync::with(Handle::current(), disk, false))
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

    /// A disk that fails for a time.
    #[derive(Default)]
    struct FailingDisk {
        is_failing: AtomicBool,
        /// How many syncs and rewrites were attempted.
        attempts: (AtomicU64, AtomicU64),
    }

    impl FailingDisk {
        fn attempt(&self, count: &AtomicU64) -> io::Result<()> {
            count.fetch_add(1, Ordering::SeqCst);
            if self.is_failing.load(Ordering::SeqCst) {
                Err(io::Error::other("no such disk"))
            } else {
                Ok(())
            }
        }
    }

    impl Log for Arc<FailingDisk> {
        fn sync(&self) -> io::Result<()> {
            self.attempt(&self.attempts.0)
        }

        fn rewrite(&self) -> io::Result<()> {
            self.attempt(&self.attempts.1)
        }
    }

    async fn close_gap(log: &LogSync) -> io::Result<()> {
        let log = log.clone();
        tokio::task::spawn_blocking(move || log.close_gap()).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn after_a_failed_sync_no_commit_is_acknowledged_until_the_log_was_written_again() {
        let disk = Arc::new(FailingDisk::default());
        let log = LogSync::with(Handle::current(), Arc::clone(&disk), false);
        let synced = log.note_commit();
        log.until_synced(synced).await.unwrap();
        disk.is_failing.store(true, Ordering::SeqCst);
        let (first, second) = (log.note_commit(), log.note_commit());
        assert!(log.until_synced(first).await.is_err());
        assert!(close_gap(&log).await.is_err());
        disk.is_failing.store(false, Ordering::SeqCst);
        let third = log.note_commit();
        for commit in [second, third] {
            assert!(log.until_synced(commit).await.is_err(), "a later sync does not write the missing part");
        }
        assert_eq!(disk.attempts.0.load(Ordering::SeqCst), 2);
        close_gap(&log).await.unwrap();
        for commit in [first, second, third] {
            assert!(log.until_synced(commit).await.is_err(), "the caller may have been told that it failed");
        }
        let fourth = log.note_commit();
        log.until_synced(fourth).await.unwrap();
        close_gap(&log).await.unwrap();
        assert_eq!(disk.attempts.1.load(Ordering::SeqCst), 2, "without a gap, nothing is written again");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_of_an_earlier_process_is_written_again_with_the_same_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cinema.db");
        let file = DatabaseFile::prepare(&path).unwrap();
        assert!(!LogSync::new(file.clone(), Handle::current()).has_gap());
        let content: Vec<u8> = (0..2_500_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        let wal = folder.path().join("cinema.db-wal");
        std::fs::write(&wal, &content).unwrap();
        let log = LogSync::new(file, Handle::current());
        assert!(log.has_gap());
        close_gap(&log).await.unwrap();
        assert!(!log.has_gap());
        assert!(std::fs::read(&wal).unwrap() == content);
    }
}
