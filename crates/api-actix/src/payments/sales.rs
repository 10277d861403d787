//! The report of the sales in a period, for moderators.

use app::payments::{IntervalSales, Payments, SalesReport};
use chrono::{Months, NaiveDate};
use domain::{
    money::Money,
    payments::{SalesInterval, SoldThing, TOP_SALES},
    store::StoreError,
};
use paperclip::actix::api_v2_operation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    extract::{Fault, Faults, Input, Moderator, Query, UseCases},
    moment::Day,
    money::MoneyBody,
    problem::{Failure, FieldCode},
    reply::OkJson,
    rules::Rules,
};

/// The maximum period of a report: 5 years.
const MOST_MONTHS: Months = Months::new(60);

/// The length of the intervals of the series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "SalesInterval")]
#[serde(rename_all = "snake_case")]
pub(crate) enum IntervalBody {
    /// One day.
    Day,
    /// One week, which begins on Monday.
    Week,
    /// One calendar month.
    Month,
}

impl From<IntervalBody> for SalesInterval {
    fn from(interval: IntervalBody) -> Self {
        match interval {
            IntervalBody::Day => Self::Day,
            IntervalBody::Week => Self::Week,
            IntervalBody::Month => Self::Month,
        }
    }
}

impl From<SalesInterval> for IntervalBody {
    fn from(interval: SalesInterval) -> Self {
        match interval {
            SalesInterval::Day => Self::Day,
            SalesInterval::Week => Self::Week,
            SalesInterval::Month => Self::Month,
        }
    }
}

/// The period of a report.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct SalesQuery {
    /// The first day (UTC); by default 29 days before the last day.
    #[schemars(example = "2026-11-01")]
    from: Option<Day>,
    /// The last day (UTC), inclusive; by default today, or `from` if that is later. A report covers at most 5 years.
    #[schemars(example = "2026-11-30")]
    to: Option<Day>,
    /// The length of the intervals of the series; by default one day.
    #[schemars(example = &"week")]
    interval: Option<IntervalBody>,
}

/// The checked parameters of a report.
#[derive(Debug)]
pub(crate) struct WantedSales {
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    interval: SalesInterval,
}

impl Input for SalesQuery {
    type Checked = WantedSales;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<WantedSales> {
        let (from, to) = (self.from.map(|day| day.0), self.to.map(|day| day.0));
        let today = rules.clock.now().date_naive();
        if let Some(from) = from {
            let last = to.unwrap_or_else(|| from.max(today));
            let limit = from.checked_add_months(MOST_MONTHS).unwrap_or(NaiveDate::MAX);
            if from > last {
                faults.add("from", Fault::new(FieldCode::InvalidValue, "must not be after `to`"));
                return None;
            }
            if last > limit {
                faults.add("from", Fault::new(FieldCode::TooSmall, "must be at most 5 years before `to`"));
                return None;
            }
        }
        Some(WantedSales { from, to, interval: self.interval.unwrap_or(IntervalBody::Day).into() })
    }
}

/// An amount of money that may be negative.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SignedMoney", example = json!({"amount": "-9.99", "currency": "USD"}))]
pub(crate) struct SignedMoneyBody {
    /// A decimal number with as many fraction digits as the currency has.
    #[schemars(regex(pattern = r"^-?\d+(\.\d+)?$"))]
    amount: String,
    /// The ISO 4217 code.
    #[schemars(regex(pattern = "^[A-Z]{3}$"))]
    currency: String,
}

impl From<Money> for SignedMoneyBody {
    fn from(money: Money) -> Self {
        Self { amount: money.amount(), currency: money.currency().code().to_owned() }
    }
}

/// The sales of the whole period.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SalesTotals")]
pub(crate) struct SalesTotalsBody {
    /// The total of the paid orders.
    gross: MoneyBody,
    /// The money that was refunded, or lost in disputes.
    refunds: MoneyBody,
    /// `gross` minus `refunds`.
    net: SignedMoneyBody,
    /// The number of orders that were created.
    #[schemars(range(min = 0))]
    orders: i64,
    /// The number of orders that were paid.
    #[schemars(range(min = 0))]
    paid_orders: i64,
    /// The number of users who paid orders.
    #[schemars(range(min = 0))]
    buyers: i64,
    /// The number of movies sold, including refunded ones.
    #[schemars(range(min = 0))]
    items_sold: i64,
}

/// The sales of an interval.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IntervalSales")]
pub(crate) struct IntervalSalesBody {
    /// The first day of the interval, which may be before the first day of the report.
    start: Day,
    /// The total of the paid orders.
    gross: MoneyBody,
    /// The money that was refunded, or lost in disputes.
    refunds: MoneyBody,
    /// `gross` minus `refunds`.
    net: SignedMoneyBody,
    /// The number of orders that were paid.
    #[schemars(range(min = 0))]
    paid_orders: i64,
}

