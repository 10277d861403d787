use std::time::Duration;

use diesel::{
    QueryResult,
    result::{DatabaseErrorKind, Error},
    sql_types::{BigInt, Bool},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::statement::Statement;

/// How long an answer may take beyond the server's `statement_timeout`.
const ON_THE_WAY: Duration = Duration::from_secs(1);

/// How long an answer may take when the server has no `statement_timeout`.
const WITHOUT_LIMIT: Duration = Duration::from_secs(30);

/// The server's `statement_timeout` in milliseconds (0 for none), and whether the session is read-only.
const STATE: &str = "SELECT (extract(epoch FROM current_setting('statement_timeout')::interval) * 1000)::bigint, \
    current_setting('transaction_read_only')::boolean";

/// An open connection, and its properties.
pub(crate) struct Session {
    pub(crate) connection: AsyncPgConnection,
    /// The time limit for an answer on it.
    pub(crate) patience: Patience,
    /// Whether it was read-only when it was opened. A session keeps that setting even if the database's setting changes.
    pub(crate) is_read_only: bool,
    /// Its maximum age.
    pub(crate) max_age: Duration,
}

impl Session {
    /// Asks the server for its `statement_timeout`, which the address, a role or a pooler may have set, and whether the session
    /// is read-only.
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

/// The time limit for an answer. The server ends statements that take too long, but not if it has crashed or its
/// answers are lost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience(Duration);

impl Patience {
    /// Returns the answer, or the error of a lost connection, since a late answer would be mistaken for that of the
    /// next statement.
    pub(crate) async fn wait<T>(self, answer: impl Future<Output = QueryResult<T>>) -> QueryResult<T> {
        tokio::time::timeout(self.0, answer).await.unwrap_or_else(|_| Err(silence()))
    }
}

/// No other error has this kind: diesel-async reports a closed connection as `UnableToSendCommand`.
fn silence() -> Error {
    let said = "the database did not answer in time".to_owned();
    Error::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(said))
}

/// Whether the connection is open but the server does not answer.
pub(crate) const fn is_silence(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(DatabaseErrorKind::ClosedConnection, _))
}
