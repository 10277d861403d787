//! Checks the values of a request against the JSON Schema of their type, which is also the schema in the OpenAPI
//! document.
//!
//! Only the keywords that the schemas of this crate use are supported. [`unchecked`] finds parts of a schema with other
//! keywords.

use std::{
    collections::{HashMap, HashSet},
    fmt::{self, Display},
};

use serde_json::{Map, Number, Value};

use super::{
    faults::{Fault, Faults},
    json::Json,
    values,
};
use crate::{openapi::schemas::markers, problem::FieldCode, rules::Rules};

/// Where the values of a request come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A JSON body.
    Body,
    /// A query string or a form. Every value is text. The items of a list are sent as several parameters with the same
    /// name, except sort keys, which are sent as one text with commas. An empty value counts as absent.
    Query,
}

/// The data that a check needs besides the schema and the value.
pub(super) struct Reading<'a> {
    pub(super) source: Source,
    /// The schemas that are referenced by `$ref`.
    pub(super) definitions: &'a Map<String, Value>,
    pub(super) rules: &'a Rules,
    pub(super) faults: &'a mut Faults,
}

/// The path of a value in the body or the query, displayed in the form `movie_ids.3`.
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

/// Checks an object and returns its valid members; `None` when the value is not an object.
pub(super) fn check(schema: &Value, value: Json, reading: &mut Reading<'_>) -> Option<Map<String, Value>> {
    let (schema, _) = resolved(schema, reading.definitions);
    match value {
        Json::Object(values) => Some(read_object(schema, values, &Place::Root, reading).0),
        other => {
            reading.fault(&Place::Root, wrong_type("object", &other));
            None
        }
    }
}

impl Reading<'_> {
    fn fault(&mut self, place: &Place<'_>, fault: Fault) {
        match (self.source, place) {
            // The items of a list are parameters with the same name, so an item is reported by this name, without an
            // index.
            (Source::Query, Place::Item(parent, _)) => self.faults.add(&parent.to_string(), fault),
            _ => self.faults.add(&place.to_string(), fault),
        }
    }
}

/// Returns the valid members of an object, and whether all members are valid.
fn read_object(
    schema: &Value,
    values: Vec<(String, Json)>,
    place: &Place<'_>,
    reading: &mut Reading<'_>,
) -> (Map<String, Value>, bool) {
    let mut given: HashMap<String, Vec<Json>> = HashMap::new();
    let mut names = Vec::new();
    for (name, value) in values {
        let values = given.entry(name.clone()).or_insert_with(|| {
            names.push(name);
            Vec::new()
        });
        values.push(value);
    }
    let required = list_of(schema, "required");
    let mut sound = Map::new();
    let mut is_sound = true;
    for (name, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let place = Place::Member(place, name);
        let mut values = given.remove(name).unwrap_or_default();
        if reading.source == Source::Query {
            values.retain(|value| *value != Json::Text(String::new()));
        }
        if values.is_empty() {
            if required.iter().any(|required| required == name.as_str()) {
                is_sound = false;
                reading.fault(&place, Fault::new(FieldCode::Required, "is required"));
            }
            continue;
        }
        match read_member(schema, values, &place, reading) {
            Some(value) => drop(sound.insert(name.clone(), value)),
            None => is_sound = false,
        }
    }
    let what = match reading.source {
        Source::Body => "is not a field of this body",
        Source::Query => "is not a parameter of this call",
    };
    for (name, values) in names.into_iter().filter_map(|name| given.remove_entry(&name)) {
        is_sound = false;
        let place = Place::Member(place, &name);
        reading.fault(&place, Fault::new(FieldCode::Unknown, what));
        if values.len() > 1 && reading.source == Source::Body {
            reading.fault(&place, repeated());
        }
    }
    (sound, is_sound)
}

fn repeated() -> Fault {
    Fault::new(FieldCode::Repeated, "was sent more than once")
}

