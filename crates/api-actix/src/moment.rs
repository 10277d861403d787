//! Moments and days on the wire.

use chrono::{NaiveDate, SecondsFormat};
use domain::time::Instant;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// A moment in UTC by RFC 3339: `2026-11-22T10:00:00Z`.
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

/// A day: `1984-02-29`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day(pub(crate) NaiveDate);

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
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

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::{Day, Moment};

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
