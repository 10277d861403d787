use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Days, NaiveTime};
use diesel::sql_types::{BigInt, Text};
use domain::{
    id::{GenreId, MovieId},
    money::Currency,
    payments::{DaySales, Sales, SalesPeriod, SalesQueries, SoldThing, TOP_SALES},
    store::StoreError,
    time::Instant,
};

use crate::{
    Database,
    dialect::{DbUuid, SqlId, day_of},
    statement::Statement,
};

/// The seconds of a day.
const DAY_SECONDS: i64 = 86_400;

/// The number of sales and the net income of each movie that was sold or refunded: `sold(movie_id, count, net)`, minus
/// refunds.
const SOLD_ITEMS: &str = "SELECT o.movie_id AS movie_id, COUNT(*) AS sold, SUM(i.price_minor) AS net \
    FROM payments p JOIN payment_items i ON i.payment_id = p.id JOIN order_items o ON o.id = i.order_item_id \
    WHERE p.settlement = 'pays_order' AND p.amount_currency = ";
const REFUNDED_ITEMS: &str = "SELECT o.movie_id, 0, -SUM(i.price_minor) FROM refunds r \
    JOIN payments p ON p.id = r.payment_id JOIN refund_items x ON x.refund_id = r.id \
    JOIN payment_items i ON i.id = x.payment_item_id JOIN order_items o ON o.id = i.order_item_id \
    WHERE p.settlement = 'pays_order' AND r.status = 'succeeded' AND r.amount_currency = ";

#[async_trait]
impl SalesQueries for Database {
    async fn sales(&self, period: SalesPeriod, currency: Currency) -> Result<Sales, StoreError> {
        let scope = Scope::of(period, currency);
        let (orders, buyers, items_sold) = (
            self.count(
                scope.within("SELECT COUNT(*) FROM orders o WHERE o.total_currency = ", "o.created_at"),
            ),
            self.count(scope.within(
                "SELECT COUNT(DISTINCT p.user_id) FROM payments p WHERE p.settlement = 'pays_order' \
                 AND p.amount_currency = ",
                "p.completed_at",
            )),
            self.count(scope.within(
                "SELECT COUNT(*) FROM payments p JOIN payment_items i ON i.payment_id = p.id \
                 WHERE p.settlement = 'pays_order' AND p.amount_currency = ",
                "p.completed_at",
            )),
        );
        let (orders, buyers, items_sold) = (orders.await?, buyers.await?, items_sold.await?);
        Ok(Sales {
            days: self.days(&scope).await?,
            orders,
            buyers,
            items_sold,
            top_movies: self.top_movies(&scope).await?,
            top_genres: self.top_genres(&scope).await?,
        })
    }
}

/// The period and the currency of a report.
struct Scope {
    from: Instant,
    until: Instant,
    currency: Currency,
}

impl Scope {
    fn of(period: SalesPeriod, currency: Currency) -> Self {
        let after = period.to.checked_add_days(Days::new(1)).unwrap_or(period.to);
        Self {
            from: period.from.and_time(NaiveTime::MIN).and_utc(),
            until: after.and_time(NaiveTime::MIN).and_utc(),
            currency,
        }
    }

    /// A statement that ends in the currency, limited to the period.
    fn within<ST>(&self, sql: &'static str, column: &'static str) -> Statement<ST> {
        let mut statement = Statement::new(sql);
        self.push(&mut statement, column);
        statement
    }

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

    /// Adds a source of rows `s(movie_id, sold, net)`.
    fn push_sold<ST>(&self, statement: &mut Statement<ST>) {
        statement.sql("(SELECT movie_id, SUM(sold) AS sold, SUM(net) AS net FROM (").sql(SOLD_ITEMS);
        self.push(statement, "p.completed_at");
        statement.sql(" GROUP BY o.movie_id UNION ALL ").sql(REFUNDED_ITEMS);
        self.push(statement, "r.completed_at");
        statement.sql(" GROUP BY o.movie_id) AS moved GROUP BY movie_id) AS s");
    }
}

impl Database {
    async fn count(&self, statement: Statement<(BigInt,)>) -> Result<i64, StoreError> {
        let rows: Vec<(i64,)> = self.fetch(statement).await?;
        Ok(rows.first().map_or(0, |(count,)| *count))
    }

    /// The sum and the number of events on each day.
    async fn by_day(
        &self,
        scope: &Scope,
        amount: &'static str,
        sql: &'static str,
        column: &'static str,
    ) -> Result<Vec<(i64, i64, i64)>, StoreError> {
        let day = day_of(column);
        let mut statement = Statement::<(BigInt, BigInt, BigInt)>::new(format!(
            "SELECT {day}, CAST(SUM({amount}) AS BIGINT), COUNT(*)"
        ));
        statement.sql(sql);
        scope.push(&mut statement, column);
        statement.sql(" GROUP BY 1");
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
                let day = moment.ok_or_else(|| StoreError::failed("a sale on a day that does not exist"))?;
                Ok(DaySales { day: day.date_naive(), gross, refunds, paid_orders })
            })
            .collect()
    }

    async fn top_movies(&self, scope: &Scope) -> Result<Vec<SoldThing<MovieId>>, StoreError> {
        let mut statement = Statement::<(SqlId, Text, BigInt, BigInt)>::new(
            "SELECT m.id, m.name, CAST(s.sold AS BIGINT), CAST(s.net AS BIGINT) FROM ",
        );
        scope.push_sold(&mut statement);
        statement
            .sql(" JOIN movies m ON m.id = s.movie_id WHERE s.sold > 0 ORDER BY s.sold DESC, s.net DESC, m.id LIMIT ")
            .bind(i64::from(TOP_SALES));
        let rows: Vec<(DbUuid, String, i64, i64)> = self.fetch(statement).await?;
        let movie = |(id, name, sold, net): (DbUuid, String, i64, i64)| SoldThing {
            id: MovieId::from_uuid(id.0),
            name,
            sold,
            net,
        };
        Ok(rows.into_iter().map(movie).collect())
    }

    async fn top_genres(&self, scope: &Scope) -> Result<Vec<SoldThing<GenreId>>, StoreError> {
        let mut statement = Statement::<(SqlId, Text, BigInt, BigInt)>::new(
            "SELECT g.id, g.name, CAST(SUM(s.sold) AS BIGINT), CAST(SUM(s.net) AS BIGINT) FROM ",
        );
        scope.push_sold(&mut statement);
        statement
            .sql(
                " JOIN movie_genres l ON l.movie_id = s.movie_id JOIN genres g ON g.id = l.genre_id \
                 GROUP BY g.id, g.name HAVING SUM(s.sold) > 0 ORDER BY SUM(s.sold) DESC, SUM(s.net) DESC, g.id LIMIT ",
            )
            .bind(i64::from(TOP_SALES));
        let rows: Vec<(DbUuid, String, i64, i64)> = self.fetch(statement).await?;
        let genre = |(id, name, sold, net): (DbUuid, String, i64, i64)| SoldThing {
            id: GenreId::from_uuid(id.0),
            name,
            sold,
            net,
        };
        Ok(rows.into_iter().map(genre).collect())
    }
}
