use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use chrono::{DateTime, Days, NaiveTime, TimeDelta};
use diesel::sql_types::{BigInt, Nullable, Text};
use domain::{
    id::{GenreId, Id, Kind, MovieId},
    money::Currency,
    payments::{DaySales, Sales, SalesPeriod, SalesQueries, SoldThing, TOP_SALES},
    store::StoreError,
    time::Instant,
};
use uuid::Uuid;

use crate::{
    Database,
    dialect::{DbInstant, DbUuid, GROUPS_BEFORE_JOIN, SqlId, SqlInstant, day_begin, day_number, index_hint},
    statement::Statement,
};

/// The number of seconds in a day.
const DAY_SECONDS: i64 = 86_400;

/// Determines which index a report uses on SQLite. If its period covers more than 1/7 of the time between the first and
/// the last sale, the report reads the whole index that is sorted by movie or buyer. Otherwise, it reads the period
/// from the index that is sorted by time, and sorts the rows by movie or buyer, which takes seven times as long for
/// each row.
const WHOLE_INDEX_PART: i32 = 7;

/// From this number of movies, grouping the sold items by movie leaves so many groups that it is not worth its cost
/// before a join, unless the rows are read in the order of the movies.
const MANY_MOVIES: u64 = 100_000;

/// The identifier, the name, the number of sold items, and the net sum in minor units.
type SoldTypes = (SqlId, Text, BigInt, BigInt);
type SoldRow = (DbUuid, String, i64, i64);

#[async_trait]
impl SalesQueries for Database {
    async fn sales(&self, period: SalesPeriod, currency: Currency) -> Result<Sales, StoreError> {
        let scope = self.scope(period, currency).await?;
        // Each of these is slow when there are very many orders, so they run concurrently. There are only three, so that
        // other requests still get a connection.
        let (counted, top_movies, genres) =
            tokio::try_join!(self.counted(&scope), self.top_movies(&scope), self.genres(&scope))?;
        Ok(Sales { top_movies, top_genres: genres.best(), ..counted })
    }
}

/// The sales of all genres.
#[derive(Default)]
struct GenreSales(HashMap<Uuid, SoldThing<GenreId>>);

impl GenreSales {
    /// Adds numbers to those of the genre.
    fn add(&mut self, (id, name, sold, net): SoldRow) {
        let empty = || SoldThing { id: GenreId::from_uuid(id.0), name, sold: 0, net: 0 };
        let genre = self.0.entry(id.0).or_insert_with(empty);
        genre.sold = genre.sold.saturating_add(sold);
        genre.net = genre.net.saturating_add(net);
    }

    /// The best-selling genres, best first.
    fn best(self) -> Vec<SoldThing<GenreId>> {
        let mut genres: Vec<_> = self.0.into_values().filter(|genre| genre.sold > 0).collect();
        best_first(&mut genres);
        genres.truncate(usize::try_from(TOP_SALES).unwrap_or(usize::MAX));
        genres
    }
}

/// The period and the currency of a report.
struct Scope {
    from: Instant,
    until: Instant,
    currency: Currency,
    /// Whether the period covers more than 1/`WHOLE_INDEX_PART` of the time between the first and the last sale.
    covers_large_part: bool,
}

impl Scope {
    /// Creates the scope. `sales` are the times of the first and the last sale.
    fn of(period: SalesPeriod, currency: Currency, sales: Option<(Instant, Instant)>) -> Self {
        let after = period.to.checked_add_days(Days::new(1)).unwrap_or(period.to);
        let from = period.from.and_time(NaiveTime::MIN).and_utc();
        let until = after.and_time(NaiveTime::MIN).and_utc();
        let covers_large_part = sales.is_some_and(|(first, last)| {
            let covered = until.min(last).signed_duration_since(from.max(first));
            let part = last.signed_duration_since(first).checked_div(WHOLE_INDEX_PART);
            covered > part.unwrap_or(TimeDelta::MAX)
        });
        Self { from, until, currency, covers_large_part }
    }

