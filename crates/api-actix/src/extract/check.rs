//! Checks the values of a request against the shape of their type.

use std::{
    collections::HashSet,
    fmt::{self, Display},
    ops::RangeInclusive,
};

use serde_json::{Map, Number, Value};

use super::{
    faults::{Fault, Faults},
    json::Json,
    shape::{Kind, Member, Members, Shape},
    values,
};
use crate::{problem::FieldCode, rules::Rules};

/// Where a request's values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A JSON body.
    Body,
    /// A query string or a form: every value is a text, a list is a repeated name, an empty text is an absent one.
    Query,
}

/// What reading needs beside the shape and the value.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub(super) source: Source,
    pub(super) rules: &'a Rules,
    pub(super) faults: &'a mut Faults,
}

/// The path of a value: `movie_ids.3`.
enum Place<'a> {
    Root,
    Member(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("body"),
            Self::Member(Self::Root, name) => f.write_str(name),
            Self::Member(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, index) => write!(f, "{parent}.{index}"),
        }
    }
}

/// Checks an object. Its sound members; `None` when it is no object.
pub(super) fn check(shape: &Shape, value: Json, reading: &mut Reading<'_>) -> Option<Map<String, Value>> {
    match (&shape.kind, value) {
        (Kind::Object(members), Json::Object(values)) => {
            Some(read_object(members, values, &Place::Root, reading).0)
        }
        (_, other) => {
            reading.fault(&Place::Root, wrong_type("an object", &other));
            None
        }
    }
}

impl Reading<'_> {
    fn fault(&mut self, place: &Place<'_>, fault: Fault) {
        match (self.source, place) {
            // A parameter is called by its name, however often it is repeated.
            (Source::Query, Place::Item(parent, _)) => self.faults.add(&parent.to_string(), fault),
            _ => self.faults.add(&place.to_string(), fault),
        }
    }
}

/// The sound members of an object, and whether all of them are.
fn read_object(
    members: &Members,
    values: Vec<(String, Json)>,
    place: &Place<'_>,
    reading: &mut Reading<'_>,
) -> (Map<String, Value>, bool) {
    let mut given: Vec<Vec<Json>> = members.in_order().iter().map(|_| Vec::new()).collect();
    let mut unknown = Vec::new();
    for (name, value) in values {
        match members.place_of(&name).and_then(|place| given.get_mut(place)) {
            Some(_) if reading.source == Source::Query && value == Json::Text(String::new()) => {}
            Some(given) => given.push(value),
            None => unknown.push(name),
        }
    }
    let mut sound = Map::new();
    let mut is_sound = unknown.is_empty();
    for (member, values) in members.in_order().iter().zip(given) {
        let place = Place::Member(place, &member.name);
        let was_given = !values.is_empty();
        let value = read_member(member, values, &place, reading);
        is_sound &= value.is_some() || !(was_given || member.is_required);
        sound.extend(value.map(|value| (member.name.clone(), value)));
    }
    let mut seen = HashSet::new();
    for name in unknown {
        let place = Place::Member(place, &name);
        let is_new = !seen.contains(&name);
        if is_new {
            let what = match reading.source {
                Source::Body => "is not a field of this body",
                Source::Query => "is not a parameter of this call",
            };
            reading.fault(&place, Fault::new(FieldCode::Unknown, what));
        } else if reading.source == Source::Body {
            reading.fault(&place, Fault::new(FieldCode::Repeated, "stands more than once"));
        }
        if is_new {
            seen.insert(name);
        }
    }
    (sound, is_sound)
}