/// Checks the values that were sent for one member; `None` when there is no valid value. In a query, the values that
/// were sent for a list (other than sort keys) are the items of the list. In all other cases, several values are an
/// error; in a body, the first of them is checked nevertheless.
fn read_member(
    schema: &Value,
    mut values: Vec<Json>,
    place: &Place<'_>,
    reading: &mut Reading<'_>,
) -> Option<Value> {
    if reading.source == Source::Query && type_of(schema) == "array" && schema.get(markers::SORT).is_none() {
        return read_value(schema, Json::List(values), place, reading);
    }
    if values.len() > 1 {
        reading.fault(place, repeated());
        if reading.source == Source::Query {
            return None;
        }
    }
    values.truncate(1);
    read_value(schema, values.pop()?, place, reading)
}

/// Checks one value; `None` when it is not valid.
fn read_value(schema: &Value, value: Json, place: &Place<'_>, reading: &mut Reading<'_>) -> Option<Value> {
    let (schema, is_nullable) = resolved(schema, reading.definitions);
    let is_query = reading.source == Source::Query;
    let checked = match (type_of(schema), value) {
        (_, Json::Null) if is_nullable => Ok(Value::Null),
        ("array", Json::List(items)) => return read_list(schema, items, place, reading),
        ("object", Json::Object(values)) => {
            let (members, is_sound) = read_object(schema, values, place, reading);
            return is_sound.then_some(members.into());
        }
        ("array", Json::Text(text)) if schema.get(markers::SORT).is_some() => sort(schema, &text),
        ("string", Json::Text(text)) => match checked_text(schema, &text, reading.rules) {
            Err(fault) if schema.get(markers::DEFERRED).is_some() => {
                reading.faults.defer(&place.to_string(), fault);
                Ok(text.into())
            }
            checked => checked.map(|()| text.into()),
        },
        ("integer", Json::Integer(number)) => integer(schema, number),
        ("integer", Json::Number(number)) if number.fract() == 0.0 => integer(schema, whole(number)),
        ("integer", Json::Text(text)) if is_query => {
            whole_of_text(&text).and_then(|number| integer(schema, number))
        }
        ("number", Json::Integer(number)) => decimal(schema, fraction(number)),
        ("number", Json::Number(number)) => decimal(schema, number),
        ("number", Json::Text(text)) if is_query => {
            fraction_of_text(&text).and_then(|number| decimal(schema, number))
        }
        ("boolean", Json::Bool(value)) => Ok(value.into()),
        ("boolean", Json::Text(text)) if is_query => text
            .parse::<bool>()
            .map(Value::from)
            .map_err(|_| Fault::new(FieldCode::InvalidFormat, "must be `true` or `false`")),
        (wanted, other) => Err(wrong_type(wanted, &other)),
    };
    checked.map_err(|fault| reading.fault(place, fault)).ok()
}

fn wrong_type(wanted: &str, got: &Json) -> Fault {
    let got = match (wanted, got) {
        ("integer", Json::Number(_)) => "a decimal number",
        _ => got.type_name(),
    };
    let wanted = match wanted {
        "array" => "a list",
        "boolean" => "a boolean",
        "integer" => "a whole number",
        "number" => "a number",
        "object" => "an object",
        _ => "a string",
    };
    Fault::new(FieldCode::WrongType, format!("must be {wanted}, not {got}"))
}

fn read_list(
    schema: &Value,
    items: Vec<Json>,
    place: &Place<'_>,
    reading: &mut Reading<'_>,
) -> Option<Value> {
    if let Some(fault) = fault_of_length(schema, items.len(), ("minItems", "maxItems"), "item") {
        reading.fault(place, fault);
        return None;
    }
    let item = schema.get("items")?;
    // Checks every item, so that all invalid items are reported.
    let read: Vec<Option<Value>> = items
        .into_iter()
        .enumerate()
        .map(|(index, value)| read_value(item, value, &Place::Item(place, index), reading))
        .collect();
    read.into_iter().collect::<Option<Vec<Value>>>().map(Value::from)
}

