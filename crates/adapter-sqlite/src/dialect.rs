//! The types, bind parameters and SQL fragments that differ between PostgreSQL and SQLite, in their form for SQLite.
//! The repositories and queries of `adapter-postgres`, which this crate also compiles, use this module in place of the
//! module `dialect` of that crate.

use chrono::{DateTime, Utc};
use diesel::{
    QueryResult,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    query_builder::AstPass,
    serialize::{self, IsNull, Output, ToSql},
    sql_types,
    sqlite::{Sqlite, SqliteValue},
};
use uuid::Uuid;

pub(crate) use crate::{
    bulk::{
        indexed_words, insert_entries, insert_links, insert_movies, insert_names, insert_vocabulary,
        write_index,
    },
    clauses::{
        push_any, push_any_integer, push_any_text, push_capped_matches, push_capped_words, push_contains,
        push_identities, push_movies_linked_to, push_movies_with_title, push_movies_with_words,
        push_sampled_titles, push_sampled_words, push_title_size, push_words_check, push_words_exist,
    },
    writer::Connection,
};

pub(crate) type Backend = Sqlite;

/// The SQL type of identifiers: 16 bytes.
pub(crate) type SqlId = sql_types::Binary;
/// The SQL type of instants: microseconds since 1970.
pub(crate) type SqlInstant = sql_types::BigInt;

/// An identifier as SQLite stores it (16 bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql_types::Binary)]
pub(crate) struct DbUuid(pub(crate) Uuid);

impl ToSql<sql_types::Binary, Sqlite> for DbUuid {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

impl FromSql<sql_types::Binary, Sqlite> for DbUuid {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<sql_types::Binary, Sqlite>>::from_sql(value)?;
        Ok(Self(Uuid::from_slice(&bytes)?))
    }
}

/// An instant as SQLite stores it (microseconds since 1970).
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql_types::BigInt)]
pub(crate) struct DbInstant(pub(crate) DateTime<Utc>);

impl ToSql<sql_types::BigInt, Sqlite> for DbInstant {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.timestamp_micros());
        Ok(IsNull::No)
    }
}

impl FromSql<sql_types::BigInt, Sqlite> for DbInstant {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<sql_types::BigInt, Sqlite>>::from_sql(value)?;
        DateTime::from_timestamp_micros(micros).map(Self).ok_or_else(|| "no such instant".into())
    }
}

/// A bind parameter of a statement.
#[derive(Debug, Clone)]
pub(crate) enum Bind {
    Id(DbUuid),
    OptionalId(Option<DbUuid>),
    Text(String),
    OptionalText(Option<String>),
    Integer(i64),
    OptionalInteger(Option<i64>),
    Real(f64),
    OptionalReal(Option<f64>),
    Truth(bool),
    Instant(DbInstant),
}

impl Bind {
    pub(crate) fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        use sql_types::{BigInt, Bool, Double, Nullable, Text};
        match self {
            Self::Id(value) => pass.push_bind_param::<SqlId, _>(value),
            Self::OptionalId(value) => pass.push_bind_param::<Nullable<SqlId>, _>(value),
            Self::Text(value) => pass.push_bind_param::<Text, _>(value),
            Self::OptionalText(value) => pass.push_bind_param::<Nullable<Text>, _>(value),
            Self::Integer(value) => pass.push_bind_param::<BigInt, _>(value),
            Self::OptionalInteger(value) => pass.push_bind_param::<Nullable<BigInt>, _>(value),
            Self::Real(value) => pass.push_bind_param::<Double, _>(value),
            Self::OptionalReal(value) => pass.push_bind_param::<Nullable<Double>, _>(value),
            Self::Truth(value) => pass.push_bind_param::<Bool, _>(value),
            Self::Instant(value) => pass.push_bind_param::<SqlInstant, _>(value),
        }
    }
}