/// Reads all the values that were given for one member.
fn read_member(
    member: &Member,
    mut values: Vec<Json>,
    place: &Place<'_>,
    reading: &mut Reading<'_>,
) -> Option<Value> {
    if reading.source == Source::Query && matches!(member.shape.kind, Kind::List { .. }) {
        return (!values.is_empty())
            .then(|| read_value(&member.shape, Json::List(values), place, reading))?;
    }
    if values.len() > 1 {
        reading.fault(place, Fault::new(FieldCode::Repeated, "stands more than once"));
        if reading.source == Source::Query {
            return None;
        }
        values.truncate(1);
    }
    if values.is_empty() && member.is_required {
        reading.fault(place, Fault::new(FieldCode::Required, "is required"));
    }
    read_value(&member.shape, values.pop()?, place, reading)
}

/// Checks one value; `None` when it is at fault.
fn read_value(shape: &Shape, value: Json, place: &Place<'_>, reading: &mut Reading<'_>) -> Option<Value> {
    let checked = match (&shape.kind, value) {
        (_, Json::Null) if shape.is_nullable => Ok(Value::Null),
        (kind, Json::Text(text)) if kind.is_text() && text.contains('\0') => {
            // No database can hold it.
            Err(Fault::new(FieldCode::InvalidFormat, "must not contain the NUL character"))
        }
        (Kind::List { item, length }, Json::List(items)) => {
            return read_list(item, length, items, place, reading);
        }
        (Kind::Object(members), Json::Object(values)) => {
            let (members, is_sound) = read_object(members, values, place, reading);
            return is_sound.then_some(members.into());
        }
        (Kind::Text { length, rule, is_deferred }, Json::Text(text)) => {
            match values::checked(text, length, *rule, reading.rules) {
                Err((text, fault)) if *is_deferred => {
                    reading.faults.defer(&place.to_string(), fault);
                    Ok(text.into())
                }
                checked => checked.map(Value::from).map_err(|(_, fault)| fault),
            }
        }
        (Kind::Choice(names), Json::Text(text)) => {
            let is_known = names.contains(&text);
            is_known.then(|| text.into()).ok_or_else(|| {
                Fault::new(FieldCode::InvalidValue, format!("must be one of {}", names.join(", ")))
            })
        }
        (Kind::Sort(names), Json::Text(text)) => sort(names, &text),
        (Kind::Integer(bounds), Json::Integer(number)) => integer(number, bounds),
        (Kind::Integer(bounds), Json::Number(number)) => match whole(number) {
            Some(number) => integer(number, bounds),
            None => Err(Fault::new(FieldCode::WrongType, "must be a whole number")),
        },
        (Kind::Integer(bounds), Json::Text(text)) if reading.source == Source::Query => {
            whole_of_text(&text).and_then(|number| integer(number, bounds))
        }
        (Kind::Number(bounds), Json::Number(number)) => decimal(number, bounds),
        (Kind::Number(bounds), Json::Integer(number)) => decimal_of_whole(number, bounds),
        (Kind::Number(bounds), Json::Text(text)) if reading.source == Source::Query => {
            decimal_of_text(&text).and_then(|number| decimal(number, bounds))
        }
        (Kind::Boolean, Json::Bool(value)) => Ok(value.into()),
        (Kind::Boolean, Json::Text(text)) if reading.source == Source::Query => {
            let value = text.parse::<bool>().map(Value::from);
            value.map_err(|_| Fault::new(FieldCode::InvalidFormat, "must be `true` or `false`"))
        }
        (kind, other) => Err(wrong_type(kind.name(), &other)),
    };
    checked.map_err(|fault| reading.fault(place, fault)).ok()
}

fn wrong_type(wanted: &str, got: &Json) -> Fault {
    Fault::new(FieldCode::WrongType, format!("must be {wanted}, not {}", got.type_name()))
}

