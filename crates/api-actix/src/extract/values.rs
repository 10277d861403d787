//! Readers of single values: each takes what was sent and says what is wrong with it.

use std::{ops::RangeInclusive, str::FromStr};

use chrono::{DateTime, NaiveDate};
use domain::time::Instant;

use super::json::Json;
use crate::problem::FieldCode;

/// Why a value is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: FieldCode,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(code: FieldCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn wrong_type(wanted: &str, got: &Json) -> Self {
        Self::new(FieldCode::WrongType, format!("must be {wanted}, not {}", got.type_name()))
    }
}

/// Any string without NUL.
pub(crate) fn text(value: Json) -> Result<String, Fault> {
    match value {
        Json::Text(text) => without_nul(text),
        other => Err(Fault::wrong_type("a string", &other)),
    }
}

/// `true` or `false`.
pub(crate) fn json_truth(value: Json) -> Result<bool, Fault> {
    match value {
        Json::Bool(truth) => Ok(truth),
        other => Err(Fault::wrong_type("a boolean", &other)),
    }
}

/// A string that is one of a few names.
pub(crate) fn json_named<T: FromStr<Err: std::fmt::Display>>(value: Json) -> Result<T, Fault> {
    named(&text(value)?)
}

/// Refuses NUL, which no database of ours can hold.
pub(crate) fn without_nul(text: String) -> Result<String, Fault> {
    if text.contains('\0') {
        return Err(Fault::new(FieldCode::InvalidFormat, "must not contain the NUL character"));
    }
    Ok(text)
}

/// A string that is a UUID in its hyphenated form.
pub(crate) fn json_id<T: FromStr>(value: Json) -> Result<T, Fault> {
    id(&text(value)?)
}

/// A string that is a day: `1984-02-29`.
pub(crate) fn json_day(value: Json) -> Result<NaiveDate, Fault> {
    let text = text(value)?;
    // Written in one way alone: no sign, no digit left out.
    let day = text.parse::<NaiveDate>().ok().filter(|day| text.len() == 10 && day.to_string() == text);
    day.ok_or_else(|| Fault::new(FieldCode::InvalidFormat, "must be a date, YYYY-MM-DD"))
}

/// An identifier in its hyphenated form.
pub(crate) fn id<T: FromStr>(text: &str) -> Result<T, Fault> {
    text.parse().map_err(|_| Fault::new(FieldCode::InvalidFormat, "must be a UUID"))
}

/// Any text; for parameters.
#[expect(clippy::unnecessary_wraps, reason = "a reader like the others")]
pub(crate) fn any(text: &str) -> Result<String, Fault> {
    Ok(text.to_owned())
}

/// A text of so many characters at most, for parameters.
pub(crate) fn up_to(most: usize) -> impl Fn(&str) -> Result<String, Fault> {
    move |text| {
        if text.chars().count() > most {
            return Err(Fault::new(FieldCode::TooLong, format!("must have at most {most} characters")));
        }
        Ok(text.to_owned())
    }
}

/// `true` or `false`, for parameters.
pub(crate) fn truth(text: &str) -> Result<bool, Fault> {
    text.parse().map_err(|_| Fault::new(FieldCode::InvalidFormat, "must be `true` or `false`"))
}

/// One of a few names, for parameters.
pub(crate) fn named<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Fault> {
    text.parse().map_err(|error: T::Err| Fault::new(FieldCode::InvalidValue, error.to_string()))
}

/// A moment by RFC 3339, in whatever zone; for parameters.
pub(crate) fn moment(text: &str) -> Result<Instant, Fault> {
    // A `+` that was not escaped came as a space.
    let moment = DateTime::parse_from_rfc3339(&text.replace(' ', "+"));
    moment.map(|moment| moment.to_utc()).map_err(|_| {
        Fault::new(FieldCode::InvalidFormat, "must be a moment by RFC 3339, such as 2026-11-22T10:00:00Z")
    })
}

