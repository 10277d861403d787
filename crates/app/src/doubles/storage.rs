//! A database for the tests of use cases: `adapter-sqlite` on a temporary file, behind a decorator in which tests
//! inject failures.

use std::{
    path::Path,
    pin::Pin,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use adapter_sqlite::{PoolOptions, SqliteDatabase};
use async_trait::async_trait;
use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use domain::{
    storage::{WholeStore, WholeUnit},
    store::{Attempt, StoreError, Unit, UnitsOfWork, retried},
};
use tempfile::TempDir;
use tokio::task;

use super::{NoWait, rows::Rows};

/// A folder in memory, if the system has one. Every commit is synced to the database files, which is slow on a disk.
const MEMORY_FOLDER: &str = "/dev/shm";

fn folder() -> TempDir {
    let memory = Path::new(MEMORY_FOLDER);
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.expect("a temporary folder")
}

pub(super) fn connect(path: &Path) -> SqliteConnection {
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON").unwrap();
    connection
}

/// The file of a database with all tables and no rows. It is created once per process and copied by every test.
static EMPTY_DATABASE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = folder();
    let path = folder.path().join("empty.sqlite");
    let mut connection = connect(&path);
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/sqlite");
    let mut folders: Vec<_> = migrations.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders {
        connection.batch_execute(&std::fs::read_to_string(folder.join("up.sql")).unwrap()).unwrap();
    }
    drop(connection);
    std::fs::read(path).unwrap()
});

/// A future that a test runs in the middle of a use case. The future of an [`Interrupt`] uses the open unit of work.
pub(crate) type Interruption<'u> = Pin<Box<dyn Future<Output = ()> + Send + 'u>>;

/// A callback that runs inside the open unit of work, in the middle of a use case.
type Interrupt = Box<dyn for<'u> FnMut(&'u mut dyn WholeUnit) -> Interruption<'u> + Send>;

/// A callback that changes rows. The changes are stored in a separate unit of work.
type Interference = Box<dyn FnMut(&mut Rows) + Send>;

/// The failures to inject, and the recorded calls.
#[derive(Default)]
pub(super) struct Script {
    /// The names of the port methods that were called, in order.
    calls: Mutex<Vec<&'static str>>,
    /// The port method that fails.
    failing: Mutex<Option<&'static str>>,
    /// The methods to interrupt, and the callback that runs right before each call of one of them.
    interrupt: tokio::sync::Mutex<Option<(&'static [&'static str], Interrupt)>>,
    /// A port method, and the future that runs once, right before the next call of the method outside a unit of work.
    before: Mutex<Option<(&'static str, Interruption<'static>)>>,
    fails_on_commit: AtomicBool,
    commits_to_lose: AtomicU32,
    /// Which of the next repository calls loses a race (fails with [`StoreError::Conflict`]): 1 is the next call, 2 the
    /// call after it, and so on. 0 when no call loses a race.
    calls_until_loss: AtomicU32,
    commits: AtomicU32,
    /// The tasks that have an open unit of work. `None` is the main task of the test.
    open_units: Mutex<Vec<Option<task::Id>>>,
}

impl Script {
    /// Records the call of a port method, and fails if the test has made the method fail.
    fn enter(&self, method: &'static str) -> Result<(), StoreError> {
        self.calls.lock().unwrap().push(method);
        if *self.failing.lock().unwrap() == Some(method) {
            return Err(StoreError::unavailable("no connection"));
        }
        Ok(())
    }

    /// Does the same as [`Self::enter`] for a repository method, which can also lose a race.
    fn enter_repository(&self, method: &'static str) -> Result<(), StoreError> {
        self.enter(method)?;
        let counted = self
            .calls_until_loss
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if counted == Ok(1) { Err(StoreError::conflict("deadlock detected")) } else { Ok(()) }
    }

