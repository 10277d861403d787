use std::time::Duration;

use diesel::{
    QueryResult,
    result::{DatabaseErrorKind, Error},
    sql_types::BigInt,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::statement::Statement;

/// How much longer than the server may work on a statement its answer may take.
const ON_THE_WAY: Duration = Duration::from_secs(1);

/// How long an answer may take when the server sets statements no limit.
const WITHOUT_LIMIT: Duration = Duration::from_secs(30);

/// The time that the server gives a statement, in milliseconds; 0 when it gives all there is.
const STATEMENT_TIMEOUT: &str =
    "SELECT (extract(epoch FROM current_setting('statement_timeout')::interval) * 1000)::bigint";

/// An open connection, and how long an answer on it may take.
pub(crate) struct Session {
    pub(crate) connection: AsyncPgConnection,
    pub(crate) patience: Patience,
}

impl Session {
    /// Asks the server how long statements may take: whoever set that, the address, a role or a pooler, is obeyed.
    pub(crate) async fn on(mut connection: AsyncPgConnection) -> QueryResult<Self> {
        let mut statement = Statement::<(BigInt,)>::new(STATEMENT_TIMEOUT);
        statement.forget();
        let rows = statement.load::<(i64,)>(&mut connection).await?;
        let limit = rows.into_iter().next().and_then(|(milliseconds,)| u64::try_from(milliseconds).ok());
        let patience = match limit {
            None | Some(0) => WITHOUT_LIMIT,
            Some(milliseconds) => Duration::from_millis(milliseconds).saturating_add(ON_THE_WAY),
        };
        Ok(Self { connection, patience: Patience(patience) })
    }
}

/// How long an answer may take. The server ends a statement that takes too long; a server that lost its power, or whose
/// answers are lost on the way, ends nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience(Duration);

impl Patience {
    /// The answer, or a connection that is lost: whatever was asked on it, the next answer would be taken for that of the
    /// next question.
    pub(crate) async fn wait<T>(self, answer: impl Future<Output = QueryResult<T>>) -> QueryResult<T> {
        tokio::time::timeout(self.0, answer).await.unwrap_or_else(|_| Err(silence()))
    }
}

/// No other error is of this kind: diesel-async calls a connection that it finds closed `UnableToSendCommand`.
fn silence() -> Error {
    let said = "the database did not answer in time".to_owned();
    Error::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(said))
}

/// Whether the connection is open and nobody answers.
pub(crate) const fn is_silence(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(DatabaseErrorKind::ClosedConnection, _))
}
