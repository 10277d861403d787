use chrono::{Days, NaiveDate};
use domain::{
    id::{GenreId, MovieId},
    money::{Currency, Money},
    payments::{DaySales, SalesInterval, SalesPeriod, SoldThing},
    store::StoreError,
};

use super::Payments;

/// How many days a report covers by default.
const DEFAULT_DAYS: u64 = 30;

/// The sales of an interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntervalSales {
    /// The first day of the interval, which may be before the first day of the report.
    pub start: NaiveDate,
    /// The total of the paid orders.
    pub gross: Money,
    /// The money that was refunded, or lost in disputes.
    pub refunds: Money,
    /// `gross` minus `refunds`.
    pub net: Money,
    /// How many orders were paid.
    pub paid_orders: i64,
}

/// A report of sales.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalesReport {
    /// The days of the report.
    pub period: SalesPeriod,
    /// The length of the intervals.
    pub interval: SalesInterval,
    /// The shop's currency.
    pub currency: Currency,
    /// The totals of the period; `start` is its first day.
    pub totals: IntervalSales,
    /// How many orders were created.
    pub orders: i64,
    /// How many users paid orders.
    pub buyers: i64,
    /// How many movies were sold.
    pub items_sold: i64,
    /// All intervals, including those without sales.
    pub series: Vec<IntervalSales>,
    /// The movies that were sold most often.
    pub top_movies: Vec<SoldThing<MovieId>>,
    /// The genres whose movies were sold most often.
    pub top_genres: Vec<SoldThing<GenreId>>,
}

impl Payments {
    /// Returns the sales of a period. Without `from`, the period covers the 30 days up to its end. Without `to`, the
    /// period ends today, or on the day `from` if that is later.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn report_sales(
        &self,
        from: Option<NaiveDate>,
        to: Option<NaiveDate>,
        interval: SalesInterval,
    ) -> Result<SalesReport, StoreError> {
        let today = self.clock.now().date_naive();
        let back = Days::new(DEFAULT_DAYS.saturating_sub(1));
        let to = to.unwrap_or_else(|| from.map_or(today, |from| from.max(today)));
        let from = from.unwrap_or_else(|| to.checked_sub_days(back).unwrap_or(to));
        let period = SalesPeriod { from, to };
        let sales = self.sales.sales(period, self.currency).await?;
        let starts = interval.starts(from, to);
        let of_interval = |start: &NaiveDate| {
            let days = sales.days.iter().filter(|day| interval.start(day.day) == *start);
            self.sum(*start, days)
        };
        Ok(SalesReport {
            period,
            interval,
            currency: self.currency,
            totals: self.sum(from, sales.days.iter()),
            orders: sales.orders,
            buyers: sales.buyers,
            items_sold: sales.items_sold,
            series: starts.iter().map(of_interval).collect(),
            top_movies: sales.top_movies,
            top_genres: sales.top_genres,
        })
    }

    fn sum<'a>(&self, start: NaiveDate, days: impl Iterator<Item = &'a DaySales>) -> IntervalSales {
        let (mut gross, mut refunds, mut paid_orders) = (0_i64, 0_i64, 0_i64);
        for day in days {
            gross = gross.saturating_add(day.gross);
            refunds = refunds.saturating_add(day.refunds);
            paid_orders = paid_orders.saturating_add(day.paid_orders);
        }
        let money = |minor| Money::from_minor(minor, self.currency);
        IntervalSales {
            start,
            gross: money(gross),
            refunds: money(refunds),
            net: money(gross.saturating_sub(refunds)),
            paid_orders,
        }
    }
}