    /// Does the same as [`Self::enter`] for a port method outside a unit of work. If the test has set a future to run
    /// before this method, runs it first.
    pub(super) async fn enter_port(&self, method: &'static str) -> Result<(), StoreError> {
        let before = self.before.lock().unwrap().take_if(|(wanted, _)| *wanted == method);
        if let Some((_, run)) = before {
            run.await;
        }
        self.enter(method)
    }

    /// Counts the commit of a transaction, and fails if the test makes this commit lose a race.
    pub(super) fn commit(&self) -> Result<(), StoreError> {
        self.commits.fetch_add(1, Ordering::Relaxed);
        let counted = self
            .commits_to_lose
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if counted.is_ok() { Err(StoreError::conflict("deadlock detected")) } else { Ok(()) }
    }

    /// Does the same as [`Self::commit`] for a unit of work, whose commits can also fail permanently.
    fn commit_unit(&self) -> Result<(), StoreError> {
        self.commit()?;
        if self.fails_on_commit.load(Ordering::Relaxed) {
            return Err(StoreError::failed("the disk is full"));
        }
        Ok(())
    }
}

/// A separate database for one test, with all tables and no rows. Every storage port works as in production unless the
/// test injects a failure.
pub(crate) struct TestStorage {
    pub(crate) database: SqliteDatabase,
    pub(super) script: Arc<Script>,
    /// A separate connection to the database, for rows that no port reads or writes.
    pub(super) tables: Mutex<SqliteConnection>,
    interference: Mutex<Option<Interference>>,
    /// The folder of the database file. It is removed when the `TestStorage` is dropped.
    _folder: TempDir,
}

impl TestStorage {
    pub(crate) async fn new() -> Arc<Self> {
        let folder = folder();
        let path = folder.path().join("cinema.sqlite");
        std::fs::write(&path, &*EMPTY_DATABASE).unwrap();
        let database = SqliteDatabase::open(&path, PoolOptions { size: 2 }).await.unwrap();
        Arc::new(Self {
            database,
            script: Arc::default(),
            tables: Mutex::new(connect(&path)),
            interference: Mutex::default(),
            _folder: folder,
        })
    }

    /// Makes every commit of a unit of work fail from now on.
    pub(crate) fn fail_commits(&self) {
        self.script.fails_on_commit.store(true, Ordering::Relaxed);
    }

    /// Lets commits succeed again.
    pub(crate) fn let_commits_succeed(&self) {
        self.script.fails_on_commit.store(false, Ordering::Relaxed);
    }

    /// Makes every call of the port method fail from now on; `None` lets all methods succeed again.
    pub(crate) fn fail_at(&self, method: Option<&'static str>) {
        *self.script.failing.lock().unwrap() = method;
    }

    /// Makes the next `count` commits lose a race: they fail with [`StoreError::Conflict`].
    pub(crate) fn lose_commits(&self, count: u32) {
        self.script.commits_to_lose.store(count, Ordering::Relaxed);
    }

    /// Makes one of the next repository calls lose a race: the next call for 1, the second call from now for 2, and so
    /// on.
    pub(crate) fn lose_repository_call(&self, number: u32) {
        self.script.calls_until_loss.store(number, Ordering::Relaxed);
    }

    /// Returns the number of attempted commits since the previous call of this method.
    pub(crate) fn take_commits(&self) -> u32 {
        self.script.commits.swap(0, Ordering::Relaxed)
    }

    /// Returns how often the port method was called since the last [`Self::take_calls`].
    pub(crate) fn count_calls(&self, method: &str) -> usize {
        self.script.calls.lock().unwrap().iter().filter(|call| **call == method).count()
    }

