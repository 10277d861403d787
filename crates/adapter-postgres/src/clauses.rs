//! The SQL clauses that differ between PostgreSQL and SQLite, in their form for PostgreSQL.

use domain::catalog::SearchTerm;
use uuid::Uuid;

use crate::{
    dialect::{Bind, Column, DbUuid, FOUND_MOVIE},
    filter_bits::{Mask, push_masks},
    index_part::IndexPart,
    statement::Statement,
    title_parts::TitleQuery,
};

/// Adds `column IN (the identifiers)`.
pub(crate) fn push_any<ST>(statement: &mut Statement<ST>, column: &'static str, ids: Vec<Uuid>) {
    let ids = ids.into_iter().map(DbUuid).collect();
    statement.sql(column).sql(" = ANY(").bind(Bind::Ids(ids)).sql(")");
}

/// Adds `FROM … m`: the movies that are linked to any of the names (genres, directors or stars), without duplicates.
/// Only links whose [filter bits](crate::filter_bits) match all masks are read.
///
/// `OFFSET 0` keeps the planner from converting the subqueries into joins. The planner does not know how many movies
/// these names have, so it expects many movies, and with joins it would read the complete tables.
pub(crate) fn push_movies_linked_to<ST>(
    statement: &mut Statement<ST>,
    table: &'static str,
    column: &'static str,
    names: Vec<Uuid>,
    masks: &[Mask],
) {
    let distinct = if names.len() > 1 { "DISTINCT " } else { "" };
    let names = names.into_iter().map(DbUuid).collect();
    statement.sql(format!(" FROM (SELECT {distinct}l.movie_id FROM unnest(")).bind(Bind::Ids(names)).sql(
        format!(
            ") AS wanted (id) CROSS JOIN LATERAL (SELECT movie_id FROM {table} WHERE {column} = wanted.id"
        ),
    );
    push_masks(statement, table, masks);
    statement.sql(" ORDER BY movie_id OFFSET 0) AS l OFFSET 0) AS found").sql(FOUND_MOVIE);
}

/// Adds a `SELECT 1` that returns one row for each row of the table whose column has any of the values, but at most
/// `cap` rows. There must be an index on the columns `column, order`: because the rows are requested in this order, the
/// planner reads the index instead of the table.
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

/// Adds `column IN (the numbers)`.
pub(crate) fn push_any_integer<ST>(statement: &mut Statement<ST>, column: &'static str, numbers: &[i64]) {
    statement.sql(column).sql(" = ANY(").bind(Column::Integers(numbers.to_vec())).sql(")");
}

/// Adds a condition: the column contains the text. `%` and `_` in the text have no special meaning.
pub(crate) fn push_contains<ST>(statement: &mut Statement<ST>, column: &'static str, text: &str) {
    let escaped = text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    statement.sql(column).sql(" LIKE ").bind(format!("%{escaped}%"));
}

/// Adds `FROM … m WHERE …`: the movies on sale whose folded title contains the text. `OFFSET 0` keeps the planner from
/// converting the subquery into a join.
pub(crate) fn push_movies_with_title<ST>(statement: &mut Statement<ST>, text: &str) {
    let query = match TitleQuery::of(text) {
        TitleQuery::Begins(text) => format!("{}:*", quoted(&text)),
        TitleQuery::Has(parts) => parts.iter().map(|part| quoted(part)).collect::<Vec<_>>().join(" & "),
    };
    statement.sql(" FROM (SELECT s.movie_id FROM movie_search s WHERE s.title_parts @@ CAST(").bind(query);
    statement.sql(" AS tsquery) OFFSET 0) AS found").sql(FOUND_MOVIE).sql(" WHERE m.is_available AND ");
    push_contains(statement, "m.name_key", text);
}

/// Adds `FROM … m WHERE …`: the movies on sale whose folded title contains the text, in a random sample of `percent`
/// percent of all movies. Returns whether it has added the clause. On PostgreSQL this is always `true`: counting the
/// matches in a sample is cheaper than counting them in all movies. Even a count that stops at a maximum is expensive,
/// because the index of titles finds all matches before the first row is returned.
pub(crate) fn push_sampled_titles<ST>(statement: &mut Statement<ST>, text: &str, percent: u32) -> bool {
    statement.sql(format!(" FROM movies m TABLESAMPLE SYSTEM ({percent}) WHERE m.is_available AND "));
    push_contains(statement, "m.name_key", text);
    true
}

