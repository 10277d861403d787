use diesel::result::{DatabaseErrorKind, Error};
use domain::store::StoreError;

/// Parts of SQLite's messages about temporary errors, for example a locked database, a full disk or a lack of memory.
/// Diesel drops the result code of these errors, so they can only be recognized by their messages (`sqlite3_errmsg`).
/// Each line names the result code.
const PASSING: [&str; 9] = [
    "database is locked",                   // SQLITE_BUSY
    "database table is locked",             // SQLITE_LOCKED
    "database or disk is full",             // SQLITE_FULL
    "disk I/O error",                       // SQLITE_IOERR
    "unable to open database",              // SQLITE_CANTOPEN
    "attempt to write a readonly database", // SQLITE_READONLY
    "out of memory",                        // SQLITE_NOMEM
    "locking protocol",                     // SQLITE_PROTOCOL
    "interrupted",                          // SQLITE_INTERRUPT
];

/// Whether the error means that its connection is unusable. The pool of connections for reading closes such a
/// connection. The only connection for writing is not replaced.
pub(crate) fn is_connection_lost(error: &Error) -> bool {
    match error {
        Error::DatabaseError(
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
            _,
        ) => true,
        Error::DatabaseError(_, information) => ["disk I/O error", "unable to open database"]
            .iter()
            .any(|text| information.message().contains(text)),
        _ => false,
    }
}

/// Whether the error means that another connection holds the write lock.
pub(crate) fn is_busy(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(_, information) if information.message().contains("database is locked"))
}

/// Converts a Diesel error: a temporary error becomes `Unavailable`, and any other error becomes `Failed`. No error
/// becomes a [`StoreError::Conflict`], because a unit of work takes the only write lock when it begins. If another
/// process holds the lock, SQLite has already waited for the lock, so an immediate retry would not help.
pub(crate) fn store_error(error: Error) -> StoreError {
    let passes = is_connection_lost(&error)
        || matches!(&error, Error::DatabaseError(_, information)
            if PASSING.iter().any(|text| information.message().contains(text)));
    if passes { StoreError::unavailable(error) } else { StoreError::failed(error) }
}