    /// Returns the names of the port methods that were called since the previous call of this method, in order.
    pub(crate) fn take_calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.script.calls.lock().unwrap())
    }

    /// From now on, changes rows right before each unit of work begins, as a concurrent transaction would.
    pub(crate) fn interfere(&self, change: impl FnMut(&mut Rows) + Send + 'static) {
        *self.interference.lock().unwrap() = Some(Box::new(change));
    }

    /// Runs `interrupt` inside the open unit of work, right before each call of one of these methods. The changes of
    /// `interrupt` then appear in the middle of the unit of work, as the commits of concurrent transactions do on
    /// PostgreSQL.
    pub(crate) async fn interrupt(
        &self,
        methods: &'static [&'static str],
        interrupt: impl for<'u> FnMut(&'u mut dyn WholeUnit) -> Interruption<'u> + Send + 'static,
    ) {
        *self.script.interrupt.lock().await = Some((methods, Box::new(interrupt)));
    }

    /// Runs `run` once, right before the next call of this port method outside a unit of work.
    pub(crate) fn before(&self, method: &'static str, run: impl Future<Output = ()> + Send + 'static) {
        *self.script.before.lock().unwrap() = Some((method, Box::pin(run)));
    }

    /// Returns whether the calling task has an open unit of work. While a unit of work is open, a task must neither
    /// hash passwords nor use the network.
    pub(crate) fn has_open_unit(&self) -> bool {
        self.script.open_units.lock().unwrap().contains(&task::try_id())
    }

    /// Begins a unit of work for the test itself: its calls are not recorded, and no failures are injected.
    pub(crate) async fn unit(&self) -> Box<dyn WholeUnit> {
        retried(&NoWait, |attempt| self.database.begin_whole(attempt)).await.unwrap()
    }

    async fn run_interference(&self) {
        let Some(mut change) = self.interference.lock().unwrap().take() else { return };
        self.edit(&mut change).await;
        self.interference.lock().unwrap().get_or_insert(change);
    }
}

#[async_trait]
impl UnitsOfWork for TestStorage {
    type Unit = TestUnit;

    async fn begin(&self, attempt: Attempt) -> Result<TestUnit, StoreError> {
        self.run_interference().await;
        let inner = self.database.begin_whole(attempt).await?;
        let owner = task::try_id();
        self.script.open_units.lock().unwrap().push(owner);
        Ok(TestUnit { inner: Some(inner), script: Arc::clone(&self.script), locked: Row::Nothing, owner })
    }
}

/// The kinds of rows that units of work lock, in the prescribed order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Row {
    Nothing,
    User,
    Movie,
    Link,
    Session,
    Cart,
}

/// A unit of work on [`TestStorage`] that asserts the order of locks.
pub(crate) struct TestUnit {
    /// `None` after the commit.
    inner: Option<Box<dyn WholeUnit>>,
    script: Arc<Script>,
    locked: Row,
    owner: Option<task::Id>,
}

impl TestUnit {
    /// Handles the call of a repository method: asserts that a row of the kind `needed` or a later kind is locked, and
    /// that locking a row of the kind `locked` keeps the order. Then injects the failures and interrupts of the test.
    pub(super) async fn enter(
        &mut self,
        method: &'static str,
        needed: Row,
        locked: Row,
    ) -> Result<&mut dyn WholeUnit, StoreError> {
        assert!(self.locked >= needed, "{method} without the lock of the {needed:?} row");
        if locked != Row::Nothing {
            assert!(self.locked <= locked, "{method} after a {:?} row was locked", self.locked);
            self.locked = locked;
        }
        let inner = &mut **self.inner.as_mut().unwrap();
        self.script.enter_repository(method)?;
        if let Some((wanted, interrupt)) = &mut *self.script.interrupt.lock().await
            && wanted.contains(&method)
        {
            interrupt(&mut *inner).await;
        }
        Ok(inner)
    }
}

#[async_trait]
impl Unit for TestUnit {
    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        self.script.commit_unit()?;
        self.inner.take().unwrap().commit().await
    }
}

impl Drop for TestUnit {
    fn drop(&mut self) {
        let mut open = self.script.open_units.lock().unwrap();
        let place = open.iter().position(|owner| *owner == self.owner).unwrap();
        open.swap_remove(place);
    }
}