fn read_list(
    item: &Shape,
    length: &RangeInclusive<usize>,
    items: Vec<Json>,
    place: &Place<'_>,
    reading: &mut Reading<'_>,
) -> Option<Value> {
    if items.len() > *length.end() {
        let most = length.end();
        reading.fault(place, Fault::new(FieldCode::TooLong, format!("must have at most {most} items")));
        return None;
    }
    if items.len() < *length.start() {
        let least = length.start();
        reading.fault(place, Fault::new(FieldCode::TooShort, format!("must have at least {least} items")));
        return None;
    }
    // Every item is looked at, so that every one at fault is named.
    let read: Vec<Option<Value>> = items
        .into_iter()
        .enumerate()
        .map(|(index, value)| read_value(item, value, &Place::Item(place, index), reading))
        .collect();
    read.into_iter().collect::<Option<Vec<Value>>>().map(Value::from)
}

/// A sort such as `-year,name`, as a list of its parts.
fn sort(names: &[String], text: &str) -> Result<Value, Fault> {
    let mut seen = HashSet::new();
    for part in text.split(',') {
        if !names.iter().any(|name| name == part) {
            let known = names.join(", ");
            return Err(Fault::new(FieldCode::InvalidValue, format!("is not a sort of this list: {known}")));
        }
        if !seen.insert(part.trim_start_matches('-')) {
            return Err(Fault::new(FieldCode::Repeated, "names a sort twice"));
        }
    }
    Ok(text.split(',').map(Value::from).collect())
}

fn integer(number: i128, bounds: &RangeInclusive<i128>) -> Result<Value, Fault> {
    let number = within(number, bounds)?;
    // Bounds are those of some Rust integer of 64 bits, so that there is a JSON number.
    Ok(Number::from_i128(number).map_or(Value::Null, Value::Number))
}

/// The whole number that a fraction is, as in `2.0`; the nearest there is when it has more digits than any.
fn whole(number: f64) -> Option<i128> {
    let nearest = if number < 0.0 { i128::MIN } else { i128::MAX };
    (number.fract() == 0.0).then(|| format!("{number:.0}").parse().unwrap_or(nearest))
}

fn whole_of_text(text: &str) -> Result<i128, Fault> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::new(FieldCode::InvalidFormat, "must be a whole number"));
    }
    // More digits than any number has: too large, or too small.
    Ok(text.parse().unwrap_or(if text.starts_with('-') { i128::MIN } else { i128::MAX }))
}

fn decimal(number: f64, bounds: &RangeInclusive<f64>) -> Result<Value, Fault> {
    let number = within(number, bounds)?;
    Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
}

fn decimal_of_whole(number: i128, bounds: &RangeInclusive<f64>) -> Result<Value, Fault> {
    // Exact within every bound that has no more digits than a fraction can hold.
    number.to_string().parse().map_err(|_| too_large(bounds.end())).and_then(|number| decimal(number, bounds))
}

fn decimal_of_text(text: &str) -> Result<f64, Fault> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    let number = text.parse::<f64>().ok().filter(|number| is_plain && number.is_finite());
    number.ok_or_else(|| Fault::new(FieldCode::InvalidFormat, "must be a decimal number"))
}

fn within<T: PartialOrd + Display>(number: T, bounds: &RangeInclusive<T>) -> Result<T, Fault> {
    if number < *bounds.start() {
        Err(Fault::new(FieldCode::TooSmall, format!("must be at least {}", bounds.start())))
    } else if number > *bounds.end() {
        Err(too_large(bounds.end()))
    } else {
        Ok(number)
    }
}

fn too_large(most: &impl Display) -> Fault {
    Fault::new(FieldCode::TooLarge, format!("must be at most {most}"))
}

#[cfg(test)]
mod tests {
    use domain::{accounts::PersonName, catalog::MovieSortKey};
    use schemars::JsonSchema;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::extract::{
        Amount, Changed, Faults, Sorts, Text,
        input::{inputs, shape_of},
        query, test_rules,
    };

