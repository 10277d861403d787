//! The databases that the suite runs on.

use test_postgres::TestPostgres;

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// SQLite, the embedded default.
    Sqlite,
    /// PostgreSQL, on a server.
    Postgres,
}

impl Engine {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    pub(crate) fn is_skipped(self) -> bool {
        self == Self::Postgres && TestPostgres::is_skipped()
    }
}