/// Splits a sort such as `-year,name` into a list of its keys.
fn sort(schema: &Value, text: &str) -> Result<Value, Fault> {
    let names = schema.get("items").map(choices).unwrap_or_default();
    let mut seen = HashSet::new();
    for part in text.split(',') {
        if !names.contains(&part) {
            let known = names.join(", ");
            return Err(Fault::new(
                FieldCode::InvalidValue,
                format!("must have only these sort keys: {known}"),
            ));
        }
        if !seen.insert(part.trim_start_matches('-')) {
            return Err(Fault::new(FieldCode::Repeated, "contains a sort key twice"));
        }
    }
    Ok(text.split(',').map(Value::from).collect())
}

fn checked_text(schema: &Value, text: &str, rules: &Rules) -> Result<(), Fault> {
    if text.contains('\0') {
        // PostgreSQL cannot store the NUL character in a text.
        return Err(Fault::new(FieldCode::InvalidFormat, "must not contain the NUL character"));
    }
    let choices = choices(schema);
    if !choices.is_empty() {
        let fault = || Fault::new(FieldCode::InvalidValue, format!("must be one of {}", choices.join(", ")));
        return choices.contains(&text).then_some(()).ok_or_else(fault);
    }
    // If the schema names a rule (a check function, see `values`), only the rule checks the length, because it may trim
    // the text first.
    if let Some(rule) = rule_of(schema) {
        return rule(text, rules);
    }
    fault_of_length(schema, text.chars().count(), ("minLength", "maxLength"), "character").map_or(Ok(()), Err)
}

fn rule_of(schema: &Value) -> Option<values::TextRule> {
    text_of(schema, markers::RULE).or_else(|| text_of(schema, "format")).and_then(values::rule)
}

fn fault_of_length(schema: &Value, length: usize, (least, most): (&str, &str), what: &str) -> Option<Fault> {
    let bound = |keyword| usize::try_from(schema.get(keyword)?.as_u64()?).ok();
    if let Some(least) = bound(least).filter(|least| length < *least) {
        return Some(Fault::new(FieldCode::TooShort, format!("must have at least {}", counted(least, what))));
    }
    let most = bound(most).filter(|most| length > *most)?;
    Some(Fault::new(FieldCode::TooLong, format!("must have at most {}", counted(most, what))))
}

/// Formats a number of things, such as `1 item` or `2 items`.
fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn integer(schema: &Value, number: i128) -> Result<Value, Fault> {
    within(schema, number, |bound| bound.as_i64().map(i128::from))?;
    Ok(Number::from_i128(number).map_or(Value::Null, Value::Number))
}

fn decimal(schema: &Value, number: f64) -> Result<Value, Fault> {
    within(schema, number, Value::as_f64)?;
    Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
}

fn within<T: PartialOrd + Display + Copy>(
    schema: &Value,
    number: T,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<(), Fault> {
    let bound = |keyword: &str| schema.get(keyword).and_then(&read);
    if let Some(least) = bound("minimum").filter(|least| number < *least) {
        return Err(Fault::new(FieldCode::TooSmall, format!("must be at least {least}")));
    }
    match bound("maximum").filter(|most| number > *most) {
        Some(most) => Err(Fault::new(FieldCode::TooLarge, format!("must be at most {most}"))),
        None => Ok(()),
    }
}

/// Converts a float such as `2.0` to an integer. A float outside the range of `i128` becomes the nearest `i128`.
fn whole(number: f64) -> i128 {
    format!("{number:.0}").parse().unwrap_or(if number < 0.0 { i128::MIN } else { i128::MAX })
}

fn whole_of_text(text: &str) -> Result<i128, Fault> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::new(FieldCode::InvalidFormat, "must be a whole number"));
    }
    // A number with too many digits becomes the greatest or smallest integer, which is then reported as too large or
    // too small.
    Ok(text.parse().unwrap_or(if text.starts_with('-') { i128::MIN } else { i128::MAX }))
}

/// Returns the float that is nearest to an integer.
fn fraction(number: i128) -> f64 {
    // A string of digits can always be parsed as a float.
    number.to_string().parse().unwrap_or_default()
}

fn fraction_of_text(text: &str) -> Result<f64, Fault> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    let number = text.parse::<f64>().ok().filter(|number| is_plain && number.is_finite());
    number.ok_or_else(|| Fault::new(FieldCode::InvalidFormat, "must be a decimal number"))
}