impl From<IntervalSales> for IntervalSalesBody {
    fn from(sales: IntervalSales) -> Self {
        Self {
            start: Day(sales.start),
            gross: sales.gross.into(),
            refunds: sales.refunds.into(),
            net: sales.net.into(),
            paid_orders: sales.paid_orders,
        }
    }
}

/// The sales of a movie or genre.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SoldThing")]
pub(crate) struct SoldThingBody {
    id: Uuid,
    name: String,
    /// The number of sales, including refunded ones.
    #[schemars(range(min = 0))]
    sold: i64,
    /// The income from these sales, minus the refunds of these movies in the period. Lost disputes are not subtracted,
    /// and neither are refunds that were made outside the shop.
    net: SignedMoneyBody,
}

/// The sales of a period.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SalesReport", example = report_example())]
pub(crate) struct SalesReportBody {
    /// The first day of the period.
    from: Day,
    /// The last day of the period.
    to: Day,
    interval: IntervalBody,
    /// The ISO 4217 code of the shop's currency.
    #[schemars(regex(pattern = "^[A-Z]{3}$"))]
    currency: String,
    totals: SalesTotalsBody,
    /// All intervals, including those without sales.
    series: Vec<IntervalSalesBody>,
    /// The movies that were sold most often.
    #[schemars(length(max = TOP_SALES))]
    top_movies: Vec<SoldThingBody>,
    /// The genres whose movies were sold most often.
    #[schemars(length(max = TOP_SALES))]
    top_genres: Vec<SoldThingBody>,
}

impl From<SalesReport> for SalesReportBody {
    fn from(report: SalesReport) -> Self {
        let currency = report.currency;
        let sold = |id: Uuid, name: String, sold: i64, net: i64| SoldThingBody {
            id,
            name,
            sold,
            net: Money::from_minor(net, currency).into(),
        };
        let movies = report.top_movies.into_iter();
        let genres = report.top_genres.into_iter();
        Self {
            from: Day(report.period.from),
            to: Day(report.period.to),
            interval: report.interval.into(),
            currency: currency.code().to_owned(),
            totals: SalesTotalsBody {
                gross: report.totals.gross.into(),
                refunds: report.totals.refunds.into(),
                net: report.totals.net.into(),
                orders: report.orders,
                paid_orders: report.totals.paid_orders,
                buyers: report.buyers,
                items_sold: report.items_sold,
            },
            series: report.series.into_iter().map(IntervalSalesBody::from).collect(),
            top_movies: movies
                .map(|SoldThing { id, name, sold: count, net }| sold(id.as_uuid(), name, count, net))
                .collect(),
            top_genres: genres
                .map(|SoldThing { id, name, sold: count, net }| sold(id.as_uuid(), name, count, net))
                .collect(),
        }
    }
}

/// Report sales.
///
/// A sale counts at the time of its payment, a refund at the time when it succeeded, and a lost dispute at the time
/// when it was closed. Payments that paid no order are not counted, and neither are their refunds and disputes: for
/// example payments that arrived after their order had been canceled.
#[api_v2_operation(operation_id = "reportSales", tags("payments"))]
pub(crate) async fn show(
    payments: UseCases<Payments>,
    Moderator(_, Query(wanted)): Moderator<Query<SalesQuery>>,
) -> Result<OkJson<SalesReportBody>, Failure<StoreError>> {
    let WantedSales { from, to, interval } = wanted;
    let report = payments.run(async move |payments| payments.report_sales(from, to, interval).await).await?;
    Ok(OkJson(report.into()))
}

fn report_example() -> Value {
    let money = |amount: &str| json!({"amount": amount, "currency": "USD"});
    json!({
        "from": "2026-11-22",
        "to": "2026-11-22",
        "interval": "day",
        "currency": "USD",
        "totals": {
            "gross": money("19.98"), "refunds": money("9.99"), "net": money("9.99"),
            "orders": 3, "paid_orders": 2, "buyers": 2, "items_sold": 2,
        },
        "series": [{
            "start": "2026-11-22", "gross": money("19.98"), "refunds": money("9.99"), "net": money("9.99"),
            "paid_orders": 2,
        }],
        "top_movies": [
            {"id": "0190a1b2-0000-7000-8000-000000000000", "name": "Alien", "sold": 2, "net": money("9.99")},
        ],
        "top_genres": [
            {"id": "0190a1b2-0000-7000-8000-000000000002", "name": "Horror", "sold": 2, "net": money("9.99")},
        ],
    })
}
