//! The order of a list of movies.

use domain::{
    catalog::{MovieSort, MovieSortKey},
    id::UserId,
    page::{Position, SortValue},
    store::StoreError,
};

use crate::{
    queries::{
        keyset::{KeyType, Keyset, bound},
        movie_filter::{Condition, PURCHASED_AT},
        movie_row::SummaryRow,
    },
    statement::Statement,
};

/// The rank by rating for an ascending list: the average after adding ten ratings of 5.5
/// (`domain::catalog::rating_rank`). Movies without a rating come last, because 11 is higher than every rank. The SQL
/// text must equal the expression of the index `movies_by_rating_up`.
const RATING_UP: &str = "(CASE WHEN m.rating_count > 0 THEN CAST(m.rating_sum + 55 AS DOUBLE PRECISION) / (m.rating_count + 10) ELSE 11.0 END)";
/// The same rank for a descending list. Movies without a rating come last here too, because -1 is lower than every
/// rank. The SQL text must equal the expression of the index `movies_by_rating_down`.
const RATING_DOWN: &str = "(CASE WHEN m.rating_count > 0 THEN CAST(m.rating_sum + 55 AS DOUBLE PRECISION) / (m.rating_count + 10) ELSE -1.0 END)";

/// The order of a list. No column contains the relevance, so popularity is used instead. A search whose first sort key
/// is relevance does not use this order: see `Database::page_by_relevance`.
pub(super) struct Order {
    columns: Vec<MovieSort>,
    keyset: Keyset,
}

impl Order {
    /// Creates the order of a list; `favorites_of` is the user whose favourites it lists.
    pub(super) fn of(sorts: &[MovieSort], favorites_of: Option<UserId>) -> Self {
        let mut columns = Vec::with_capacity(sorts.len());
        let mut keyset = Keyset::ending_in("m.id");
        for sort in sorts {
            let MovieSort { key, descending } = match sort.key {
                MovieSortKey::Relevance => MovieSort::POPULAR,
                _ => *sort,
            };
            columns.push(MovieSort { key, descending });
            let (column, key_type) = plain_column(key, descending);
            let mut column = Statement::new(column);
            if key == MovieSortKey::AddedAt {
                column.bind(favorites_of.map(|user| user.as_uuid()).unwrap_or_default()).sql(")");
            }
            keyset = if key == MovieSortKey::Rating {
                keyset.then_by_expression(column, key_type, descending)
            } else {
                keyset.then_by(column, key_type, descending)
            };
        }
        if let Some(MovieSort { key, descending }) = columns.first()
            && let Some(index) = index_of(*key, *descending)
        {
            keyset = keyset.indexed_by(index);
        }
        Self { columns, keyset }
    }

    /// The condition that the sort column of a movie equals `value`, which is a value of a position.
    pub(super) fn first_is(sort: MovieSort, value: &SortValue) -> Result<Condition, StoreError> {
        let (column, key_type) = plain_column(sort.key, sort.descending);
        let value = Some(bound(key_type, value)?);
        Ok(Condition::Between { column, min: value.clone(), max: value })
    }

    /// The columns that the list is ordered by.
    pub(super) const fn keyset(&self) -> &Keyset {
        &self.keyset
    }

    /// The position of a row in the list.
    pub(super) fn position(&self, row: &SummaryRow) -> Position {
        let values = self.columns.iter().map(|sort| plain_value(row, sort.key, sort.descending));
        Position { values: values.collect(), id: row.id.0 }
    }
}

/// The index of the movies on sale that begins with the sort column. There is no index by the time of a purchase or
/// of a favourite.
const fn index_of(key: MovieSortKey, descending: bool) -> Option<&'static str> {
    Some(match key {
        MovieSortKey::Name => "movies_by_name",
        MovieSortKey::Year => "movies_by_year",
        MovieSortKey::Price => "movies_by_price",
        MovieSortKey::Imdb => "movies_by_imdb",
        MovieSortKey::Votes => "movies_by_votes",
        MovieSortKey::Rating if descending => "movies_by_rating_down",
        MovieSortKey::Rating => "movies_by_rating_up",
        MovieSortKey::Popularity | MovieSortKey::Relevance => "movies_by_popularity",
        MovieSortKey::CreatedAt => "movies_by_created_at",
        MovieSortKey::PurchasedAt | MovieSortKey::AddedAt => return None,
    })
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
        MovieSortKey::PurchasedAt => (PURCHASED_AT, KeyType::Instant),
        // `Order::of` binds the user and closes the parenthesis. `Order::first_is` is never called with this key.
        MovieSortKey::AddedAt => {
            ("(SELECT added_at FROM favorites WHERE movie_id = m.id AND user_id = ", KeyType::Instant)
        }
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
            SortValue::Real(row.rating_rank().unwrap_or(if descending { -1.0 } else { 11.0 }))
        }
        MovieSortKey::Popularity | MovieSortKey::Relevance => SortValue::Real(row.popularity),
        MovieSortKey::CreatedAt => SortValue::Integer(row.created_at.0.timestamp_micros()),
        MovieSortKey::PurchasedAt => {
            let at = row.viewer.purchased_at.as_ref();
            SortValue::Integer(at.map_or(0, |at| at.0.timestamp_micros()))
        }
        MovieSortKey::AddedAt => {
            let since = row.viewer.favorite_since.as_ref();
            SortValue::Integer(since.map_or(0, |since| since.0.timestamp_micros()))
        }
    }
}
