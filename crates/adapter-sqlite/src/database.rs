use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use diesel::{QueryResult, SqliteConnection, connection::SimpleConnection, query_dsl::LoadQuery};
use domain::store::StoreError;
use tokio::runtime::Handle;

use crate::{
    checkpoints::Checkpoints,
    error::{is_busy, store_error},
    file::{BULK_SETTINGS, DatabaseFile},
    log_sync::{LogSync, NotSynced},
    queries::CatalogCache,
    readers::Readers,
    statement::Statement,
    writer::Writer,
};

/// The options of the connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolOptions {
    /// The maximum number of connections for reading, in addition to the connection for writing. 0 counts as 1.
    pub size: usize,
}

/// A SQLite file, which implements the storage ports. Clones share its connections. Other processes may use the file
/// too.
#[derive(Clone)]
pub struct SqliteDatabase {
    inner: Arc<Inner>,
}

struct Inner {
    file: DatabaseFile,
    runtime: Handle,
    writer: Writer,
    readers: Readers,
    checkpoints: Checkpoints,
    log_sync: LogSync,
    statements: AtomicU64,
    cache: CatalogCache,
}

impl std::fmt::Debug for SqliteDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteDatabase").field("file", &self.inner.file).finish_non_exhaustive()
    }
}

impl SqliteDatabase {
    /// Opens the file, and creates it and its folder if they do not exist. Must be called within a Tokio runtime. The
    /// runtime must live as long as the database is used, because its blocking threads run all statements.
    ///
    /// # Errors
    /// When the file cannot be created or opened, or is a symbolic link.
    pub async fn open(path: &Path, options: PoolOptions) -> Result<Self, StoreError> {
        let runtime = Handle::current();
        let path = path.to_owned();
        let handle = runtime.clone();
        let open = move || {
            let file = DatabaseFile::prepare(&path)?;
            let writer = Writer::open(&file, handle)?;
            Ok::<_, StoreError>((file, writer))
        };
        let (file, writer) = runtime.spawn_blocking(open).await.map_err(StoreError::failed)??;
        let readers = Readers::new(file.clone(), options.size, runtime.clone());
        let log_sync = LogSync::new(file.clone(), runtime.clone());
        let checkpoints = Checkpoints::new(file.clone(), log_sync.clone(), runtime.clone());
        // The log may still contain data that was erased just before a crash.
        checkpoints.request_emptying();
        let inner = Inner {
            file,
            runtime,
            writer,
            readers,
            checkpoints,
            log_sync,
            statements: AtomicU64::new(0),
            cache: CatalogCache::for_connections(options.size),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Checks that the database can be read.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let statement = Statement::<(diesel::sql_types::Integer,)>::new("SELECT 1");
        self.fetch::<_, (i32,)>(statement).await.map(|_| ())
    }

    /// Checks that the file can be written to now, and that the file system has space for new data. Does not wait: if a
    /// unit of work or another process is writing, the file counts as writable, unless a part of the write-ahead log may
    /// be missing on the disk.
    ///
    /// # Errors
    /// When the file cannot be written to, for example because the disk has become read-only.
    pub async fn check_writable(&self) -> Result<(), StoreError> {
        let Some(mut writer) = self.writer().try_borrow() else {
            let has_gap = self.log_sync().has_gap();
            return if has_gap { Err(StoreError::unavailable(NotSynced)) } else { Ok(()) };
        };
        self.count_statement();
        let log_sync = self.log_sync().clone();
        let written = writer.spawn_blocking(move |connection| try_to_write(connection, &log_sync)).await;
        written.map_err(store_error)?.map_err(StoreError::unavailable)?;
        drop(writer);
        let file = self.inner.file.clone();
        let checked = self.runtime().spawn_blocking(move || file.check_space()).await;
        checked.map_err(io::Error::other).flatten().map_err(StoreError::unavailable)
    }

    /// Prepares for many large units of work, for example an import: the connection for writing caches more pages, and
    /// the log is copied to the file less often. Otherwise pages that change in every unit of work would be read from
    /// the file and copied to it again and again.
    ///
    /// # Errors
    /// When the connection cannot be configured, or other units of work use it for too long.
    pub async fn expect_bulk_writes(&self) -> Result<(), StoreError> {
        self.checkpoints().expect_bulk_writes();
        let mut writer = self.writer().borrow().await?;
        let configure = |connection: &mut SqliteConnection| connection.batch_execute(BULK_SETTINGS);
        writer.spawn_blocking(configure).await.map_err(store_error)
    }

    /// The number of statements that all clones have run so far, for tests that limit this number. Statements that run
    /// together as one task count as one; schema migrations and checkpoints are not counted.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.inner.statements.load(Ordering::Relaxed)
    }

    pub(crate) fn count_statement(&self) {
        self.inner.statements.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn file(&self) -> &DatabaseFile {
        &self.inner.file
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.inner.runtime
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.inner.writer
    }

    pub(crate) fn readers(&self) -> &Readers {
        &self.inner.readers
    }

    pub(crate) fn checkpoints(&self) -> &Checkpoints {
        &self.inner.checkpoints
    }

    pub(crate) fn log_sync(&self) -> &LogSync {
        &self.inner.log_sync
    }

    pub(crate) fn cache(&self) -> &CatalogCache {
        &self.inner.cache
    }

    /// Runs a `SELECT` outside a unit of work, and returns its rows.
    pub(crate) async fn fetch<ST, U>(&self, statement: Statement<ST>) -> Result<Vec<U>, StoreError>
    where
        U: Send + 'static,
        ST: 'static,
        for<'q> Statement<ST>: LoadQuery<'q, SqliteConnection, U>,
    {
        self.count_statement();
        self.inner.readers.run(move |connection| statement.internal_load(connection)?.collect()).await
    }
}

/// Takes and releases the write lock without waiting. A lock that another process holds is not an error.
fn try_to_write(connection: &mut SqliteConnection, log_sync: &LogSync) -> QueryResult<io::Result<()>> {
    connection.batch_execute("PRAGMA busy_timeout = 0")?;
    let begun = connection.batch_execute("BEGIN IMMEDIATE");
    let (closed, ended) = match &begun {
        Ok(()) => (log_sync.close_gap(), connection.batch_execute("ROLLBACK")),
        Err(_) => (Ok(()), Ok(())),
    };
    connection.batch_execute("PRAGMA busy_timeout = 5000")?;
    match begun.and(ended) {
        Err(error) if is_busy(&error) => Ok(Ok(())),
        answer => answer.map(|()| closed),
    }
}
