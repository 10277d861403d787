//! Instants and dates in JSON.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, SecondsFormat};
use domain::time::Instant;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{extract::Fault, problem::FieldCode};

/// An instant in the format of RFC 3339, written in UTC: `2026-11-22T10:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Instant);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

impl FromStr for Moment {
    type Err = Fault;

    /// Reads an instant in any time zone.
    fn from_str(text: &str) -> Result<Self, Fault> {
        // In a query string, a `+` that the client did not escape is decoded as a space.
        let moment = DateTime::parse_from_rfc3339(&text.replace(' ', "+"));
        moment.map(|moment| Self(moment.to_utc())).map_err(|_| {
            let message = "must be a moment by RFC 3339, such as 2026-11-22T10:00:00Z";
            Fault::new(FieldCode::InvalidFormat, message)
        })
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|fault: Fault| D::Error::custom(fault.message))
    }
}

/// A date: `1984-02-29`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day(pub(crate) NaiveDate);

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl FromStr for Day {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        // `NaiveDate` also parses other formats, such as `1984-2-29`. Only `YYYY-MM-DD` is allowed.
        let day = text.parse::<NaiveDate>().ok().filter(|day| text.len() == 10 && day.to_string() == text);
        day.map(Self).ok_or_else(|| Fault::new(FieldCode::InvalidFormat, "must be a date, YYYY-MM-DD"))
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|fault: Fault| D::Error::custom(fault.message))
    }
}

impl JsonSchema for Day {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date"})
    }
}

/// The beginning or the end of a period: an instant, or a whole day in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Boundary {
    Moment(Instant),
    Day(NaiveDate),
}

impl FromStr for Boundary {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let day = text.parse().map(|day: Day| Self::Day(day.0));
        day.or_else(|_| text.parse().map(|moment: Moment| Self::Moment(moment.0))).map_err(|_: Fault| {
            let message = "must be a date, YYYY-MM-DD, or a moment by RFC 3339, such as 2026-11-22T10:00:00Z";
            Fault::new(FieldCode::InvalidFormat, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::{Day, Moment};

    #[test]
    fn moments_may_have_any_time_zone_but_must_have_one() {
        let noon: Moment = "2026-11-22T12:00:00Z".parse().unwrap();
        for same in ["2026-11-22T13:00:00+01:00", "2026-11-22T13:00:00 01:00", "2026-11-22t12:00:00.000z"] {
            assert_eq!(same.parse(), Ok(noon), "{same}");
        }
        for bad in
            ["", "2026-11-22", "2026-11-22T12:00:00", "2026-11-22 12:00:00Z", "2026-02-30T12:00:00Z", "now"]
        {
            assert!(bad.parse::<Moment>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_day_has_exactly_one_notation() {
        assert!("1984-02-29".parse::<Day>().is_ok());
        for bad in [
            "",
            "1984-2-29",
            "1985-02-29",
            "+1984-02-29",
            "-1984-02-29",
            "84-02-29",
            "1984-02-29T00:00:00Z",
            "1984-02-29 ",
        ] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
    }

    #[test]
    fn days_are_written_as_dates() {
        let day = Day(NaiveDate::from_ymd_opt(1984, 2, 29).unwrap());
        assert_eq!(serde_json::to_string(&day).unwrap(), "\"1984-02-29\"");
    }

    #[test]
    fn moments_are_written_in_utc_with_a_z() {
        let moment = Moment(domain::time::Instant::UNIX_EPOCH);
        assert_eq!(serde_json::to_string(&moment).unwrap(), "\"1970-01-01T00:00:00Z\"");
    }
}
