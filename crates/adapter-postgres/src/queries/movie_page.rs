//! The order of a list of movies.

use domain::{
    catalog::{MovieSort, MovieSortKey, Relevance},
    page::{Position, SortValue},
};

use crate::{
    dialect::push_begins_with,
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
    /// The order of a list, in which the search text was found that these folded words make up.
    pub(super) fn of(sorts: &[MovieSort], search: &[String]) -> Self {
        let is_search = !search.is_empty();
        let search = search.join(" ");
        let mut columns = Vec::with_capacity(sorts.len().saturating_add(1));
        let mut keyset = Keyset::ending_in("m.id");
        for sort in sorts {
            let MovieSort { key, descending } = match sort.key {
                MovieSortKey::Relevance => MovieSort::POPULAR,
                _ => *sort,
            };
            if sort.key == MovieSortKey::Relevance && is_search {
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

    /// Whether an index has the order, at least that of its first column.
    pub(super) fn can_be_walked(&self) -> bool {
        !matches!(self.columns.first(), Some(SortColumn::Rank))
    }

    /// The columns that the list is ordered by.
    pub(super) const fn keyset(&self) -> &Keyset {
        &self.keyset
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
