//! The period that a list is filtered by.

use chrono::{Days, NaiveTime};
use domain::time::Instant;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    extract::{Fault, Faults, Input, Text},
    moment::Boundary,
    problem::FieldCode,
    rules::Rules,
};

/// The query parameters `from` and `to`. The query type of a list flattens them into its own parameters.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(crate) struct PeriodParams {
    /// The beginning: a moment (RFC 3339), or a date, which means the start of the day (UTC).
    #[schemars(example = "2026-11-22T10:00:00Z")]
    from: Option<Text<Boundary>>,
    /// The end: a moment (RFC 3339), which is not included, or a date, which means the end of the day (UTC).
    #[schemars(example = "2026-11-23")]
    to: Option<Text<Boundary>>,
}

/// A period of time. If a bound is missing, the period is open on that side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    /// The first instant of the period.
    pub(crate) from: Option<Instant>,
    /// The first instant after the period.
    pub(crate) to: Option<Instant>,
}

impl Input for PeriodParams {
    type Checked = Period;

    fn check(self, _rules: &Rules, faults: &mut Faults) -> Option<Period> {
        let includes_last_day = self.to.as_ref().is_some_and(|to| matches!(to.0, Boundary::Day(_)));
        let from = self.from.map(|from| match from.0 {
            Boundary::Moment(moment) => moment,
            Boundary::Day(day) => day.and_time(NaiveTime::MIN).and_utc(),
        });
        let to = self.to.map(|to| match to.0 {
            Boundary::Moment(moment) => moment,
            // The last representable day has no next day. In this case, the period ends at the start of the day.
            Boundary::Day(day) => {
                day.checked_add_days(Days::new(1)).unwrap_or(day).and_time(NaiveTime::MIN).and_utc()
            }
        });
        if let (Some(from), Some(to)) = (from, to)
            && (from > to || (includes_last_day && from == to))
        {
            faults.add("from", Fault::new(FieldCode::InvalidValue, "must not be after `to`"));
            return None;
        }
        Some(Period { from, to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::{query, test_rules};

    fn read(text: &str) -> Result<Period, Vec<(String, FieldCode)>> {
        let mut faults = Faults::default();
        let period = query::read::<PeriodParams>(text, &test_rules(), &mut faults);
        faults
            .finish(period)
            .map_err(|problem| problem.errors.into_iter().map(|fault| (fault.field, fault.code)).collect())
    }

    #[test]
    fn a_day_is_included_completely_and_a_moment_is_an_exact_bound() {
        let at = |text: &str| Some(text.parse::<Instant>().unwrap());
        for (text, from, to) in [
            ("", None, None),
            ("from=&to=", None, None),
            ("from=2026-11-22&to=2026-11-22", at("2026-11-22T00:00:00Z"), at("2026-11-23T00:00:00Z")),
            ("from=2026-11-22T10:00:00Z", at("2026-11-22T10:00:00Z"), None),
            ("to=2026-11-22T11:00:00%2B01:00", None, at("2026-11-22T10:00:00Z")),
        ] {
            assert_eq!(read(text), Ok(Period { from, to }), "{text}");
        }
    }

    #[test]
    fn a_period_that_ends_before_it_begins_is_refused() {
        let fault = |field: &str, code| Err(vec![(field.to_owned(), code)]);
        assert_eq!(read("from=2026-11-23&to=2026-11-22"), fault("from", FieldCode::InvalidValue));
        assert_eq!(read("to=yesterday"), fault("to", FieldCode::InvalidFormat));
    }
}
