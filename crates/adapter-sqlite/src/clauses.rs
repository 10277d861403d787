//! Clauses that are written in another way for each database: here for SQLite.

use diesel::SqliteConnection;
use uuid::Uuid;

use crate::statement::Statement;

/// Statements run on Diesel's own blocking connections too.
impl<ST> diesel::RunQueryDsl<SqliteConnection> for Statement<ST> {}

/// Adds `column IN (the identifiers)`.
pub(crate) fn push_any<ST>(statement: &mut Statement<ST>, column: &'static str, ids: Vec<Uuid>) {
    let ids: Vec<String> = ids.into_iter().map(|id| id.simple().to_string()).collect();
    statement.sql(column).sql(" IN (SELECT unhex(value) FROM json_each(").bind(json(&ids)).sql("))");
}

/// Adds `FROM … m`: the movies that are linked to any of the names, each once.
pub(crate) fn push_movies_linked_to<ST>(
    statement: &mut Statement<ST>,
    table: &'static str,
    column: &'static str,
    names: Vec<Uuid>,
) {
    let distinct = if names.len() > 1 { "DISTINCT " } else { "" };
    statement.sql(format!(" FROM (SELECT {distinct}movie_id FROM {table} WHERE "));
    push_any(statement, column, names);
    // A cross join is read in the order in which it is written.
    statement.sql(") AS found CROSS JOIN movies m ON m.id = found.movie_id");
}

/// Adds a `SELECT 1` of the rows whose column has any of the values, so many at most. An index has the column.
pub(crate) fn push_capped_matches<ST>(
    statement: &mut Statement<ST>,
    table: &'static str,
    column: &'static str,
    _order: &'static str,
    values: Vec<Uuid>,
    cap: u32,
) {
    statement.sql(format!("SELECT 1 FROM {table} WHERE "));
    push_any(statement, column, values);
    statement.sql(format!(" LIMIT {cap}"));
}

/// Adds `column IN (the texts)`.
pub(crate) fn push_any_text<ST>(statement: &mut Statement<ST>, column: &'static str, texts: &[String]) {
    statement.sql(column).sql(" IN (SELECT value FROM json_each(").bind(json(texts)).sql("))");
}

/// Adds "the column holds the text as it is".
pub(crate) fn push_contains<ST>(statement: &mut Statement<ST>, column: &'static str, text: &str) {
    statement.sql("instr(").sql(column).sql(", ").bind(text.to_owned()).sql(") > 0");
}

/// Adds "the column begins with the text".
pub(crate) fn push_begins_with<ST>(statement: &mut Statement<ST>, column: &'static str, text: &str) {
    statement.sql("instr(").sql(column).sql(", ").bind(text.to_owned()).sql(") = 1");
}

/// Adds a source of rows `wanted(name, year, duration_minutes)`.
pub(crate) fn push_identities<ST>(
    statement: &mut Statement<ST>,
    identities: &[domain::catalog::MovieIdentity],
) {
    let rows: Vec<_> = identities
        .iter()
        .map(|identity| (identity.name.as_str(), identity.year, identity.duration_minutes))
        .collect();
    statement
        .sql(
            "(SELECT value ->> 0 AS name, value ->> 1 AS year, value ->> 2 AS duration_minutes FROM json_each(",
        )
        .bind(json(&rows))
        .sql(")) AS wanted");
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    // Texts and numbers always have a JSON form.
    serde_json::to_string(value).unwrap_or_default()
}
