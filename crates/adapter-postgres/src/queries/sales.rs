use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use chrono::{DateTime, Days, NaiveTime, TimeDelta};
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
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
    dialect::{DbInstant, DbUuid, NO_ID, SqlId, SqlInstant, day_begin, day_number, index_hint},
    statement::Statement,
};

/// The number of seconds in a day.
const DAY_SECONDS: i64 = 86_400;

/// Determines which index a report uses on SQLite. If its period covers more than 1/7 of the time between the first and
/// the last sale, the report reads the whole index that is sorted by movie or buyer. Otherwise, it reads the period
/// from the index that is sorted by time, and sorts the rows by movie or buyer, which takes seven times as long for
/// each row.
const WHOLE_INDEX_PART: i32 = 7;

/// The values of the first column of [`SoldTypes`]: whether the row contains one of the best-selling movies, a genre,
/// or the number of all sold items.
const TOP_MOVIE: i32 = 0;
const GENRE: i32 = 1;
const ALL_ITEMS: i32 = 2;

/// The payments that did not pay an order, although money was received. There are few such payments. The report
/// excludes the refunds and disputes of these few payments, instead of looking up the payment of every refund and
/// dispute.
macro_rules! payments_without_sale {
    () => {
        "(SELECT id FROM payments WHERE received_minor IS NOT NULL AND coalesce(settlement, '') <> 'pays_order')"
    };
}

/// The kind of the row, the identifier, the name, the number of sold items, and the net sum in minor units.
type SoldTypes = (Integer, Nullable<SqlId>, Text, BigInt, BigInt);
type SoldRow = (i32, Option<DbUuid>, String, i64, i64);

#[async_trait]
impl SalesQueries for Database {
    async fn sales(&self, period: SalesPeriod, currency: Currency) -> Result<Sales, StoreError> {
        let scope = self.scope(period, currency).await?;
        // The statements run on two connections at a time, because each of them is slow when there are very many
        // orders.
        let orders = scope.within("SELECT COUNT(*) FROM orders o WHERE o.total_currency = ", "o.created_at");
        let ((sold, buyers), (days, orders)) = tokio::try_join!(
            async { Ok::<_, StoreError>((self.sold(&scope).await?, self.count(scope.buyers()).await?)) },
            async { Ok((self.days(&scope).await?, self.count(orders).await?)) },
        )?;
        Ok(Sales {
            days,
            orders,
            buyers,
            items_sold: sold.items,
            top_movies: sold.movies,
            top_genres: sold.genres,
        })
    }
}

/// The number of sold items, and the best-selling movies and genres.
#[derive(Default)]
struct Sold {
    items: i64,
    movies: Vec<SoldThing<MovieId>>,
    genres: Vec<SoldThing<GenreId>>,
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
        // The currency is cast to the type of the columns. Otherwise, PostgreSQL would convert the value of each row to
        // text, and would plan for few rows.
        statement
            .sql("CAST(")
            .bind(self.currency.code().to_owned())
            .sql(" AS CHAR(3)) AND ")
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