    /// A statement that begins with `sql`, which must end in `currency = `, and is limited to the currency and the
    /// period.
    fn within<ST>(&self, sql: &'static str, column: &'static str) -> Statement<ST> {
        let mut statement = Statement::new(sql);
        self.push(&mut statement, column);
        statement
    }

    /// Appends the currency and the condition that the time in `column` is in the period.
    fn push<ST>(&self, statement: &mut Statement<ST>, column: &'static str) {
        statement
            .bind(self.currency.code().to_owned())
            .sql(" AND ")
            .sql(column)
            .sql(" >= ")
            .bind(self.from)
            .sql(" AND ")
            .sql(column)
            .sql(" < ")
            .bind(self.until);
    }

    /// A statement that counts the buyers.
    fn buyers(&self) -> Statement<(BigInt,)> {
        let index = index_hint(if self.covers_large_part { "payments_buyers" } else { "payments_sales" });
        let mut statement = Statement::new(format!(
            "SELECT COUNT(*) FROM (SELECT p.user_id FROM payments p{index} WHERE p.settlement = 'pays_order' \
             AND p.amount_currency = "
        ));
        self.push(&mut statement, "p.completed_at");
        statement.sql(" GROUP BY p.user_id) AS buyers");
        statement
    }

    /// Appends the items that were sold in the period, as `SELECT columns FROM payment_items i …`.
    fn push_sold<ST>(&self, statement: &mut Statement<ST>, columns: &'static str) {
        let index = index_hint(if self.covers_large_part {
            "payment_items_by_movie"
        } else {
            "payment_items_by_sold_at"
        });
        statement.sql(format!(
            "SELECT {columns} FROM payment_items i{index} WHERE i.sold_at IS NOT NULL AND i.price_currency = "
        ));
        self.push(statement, "i.sold_at");
    }

    /// Appends the prices that were returned for each movie in the period.
    fn push_returned<ST>(&self, statement: &mut Statement<ST>) {
        statement.sql(
            "SELECT i.movie_id, CAST(SUM(i.price_minor) AS BIGINT) AS net FROM refunds r \
             JOIN refund_items x ON x.refund_id = r.id JOIN payment_items i ON i.id = x.payment_item_id \
             WHERE i.sold_at IS NOT NULL AND r.status = 'succeeded' AND r.amount_currency = ",
        );
        self.push(statement, "r.completed_at");
        statement.sql(" GROUP BY i.movie_id");
    }

    /// A statement that counts the sold items.
    fn items(&self) -> Statement<(BigInt,)> {
        let mut statement = Statement::new("");
        self.push_sold(&mut statement, "COUNT(*)");
        statement
    }

    /// A statement that reads the best-selling movies. Refunds reduce the net sums, but not the numbers of sold items.
    fn top_movies(&self) -> Statement<SoldTypes> {
        let mut statement = Statement::new(
            "SELECT m.id, m.name, s.sold, s.net FROM (SELECT s.movie_id, s.sold, s.net - coalesce(r.net, 0) AS net FROM (",
        );
        self.push_sold(
            &mut statement,
            "i.movie_id, COUNT(*) AS sold, CAST(SUM(i.price_minor) AS BIGINT) AS net",
        );
        statement.sql(" GROUP BY i.movie_id) AS s LEFT JOIN (");
        self.push_returned(&mut statement);
        statement.sql(format!(
            ") AS r ON r.movie_id = s.movie_id ORDER BY 2 DESC, 3 DESC, 1 LIMIT {TOP_SALES}) AS s \
             JOIN movies m ON m.id = s.movie_id"
        ));
        statement
    }

