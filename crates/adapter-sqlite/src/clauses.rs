//! The SQL clauses that differ between PostgreSQL and SQLite, in their form for SQLite.

use diesel::SqliteConnection;
use domain::catalog::SearchTerm;
use uuid::Uuid;

use crate::{
    dialect::FOUND_MOVIE,
    filter_bits::{Mask, push_masks},
    index_part::IndexPart,
    statement::Statement,
    title_parts::{TitleQuery, title_parts},
};

/// Lets statements also run on Diesel's blocking connections.
impl<ST> diesel::RunQueryDsl<SqliteConnection> for Statement<ST> {}

/// Adds `column IN (the identifiers)`.
pub(crate) fn push_any<ST>(statement: &mut Statement<ST>, column: &'static str, ids: Vec<Uuid>) {
    let ids: Vec<String> = ids.into_iter().map(|id| id.simple().to_string()).collect();
    statement.sql(column).sql(" IN (SELECT unhex(value) FROM json_each(").bind(json(&ids)).sql("))");
}

/// Adds `FROM … m`: the movies that are linked to any of the names (genres, directors or stars), without duplicates.
/// Only links whose [filter bits](crate::filter_bits) match all masks are read.
pub(crate) fn push_movies_linked_to<ST>(
    statement: &mut Statement<ST>,
    table: &'static str,
    column: &'static str,
    names: Vec<Uuid>,
    masks: &[Mask],
) {
    let distinct = if names.len() > 1 { "DISTINCT " } else { "" };
    statement.sql(format!(" FROM (SELECT {distinct}movie_id FROM {table} WHERE "));
    push_any(statement, column, names);
    push_masks(statement, table, masks);
    statement.sql(") AS found").sql(FOUND_MOVIE);
}

/// Adds a `SELECT 1` of at most `cap` rows whose column has any of the values. There must be an index on the column.
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

/// Adds `column IN (the numbers)`.
pub(crate) fn push_any_integer<ST>(statement: &mut Statement<ST>, column: &'static str, numbers: &[i64]) {
    statement.sql(column).sql(" IN (SELECT value FROM json_each(").bind(json(numbers)).sql("))");
}

/// Adds a condition: the column contains the text.
pub(crate) fn push_contains<ST>(statement: &mut Statement<ST>, column: &'static str, text: &str) {
    statement.sql("instr(").sql(column).sql(", ").bind(text.to_owned()).sql(") > 0");
}

/// Adds `FROM … m WHERE …`: the movies on sale whose folded title (see [`title_parts`](crate::title_parts)) contains
/// the text.
pub(crate) fn push_movies_with_title<ST>(statement: &mut Statement<ST>, text: &str) {
    statement.sql(
        " FROM (SELECT s.movie_id FROM movie_title_parts t CROSS JOIN movie_search s ON s.id = t.rowid \
         WHERE t.movie_title_parts MATCH ",
    );
    statement.bind(title_query(text)).sql(") AS found").sql(FOUND_MOVIE).sql(" WHERE m.is_available AND ");
    push_contains(statement, "m.name_key", text);
}

/// Adds nothing and returns `false`. PostgreSQL estimates the number of movies from a sample. SQLite needs no sample,
/// because a count reads no more movies than it counts.
pub(crate) const fn push_sampled_titles<ST>(
    _statement: &mut Statement<ST>,
    _text: &str,
    _percent: u32,
) -> bool {
    false
}

/// Adds an upper bound of the number of movies whose folded title contains the text. The full-text index of titles
/// alone is read, and counting stops at `cap`.
pub(crate) fn push_title_size<ST>(statement: &mut Statement<ST>, text: &str, cap: u32, _percent: u32) {
    statement
        .sql("(SELECT count(*) FROM (SELECT 1 FROM movie_title_parts t WHERE t.movie_title_parts MATCH ")
        .bind(title_query(text))
        .sql(format!(" LIMIT {cap}) AS counted)"));
}

/// The parts of a title as the text that the full-text index of titles contains.
///
/// FTS5's own tokenizer `trigram` is not used, because it finds nothing for texts of fewer than three characters.
pub(crate) fn title_text(title: &str) -> String {
    title_parts(title).iter().map(|part| title_word(part)).collect::<Vec<_>>().join(" ")
}

/// The FTS5 query that finds all titles that contain the text, and possibly others. The text must not be empty.
fn title_query(text: &str) -> String {
    match TitleQuery::of(text) {
        TitleQuery::Begins(text) => format!("\"{}\" *", title_word(&text)),
        TitleQuery::Has(parts) => {
            parts.iter().map(|part| format!("\"{}\"", title_word(part))).collect::<Vec<_>>().join(" AND ")
        }
    }
}

/// Converts a part of a title to a text that FTS5's tokenizer `ascii` reads as one word. The tokenizer splits a text
/// at ASCII characters that are not letters or digits, so each of these characters is replaced with a non-ASCII
/// character.
fn title_word(part: &str) -> String {
    let replaced = |character: char| match u8::try_from(character) {
        Ok(byte) if byte.is_ascii() && !byte.is_ascii_alphanumeric() => char::from(byte | 0x80),
        _ => character,
    };
    part.chars().map(replaced).collect()
}

