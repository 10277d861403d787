use std::time::Duration;

use diesel::{
    QueryResult,
    result::{DatabaseErrorKind, Error},
    sql_types::{BigInt, Bool},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::statement::Statement;

/// The client waits for an answer this much longer than the server's `statement_timeout`, so that the server's own
/// error about a timeout can still arrive.
const ON_THE_WAY: Duration = Duration::from_secs(1);

/// How long the client waits for an answer when the server has no `statement_timeout`.
const WITHOUT_LIMIT: Duration = Duration::from_secs(30);

/// Reads the session's `statement_timeout` in milliseconds (0 for none), and whether the session is read-only.
const STATE: &str = "SELECT (extract(epoch FROM current_setting('statement_timeout')::interval) * 1000)::bigint, \
    current_setting('transaction_read_only')::boolean";

/// An open connection to the server.
pub(crate) struct Session {
    pub(crate) connection: AsyncPgConnection,
    /// The time limit for an answer of the server.
    pub(crate) patience: Patience,
    /// Whether the connection was read-only when it was opened. If `default_transaction_read_only` of the database
    /// changes later, existing connections do not change.
    pub(crate) is_read_only: bool,
    /// The age at which the pool replaces the connection.
    pub(crate) max_age: Duration,
}

impl Session {
    /// Reads the `statement_timeout` of the connection, which the URL, the role or a pooler may have set, and
    /// whether the connection is read-only.
    pub(crate) async fn on(mut connection: AsyncPgConnection, max_age: Duration) -> QueryResult<Self> {
        let mut statement = Statement::<(BigInt, Bool)>::new(STATE);
        statement.forget();
        let rows = statement.load::<(i64, bool)>(&mut connection).await?;
        let (limit, is_read_only) = rows.into_iter().next().unwrap_or_default();
        let patience = match u64::try_from(limit) {
            Err(_) | Ok(0) => WITHOUT_LIMIT,
            Ok(milliseconds) => Duration::from_millis(milliseconds).saturating_add(ON_THE_WAY),
        };
        Ok(Self { connection, patience: Patience(patience), is_read_only, max_age })
    }
}

/// The time limit for an answer. The server's `statement_timeout` does not help when the server has crashed, or when
/// its answers are lost on the network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience(Duration);

impl Patience {
    /// Waits for an answer. After a timeout, returns the error of a lost connection, because the connection must not be
    /// used again: the late answer could be taken for the answer to the next statement.
    pub(crate) async fn wait<T>(self, answer: impl Future<Output = QueryResult<T>>) -> QueryResult<T> {
        tokio::time::timeout(self.0, answer).await.unwrap_or_else(|_| Err(silence()))
    }
}

/// The error of an answer that did not arrive in time. Only this error has the kind `ClosedConnection`, because
/// diesel-async reports a closed connection as `UnableToSendCommand`.
fn silence() -> Error {
    let said = "the database did not answer in time".to_owned();
    Error::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(said))
}

/// Whether the error means that the server did not answer in time.
pub(crate) const fn is_silence(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(DatabaseErrorKind::ClosedConnection, _))
}
