use std::{
    io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection};
use domain::store::StoreError;

use crate::error::store_error;

/// What a connection is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Units of work and migrations, which read and write.
    Write,
    /// Queries. A statement that writes fails.
    Read,
    /// Checkpoints, which copy pages from the write-ahead log to the file. The connection never waits for a lock.
    Checkpoint,
}

/// The settings with which every connection is opened. [`DatabaseFile::open`] then changes some of them for the purpose
/// of the connection. Checkpoints are synced to the disk (`synchronous = FULL`). Connections that write use `NORMAL`
/// instead, so SQLite does not sync their commits: [`LogSync`](crate::log_sync) syncs the commits of units of work, and
/// a migration that is lost in a power failure is run again. Each connection caches 4 MiB of pages. The file is not
/// memory-mapped, because each connection's map would count as memory of the process.
const SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; \
    PRAGMA cache_size = -4096; PRAGMA mmap_size = 0; \
    PRAGMA journal_size_limit = 67108864; PRAGMA trusted_schema = OFF;";

/// The settings of the connection that imports many rows: it caches 128 MiB of pages, and makes a checkpoint itself
/// only if the log reaches 100,000 pages (400 MB).
pub(crate) const BULK_SETTINGS: &str = "PRAGMA cache_size = -131072; PRAGMA wal_autocheckpoint = 100000;";

/// The maximum number of bytes that [`DatabaseFile::rewrite_log`] reads and writes in one step.
const REWRITTEN_AT_ONCE: u64 = 1024 * 1024;

/// The database file is a symbolic link. Links are refused, because someone else may have chosen the target.
#[derive(Debug, thiserror::Error)]
#[error("{0} is a link, and links are not followed: name the file itself in DATABASE_URL")]
struct Link(PathBuf);

/// A database file.
#[derive(Debug, Clone)]
pub(crate) struct DatabaseFile {
    path: PathBuf,
}

impl DatabaseFile {
    /// Creates the folder and the file if they do not exist. On Unix, only the user of this process can access what was
    /// created, because the file contains email addresses and password hashes.
    pub(crate) fn prepare(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            make_folder(folder).map_err(StoreError::unavailable)?;
        }
        open_file(path, std::fs::OpenOptions::new().append(true).create(true)).map_err(|error| {
            if path.is_symlink() {
                StoreError::failed(Link(path.to_owned()))
            } else {
                StoreError::unavailable(error)
            }
        })?;
        let path = std::path::absolute(path).map_err(StoreError::unavailable)?;
        Ok(Self { path })
    }

    /// The file if it exists, `None` otherwise. Creates nothing.
    pub(crate) fn existing(path: &Path) -> Result<Option<Self>, StoreError> {
        let path = std::path::absolute(path).map_err(StoreError::unavailable)?;
        let is_there = path.try_exists().map_err(StoreError::unavailable)?;
        Ok(is_there.then_some(Self { path }))
    }

    /// Opens a connection. Blocks the thread, so it must be called on a blocking thread.
    pub(crate) fn open(&self, purpose: Purpose) -> Result<SqliteConnection, StoreError> {
        let path = self.path.to_str().ok_or_else(|| StoreError::failed("the path is not Unicode"))?;
        let mut address = address(path);
        if purpose == Purpose::Checkpoint {
            // By default, SQLite would create a new file if the file was removed in the meantime.
            address.push_str("?mode=rw");
        }
        let mut connection = SqliteConnection::establish(&address).map_err(StoreError::unavailable)?;
        connection.batch_execute(SETTINGS).map_err(store_error)?;
        if !has_temporary_folder() {
            connection.batch_execute("PRAGMA temp_store = MEMORY").map_err(store_error)?;
        }
        let ours = match purpose {
            // The journal mode is stored in the file, so other connections need not set it. With `NORMAL`, checkpoints
            // are synced, but commits are not (see `log_sync`). `secure_delete` overwrites deleted rows. Checkpoints
            // run in the background. The writer makes a checkpoint itself only if the log reaches 10,000 pages (40 MB)
            // before the next background checkpoint.
            Purpose::Write => {
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 10000; \
                 PRAGMA secure_delete = ON;"
            }
            Purpose::Read => "PRAGMA query_only = ON;",
            Purpose::Checkpoint => "PRAGMA busy_timeout = 0;",
        };
        connection.batch_execute(ours).map_err(store_error)?;
        Ok(connection)
    }

    /// Opens the write-ahead log, which must exist. SQLite holds no locks on this file, so this program may close it
    /// at any time. The database file itself must not be opened and closed like this while it has connections, because
    /// closing it would release the POSIX locks of all connections of this process. [`DatabaseFile::prepare`] may open
    /// and close it, because this database has no connections at that time.
    pub(crate) fn open_log(&self) -> std::io::Result<std::fs::File> {
        open_file(&self.beside("-wal"), std::fs::OpenOptions::new().append(true))
    }

    /// Whether the write-ahead log exists and is not empty.
    pub(crate) fn has_log(&self) -> bool {
        std::fs::metadata(self.beside("-wal")).is_ok_and(|log| log.len() > 0)
    }

    /// Writes the content of the write-ahead log again, with the same bytes, and waits until it is on the disk. Does
    /// nothing if there is no log. The caller must hold SQLite's write lock.
    pub(crate) fn rewrite_log(&self) -> std::io::Result<()> {
        let mut log =
            match open_file(&self.beside("-wal"), std::fs::OpenOptions::new().read(true).write(true)) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                opened => opened?,
            };
        let mut part = Vec::new();
        let mut at = 0_u64;
        loop {
            part.clear();
            let length = (&mut log).take(REWRITTEN_AT_ONCE).read_to_end(&mut part)?;
            if length == 0 {
                return log.sync_data();
            }
            log.seek(SeekFrom::Start(at))?;
            log.write_all(&part)?;
            at = log.stream_position()?;
        }
    }

    /// Checks that the file system accepts new data next to the database file, without a sync.
    pub(crate) fn check_space(&self) -> std::io::Result<()> {
        let path = self.beside("-probe");
        let mut options = std::fs::OpenOptions::new();
        let mut file = open_file(&path, options.write(true).create(true).truncate(true))?;
        let written = file.write_all(&[0; 4096]);
        match std::fs::remove_file(&path) {
            // Another check has removed the same file.
            Err(error) if error.kind() == ErrorKind::NotFound => written,
            removed => written.and(removed),
        }
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(ending);
        path.into()
    }
}

