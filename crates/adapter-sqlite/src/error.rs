use diesel::result::{DatabaseErrorKind, Error};
use domain::store::StoreError;

/// What SQLite says when it is held up, full or cannot reach its file for now. Diesel drops the result code of these, so they
/// are known by their messages (`sqlite3_errstr`); each line names its code.
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

/// Whether the connection is to be replaced by a new one.
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

/// Whether another process is writing.
pub(crate) fn is_busy(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(_, information) if information.message().contains("database is locked"))
}

/// Tells errors that pass from others. Nothing here is a [`StoreError::Conflict`]: units of work take the one lock when
/// they begin and have waited for it already when SQLite is busy.
pub(crate) fn store_error(error: Error) -> StoreError {
    let passes = is_connection_lost(&error)
        || matches!(&error, Error::DatabaseError(_, information)
            if PASSING.iter().any(|text| information.message().contains(text)));
    if passes { StoreError::unavailable(error) } else { StoreError::failed(error) }
}
