//! The text of a page of movies: filter and order.

use domain::{
    catalog::{MovieFilter, MovieSort, MovieSortKey, Range, Relevance},
    id::{Id, Kind},
    page::{Position, SortValue},
    store::StoreError,
};
use uuid::Uuid;

use crate::{
    dialect::{TITLE_INDEX, push_any, push_begins_with, push_contains},
    queries::{
        keyset::{KeyType, Keyset},
        movie_row::SummaryRow,
    },
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

/// What a list is ordered by: a key of the caller's, or how well the title fits the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SortColumn {
    Plain(MovieSortKey, bool),
    Rank,
}

/// The order of a list.
pub(super) struct Order {
    columns: Vec<SortColumn>,
    keyset: Keyset,
    /// The whole search text, which ranks are told by.
    search: String,
}

impl Order {
    pub(super) fn of(sorts: &[MovieSort], titles: &Titles) -> Self {
        let search = titles.words.join(" ");
        let mut columns = Vec::with_capacity(sorts.len().saturating_add(1));
        let mut keyset = Keyset::ending_in("m.id");
        for sort in sorts {
            let MovieSort { key, descending } = match sort.key {
                MovieSortKey::Relevance => MovieSort::POPULAR,
                _ => *sort,
            };
            if sort.key == MovieSortKey::Relevance && !titles.words.is_empty() {
                columns.push(SortColumn::Rank);
                keyset = keyset.then_by(rank_column(&search), KeyType::Integer, true);
            }
            columns.push(SortColumn::Plain(key, descending));
            let (column, key_type) = plain_column(key, descending);
            let column = Statement::new(column);
            keyset = if key == MovieSortKey::Rating {
                keyset.then_by_expression(column, key_type, descending)
            } else {
                keyset.then_by(column, key_type, descending)
            };
        }
        Self { columns, keyset, search }
    }

    /// Adds `ORDER BY …`.
    pub(super) fn push<ST>(&self, statement: &mut Statement<ST>) {
        self.keyset.push(statement);
    }

    /// Adds "behind the position".
    pub(super) fn push_behind<ST>(
        &self,
        statement: &mut Statement<ST>,
        position: &Position,
    ) -> Result<(), StoreError> {
        self.keyset.push_behind(statement, position)
    }

    /// Where a row stands in the list.
    pub(super) fn position(&self, row: &SummaryRow) -> Position {
        let values = self.columns.iter().map(|column| match column {
            SortColumn::Plain(key, descending) => plain_value(row, *key, *descending),
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

fn rank_column(search: &str) -> Statement {
    let mut column = Statement::new("(CASE WHEN m.name_key = ");
    column.bind(search.to_owned()).sql(" THEN 3 WHEN ");
    push_begins_with(&mut column, "m.name_key", search);
    column.sql(" THEN 2 ELSE 1 END)");
    column
}

const fn plain_column(key: MovieSortKey, descending: bool) -> (&'static str, KeyType) {
    match key {
        MovieSortKey::Name => ("m.sort_key", KeyType::Text),
        MovieSortKey::Year => ("m.year", KeyType::Integer),
        MovieSortKey::Price => ("m.price_minor", KeyType::Integer),
        MovieSortKey::Imdb => ("m.imdb", KeyType::Real),
        MovieSortKey::Votes => ("m.votes", KeyType::Integer),
        MovieSortKey::Rating if descending => (RATING_DOWN, KeyType::Real),
        MovieSortKey::Rating => (RATING_UP, KeyType::Real),
        MovieSortKey::Popularity | MovieSortKey::Relevance => ("m.popularity", KeyType::Real),
        MovieSortKey::CreatedAt => ("m.created_at", KeyType::Instant),
    }
}

fn plain_value(row: &SummaryRow, key: MovieSortKey, descending: bool) -> SortValue {
    match key {
        MovieSortKey::Name => SortValue::Text(row.sort_key.clone()),
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

/// What the matching movies are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// The first ones in an order.
    Some,
    /// All of them.
    All,
}

/// Adds `FROM movies m WHERE …` for the movies that meet the filter.
pub(super) fn push_matching<ST>(
    statement: &mut Statement<ST>,
    filter: &MovieFilter,
    titles: &Titles,
    reading: Reading,
) {
    statement.sql(" FROM movies m");
    // The index has no withdrawn movies.
    if titles.is_asked() && !filter.is_withdrawn() {
        statement.sql(TITLE_INDEX);
    }
    statement.sql(if filter.is_withdrawn() { " WHERE NOT m.is_available" } else { " WHERE m.is_available" });
    if let Some(id) = &filter.imdb_id {
        statement.sql(" AND m.imdb_id = ").bind(id.clone());
    }
    if let Some(id) = filter.tmdb_id {
        statement.sql(" AND m.tmdb_id = ").bind(id);
    }
    if !filter.ids.is_empty() {
        statement.sql(" AND ");
        push_any(statement, "m.id", uuids(&filter.ids));
    }
    for word in &titles.words {
        statement.sql(" AND ");
        push_contains(statement, "m.name_key", word);
    }
    if let Some(part) = &titles.part {
        statement.sql(" AND ");
        push_contains(statement, "m.name_key", part);
    }
    if reading == Reading::Some && !filter.genres.is_empty() {
        // Genres are common: walking the order and looking at each movie's genres soon fills a page. The limit keeps
        // SQLite from making a join of it, in which an offset skips links (seen in 3.51.3); PostgreSQL drops it.
        statement.sql(" AND EXISTS (SELECT 1 FROM movie_genres WHERE movie_id = m.id AND ");
        push_any(statement, "genre_id", uuids(&filter.genres));
        statement.sql(" LIMIT 1)");
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
