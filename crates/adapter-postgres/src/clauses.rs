//! Clauses that are written in another way for each database: here for PostgreSQL.

use uuid::Uuid;

use crate::{
    dialect::{Bind, DbUuid},
    statement::Statement,
};

/// Adds `column IN (the identifiers)`.
pub(crate) fn push_any<ST>(statement: &mut Statement<ST>, column: &'static str, ids: Vec<Uuid>) {
    let ids = ids.into_iter().map(DbUuid).collect();
    statement.sql(column).sql(" = ANY(").bind(Bind::Ids(ids)).sql(")");
}

/// Adds `FROM … m`: the movies that are linked to any of the names, each once.
///
/// The subqueries are not to become joins: the planner guesses many movies for names that it does not know, and would read
/// the whole tables.
pub(crate) fn push_movies_linked_to<ST>(
    statement: &mut Statement<ST>,
    table: &'static str,
    column: &'static str,
    names: Vec<Uuid>,
) {
    let distinct = if names.len() > 1 { "DISTINCT " } else { "" };
    let names = names.into_iter().map(DbUuid).collect();
    statement.sql(format!(" FROM (SELECT {distinct}l.movie_id FROM unnest(")).bind(Bind::Ids(names)).sql(
        format!(
            ") AS wanted (id) CROSS JOIN LATERAL (SELECT movie_id FROM {table} WHERE {column} = wanted.id \
         ORDER BY movie_id OFFSET 0) AS l OFFSET 0) AS found \
         CROSS JOIN LATERAL (SELECT * FROM movies WHERE id = found.movie_id OFFSET 0) AS m"
        ),
    );
}

/// Adds a `SELECT 1` of the rows whose column has any of the values, so many at most. An index has the columns `column, order`:
/// in its order, it is read and not the table.
pub(crate) fn push_capped_matches<ST>(
    statement: &mut Statement<ST>,
    table: &'static str,
    column: &'static str,
    order: &'static str,
    values: Vec<Uuid>,
    cap: u32,
) {
    let values = values.into_iter().map(DbUuid).collect();
    statement.sql("SELECT 1 FROM unnest(").bind(Bind::Ids(values)).sql(format!(
        ") AS wanted (id) CROSS JOIN LATERAL (SELECT 1 FROM {table} WHERE {column} = wanted.id \
         ORDER BY {order} LIMIT {cap}) AS found LIMIT {cap}"
    ));
}

/// Adds `column IN (the texts)`.
pub(crate) fn push_any_text<ST>(statement: &mut Statement<ST>, column: &'static str, texts: &[String]) {
    statement.sql(column).sql(" = ANY(").bind(Bind::Texts(texts.to_vec())).sql(")");
}

/// Adds "the column holds the text as it is".
pub(crate) fn push_contains<ST>(statement: &mut Statement<ST>, column: &'static str, text: &str) {
    let escaped = text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    statement.sql(column).sql(" LIKE ").bind(format!("%{escaped}%"));
}

/// Adds "the column begins with the text".
pub(crate) fn push_begins_with<ST>(statement: &mut Statement<ST>, column: &'static str, text: &str) {
    statement.sql("starts_with(").sql(column).sql(", ").bind(text.to_owned()).sql(")");
}

/// Adds a source of rows `wanted(name, year, duration_minutes)`.
pub(crate) fn push_identities<ST>(
    statement: &mut Statement<ST>,
    identities: &[domain::catalog::MovieIdentity],
) {
    let names = identities.iter().map(|identity| identity.name.clone()).collect();
    let years = identities.iter().map(|identity| identity.year).collect();
    let durations = identities.iter().map(|identity| identity.duration_minutes).collect();
    statement
        .sql("unnest(")
        .bind(Bind::Texts(names))
        .sql(", ")
        .bind(Bind::Integers(years))
        .sql(", ")
        .bind(Bind::Integers(durations))
        .sql(") AS wanted (name, year, duration_minutes)");
}
