use diesel::result::{DatabaseErrorKind, Error};
use domain::store::StoreError;

/// What PostgreSQL says when it is away, overloaded or full for now. Diesel drops the SQLSTATE of these, so they are known by
/// their English messages; each line names its SQLSTATE.
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

/// Messages after which a connection is of no more use, while another one may succeed.
const LOST: [&str; 6] = [
    "terminating connection",                  // 57P01, 57P02, 57P04, 57P05, 25P03
    "the database system is shutting down",    // 57P03
    "the database system is starting up",      // 57P03
    "cached plan must not change result type", // 0A000: a migration changed what a prepared statement answers
    "current transaction is aborted",          // 25P02: somebody left a failed transaction open
    "cache lookup failed for",                 // XX000: what a statement was prepared for was made anew
];

/// How the server begins to say that it does not know a prepared statement (26000), or knows another one by its name (42P05,
/// 08P01): what a pooler that hands out other servers between transactions makes of a connection.
const OTHER_STATEMENTS: [&str; 2] = ["prepared statement \"", "bind message supplies"];

/// How the server ends the message that a table, a type or a function is missing (42P01, 42704, 42883): so it is for a
/// session whose `search_path` was changed.
const MISSING: &str = "does not exist";

/// Whether the connection is gone, as after a restart of the database, or is not the one that it was: another one may do what
/// this one could not.
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

/// Whether the connection is to be closed: it is lost, or looks for its tables in the wrong place.
pub(crate) fn spoils_connection(error: &Error) -> bool {
    let is_misled =
        matches!(error, Error::DatabaseError(_, information) if information.message().ends_with(MISSING));
    is_misled || is_connection_lost(error)
}

/// Whether the transaction was undone because it stood in another one's way. Units look for rows before they rely on them: a
/// key that is there, or a row that is not, was added or deleted by another one since.
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

/// Tells errors that pass, and those that a new try may avoid, from others.
pub(crate) fn store_error(error: Error) -> StoreError {
    if is_conflict(&error) {
        return StoreError::conflict(error);
    }
    let passes = is_connection_lost(&error)
        || matches!(&error, Error::DatabaseError(_, information)
            if PASSING.iter().any(|text| information.message().contains(text)));
    if passes { StoreError::unavailable(error) } else { StoreError::failed(error) }
}