/// Follows a `$ref`, and unwraps an `anyOf` of a schema and `null`. Returns the schema, and whether `null` is allowed.
fn resolved<'a>(schema: &'a Value, definitions: &'a Map<String, Value>) -> (&'a Value, bool) {
    let name = text_of(schema, "$ref").and_then(|reference| reference.rsplit('/').next());
    if let Some(schema) = name.and_then(|name| definitions.get(name)) {
        return resolved(schema, definitions);
    }
    match list_of(schema, "anyOf").iter().find(|choice| type_of(choice) != "null") {
        Some(only) => (resolved(only, definitions).0, true),
        None => (schema, list_of(schema, "type").iter().any(|name| name == "null")),
    }
}

/// Returns the name of the type, ignoring `null`.
fn type_of(schema: &Value) -> &str {
    let name = match schema.get("type") {
        Some(Value::Array(names)) => names.first(),
        name => name,
    };
    // A schema with a `oneOf` of texts has no type.
    name.and_then(Value::as_str).unwrap_or(if schema.get("oneOf").is_some() { "string" } else { "" })
}

/// Returns the only texts that a schema allows: an `enum`, or a `oneOf` of constants.
fn choices(schema: &Value) -> Vec<&str> {
    let constants = list_of(schema, "oneOf").iter().filter_map(|choice| choice.get("const"));
    list_of(schema, "enum").iter().chain(constants).filter_map(Value::as_str).collect()
}

fn text_of<'a>(schema: &'a Value, keyword: &str) -> Option<&'a str> {
    schema.get(keyword)?.as_str()
}

fn list_of<'a>(schema: &'a Value, keyword: &str) -> &'a [Value] {
    schema.get(keyword).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns a part of a schema that [`check`] does not check, or that has no bounds; `None` if there is no such part. A
/// part that is not checked is a bug, because the OpenAPI document then promises something that is not enforced.
pub(super) fn unchecked(schema: &Value, definitions: &Map<String, Value>) -> Option<String> {
    unchecked_within(schema, definitions, &mut HashSet::new())
}

/// Keywords that are allowed in the schema of every type: the type itself, annotations for readers, and this crate's
/// own keywords (`markers`), except the keyword for lists of sort keys.
const NOTES: [&str; 8] = [
    "type",
    "title",
    "description",
    "default",
    "examples",
    markers::RULE,
    markers::DEFERRED,
    markers::CLEARS,
];

fn unchecked_within<'a>(
    schema: &'a Value,
    definitions: &'a Map<String, Value>,
    seen: &mut HashSet<&'a str>,
) -> Option<String> {
    if text_of(schema, "$ref").is_some_and(|reference| !seen.insert(reference)) {
        return None;
    }
    let (schema, _) = resolved(schema, definitions);
    let (known, bounds): (&[&str], &[&str]) = match type_of(schema) {
        "string" if !choices(schema).is_empty() => (&["enum", "oneOf"], &[]),
        "string" if rule_of(schema).is_some() => (&["format", "pattern", "minLength", "maxLength"], &[]),
        "string" => (&["format", "minLength", "maxLength"], &["maxLength"]),
        "integer" | "number" => (&["format", "minimum", "maximum"], &["minimum", "maximum"]),
        "boolean" => (&[], &[]),
        "array" => (&["items", "minItems", "maxItems", markers::SORT], &["items", "maxItems"]),
        "object" => (&["properties", "required", "additionalProperties"], &["additionalProperties"]),
        _ => return Some(format!("the type of {schema}")),
    };
    let fields = schema.as_object()?;
    let is_checked = |key: &&String| known.contains(&key.as_str()) || NOTES.contains(&key.as_str());
    if let Some(other) = fields.keys().find(|key| !is_checked(key)) {
        return Some(format!("`{other}` of {schema}"));
    }
    if let Some(bound) = bounds.iter().find(|bound| !fields.contains_key(**bound)) {
        return Some(format!("{schema} without `{bound}`"));
    }
    let members = fields.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::values);
    members.chain(fields.get("items")).find_map(|schema| unchecked_within(schema, definitions, seen))
}

#[cfg(test)]
mod tests;
