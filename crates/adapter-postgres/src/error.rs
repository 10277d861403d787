use diesel::result::{DatabaseErrorKind, Error};
use domain::store::StoreError;

/// Messages of PostgreSQL when it is temporarily unavailable, overloaded or full. Diesel drops the SQLSTATE of these
/// errors, so they are recognized by their English messages; each line names the SQLSTATE.
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

/// The message to a transaction that PostgreSQL ends to resolve a deadlock. Diesel recognizes 40001 itself.
const DEADLOCK: &str = "deadlock detected"; // 40P01

/// Messages after which a connection is unusable, while another connection may succeed.
const LOST: [&str; 6] = [
    "terminating connection",                  // 57P01, 57P02, 57P04, 57P05, 25P03
    "the database system is shutting down",    // 57P03
    "the database system is starting up",      // 57P03
    "cached plan must not change result type", // 0A000: a migration changed the result type of a prepared statement
    "current transaction is aborted",          // 25P02: a failed transaction was left open
    "cache lookup failed for",                 // XX000: an object of a prepared statement was re-created
];

/// The beginning of messages that a prepared statement is unknown (26000), or that its name is used by another one
/// (42P05, 08P01). They occur with a pooler that changes the server between transactions.
const OTHER_STATEMENTS: [&str; 2] = ["prepared statement \"", "bind message supplies"];

/// The end of messages that a table, a type or a function is missing (42P01, 42704, 42883). They occur in a session
/// whose `search_path` was changed.
const MISSING: &str = "does not exist";

/// Whether the connection is lost, as after a restart of the database, or its session has changed, so that another
/// connection may succeed.
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

/// Whether the connection is read-only (25006), as on a standby after a fail-over.
pub(crate) const fn is_read_only(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _))
}

/// Whether the connection must be closed: it is lost, or has a wrong `search_path`.
pub(crate) fn spoils_connection(error: &Error) -> bool {
    let is_misled =
        matches!(error, Error::DatabaseError(_, information) if information.message().ends_with(MISSING));
    is_misled || is_connection_lost(error)
}

/// Whether the transaction was rolled back because of a conflict with another one. Units read rows before they rely on
/// them, so an existing key or a missing row means that another transaction has added or deleted it in the meantime.
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

/// Distinguishes temporary errors, and errors that a retry may avoid, from other errors.
pub(crate) fn store_error(error: Error) -> StoreError {
    if is_conflict(&error) {
        return StoreError::conflict(error);
    }
    let passes = is_connection_lost(&error)
        || matches!(&error, Error::DatabaseError(_, information)
            if PASSING.iter().any(|text| information.message().contains(text)));
    if passes { StoreError::unavailable(error) } else { StoreError::failed(error) }
}
