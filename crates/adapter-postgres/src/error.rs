use diesel::result::{DatabaseErrorKind, Error};
use domain::store::StoreError;

/// Parts of PostgreSQL's messages when a statement was cancelled or timed out, or when the server is temporarily
/// unavailable, overloaded or full. Diesel drops the SQLSTATE of these errors, so they can only be recognized by their
/// English messages. Each line names the SQLSTATE.
const PASSING: [&str; 11] = [
    "canceling statement due to",          // 57014, 55P03: statement and lock timeouts
    "could not obtain lock",               // 55P03
    "terminating connection",              // 57P01, 57P02, 57P04, 57P05, 25P03
    "the database system is",              // 57P03: starting up, shutting down, in recovery
    "too many clients",                    // 53300
    "remaining connection slots",          // 53300
    "too many connections",                // 53300
    "No space left on device",             // 53100
    "out of memory",                       // 53200
    "out of shared memory",                // 53200
    "database is not currently accepting", // 55000
];

/// The message for a transaction that PostgreSQL aborts to resolve a deadlock. The other conflict between transactions,
/// 40001 (serialization failure), has its own error kind in Diesel.
const DEADLOCK: &str = "deadlock detected"; // 40P01

/// Parts of messages after which this connection is unusable, but another connection may succeed.
const LOST: [&str; 6] = [
    "terminating connection",                  // 57P01, 57P02, 57P04, 57P05, 25P03
    "the database system is shutting down",    // 57P03
    "the database system is starting up",      // 57P03
    "cached plan must not change result type", // 0A000: a migration changed the result type of a prepared statement
    "current transaction is aborted",          // 25P02: a failed transaction was left open
    "cache lookup failed for",                 // XX000: an object of a prepared statement was re-created
];

/// The beginnings of the messages about a prepared statement that is unknown (26000), or whose name belongs to another
/// statement (42P05, 08P01). Both happen behind a connection pooler that uses another server connection for each
/// transaction.
const OTHER_STATEMENTS: [&str; 2] = ["prepared statement \"", "bind message supplies"];

/// The end of the messages about a missing table, type or function (42P01, 42704, 42883). One possible cause is that
/// the `search_path` of the session was changed.
const MISSING: &str = "does not exist";

/// Whether the connection is unusable, but another connection may succeed. For example, it is closed (after a restart
/// of the database), it is read-only, or its prepared statements are lost or outdated.
pub(crate) fn is_connection_lost(error: &Error) -> bool {
    match error {
        Error::DatabaseError(
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
            _,
        )
        | Error::BrokenTransactionManager => true,
        Error::DatabaseError(_, information) => {
            let message = information.message();
            is_read_only(error)
                || LOST.iter().any(|text| message.contains(text))
                || OTHER_STATEMENTS.iter().any(|text| message.starts_with(text))
        }
        _ => false,
    }
}

/// Whether the connection is read-only (25006), for example because a fail-over turned its server into a standby.
pub(crate) const fn is_read_only(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _))
}

/// Whether the connection must be closed: it is unusable, or an object is missing, which suggests that the
/// `search_path` of its session was changed.
pub(crate) fn spoils_connection(error: &Error) -> bool {
    let is_misled =
        matches!(error, Error::DatabaseError(_, information) if information.message().ends_with(MISSING));
    is_misled || is_connection_lost(error)
}

/// Whether the transaction was rolled back because of a conflict with another transaction. A violated unique or foreign
/// key also counts as a conflict: a unit of work first reads the rows that it relies on, so the violation means that
/// another transaction has inserted or deleted a row in the meantime.
fn is_conflict(error: &Error) -> bool {
    match error {
        Error::DatabaseError(
            DatabaseErrorKind::SerializationFailure
            | DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation,
            _,
        ) => true,
        Error::DatabaseError(_, information) => information.message() == DEADLOCK,
        _ => false,
    }
}

/// Converts a Diesel error: a conflict with another transaction becomes `Conflict`, a temporary error becomes
/// `Unavailable`, and any other error becomes `Failed`.
pub(crate) fn store_error(error: Error) -> StoreError {
    if is_conflict(&error) {
        return StoreError::conflict(error);
    }
    let passes = is_connection_lost(&error)
        || matches!(&error, Error::DatabaseError(_, information)
            if PASSING.iter().any(|text| information.message().contains(text)));
    if passes { StoreError::unavailable(error) } else { StoreError::failed(error) }
}