/// Whether SQLite finds a folder for temporary files, to which it writes intermediate results that exceed its cache. In
/// memory, sorting a million rows would take about 60 MB for each connection that sorts.
///
/// Checks the folders that SQLite tries, except the one named by `SQLITE_TMPDIR`:
/// <https://www.sqlite.org/tempfiles.html>.
#[cfg(unix)]
fn has_temporary_folder() -> bool {
    use rustix::fs::{Access, access};
    let mut folders = ["/var/tmp", "/usr/tmp", "/tmp", "."].into_iter().map(PathBuf::from);
    let is_writable =
        |folder: PathBuf| folder.is_dir() && access(&folder, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    is_writable(std::env::temp_dir()) || folders.any(is_writable)
}

#[cfg(not(unix))]
fn has_temporary_folder() -> bool {
    false
}

/// A `file:` URI (RFC 3986) for a path. Characters that have a meaning in URIs are percent-encoded.
fn address(path: &str) -> String {
    let path = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{path}")
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Opens a file. If `options` creates the file, only the user of this process can access it. Symbolic links are not
/// followed.
#[cfg(unix)]
fn open_file(path: &Path, options: &mut std::fs::OpenOptions) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    let no_follow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).map_err(std::io::Error::other)?;
    options.mode(0o600).custom_flags(no_follow).open(path)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn open_file(path: &Path, options: &mut std::fs::OpenOptions) -> std::io::Result<std::fs::File> {
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::{DatabaseFile, address};

    #[test]
    fn a_link_is_not_followed() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let link = folder.path().join("cinema.db");
        std::os::unix::fs::symlink(elsewhere.path().join("other.db"), &link).unwrap();
        let refused = DatabaseFile::prepare(&link).unwrap_err();
        let reason = std::error::Error::source(&refused).unwrap().to_string();
        assert!(reason.contains("cinema.db is a link"), "{reason}");
        assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0, "nothing may be created");
    }

    #[test]
    fn characters_with_a_meaning_in_uris_are_encoded() {
        assert_eq!(address("/data/100%?#.db"), "file:/data/100%25%3f%23.db");
    }
}
