use async_trait::async_trait;
use chrono::{Datelike, Days, NaiveDate, TimeDelta};

use crate::{
    id::{GenreId, MovieId},
    money::Currency,
    store::StoreError,
};

/// How many movies and genres a report lists as best-selling.
pub const TOP_SALES: u32 = 10;

/// The intervals that the period of a report is divided into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SalesInterval {
    /// By days.
    Day,
    /// By weeks, which begin on Monday.
    Week,
    /// By months.
    Month,
}

impl SalesInterval {
    /// The first day of the interval that contains this day.
    #[must_use]
    pub fn start(self, day: NaiveDate) -> NaiveDate {
        let back = match self {
            Self::Day => 0,
            Self::Week => day.weekday().num_days_from_monday(),
            Self::Month => day.day0(),
        };
        day.checked_sub_days(Days::new(back.into())).unwrap_or(day)
    }

    /// The first days of all intervals that contain a day from `first` to `last`, both inclusive.
    #[must_use]
    pub fn starts(self, first: NaiveDate, last: NaiveDate) -> Vec<NaiveDate> {
        let mut starts = vec![self.start(first)];
        let mut day = first;
        while let Some(next) = day.checked_add_signed(TimeDelta::days(1)).filter(|next| *next <= last) {
            day = next;
            let start = self.start(day);
            if starts.last() != Some(&start) {
                starts.push(start);
            }
        }
        starts
    }
}

/// A range of days in UTC; the last day is inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SalesPeriod {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
}

/// The sales of a day, in minor units of the shop's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DaySales {
    /// The day, in UTC.
    pub day: NaiveDate,
    /// The total of the paid orders.
    pub gross: i64,
    /// The money that was refunded, or lost in disputes.
    pub refunds: i64,
    /// How many orders were paid.
    pub paid_orders: i64,
}

/// The sales of a movie or genre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoldThing<I> {
    /// The movie or genre.
    pub id: I,
    /// The name of the movie or genre.
    pub name: String,
    /// How often the movie, or a movie of the genre, was sold.
    pub sold: i64,
    /// The income minus refunds of items, in minor units. Refunds without known items and money lost in disputes are
    /// not subtracted.
    pub net: i64,
}

/// The sales of a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sales {
    /// The sales of each day with sales or refunds, in order.
    pub days: Vec<DaySales>,
    /// How many orders were created.
    pub orders: i64,
    /// How many users paid orders.
    pub buyers: i64,
    /// How many movies were sold.
    pub items_sold: i64,
    /// The movies that were sold most often, the best-selling first.
    pub top_movies: Vec<SoldThing<MovieId>>,
    /// The genres whose movies were sold most often, the best-selling first.
    pub top_genres: Vec<SoldThing<GenreId>>,
}

/// Reads sales. A sale counts on the day when it was paid, a refund on the day when it succeeded, and a lost dispute on
/// the day when it was closed. Money that paid no order is not counted.
#[async_trait]
pub trait SalesQueries: Send + Sync {
    /// The sales of the period in this currency.
    async fn sales(&self, period: SalesPeriod, currency: Currency) -> Result<Sales, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_their_first_day() {
        let (first, last) = (day("2026-11-25"), day("2026-12-08"));
        assert_eq!(SalesInterval::Day.starts(first, first), [first]);
        assert_eq!(SalesInterval::Day.starts(first, last).len(), 14);
        assert_eq!(
            SalesInterval::Week.starts(first, last),
            [day("2026-11-23"), day("2026-11-30"), day("2026-12-07")]
        );
        assert_eq!(SalesInterval::Month.starts(first, last), [day("2026-11-01"), day("2026-12-01")]);
    }
}
