use diesel::result::{DatabaseErrorKind, Error};
use domain::store::StoreError;

/// What PostgreSQL says when it is away, overloaded or full for now. Diesel drops the SQLSTATE of these, so the English
/// message has to do; each line names its SQLSTATE.
const PASSING: [&str; 12] = [
    "canceling statement due to",          // 57014, 55P03: statement and lock timeouts
    "could not obtain lock",               // 55P03
    "terminating connection",              // 57P01, 57P02, 25P03
    "the database system is",              // 57P03: starting up, shutting down, in recovery
    "too many clients",                    // 53300
    "remaining connection slots",          // 53300
    "too many connections",                // 53300
    "No space left on device",             // 53100
    "out of memory",                       // 53200
    "out of shared memory",                // 53200
    "cannot execute",                      // 25006: a standby
    "database is not currently accepting", // 55000
];

/// What PostgreSQL says to the one of several transactions that it ends, so that the others can go on. Diesel names 40001
/// itself.
const DEADLOCK: &str = "deadlock detected"; // 40P01

/// What makes the connection itself useless, so that another one may succeed.
const LOST: [&str; 3] =
    ["terminating connection", "the database system is shutting down", "the database system is starting up"];

/// How the server begins to say that it does not know a statement that was prepared before (26000), or knows another one by
/// its name (42P05): what a pooler that hands out other servers between transactions makes of a connection.
const OTHER_STATEMENTS: &str = "prepared statement \"";

/// Whether the connection is gone, as after a restart of the database, or is not the one that it was.
pub(crate) fn is_connection_lost(error: &Error) -> bool {
    match error {
        Error::DatabaseError(
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
            _,
        )
        | Error::BrokenTransactionManager => true,
        Error::DatabaseError(_, information) => {
            let message = information.message();
            LOST.iter().any(|text| message.contains(text)) || message.starts_with(OTHER_STATEMENTS)
        }
        _ => false,
    }
}

/// Whether the transaction stood in another one's way and was undone for it.
fn is_conflict(error: &Error) -> bool {
    match error {
        Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        Error::DatabaseError(_, information) => information.message() == DEADLOCK,
        _ => false,
    }
}

/// Tells what may succeed when begun anew and what passes from what does not.
pub(crate) fn store_error(error: Error) -> StoreError {
    if is_conflict(&error) {
        return StoreError::conflict(error);
    }
    let passes = is_connection_lost(&error)
        || match &error {
            Error::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _) => true,
            Error::DatabaseError(_, information) => {
                PASSING.iter().any(|text| information.message().contains(text))
            }
            _ => false,
        };
    if passes { StoreError::unavailable(error) } else { StoreError::failed(error) }
}
