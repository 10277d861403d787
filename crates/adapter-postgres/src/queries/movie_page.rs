//! The text of a page of movies: filter, order, and where it begins.

use domain::{
    catalog::{MovieFilter, MovieSort, MovieSortKey, Range, Relevance},
    id::{Id, Kind},
    page::{Position, SortValue},
    store::StoreError,
    time::Instant,
};
use uuid::Uuid;

use crate::{
    dialect::{TITLE_INDEX, push_any, push_begins_with, push_contains},
    queries::movie_row::SummaryRow,
    statement::Statement,
};

/// The average rating for a list from the lowest on, as the index has it: movies without one come last.
const RATING_UP: &str = "(CASE WHEN m.rating_count > 0 THEN CAST(m.rating_sum AS DOUBLE PRECISION) / m.rating_count ELSE 11.0 END)";
/// The same for a list from the highest on.
const RATING_DOWN: &str = "(CASE WHEN m.rating_count > 0 THEN CAST(m.rating_sum AS DOUBLE PRECISION) / m.rating_count ELSE -1.0 END)";

/// What the filter asks of titles, folded once.
pub(super) struct Titles {
    words: Vec<String>,
    part: Option<String>,
}

impl Titles {
    pub(super) fn of(filter: &MovieFilter) -> Self {
        Self { words: filter.search_words(), part: filter.folded_title() }
    }

    /// Whether the filter asks anything of titles.
    pub(super) const fn is_asked(&self) -> bool {
        !self.words.is_empty() || self.part.is_some()
    }
}

/// A column that a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SortColumn {
    Plain(MovieSortKey, &'static str),
    /// How well the title fits the search.
    Rank,
}

/// The order of a list: its columns with their directions, the identifier's direction last.
pub(super) struct Order {
    columns: Vec<(SortColumn, bool)>,
    is_id_descending: bool,
    /// The whole search text, which ranks are told by.
    search: String,
}

impl Order {
    pub(super) fn of(sorts: &[MovieSort], titles: &Titles) -> Self {
        let mut columns = Vec::with_capacity(sorts.len().saturating_add(1));
        for sort in sorts {
            let name = match sort.key {
                MovieSortKey::Name => "m.name_key",
                MovieSortKey::Year => "m.year",
                MovieSortKey::Price => "m.price_minor",
                MovieSortKey::Imdb => "m.imdb",
                MovieSortKey::Votes => "m.votes",
                MovieSortKey::Rating if sort.descending => RATING_DOWN,
                MovieSortKey::Rating => RATING_UP,
                MovieSortKey::Popularity => "m.popularity",
                MovieSortKey::CreatedAt => "m.created_at",
                MovieSortKey::Relevance => {
                    if !titles.words.is_empty() {
                        columns.push((SortColumn::Rank, true));
                    }
                    columns.push((SortColumn::Plain(MovieSortKey::Popularity, "m.popularity"), true));
                    continue;
                }
            };
            columns.push((SortColumn::Plain(sort.key, name), sort.descending));
        }
        let is_id_descending = columns.last().is_some_and(|(_, descending)| *descending);
        Self { columns, is_id_descending, search: titles.words.join(" ") }
    }

    /// Adds `ORDER BY …`.
    pub(super) fn push<ST>(&self, statement: &mut Statement<ST>) {
        statement.sql(" ORDER BY ");
        for (column, descending) in &self.columns {
            self.push_column(statement, *column);
            statement.sql(if *descending { " DESC, " } else { ", " });
        }
        statement.sql(if self.is_id_descending { "m.id DESC" } else { "m.id" });
    }

    fn push_column<ST>(&self, statement: &mut Statement<ST>, column: SortColumn) {
        match column {
            SortColumn::Plain(_, name) => {
                statement.sql(name);
            }
            SortColumn::Rank => {
                statement.sql("(CASE WHEN m.name_key = ").bind(self.search.clone()).sql(" THEN 3 WHEN ");
                push_begins_with(statement, "m.name_key", &self.search);
                statement.sql(" THEN 2 ELSE 1 END)");
            }
        }
    }