/// A whole number within these bounds, for parameters.
pub(crate) fn whole<T>(bounds: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, Fault>
where
    T: FromStr + PartialOrd + Copy + std::fmt::Display,
{
    move |text| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Fault::new(FieldCode::InvalidFormat, "must be a whole number"));
        }
        // More digits than any number has are a number all the same: too large, or too small.
        match text.parse::<T>() {
            Ok(number) => within(number, &bounds),
            Err(_) if text.starts_with('-') => Err(too_small(bounds.start())),
            Err(_) => Err(too_large(bounds.end())),
        }
    }
}

/// A decimal number within these bounds, for parameters.
pub(crate) fn decimal(bounds: RangeInclusive<f64>) -> impl Fn(&str) -> Result<f64, Fault> {
    move |text| {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
        match text.parse::<f64>() {
            Ok(number) if plain && number.is_finite() => within(number, &bounds),
            _ => Err(Fault::new(FieldCode::InvalidFormat, "must be a decimal number")),
        }
    }
}

fn within<T: PartialOrd + Copy + std::fmt::Display>(
    number: T,
    bounds: &RangeInclusive<T>,
) -> Result<T, Fault> {
    if number < *bounds.start() {
        Err(too_small(bounds.start()))
    } else if number > *bounds.end() {
        Err(too_large(bounds.end()))
    } else {
        Ok(number)
    }
}

fn too_small(least: &impl std::fmt::Display) -> Fault {
    Fault::new(FieldCode::TooSmall, format!("must be at least {least}"))
}

fn too_large(greatest: &impl std::fmt::Display) -> Fault {
    Fault::new(FieldCode::TooLarge, format!("must be at most {greatest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<T: std::fmt::Debug>(result: Result<T, Fault>) -> FieldCode {
        result.unwrap_err().code
    }

    #[test]
    fn whole_numbers_outside_their_bounds_say_which_bound() {
        let page = whole(1_u32..=100);
        assert_eq!(page("7").unwrap(), 7);
        assert_eq!(code(page("0")), FieldCode::TooSmall);
        assert_eq!(code(page("-3")), FieldCode::TooSmall);
        assert_eq!(code(page("101")), FieldCode::TooLarge);
        assert_eq!(code(page("99999999999999999999999999999999999999999999")), FieldCode::TooLarge);
        for bad in ["", "1.5", "x", "+1", " 1", "-"] {
            assert_eq!(code(page(bad)), FieldCode::InvalidFormat, "{bad}");
        }
    }

    #[test]
    fn decimals_are_plain_digits() {
        let score = decimal(0.0..=10.0);
        assert!((score("7.5").unwrap() - 7.5).abs() < f64::EPSILON);
        for bad in ["", "NaN", "inf", "1e3", "."] {
            assert_eq!(code(score(bad)), FieldCode::InvalidFormat, "{bad}");
        }
        assert_eq!(code(score("10.1")), FieldCode::TooLarge);
    }

    #[test]
    fn moments_are_read_in_every_zone_and_need_one() {
        let noon = moment("2026-11-22T12:00:00Z").unwrap();
        for same in ["2026-11-22T13:00:00+01:00", "2026-11-22T13:00:00 01:00", "2026-11-22t12:00:00.000z"] {
            assert_eq!(moment(same).unwrap(), noon, "{same}");
        }
        for bad in
            ["", "2026-11-22", "2026-11-22T12:00:00", "2026-11-22 12:00:00Z", "2026-02-30T12:00:00Z", "now"]
        {
            assert_eq!(code(moment(bad)), FieldCode::InvalidFormat, "{bad}");
        }
    }

    #[test]
    fn a_day_is_written_in_one_way() {
        let day = |text: &str| json_day(Json::Text(text.into()));
        assert_eq!(day("1984-02-29").unwrap().to_string(), "1984-02-29");
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
            assert_eq!(code(day(bad)), FieldCode::InvalidFormat, "{bad}");
        }
        assert_eq!(code(json_day(Json::Integer(1984))), FieldCode::WrongType);
    }

    #[test]
    fn nul_is_refused_and_emoji_are_not() {
        assert_eq!(code(text(Json::Text("a\0b".into()))), FieldCode::InvalidFormat);
        assert_eq!(text(Json::Text("🎬".into())).unwrap(), "🎬");
    }
}