    /// A statement that reads the sales of all genres, without refunds. If `is_grouped`, the items are grouped by movie
    /// before they are joined with genres.
    fn sold_genres(&self, is_grouped: bool) -> Statement<SoldTypes> {
        let mut statement = Statement::new(
            "SELECT g.id, g.name, s.sold, s.net FROM (SELECT l.genre_id, CAST(SUM(s.sold) AS BIGINT) AS sold, \
             CAST(SUM(s.net) AS BIGINT) AS net FROM (",
        );
        if is_grouped {
            let columns = "i.movie_id, COUNT(*) AS sold, SUM(i.price_minor) AS net";
            self.push_sold(&mut statement, columns);
            statement.sql(" GROUP BY i.movie_id");
        } else {
            self.push_sold(&mut statement, "i.movie_id, 1 AS sold, i.price_minor AS net");
        }
        statement.sql(
            ") AS s CROSS JOIN movie_genres l WHERE l.movie_id = s.movie_id GROUP BY l.genre_id) AS s \
             JOIN genres g ON g.id = s.genre_id",
        );
        statement
    }

    /// A statement that reads the refunds of all genres, as negative net sums.
    fn returned_genres(&self) -> Statement<SoldTypes> {
        let mut statement = Statement::new(
            "SELECT g.id, g.name, CAST(0 AS BIGINT), s.net FROM (SELECT l.genre_id, CAST(-SUM(r.net) AS BIGINT) AS net FROM (",
        );
        self.push_returned(&mut statement);
        statement.sql(
            ") AS r CROSS JOIN movie_genres l WHERE l.movie_id = r.movie_id GROUP BY l.genre_id) AS s \
             JOIN genres g ON g.id = s.genre_id",
        );
        statement
    }
}

/// Sorts movies or genres by the number sold, highest first; if equal, by the net sum, highest first; if also equal, by
/// identifier.
fn best_first<K: Kind>(things: &mut [SoldThing<Id<K>>]) {
    let key = |thing: &SoldThing<Id<K>>| {
        (std::cmp::Reverse(thing.sold), std::cmp::Reverse(thing.net), thing.id.as_uuid())
    };
    things.sort_by_key(key);
}

impl Database {
    async fn scope(&self, period: SalesPeriod, currency: Currency) -> Result<Scope, StoreError> {
        let statement = Statement::<(Nullable<SqlInstant>, Nullable<SqlInstant>)>::new(
            "SELECT (SELECT min(completed_at) FROM payments WHERE settlement = 'pays_order'), \
             (SELECT max(completed_at) FROM payments WHERE settlement = 'pays_order')",
        );
        let rows: Vec<(Option<DbInstant>, Option<DbInstant>)> = self.fetch(statement).await?;
        let sales = rows.first().and_then(|(first, last)| Some((first.as_ref()?.0, last.as_ref()?.0)));
        Ok(Scope::of(period, currency, sales))
    }

    async fn count(&self, statement: Statement<(BigInt,)>) -> Result<i64, StoreError> {
        let rows: Vec<(i64,)> = self.fetch(statement).await?;
        Ok(rows.first().map_or(0, |(count,)| *count))
    }

    /// For each day with matching rows: the day as the number of days since 1970-01-01, the sum of `amount` in minor
    /// units, and the number of rows. `sql` is ` FROM … WHERE … currency = `, and `column` has the time of a row.
    async fn by_day(
        &self,
        scope: &Scope,
        amount: &'static str,
        sql: &'static str,
        column: &'static str,
    ) -> Result<Vec<(i64, i64, i64)>, StoreError> {
        let day = day_begin(column);
        let number = day_number(&day);
        let mut statement = Statement::<(BigInt, BigInt, BigInt)>::new(format!(
            "SELECT {number}, CAST(SUM({amount}) AS BIGINT), COUNT(*)"
        ));
        statement.sql(sql);
        scope.push(&mut statement, column);
        statement.sql(" GROUP BY ").sql(day);
        self.fetch(statement).await
    }