    /// Adds "behind the position".
    ///
    /// Where all directions are equal it is one comparison of rows, which walks the index of a single sort from there.
    /// Else it is spelled out, behind a bound of the first column that lets its index be used.
    pub(super) fn push_behind<ST>(
        &self,
        statement: &mut Statement<ST>,
        position: &Position,
    ) -> Result<(), StoreError> {
        if position.values.len() != self.columns.len() {
            return Err(StoreError::failed("a position of another sort"));
        }
        let keys: Vec<_> = self
            .columns
            .iter()
            .zip(&position.values)
            .map(|((column, down), value)| (*column, *down, value))
            .collect();
        let is_one_way = self.columns.iter().all(|(_, descending)| *descending == self.is_id_descending);
        // SQLite walks the index of an expression only behind a bound of that alone.
        let is_expression = |column: SortColumn| matches!(column, SortColumn::Plain(MovieSortKey::Rating, _));
        if let Some((column, descending, value)) =
            keys.first().filter(|(column, _, _)| !is_one_way || is_expression(*column))
        {
            self.push_column(statement, *column);
            statement.sql(if *descending { " <= " } else { " >= " });
            push_value(statement, *column, value)?;
            statement.sql(" AND ");
        }
        if is_one_way {
            statement.sql("(");
            for (column, _, _) in &keys {
                self.push_column(statement, *column);
                statement.sql(", ");
            }
            statement.sql("m.id) ").sql(behind(self.is_id_descending)).sql(" (");
            for (column, _, value) in &keys {
                push_value(statement, *column, value)?;
                statement.sql(", ");
            }
            statement.bind(position.id).sql(")");
            return Ok(());
        }
        for (column, descending, value) in &keys {
            statement.sql("(");
            self.push_column(statement, *column);
            statement.sql(" ").sql(behind(*descending)).sql(" ");
            push_value(statement, *column, value)?;
            statement.sql(" OR (");
            self.push_column(statement, *column);
            statement.sql(" = ");
            push_value(statement, *column, value)?;
            statement.sql(" AND ");
        }
        statement.sql("m.id ").sql(behind(self.is_id_descending)).sql(" ").bind(position.id);
        statement.sql("))".repeat(keys.len()));
        Ok(())
    }

    /// Where a row stands in the list.
    pub(super) fn position(&self, row: &SummaryRow) -> Position {
        let values = self.columns.iter().map(|(column, descending)| match column {
            SortColumn::Plain(key, _) => plain_value(row, *key, *descending),
            SortColumn::Rank => SortValue::Integer(self.rank(&row.name_key)),
        });
        Position { values: values.collect(), id: row.id.0 }
    }

    fn rank(&self, name_key: &str) -> i64 {
        let relevance = if name_key == self.search {
            Relevance::Exact
        } else if name_key.starts_with(&self.search) {
            Relevance::Prefix
        } else {
            Relevance::Contains
        };
        match relevance {
            Relevance::Contains => 1,
            Relevance::Prefix => 2,
            Relevance::Exact => 3,
        }
    }
}

const fn behind(descending: bool) -> &'static str {
    if descending { "<" } else { ">" }
}

fn plain_value(row: &SummaryRow, key: MovieSortKey, descending: bool) -> SortValue {
    match key {
        MovieSortKey::Name => SortValue::Text(row.name_key.clone()),
        MovieSortKey::Year => SortValue::Integer(row.year.into()),
        MovieSortKey::Price => SortValue::Integer(row.price_minor),
        MovieSortKey::Imdb => SortValue::Real(row.imdb),
        MovieSortKey::Votes => SortValue::Integer(row.votes),
        MovieSortKey::Rating => {
            SortValue::Real(row.average().unwrap_or(if descending { -1.0 } else { 11.0 }))
        }
        MovieSortKey::Popularity | MovieSortKey::Relevance => SortValue::Real(row.popularity),
        MovieSortKey::CreatedAt => SortValue::Integer(row.created_at.0.timestamp_micros()),
    }
}

