//! The types, bind parameters and SQL fragments that differ between PostgreSQL and SQLite, in their form for
//! PostgreSQL. `adapter-sqlite` compiles the same repositories and queries with its own module `dialect`.

use chrono::{DateTime, Utc};
use diesel::{
    QueryResult,
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::{Pg, PgValue},
    query_builder::AstPass,
    serialize::{self, Output, ToSql},
    sql_types,
};
use diesel_async::AsyncPgConnection;
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
};

pub(crate) type Backend = Pg;
pub(crate) type Connection = AsyncPgConnection;

/// The SQL type of identifiers.
pub(crate) type SqlId = sql_types::Uuid;
/// The SQL type of instants.
pub(crate) type SqlInstant = sql_types::Timestamptz;

/// An identifier as PostgreSQL stores it (`uuid`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql_types::Uuid)]
pub(crate) struct DbUuid(pub(crate) Uuid);

impl ToSql<sql_types::Uuid, Pg> for DbUuid {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<sql_types::Uuid, Pg>::to_sql(&self.0, out)
    }
}

impl FromSql<sql_types::Uuid, Pg> for DbUuid {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <Uuid as FromSql<sql_types::Uuid, Pg>>::from_sql(value).map(Self)
    }
}

/// An instant as PostgreSQL stores it (`timestamptz`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql_types::Timestamptz)]
pub(crate) struct DbInstant(pub(crate) DateTime<Utc>);

impl ToSql<sql_types::Timestamptz, Pg> for DbInstant {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<sql_types::Timestamptz, Pg>::to_sql(&self.0, out)
    }
}

impl FromSql<sql_types::Timestamptz, Pg> for DbInstant {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <DateTime<Utc> as FromSql<sql_types::Timestamptz, Pg>>::from_sql(value).map(Self)
    }
}

/// A bind parameter of a statement.
#[derive(Debug, Clone)]
pub(crate) enum Bind {
    Id(DbUuid),
    Ids(Vec<DbUuid>),
    Text(String),
    Texts(Vec<String>),
    Integer(i64),
    Integers(Vec<i32>),
    Real(f64),
    Instant(DbInstant),
    Ready(Column),
}

/// The values of one column in all rows that a statement inserts, or the integers of a list with which a condition
/// compares a column (`column = ANY(list)`).
#[derive(Debug, Clone)]
pub(crate) enum Column {
    Integers(Vec<i64>),
    Reals(Vec<f64>),
    OptionalIntegers(Vec<Option<i64>>),
    OptionalReals(Vec<Option<f64>>),
    OptionalTexts(Vec<Option<String>>),
    OptionalIds(Vec<Option<DbUuid>>),
    Truths(Vec<bool>),
    Instants(Vec<DbInstant>),
}