    async fn days(&self, scope: &Scope) -> Result<Vec<DaySales>, StoreError> {
        let paid = self
            .by_day(
                scope,
                "p.amount_minor",
                " FROM payments p WHERE p.settlement = 'pays_order' AND p.amount_currency = ",
                "p.completed_at",
            )
            .await?;
        let refunded = self
            .by_day(
                scope,
                "r.amount_minor",
                " FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE p.settlement = 'pays_order' \
                 AND r.status = 'succeeded' AND r.amount_currency = ",
                "r.completed_at",
            )
            .await?;
        let lost = self
            .by_day(
                scope,
                "d.withdrawn_minor",
                " FROM disputes d JOIN payments p ON p.id = d.payment_id WHERE p.settlement = 'pays_order' \
                 AND d.status = 'lost' AND d.amount_currency = ",
                "d.closed_at",
            )
            .await?;
        let mut days: BTreeMap<i64, (i64, i64, i64)> = BTreeMap::new();
        for (day, gross, count) in paid {
            days.insert(day, (gross, 0, count));
        }
        for (day, refunds, _) in refunded.into_iter().chain(lost) {
            let (_, sum, _) = days.entry(day).or_insert((0, 0, 0));
            *sum = sum.saturating_add(refunds);
        }
        days.into_iter()
            .map(|(day, (gross, refunds, paid_orders))| {
                let moment = DateTime::from_timestamp(day.saturating_mul(DAY_SECONDS), 0);
                let day = moment.ok_or_else(|| StoreError::failed("the day of a sale is out of range"))?;
                Ok(DaySales { day: day.date_naive(), gross, refunds, paid_orders })
            })
            .collect()
    }

    /// All numbers except the best-selling movies and genres.
    async fn counted(&self, scope: &Scope) -> Result<Sales, StoreError> {
        let orders = scope.within("SELECT COUNT(*) FROM orders o WHERE o.total_currency = ", "o.created_at");
        Ok(Sales {
            days: self.days(scope).await?,
            orders: self.count(orders).await?,
            buyers: self.count(scope.buyers()).await?,
            items_sold: self.count(scope.items()).await?,
            top_movies: Vec::new(),
            top_genres: Vec::new(),
        })
    }

    async fn top_movies(&self, scope: &Scope) -> Result<Vec<SoldThing<MovieId>>, StoreError> {
        let rows = self.sold(scope.top_movies()).await?;
        let movie =
            |(id, name, sold, net): SoldRow| SoldThing { id: MovieId::from_uuid(id.0), name, sold, net };
        let mut movies: Vec<_> = rows.into_iter().map(movie).collect();
        best_first(&mut movies);
        Ok(movies)
    }

    async fn genres(&self, scope: &Scope) -> Result<GenreSales, StoreError> {
        let is_grouped = GROUPS_BEFORE_JOIN || self.approximate_movies().await? < MANY_MOVIES;
        let mut genres = GenreSales::default();
        for statement in [scope.sold_genres(is_grouped), scope.returned_genres()] {
            self.sold(statement).await?.into_iter().for_each(|row| genres.add(row));
        }
        Ok(genres)
    }

    async fn sold(&self, mut statement: Statement<SoldTypes>) -> Result<Vec<SoldRow>, StoreError> {
        // Not cached as a prepared statement, so that it is planned for each period: long and short periods need
        // different plans.
        statement.forget();
        self.fetch(statement).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> chrono::NaiveDate {
        text.parse().unwrap()
    }

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn a_period_covers_a_large_part_if_it_is_more_than_a_seventh_of_the_time_with_sales() {
        let sales = Some((at("2026-01-01T12:00:00Z"), at("2026-03-12T12:00:00Z")));
        let covers = |from, to, sales| {
            Scope::of(SalesPeriod { from: day(from), to: day(to) }, Currency::USD, sales).covers_large_part
        };
        assert!(covers("2020-01-01", "2030-01-01", sales), "all 70 days");
        assert!(covers("2026-03-01", "2026-03-12", sales), "the last 11.5 days");
        assert!(!covers("2026-03-08", "2026-03-12", sales), "the last 4.5 days");
        assert!(!covers("2025-01-01", "2025-12-31", sales), "the year before");
        assert!(!covers("2020-01-01", "2030-01-01", None), "without sales");
    }
}
