//! Why a line of JSON is no movie, in the words of the file.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, error::Category};

use super::columns::Field;

/// The longest value that is shown, in characters.
const SHOWN: usize = 60;

/// The name that the line gives, where it can be read, and what is the matter with the line.
pub(super) fn fault_of(line: &[u8]) -> (Option<String>, String) {
    let Ok(text) = str::from_utf8(line) else { return (None, "is not UTF-8 text".to_owned()) };
    match serde_json::from_str(text) {
        Ok(Pairs(pairs)) => (name_in(&pairs), fault_in(&pairs)),
        Err(error) if error.classify() == Category::Data => (None, "is not a JSON object".to_owned()),
        Err(error) => (None, format!("cannot be read as JSON from byte {} on", error.column())),
    }
}

/// The fields of an object in their order, with those that stand twice.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

fn name_in(pairs: &[(String, Value)]) -> Option<String> {
    let (_, name) = pairs.iter().find(|(field, _)| field == Field::Name.name())?;
    name.as_str().map(str::to_owned)
}

fn fault_in(pairs: &[(String, Value)]) -> String {
    let mut seen = Vec::new();
    for (name, value) in pairs {
        let Some(field) = Field::of(name) else {
            return format!("{name}: is no field of a movie; the fields are {}", Field::names());
        };
        if seen.contains(&field) {
            return format!("{name}: stands twice");
        }
        seen.push(field);
        if let Some(fault) = fault_of_value(field, value) {
            return format!("{name}: {fault}");
        }
    }
    // A price may be missing: there may be one for all that have none.
    let missing = Field::REQUIRED.into_iter().find(|field| *field != Field::Price && !seen.contains(field));
    missing.map_or_else(
        || "is no movie that can be read".to_owned(),
        |field| format!("{}: is missing", field.name()),
    )
}

fn fault_of_value(field: Field, value: &Value) -> Option<String> {
    let is_required = field != Field::Price && Field::REQUIRED.contains(&field);
    if value.is_null() && !field.is_list() {
        return is_required.then(|| "is missing".to_owned());
    }
    let (is_good, what) = match field {
        Field::Name | Field::Description | Field::Certification | Field::PosterUrl => {
            (value.is_string(), "a text")
        }
        Field::Year | Field::DurationMinutes | Field::Votes | Field::Gross => {
            let is_small = matches!(field, Field::Votes | Field::Gross)
                || value.as_i64().is_none_or(|number| i32::try_from(number).is_ok());
            if !is_small || value.as_u64().is_some_and(|number| i64::try_from(number).is_err()) {
                return Some(format!("{} is out of bounds", shown(value)));
            }
            (value.is_i64(), "a whole number")
        }
        Field::Imdb | Field::MetaScore => (value.is_number(), "a number"),
        Field::Price => (is_price(value), "of the form {\"amount\": \"9.99\", \"currency\": \"USD\"}"),
        Field::Genres | Field::Directors | Field::Stars => {
            (value.as_array().is_some_and(|names| names.iter().all(Value::is_string)), "a list of names")
        }
        Field::IsAvailable => (value.is_boolean(), "true or false"),
    };
    (!is_good).then(|| format!("{} is not {what}", shown(value)))
}

fn is_price(value: &Value) -> bool {
    value.as_object().is_some_and(|price| {
        price.len() == 2
            && ["amount", "currency"].iter().all(|part| price.get(*part).is_some_and(Value::is_string))
    })
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::fault_of;

    #[test]
    fn every_field_says_what_is_wanted_of_it() {
        for (field, value, fault) in [
            ("name", "7", "7 is not a text"),
            ("name", "null", "is missing"),
            ("year", "\"2000\"", "\"2000\" is not a whole number"),
            ("year", "2000.0", "2000.0 is not a whole number"),
            ("year", "null", "is missing"),
            ("duration_minutes", "3000000000", "3000000000 is out of bounds"),
            ("imdb", "\"8\"", "\"8\" is not a number"),
            ("votes", "18446744073709551615", "18446744073709551615 is out of bounds"),
            ("votes", "1e3", "1000.0 is not a whole number"),
            ("meta_score", "true", "true is not a number"),
            ("gross", "\"\"", "\"\" is not a whole number"),
            ("description", "[]", "[] is not a text"),
            ("price", "9.99", "9.99 is not of the form {\"amount\": \"9.99\", \"currency\": \"USD\"}"),
            (
                "price",
                "{\"amount\":9,\"currency\":\"USD\"}",
                "{\"amount\":9,\"currency\":\"USD\"} is not of the form {\"amount\": \"9.99\", \"currency\": \"USD\"}",
            ),
            ("certification", "13", "13 is not a text"),
            ("genres", "\"Drama\"", "\"Drama\" is not a list of names"),
            ("directors", "[\"A\",1]", "[\"A\",1] is not a list of names"),
            ("stars", "null", "null is not a list of names"),
            ("poster_url", "{}", "{} is not a text"),
            ("is_available", "\"yes\"", "\"yes\" is not true or false"),
        ] {
            let line = format!("{{\"{field}\":{value}}}");
            assert_eq!(fault_of(line.as_bytes()).1, format!("{field}: {fault}"));
        }
    }

    #[test]
    fn what_is_no_object_of_fields_says_so() {
        let long = format!("{{\"year\":\"{}\"}}", "ä".repeat(200));
        for (line, fault) in [
            (&b"{\"name\":\"A\"}"[..], "year: is missing"),
            (b"{\"name\":\"A\",\"name\":\"B\"}", "name: stands twice"),
            (b"[1]", "is not a JSON object"),
            (b"not json", "cannot be read as JSON from byte 2 on"),
            (b"{\"name\":\"A\"} {}", "cannot be read as JSON from byte 14 on"),
            (b"{\"imdb\":1e999}", "cannot be read as JSON from byte 13 on"),
            (b"{\"name\":\"\xff\"}", "is not UTF-8 text"),
            (long.as_bytes(), &format!("year: \"{}… is not a whole number", "ä".repeat(59))),
        ] {
            assert_eq!(fault_of(line).1, fault);
        }
        let (name, fault) = fault_of(b"{\"name\":\"A\",\"colour\":1}");
        assert_eq!(name.as_deref(), Some("A"));
        assert!(fault.starts_with("colour: is no field of a movie; the fields are name, year, "), "{fault}");
    }
}