impl Bind {
    pub(crate) fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        use sql_types::{Array, BigInt, Bool, Double, Integer, Nullable, Text};
        match self {
            Self::Id(value) => pass.push_bind_param::<SqlId, _>(value),
            Self::Ids(values) => pass.push_bind_param::<Array<SqlId>, _>(values),
            Self::Text(value) => pass.push_bind_param::<Text, _>(value),
            Self::Texts(values) => pass.push_bind_param::<Array<Text>, _>(values),
            Self::Integer(value) => pass.push_bind_param::<BigInt, _>(value),
            Self::Integers(values) => pass.push_bind_param::<Array<Integer>, _>(values),
            Self::Real(value) => pass.push_bind_param::<Double, _>(value),
            Self::Instant(value) => pass.push_bind_param::<SqlInstant, _>(value),
            Self::Ready(Column::Integers(values)) => pass.push_bind_param::<Array<BigInt>, _>(values),
            Self::Ready(Column::Reals(values)) => pass.push_bind_param::<Array<Double>, _>(values),
            Self::Ready(Column::OptionalIntegers(values)) => {
                pass.push_bind_param::<Array<Nullable<BigInt>>, _>(values)
            }
            Self::Ready(Column::OptionalReals(values)) => {
                pass.push_bind_param::<Array<Nullable<Double>>, _>(values)
            }
            Self::Ready(Column::OptionalTexts(values)) => {
                pass.push_bind_param::<Array<Nullable<Text>>, _>(values)
            }
            Self::Ready(Column::OptionalIds(values)) => {
                pass.push_bind_param::<Array<Nullable<SqlId>>, _>(values)
            }
            Self::Ready(Column::Truths(values)) => pass.push_bind_param::<Array<Bool>, _>(values),
            Self::Ready(Column::Instants(values)) => pass.push_bind_param::<Array<SqlInstant>, _>(values),
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
impl From<Column> for Bind {
    fn from(value: Column) -> Self {
        Self::Ready(value)
    }
}

/// Adds `FOR UPDATE` to a Diesel query, so that the selected rows are locked until the unit of work (transaction)
/// ends.
macro_rules! for_update {
    ($query:expr) => {
        $query.for_update()
    };
}
pub(crate) use for_update;

/// The end of a `SELECT` that locks its rows against changes until the unit of work ends.
pub(crate) const FOR_UPDATE: &str = " FOR UPDATE";

/// The end of a `SELECT` that locks the movies `m` against deletion until the unit of work ends.
pub(crate) const KEPT_MOVIES: &str = " FOR KEY SHARE OF m";

/// The end of a sub-select that locks its rows, and skips rows that other transactions have locked.
pub(crate) const SKIP_LOCKED: &str = " FOR UPDATE SKIP LOCKED";

/// The end of a `SELECT` that locks the movies `m` against changes until the unit of work ends. Other transactions may
/// still insert rows that refer to these movies.
pub(crate) const LOCKED_MOVIES: Option<&str> = Some(" FOR NO KEY UPDATE OF m");

/// The SQL expression for the beginning of the day (UTC) of the instant in `column`, by which rows are grouped.
/// Grouping by this expression is five times as fast as grouping by [`day_number`], which computes with numbers of
/// arbitrary precision (`numeric`).
pub(crate) fn day_begin(column: &str) -> String {
    format!("date_bin('1 day', {column}, TIMESTAMPTZ '1970-01-01 00:00:00Z')")
}

/// The SQL expression for the number of days from 1970-01-01 to the beginning of a day.
pub(crate) fn day_number(begin: &str) -> String {
    format!("CAST(EXTRACT(EPOCH FROM {begin}) / 86400 AS BIGINT)")
}

/// The SQL expression for the time at which the transaction began, by the database's clock.
pub(crate) const NOW: &str = "now()";

/// The prefix of a column in a condition that must be checked for each movie instead of being looked up in an index.
/// Empty, because PostgreSQL's planner chooses the right index without a hint.
pub(crate) const UNINDEXED: &str = "";

/// The SQL expression for PostgreSQL's estimate of the number of movies; 0 or negative if the table was never analysed.
pub(crate) const MOVIES_ESTIMATE: &str =
    "(SELECT CAST(reltuples AS BIGINT) FROM pg_class WHERE oid = to_regclass('movies'))";

/// The SQL expression for an identifier that is `NULL`.
pub(crate) const NO_ID: &str = "CAST(NULL AS UUID)";

/// The hint that makes a query use an index of a table. Empty, because PostgreSQL's planner chooses the index itself.
pub(crate) const fn index_hint(_index: &'static str) -> String {
    String::new()
}

/// Joins the movie `m` of each row of `found`. `LATERAL` and `OFFSET 0` make PostgreSQL look up the movie of each row
/// by its identifier: with a plain join, the planner could read the complete table of movies.
pub(crate) const FOUND_MOVIE: &str =
    " CROSS JOIN LATERAL (SELECT * FROM movies WHERE id = found.movie_id OFFSET 0) AS m";

/// Aggregates the identifiers and names of the rows `n`, in the order of their links `l`, to a JSON array of pairs, as
/// text.
pub(crate) const NAMED_PAIRS: &str = "json_agg(json_build_array(n.id, n.name) ORDER BY l.position)::text";

/// Aggregates the names of the rows `n` to a JSON array, as text.
pub(crate) const NAMES: &str = "json_agg(n.name)::text";

/// Aggregates the identifiers that the links `l` refer to, in the order of the links, to a JSON array, as text.
pub(crate) const LINKED_IDS: &str = "json_agg(l.id ORDER BY l.position)::text";

/// Aggregates the items `i` of an order and their movies `m` to a JSON array, as text. Each element is an array of the
/// movie's identifier, name and year, and the price in minor units.
pub(crate) const ORDERED_MOVIES: &str =
    "json_agg(json_build_array(i.movie_id, m.name, m.year, i.price_minor) ORDER BY i.id)::text";

/// Aggregates the exclusions `x` of an order to a JSON array of pairs (movie, reason), as text.
pub(crate) const EXCLUDED_MOVIES: &str =
    "json_agg(json_build_array(x.movie_id, x.reason) ORDER BY x.position)::text";