    /// A statement that reads the best-selling movies, the genres of all sold movies with their sales, the genres of
    /// all refunded movies with their refunds, and the number of all sold items. Refunds reduce the net sums, but not
    /// the numbers of sold items.
    fn sold(&self) -> Statement<SoldTypes> {
        let index = index_hint(if self.covers_large_part {
            "payment_items_by_movie"
        } else {
            "payment_items_by_sold_at"
        });
        let mut statement = Statement::new(format!(
            "WITH sales AS MATERIALIZED (SELECT i.movie_id, COUNT(*) AS sold, CAST(SUM(i.price_minor) AS BIGINT) AS net \
             FROM payment_items i{index} WHERE i.sold_at IS NOT NULL AND i.price_currency = "
        ));
        self.push(&mut statement, "i.sold_at");
        statement.sql(
            " GROUP BY i.movie_id), returned AS MATERIALIZED (SELECT i.movie_id, \
             CAST(SUM(i.price_minor) AS BIGINT) AS net FROM refunds r JOIN refund_items x ON x.refund_id = r.id \
             JOIN payment_items i ON i.id = x.payment_item_id \
             WHERE i.sold_at IS NOT NULL AND r.status = 'succeeded' AND r.amount_currency = ",
        );
        self.push(&mut statement, "r.completed_at");
        // Only movies that were sold at least as often as the last movie of the list are joined with their refunds.
        // Movies that were sold equally often are sorted by their net sums, which the refunds reduce.
        let last = TOP_SALES.saturating_sub(1);
        statement.sql(format!(
            " GROUP BY i.movie_id) SELECT {TOP_MOVIE}, m.id, m.name, s.sold, s.net FROM (SELECT s.movie_id, s.sold, \
             s.net - coalesce(r.net, 0) AS net FROM sales s LEFT JOIN returned r ON r.movie_id = s.movie_id WHERE s.sold >= \
             coalesce((SELECT sold FROM sales ORDER BY sold DESC LIMIT 1 OFFSET {last}), 0) \
             ORDER BY 2 DESC, 3 DESC, 1 LIMIT {TOP_SALES}) AS s JOIN movies m ON m.id = s.movie_id \
             UNION ALL SELECT {GENRE}, g.id, g.name, s.sold, s.net FROM (SELECT l.genre_id, \
             CAST(SUM(s.sold) AS BIGINT) AS sold, CAST(SUM(s.net) AS BIGINT) AS net FROM sales s \
             CROSS JOIN movie_genres l WHERE l.movie_id = s.movie_id GROUP BY l.genre_id) AS s JOIN genres g ON g.id = s.genre_id \
             UNION ALL SELECT {GENRE}, g.id, g.name, 0, -s.net FROM (SELECT l.genre_id, \
             CAST(SUM(s.net) AS BIGINT) AS net FROM returned s \
             CROSS JOIN movie_genres l WHERE l.movie_id = s.movie_id GROUP BY l.genre_id) AS s JOIN genres g ON g.id = s.genre_id \
             UNION ALL SELECT {ALL_ITEMS}, {NO_ID}, '', CAST(coalesce(SUM(sold), 0) AS BIGINT), 0 FROM sales"
        ));
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
                concat!(
                    " FROM refunds r WHERE r.payment_id NOT IN ",
                    payments_without_sale!(),
                    " AND r.status = 'succeeded' AND r.amount_currency = "
                ),
                "r.completed_at",
            )
            .await?;
        let lost = self
            .by_day(
                scope,
                "d.withdrawn_minor",
                concat!(
                    " FROM disputes d WHERE d.payment_id NOT IN ",
                    payments_without_sale!(),
                    " AND d.status = 'lost' AND d.amount_currency = "
                ),
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

    async fn sold(&self, scope: &Scope) -> Result<Sold, StoreError> {
        let mut statement = scope.sold();
        // The statement is not cached as a prepared statement, so that it is planned for each period: long and short
        // periods need different plans.
        statement.forget();
        let rows: Vec<SoldRow> = self.fetch(statement).await?;
        let mut found = Sold::default();
        let mut genres: HashMap<Uuid, SoldThing<GenreId>> = HashMap::new();
        for (kind, id, name, sold, net) in rows {
            match (kind, id) {
                (TOP_MOVIE, Some(id)) => {
                    found.movies.push(SoldThing { id: MovieId::from_uuid(id.0), name, sold, net });
                }
                (GENRE, Some(id)) => {
                    let empty = SoldThing { id: GenreId::from_uuid(id.0), name, sold: 0, net: 0 };
                    let genre = genres.entry(id.0).or_insert(empty);
                    genre.sold = genre.sold.saturating_add(sold);
                    genre.net = genre.net.saturating_add(net);
                }
                _ => found.items = sold,
            }
        }
        best_first(&mut found.movies);
        found.genres = genres.into_values().filter(|genre| genre.sold > 0).collect();
        best_first(&mut found.genres);
        found.genres.truncate(usize::try_from(TOP_SALES).unwrap_or(usize::MAX));
        Ok(found)
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