    #[derive(Debug, serde::Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "what is read is not looked at")]
    struct Probe {
        #[schemars(length(min = 1, max = 3))]
        text: String,
        #[schemars(range(min = 1, max = 10))]
        whole: Option<i32>,
        #[schemars(range(min = 0, max = 10))]
        number: Option<f64>,
        truth: Option<bool>,
        #[serde(default)]
        #[schemars(length(min = 1, max = 2))]
        ids: Vec<Uuid>,
        #[serde(default)]
        name: Changed<Text<PersonName>>,
        price: Option<Amount>,
        #[serde(default)]
        sort: Sorts<MovieSortKey>,
        inner: Option<Inner>,
    }

    #[derive(Debug, serde::Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "what is read is not looked at")]
    struct Inner {
        kind: InnerKind,
    }

    #[derive(Debug, serde::Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum InnerKind {
        /// With a description, as `oneOf`.
        First,
        Second,
    }

    inputs!(Probe);

    /// What is sound of a body, and the faults of the rest.
    fn read(body: &str) -> (Value, Vec<(String, FieldCode)>) {
        let (rules, mut faults) = (test_rules(), Faults::default());
        let mut reading = Reading { source: Source::Body, rules: &rules, faults: &mut faults };
        let shape = shape_of::<Probe>().unwrap();
        let sound = check(&shape, serde_json::from_str(body).unwrap(), &mut reading);
        (sound.map_or(Value::Null, Value::from), codes(faults))
    }

    fn codes(faults: Faults) -> Vec<(String, FieldCode)> {
        faults.into_problems().into_iter().map(|problem| (problem.field, problem.code)).collect()
    }

    #[track_caller]
    fn assert_faults(found: &[(String, FieldCode)], expected: &[(&str, FieldCode)]) {
        let found: Vec<_> = found.iter().map(|(field, code)| (field.as_str(), *code)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_fault_of_a_body_is_named_and_what_is_sound_is_kept() {
        use FieldCode::{
            InvalidFormat, InvalidValue, Repeated, Required, TooLarge, TooLong, Unknown, WrongType,
        };
        let (sound, faults) = read(
            r#"{"whole": 11, "number": "1", "truth": true, "truth": 1, "ids": ["x", 1], "name": null,
                "price": "1.999", "inner": {"kind": "third", "more": 1}, "a": 1, "b": 1, "a": 1}"#,
        );
        assert_eq!(sound, json!({"truth": true, "name": null}));
        assert_faults(
            &faults,
            &[
                ("text", Required),
                ("whole", TooLarge),
                ("number", WrongType),
                ("truth", Repeated),
                ("ids.0", InvalidFormat),
                ("ids.1", WrongType),
                ("price", InvalidFormat),
                ("inner.kind", InvalidValue),
                ("inner.more", Unknown),
                ("a", Unknown),
                ("b", Unknown),
                ("a", Repeated),
            ],
        );
        let (_, faults) = read(r#"{"text": "abcd", "ids": ["a", "b", "c"], "name": "a\u0007"}"#);
        assert_faults(&faults, &[("text", TooLong), ("ids", TooLong), ("name", InvalidFormat)]);
    }

    #[test]
    fn what_is_no_object_has_one_fault() {
        for body in ["[]", "1", "\"x\"", "null", "true"] {
            assert_faults(&read(body).1, &[("body", FieldCode::WrongType)]);
        }
    }

    #[test]
    fn null_is_a_value_of_what_can_be_cleared_and_of_nothing_else() {
        let (sound, faults) = read(r#"{"text": "a", "name": null, "whole": null, "inner": null}"#);
        assert_eq!(sound, json!({"text": "a", "name": null}));
        assert_faults(&faults, &[("whole", FieldCode::WrongType), ("inner", FieldCode::WrongType)]);
    }

    #[test]
    fn a_text_with_a_rule_may_be_longer_before_it_is_trimmed() {
        let name = "é".repeat(100);
        let (_, faults) = read(&json!({"text": "a", "name": format!("  {name}\n")}).to_string());
        assert_faults(&faults, &[]);
        let (_, faults) = read(&json!({"text": "a", "name": format!("  {name}x")}).to_string());
        assert_faults(&faults, &[("name", FieldCode::TooLong)]);
        let (_, faults) = read(&json!({"text": "a", "name": "  "}).to_string());
        assert_faults(&faults, &[("name", FieldCode::TooShort)]);
    }

    #[test]
    fn a_whole_number_may_be_written_as_a_fraction() {
        assert_eq!(read(r#"{"text": "a", "whole": 2.0}"#).0["whole"], json!(2));
        assert_eq!(read(r#"{"text": "a", "whole": 1e1}"#).0["whole"], json!(10));
        assert_faults(&read(r#"{"text": "a", "whole": 2.5}"#).1, &[("whole", FieldCode::WrongType)]);
        for large in ["1e300", "99999999999999999999999999999999999999999999"] {
            let body = format!(r#"{{"text": "a", "whole": {large}}}"#);
            assert_faults(&read(&body).1, &[("whole", FieldCode::TooLarge)]);
        }
        assert_faults(&read(r#"{"text": "a", "number": 11}"#).1, &[("number", FieldCode::TooLarge)]);
    }

    #[test]
    fn parameters_are_read_as_what_their_schema_says() {
        let read = |text: &str| {
            let (rules, mut faults) = (test_rules(), Faults::default());
            let value = query::read::<Probe>(text, &rules, &mut faults);
            (value.map(|probe| format!("{probe:?}")), codes(faults))
        };
        let id = "0190a1b2-0000-7000-8000-000000000001";
        let (probe, faults) = read(&format!(
            "text=a+b&whole=7&number=7.5&truth=true&ids={id}&ids={id}&price=9.99&sort=-year,name&name="
        ));
        assert_faults(&faults, &[]);
        let probe = probe.unwrap();
        for part in ["text: \"a b\"", "whole: Some(7)", "number: Some(7.5)", "truth: Some(true)", "Keep"] {
            assert!(probe.contains(part), "{part}: {probe}");
        }
        for (text, fault) in [
            ("whole=0", ("whole", FieldCode::TooSmall)),
            ("whole=-99999999999999999999999999999999999999999999", ("whole", FieldCode::TooSmall)),
            ("whole=99999999999999999999999999999999999999999999", ("whole", FieldCode::TooLarge)),
            ("whole=1.5", ("whole", FieldCode::InvalidFormat)),
            ("whole=%2B1", ("whole", FieldCode::InvalidFormat)),
            ("whole=+1", ("whole", FieldCode::InvalidFormat)),
            ("whole=-", ("whole", FieldCode::InvalidFormat)),
            ("number=NaN", ("number", FieldCode::InvalidFormat)),
            ("number=inf", ("number", FieldCode::InvalidFormat)),
            ("number=1e1", ("number", FieldCode::InvalidFormat)),
            ("number=.", ("number", FieldCode::InvalidFormat)),
            ("number=10.1", ("number", FieldCode::TooLarge)),
            ("truth=1", ("truth", FieldCode::InvalidFormat)),
            ("ids=x", ("ids", FieldCode::InvalidFormat)),
            ("price=-1", ("price", FieldCode::TooSmall)),
            ("sort=colour", ("sort", FieldCode::InvalidValue)),
            ("sort=-relevance", ("sort", FieldCode::InvalidValue)),
            ("sort=year,-year", ("sort", FieldCode::Repeated)),
            ("sort=year&sort=name", ("sort", FieldCode::Repeated)),
            ("truth=%ff", ("truth", FieldCode::InvalidFormat)),
            ("name=%00", ("name", FieldCode::InvalidFormat)),
            ("colour=red&colour=blue", ("colour", FieldCode::Unknown)),
            ("colour=", ("colour", FieldCode::Unknown)),
        ] {
            let (probe, faults) = read(&format!("text=a&{text}"));
            assert_faults(&faults, &[fault]);
            assert!(probe.is_some(), "{text}: what is sound is read");
        }
    }
}