fn push_value<ST>(
    statement: &mut Statement<ST>,
    column: SortColumn,
    value: &SortValue,
) -> Result<(), StoreError> {
    match (column, value) {
        (SortColumn::Plain(MovieSortKey::CreatedAt, _), SortValue::Integer(micros)) => {
            let instant = Instant::from_timestamp_micros(*micros)
                .ok_or_else(|| StoreError::failed("a position of another time"))?;
            statement.bind(instant);
        }
        (SortColumn::Plain(MovieSortKey::Name, _), SortValue::Text(text)) => {
            statement.bind(text.clone());
        }
        (
            SortColumn::Plain(
                MovieSortKey::Imdb
                | MovieSortKey::Rating
                | MovieSortKey::Popularity
                | MovieSortKey::Relevance,
                _,
            ),
            SortValue::Real(number),
        ) => {
            statement.bind(*number);
        }
        (
            SortColumn::Rank
            | SortColumn::Plain(MovieSortKey::Year | MovieSortKey::Price | MovieSortKey::Votes, _),
            SortValue::Integer(number),
        ) => {
            statement.bind(*number);
        }
        _ => return Err(StoreError::failed("a position of another sort")),
    }
    Ok(())
}

/// What the matching movies are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// The first ones in an order.
    Some,
    /// All of them.
    All,
}

/// Adds `FROM movies m WHERE …` for the movies on sale that meet the filter.
pub(super) fn push_matching<ST>(
    statement: &mut Statement<ST>,
    filter: &MovieFilter,
    titles: &Titles,
    reading: Reading,
) {
    statement.sql(" FROM movies m");
    if titles.is_asked() {
        statement.sql(TITLE_INDEX);
    }
    statement.sql(" WHERE m.is_available");
    for word in &titles.words {
        statement.sql(" AND ");
        push_contains(statement, "m.name_key", word);
    }
    if let Some(part) = &titles.part {
        statement.sql(" AND ");
        push_contains(statement, "m.name_key", part);
    }
    if reading == Reading::Some && !filter.genres.is_empty() {
        // Genres are common: walking the order and looking at each movie's genres soon fills a page.
        statement.sql(" AND EXISTS (SELECT 1 FROM movie_genres WHERE movie_id = m.id AND ");
        push_any(statement, "genre_id", uuids(&filter.genres));
        statement.sql(")");
    } else {
        push_linked(statement, "movie_genres", "genre_id", &filter.genres);
    }
    push_linked(statement, "movie_directors", "director_id", &filter.directors);
    push_linked(statement, "movie_stars", "star_id", &filter.stars);
    if !filter.certifications.is_empty() {
        statement.sql(" AND ");
        push_any(statement, "m.certification_id", uuids(&filter.certifications));
    }
    push_range(statement, "m.year", filter.year, i64::from);
    push_range(statement, "m.imdb", filter.imdb, std::convert::identity);
    push_range(statement, "m.price_minor", filter.price, domain::money::Money::minor);
    push_range(statement, "m.duration_minutes", filter.duration, i64::from);
}

fn uuids<K: Kind>(ids: &[Id<K>]) -> Vec<Uuid> {
    ids.iter().map(Id::as_uuid).collect()
}

fn push_linked<ST, K: Kind>(
    statement: &mut Statement<ST>,
    table: &'static str,
    column: &'static str,
    ids: &[Id<K>],
) {
    if ids.is_empty() {
        return;
    }
    statement.sql(" AND m.id IN (SELECT movie_id FROM ").sql(table).sql(" WHERE ");
    push_any(statement, column, uuids(ids));
    statement.sql(")");
}

fn push_range<ST, T: Copy, B: Into<crate::dialect::Bind>>(
    statement: &mut Statement<ST>,
    column: &'static str,
    range: Range<T>,
    bind: impl Fn(T) -> B,
) {
    if let Some(min) = range.min {
        statement.sql(" AND ").sql(column).sql(" >= ").bind(bind(min));
    }
    if let Some(max) = range.max {
        statement.sql(" AND ").sql(column).sql(" <= ").bind(bind(max));
    }
}