impl From<Uuid> for Bind {
    fn from(value: Uuid) -> Self {
        Self::Id(DbUuid(value))
    }
}
impl From<i64> for Bind {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}
impl From<f64> for Bind {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}
impl From<String> for Bind {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}
impl From<DateTime<Utc>> for Bind {
    fn from(value: DateTime<Utc>) -> Self {
        Self::Instant(DbInstant(value))
    }
}

/// Returns the query unchanged. No row locks are needed, because a unit of work (a transaction) has exclusive write
/// access to the database.
macro_rules! for_update {
    ($query:expr) => {
        $query
    };
}
pub(crate) use for_update;

/// The end of a `SELECT` that locks its rows. Empty, because a unit of work has exclusive write access to the database.
pub(crate) const FOR_UPDATE: &str = "";

/// The end of a `SELECT` that locks movies against deletion. Empty, because a unit of work has exclusive write access
/// to the database.
pub(crate) const KEPT_MOVIES: &str = "";

/// The end of a sub-select that skips locked rows. Empty, because no rows are locked in SQLite.
pub(crate) const SKIP_LOCKED: &str = "";

/// The end of a `SELECT` that locks movies against changes. `None`, because a unit of work has exclusive write access
/// to the database, so that no statement that only locks movies is needed.
pub(crate) const LOCKED_MOVIES: Option<&str> = None;

/// The SQL expression for the day (UTC) of the instant in `column`, by which rows are grouped.
pub(crate) fn day_begin(column: &str) -> String {
    format!("{column} / 86400000000")
}

/// The SQL expression for the number of days from 1970-01-01 to a day.
pub(crate) fn day_number(begin: &str) -> String {
    begin.to_owned()
}

/// The SQL expression for the current time by the machine's clock.
pub(crate) const NOW: &str = "CAST(unixepoch('subsec') * 1000000 AS INTEGER)";

/// The prefix of a column in a condition that must be checked for each movie instead of being looked up in an index.
/// Without statistics about the data, SQLite's planner would use an index even if that is slower.
pub(crate) const UNINDEXED: &str = "+";

/// The SQL expression for the approximate number of movies.
pub(crate) const MOVIES_ESTIMATE: &str = "(SELECT coalesce(max(rowid), 0) FROM movies)";

/// The SQL expression for an identifier that is `NULL`.
pub(crate) const NO_ID: &str = "NULL";

/// The hint that makes a query use this index of a table. Without the hint, the planner may choose a slower access. For
/// example, it may read all rows of another index and sort them, instead of reading the rows in the order of this index
/// and sorting only rows with the same first column.
pub(crate) fn index_hint(index: &'static str) -> String {
    format!(" INDEXED BY {index}")
}

/// Joins the movie `m` of each row of `found`. SQLite executes a cross join in the order in which it is written.
pub(crate) const FOUND_MOVIE: &str = " CROSS JOIN movies m ON m.id = found.movie_id";

/// Aggregates the identifiers and names of the rows `n`, in the order of their links `l`, to a JSON array of pairs, as
/// text.
pub(crate) const NAMED_PAIRS: &str = "json_group_array(json_array(hex(n.id), n.name) ORDER BY l.position)";

/// Aggregates the names of the rows `n` to a JSON array, as text.
pub(crate) const NAMES: &str = "json_group_array(n.name)";

/// Aggregates the identifiers that the links `l` refer to, in the order of the links, to a JSON array, as text.
pub(crate) const LINKED_IDS: &str = "json_group_array(hex(l.id) ORDER BY l.position)";

/// Aggregates the items `i` of an order and their movies `m` to a JSON array, as text. Each element is an array of the
/// movie's identifier, name and year, and the price in minor units.
pub(crate) const ORDERED_MOVIES: &str =
    "json_group_array(json_array(hex(i.movie_id), m.name, m.year, i.price_minor) ORDER BY i.id)";

/// Aggregates the exclusions `x` of an order to a JSON array of pairs (movie, reason), as text.
pub(crate) const EXCLUDED_MOVIES: &str =
    "json_group_array(json_array(hex(x.movie_id), x.reason) ORDER BY x.position)";