/// The FTS5 query that finds movies with all terms in this part of the search index.
fn words(terms: &[SearchTerm], part: IndexPart) -> String {
    // Words contain no quotes, so no escaping is needed.
    fn any(words: &[String], end: &str) -> String {
        let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"{end}")).collect();
        format!("({})", words.join(" OR "))
    }
    let spellings = |term: &SearchTerm| {
        let (whole, begun) = match part {
            IndexPart::People => ("{people} : ", "{people} : "),
            IndexPart::Name => ("{name joined} : ", "{name} : "),
            IndexPart::All if term.is_of_name => ("{name joined} : ", "{name} : "),
            IndexPart::All => ("", "{name people description} : "),
        };
        let whole = format!("{whole}{}", any(&term.whole, ""));
        if term.begun.is_empty() {
            return format!("({whole})");
        }
        format!("({whole} OR {begun}{})", any(&term.begun, " *"))
    };
    terms.iter().map(spellings).collect::<Vec<_>>().join(" AND ")
}

/// Adds `FROM … m`: the movies that have all terms in this part of the search index.
pub(crate) fn push_movies_with_words<ST>(
    statement: &mut Statement<ST>,
    terms: &[SearchTerm],
    part: IndexPart,
) {
    statement.sql(" FROM (SELECT s.movie_id FROM movie_words w CROSS JOIN movie_search s ON s.id = w.rowid");
    statement.sql(" WHERE w.movie_words MATCH ").bind(words(terms, part));
    statement.sql(") AS found").sql(FOUND_MOVIE);
}

/// Adds nothing and returns `false`. Like [`push_sampled_titles`], SQLite needs no sample, because the full-text
/// index counts the movies that contain words without reading the movies.
pub(crate) const fn push_sampled_words<ST>(
    _statement: &mut Statement<ST>,
    _terms: &[SearchTerm],
    _part: IndexPart,
    _percent: u32,
) -> bool {
    false
}

/// Adds a condition that is checked for each movie separately: the movie `m` has all terms in this part of the search
/// index. The words are searched in the text that `words_text` in the module `bulk` writes: a query of the full-text
/// index would read the entries of all movies that have one of the words.
pub(crate) fn push_words_check<ST>(statement: &mut Statement<ST>, terms: &[SearchTerm], part: IndexPart) {
    statement.sql("(SELECT 1 FROM movie_search s WHERE s.movie_id = m.id");
    for term in terms {
        let (lists, begun) = match part {
            IndexPart::People => (["p|"].as_slice(), "p|"),
            IndexPart::Name => (["n|", "j/"].as_slice(), "n|"),
            IndexPart::All if term.is_of_name => (["n|", "j/"].as_slice(), "n|"),
            IndexPart::All => (["|", "/"].as_slice(), "|"),
        };
        let whole = term.whole.iter().flat_map(|word| lists.iter().map(move |list| format!("{list}{word} ")));
        let begun = term.begun.iter().map(|word| format!("{begun}{word}"));
        for (number, text) in whole.chain(begun).enumerate() {
            statement.sql(if number == 0 { " AND (" } else { " OR " });
            statement.sql("instr(s.words, ").bind(text).sql(") > 0");
        }
        statement.sql(")");
    }
    statement.sql(" LIMIT 1) IS NOT NULL");
}

/// Adds the number of movies, on sale or not, that have all terms in this part of the search index. The full-text
/// index alone is read, and counting stops at `cap`. Returns whether the number was added: always `true` on SQLite.
pub(crate) fn push_capped_words<ST>(
    statement: &mut Statement<ST>,
    terms: &[SearchTerm],
    part: IndexPart,
    cap: u32,
) -> bool {
    statement.sql("(SELECT count(*) FROM (SELECT 1 FROM movie_words w WHERE w.movie_words MATCH ");
    statement.bind(words(terms, part)).sql(format!(" LIMIT {cap}) AS counted)"));
    true
}

/// Adds a condition: the search index contains a movie that has all terms.
pub(crate) fn push_words_exist<ST>(statement: &mut Statement<ST>, terms: &[SearchTerm]) {
    statement.sql("EXISTS (SELECT 1 FROM movie_words w WHERE w.movie_words MATCH ");
    statement.bind(words(terms, IndexPart::All)).sql(")");
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

pub(crate) fn json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    // Texts and numbers can always be serialized as JSON.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{title_query, title_text};

    #[test]
    fn no_character_of_a_title_separates_words_of_its_index() {
        assert_eq!(title_text("m 7"), "m\u{a0}7 \u{a0}7 7");
        assert_eq!(title_text("alien"), "ali lie ien en n");
        assert_eq!(title_query("lien"), "\"lie\" AND \"ien\"");
        assert_eq!(title_query("e"), "\"e\" *");
        assert_eq!(title_query("\"*"), "\"\u{a2}\u{aa}\" *");
    }
}