/// Adds the approximate number of movies on sale whose folded title contains the text, estimated from a sample of
/// `percent` percent of all movies. `REPEATABLE` selects the same sample each time while the table does not change.
/// The estimate, and the choice of an index that depends on the estimate, therefore stay the same too.
pub(crate) fn push_title_size<ST>(statement: &mut Statement<ST>, text: &str, _cap: u32, percent: u32) {
    let factor = 100_u32.checked_div(percent).unwrap_or(1);
    statement.sql(format!(
        "(SELECT count(*) * {factor} FROM movies m TABLESAMPLE SYSTEM ({percent}) REPEATABLE (1) WHERE m.is_available AND "
    ));
    push_contains(statement, "m.name_key", text);
    statement.sql(")");
}

/// A lexeme as it is written in a `tsvector` or a `tsquery`.
pub(crate) fn quoted(lexeme: &str) -> String {
    format!("'{}'", lexeme.replace('\\', r"\\").replace('\'', "''"))
}

/// Adds ` AND …`: the entry `s` of the search index contains all terms in this part.
fn push_match<ST>(statement: &mut Statement<ST>, terms: &[SearchTerm], part: IndexPart) {
    // Words contain no quotes and no backslashes, so no escaping is needed. `~` is the prefix of a word that was
    // joined from adjacent words of a name.
    let any = |term: &SearchTerm| {
        let whole = term.whole.iter().flat_map(|word| [format!("'{word}'"), format!("'~{word}'")]);
        let begun = term.begun.iter().map(|word| format!("'{word}':*"));
        format!("({})", whole.chain(begun).collect::<Vec<_>>().join(" | "))
    };
    let mut push = |terms: Vec<String>, column: &'static str| {
        if !terms.is_empty() {
            statement.sql(format!(" AND s.{column} @@ CAST(")).bind(terms.join(" & ")).sql(" AS tsquery)");
        }
    };
    let (of_name, others): (Vec<&SearchTerm>, Vec<&SearchTerm>) =
        terms.iter().partition(|term| part == IndexPart::Name || (part == IndexPart::All && term.is_of_name));
    push(of_name.into_iter().map(any).collect(), "names");
    let column = if part == IndexPart::People { "persons" } else { "document" };
    push(others.into_iter().map(any).collect(), column);
}

/// Adds `FROM … m`: the movies that have all terms in this part of the search index. `OFFSET 0` keeps the planner
/// from converting the subqueries into joins.
pub(crate) fn push_movies_with_words<ST>(
    statement: &mut Statement<ST>,
    terms: &[SearchTerm],
    part: IndexPart,
) {
    statement.sql(" FROM (SELECT s.movie_id FROM movie_search s WHERE TRUE");
    push_match(statement, terms, part);
    statement.sql(" OFFSET 0) AS found").sql(FOUND_MOVIE);
}

/// Adds `FROM … m WHERE …`: the movies on sale that have all terms in this part of the search index, in a random
/// sample of `percent` percent of all movies. Returns whether it has added the clause. On PostgreSQL this is always
/// `true`, because a sample is cheaper than a count.
pub(crate) fn push_sampled_words<ST>(
    statement: &mut Statement<ST>,
    terms: &[SearchTerm],
    part: IndexPart,
    percent: u32,
) -> bool {
    statement.sql(format!(
        " FROM (SELECT s.movie_id FROM movie_search s TABLESAMPLE SYSTEM ({percent}) WHERE TRUE"
    ));
    push_match(statement, terms, part);
    statement.sql(" OFFSET 0) AS found").sql(FOUND_MOVIE).sql(" WHERE m.is_available");
    true
}

/// Adds a condition that is checked for each movie separately: the movie `m` has all terms in this part of the search
/// index.
pub(crate) fn push_words_check<ST>(statement: &mut Statement<ST>, terms: &[SearchTerm], part: IndexPart) {
    statement.sql("(SELECT 1 FROM movie_search s WHERE s.movie_id = m.id");
    push_match(statement, terms, part);
    statement.sql(" LIMIT 1) IS NOT NULL");
}

/// Adds nothing and returns `false`. A count with a maximum is not cheaper than a complete count on PostgreSQL,
/// because the index of words (GIN) finds all matches before the first row is returned.
pub(crate) const fn push_capped_words<ST>(
    _statement: &mut Statement<ST>,
    _terms: &[SearchTerm],
    _part: IndexPart,
    _cap: u32,
) -> bool {
    false
}

/// Adds a condition: there is a movie that has all terms in the search index.
pub(crate) fn push_words_exist<ST>(statement: &mut Statement<ST>, terms: &[SearchTerm]) {
    // The condition counts the movies instead of using `EXISTS`. For `EXISTS`, the planner would expect to find a match
    // soon without the index, and would read the whole table if there is no match.
    statement.sql("(SELECT count(*) FROM movie_search s WHERE TRUE");
    push_match(statement, terms, IndexPart::All);
    statement.sql(") > 0");
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
