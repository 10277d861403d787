//! Checks values against the JSON Schema of a type: the very schema that the document shows.
//!
//! A schema is compiled once, into a [`Shape`]. What a shape cannot check does not compile, so the document promises
//! nothing that is not enforced.

use std::{
    collections::{HashMap, HashSet},
    fmt::{self, Display},
    ops::RangeInclusive,
};

use serde_json::{Map, Number, Value};

use super::{
    faults::{Fault, Faults},
    json::Json,
    values::{self, TextRule},
};
use crate::{openapi::schemas::markers, problem::FieldCode, rules::Rules};

/// Types nested deeper than this are taken for endless ones.
const MAX_DEPTH: usize = 16;

/// What values of one type look like.
#[derive(Debug)]
pub(crate) struct Shape {
    is_nullable: bool,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Text { length: RangeInclusive<usize>, rule: Option<TextRule>, is_deferred: bool },
    Choice(Vec<String>),
    Integer(RangeInclusive<i128>),
    Number(RangeInclusive<f64>),
    Boolean,
    List { item: Box<Shape>, length: RangeInclusive<usize> },
    Sort(Vec<String>),
    Object { members: Vec<Member>, by_name: HashMap<String, usize> },
}

#[derive(Debug)]
struct Member {
    name: String,
    is_required: bool,
    shape: Shape,
}

/// Where a request's values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A JSON body.
    Body,
    /// A query string or a form: every value is a text, a list is a repeated name, an empty text is an absent one.
    Query,
}

/// What reading needs beside the shape and the value.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) source: Source,
    pub(crate) rules: &'a Rules,
    pub(crate) faults: &'a mut Faults,
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

impl Shape {
    /// Compiles a schema.
    ///
    /// # Errors
    /// When the schema says what is not checked here, or leaves a length or a number without bounds.
    pub(crate) fn compile(schema: &Value, definitions: &Map<String, Value>) -> Result<Self, String> {
        compile(schema, definitions, 0)
    }

    /// Checks an object. Its sound members; `None` when it is no object.
    pub(crate) fn read(&self, value: Json, reading: &mut Reading<'_>) -> Option<Map<String, Value>> {
        match (&self.kind, value) {
            (Kind::Object { members, by_name }, Json::Object(values)) => {
                Some(read_object(members, by_name, values, &Place::Root, reading).0)
            }
            (_, other) => {
                reading.fault(&Place::Root, wrong_type("an object", &other));
                None
            }
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
    members: &[Member],
    by_name: &HashMap<String, usize>,
    values: Vec<(String, Json)>,
    place: &Place<'_>,
    reading: &mut Reading<'_>,
) -> (Map<String, Value>, bool) {
    let mut given: Vec<Vec<Json>> = members.iter().map(|_| Vec::new()).collect();
    let mut unknown = Vec::new();
    for (name, value) in values {
        match by_name.get(&name).and_then(|index| given.get_mut(*index)) {
            Some(_) if reading.source == Source::Query && value == Json::Text(String::new()) => {}
            Some(given) => given.push(value),
            None => unknown.push(name),
        }
    }
    let mut sound = Map::new();
    let mut is_sound = unknown.is_empty();
    for (member, values) in members.iter().zip(given) {
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
        return (!values.is_empty()).then(|| member.shape.value(Json::List(values), place, reading))?;
    }
    if values.len() > 1 {
        reading.fault(place, Fault::new(FieldCode::Repeated, "stands more than once"));
        if reading.source == Source::Query {
            return None;
        }
        values.truncate(1);
    }
    match values.pop() {
        Some(value) => member.shape.value(value, place, reading),
        None => {
            if member.is_required {
                reading.fault(place, Fault::new(FieldCode::Required, "is required"));
            }
            None
        }
    }
}

impl Shape {
    /// Checks one value; `None` when it is at fault.
    fn value(&self, value: Json, place: &Place<'_>, reading: &mut Reading<'_>) -> Option<Value> {
        let checked = match (&self.kind, value) {
            (_, Json::Null) if self.is_nullable => Ok(Value::Null),
            (kind, Json::Text(text)) if kind.is_text() && text.contains('\0') => {
                // No database can hold it.
                Err(Fault::new(FieldCode::InvalidFormat, "must not contain the NUL character"))
            }
            (Kind::List { item, length }, Json::List(items)) => {
                return read_list(item, length, items, place, reading);
            }
            (Kind::Object { members, by_name }, Json::Object(values)) => {
                let (members, is_sound) = read_object(members, by_name, values, place, reading);
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
}

impl Kind {
    const fn is_text(&self) -> bool {
        matches!(self, Self::Text { .. } | Self::Choice(_) | Self::Sort(_))
    }

    /// The JSON type's name, for messages.
    const fn name(&self) -> &'static str {
        match self {
            Self::Text { .. } | Self::Choice(_) | Self::Sort(_) => "a string",
            Self::Integer(_) => "a whole number",
            Self::Number(_) => "a number",
            Self::Boolean => "a boolean",
            Self::List { .. } => "a list",
            Self::Object { .. } => "an object",
        }
    }
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
        .map(|(index, value)| item.value(value, &Place::Item(place, index), reading))
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

fn compile(schema: &Value, definitions: &Map<String, Value>, depth: usize) -> Result<Shape, String> {
    let Some(fields) = schema.as_object().filter(|_| depth < MAX_DEPTH) else {
        return Err(format!("no schema that ends: {schema}"));
    };
    let inner = |schema: &Value| compile(schema, definitions, depth.saturating_add(1));
    let of = |kind| Ok(Shape { is_nullable: false, kind });
    if let Some(reference) = text_of(fields, "$ref") {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return inner(definitions.get(name).ok_or_else(|| format!("{reference} leads nowhere"))?);
    }
    if let Some(choices) = list_of(fields, "anyOf") {
        let (nulls, rest): (Vec<_>, Vec<_>) =
            choices.iter().partition(|choice| choice.get("type") == Some(&Value::from("null")));
        return match (nulls.as_slice(), rest.as_slice()) {
            ([_], [only]) => Ok(Shape { is_nullable: true, ..inner(only)? }),
            _ => Err(format!("no choice of types is checked: {schema}")),
        };
    }
    if let Some(names) = choice(fields) {
        return of(Kind::Choice(names));
    }
    let (name, is_nullable) = match fields.get("type") {
        Some(Value::String(name)) => (name.as_str(), false),
        Some(Value::Array(names)) => match names.as_slice() {
            [Value::String(name), Value::String(null)] if null == "null" => (name.as_str(), true),
            _ => return Err(format!("no choice of types is checked: {schema}")),
        },
        _ => return Err(format!("no type: {schema}")),
    };
    let known: &[&str] = match name {
        "string" => &["minLength", "maxLength", "pattern"],
        "integer" | "number" => &["minimum", "maximum"],
        "array" => &["items", "minItems", "maxItems", markers::SORT],
        "object" => &["properties", "required", "additionalProperties"],
        _ => &[],
    };
    const NOTES: [&str; 8] =
        ["type", "title", "description", "default", "example", "examples", "format", "style"];
    let mine = [markers::RULE, markers::DEFERRED, markers::CLEARS];
    if let Some(other) = fields.keys().find(|key| ![known, &NOTES, &mine].concat().contains(&key.as_str())) {
        return Err(format!("`{other}` is not checked: {schema}"));
    }
    let unbounded = || format!("no bounds: {schema}");
    let kind = match name {
        "string" => {
            let rule =
                text_of(fields, markers::RULE).or_else(|| text_of(fields, "format")).and_then(values::rule);
            if fields.contains_key("pattern") && rule.is_none() {
                return Err(format!("a pattern needs a rule that checks it: {schema}"));
            }
            let length = length_of(fields, "minLength", "maxLength");
            Kind::Text {
                length: if rule.is_some() { 0..=usize::MAX } else { length.ok_or_else(unbounded)? },
                rule,
                is_deferred: fields.contains_key(markers::DEFERRED),
            }
        }
        "integer" => {
            let bound = |name| {
                fields
                    .get(name)
                    .and_then(|bound| bound.as_i64().map(i128::from).or_else(|| whole(bound.as_f64()?)))
            };
            Kind::Integer(
                bound("minimum")
                    .zip(bound("maximum"))
                    .map(|(least, most)| least..=most)
                    .ok_or_else(unbounded)?,
            )
        }
        "number" => {
            let bound = |name| fields.get(name).and_then(Value::as_f64);
            Kind::Number(
                bound("minimum")
                    .zip(bound("maximum"))
                    .map(|(least, most)| least..=most)
                    .ok_or_else(unbounded)?,
            )
        }
        "boolean" => Kind::Boolean,
        "array" => {
            let items = fields.get("items").ok_or_else(unbounded)?;
            match choice_of(items).filter(|_| fields.contains_key(markers::SORT)) {
                Some(names) => Kind::Sort(names),
                None => Kind::List {
                    item: Box::new(inner(items)?),
                    length: length_of(fields, "minItems", "maxItems").ok_or_else(unbounded)?,
                },
            }
        }
        "object" => object(fields, &inner)?,
        _ => return Err(format!("no type that is checked: {schema}")),
    };
    Ok(Shape { is_nullable, kind })
}

fn object(
    fields: &Map<String, Value>,
    inner: &dyn Fn(&Value) -> Result<Shape, String>,
) -> Result<Kind, String> {
    let required = list_of(fields, "required").unwrap_or_default();
    let mut members = Vec::new();
    for (name, schema) in fields.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let is_required = required.iter().any(|other| other == name.as_str());
        let shape = inner(schema).map_err(|why| format!("{name}: {why}"))?;
        members.push(Member { name: name.clone(), is_required, shape });
    }
    let by_name = members.iter().enumerate().map(|(index, member)| (member.name.clone(), index)).collect();
    Ok(Kind::Object { members, by_name })
}

/// The names that a schema of a few names allows: an `enum`, or a `oneOf` of constants.
fn choice(fields: &Map<String, Value>) -> Option<Vec<String>> {
    let names = match list_of(fields, "oneOf") {
        Some(choices) => choices.iter().filter_map(|choice| choice.get("const")).collect(),
        None => list_of(fields, "enum")?.iter().collect::<Vec<_>>(),
    };
    names.into_iter().map(|name| name.as_str().map(str::to_owned)).collect()
}

fn choice_of(schema: &Value) -> Option<Vec<String>> {
    choice(schema.as_object()?)
}

fn text_of<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name)?.as_str()
}

fn list_of<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a [Value]> {
    fields.get(name)?.as_array().map(Vec::as_slice)
}

fn length_of(fields: &Map<String, Value>, least: &str, most: &str) -> Option<RangeInclusive<usize>> {
    let number = |name: &str| fields.get(name)?.as_u64().and_then(|number| usize::try_from(number).ok());
    Some(number(least).unwrap_or_default()..=number(most)?)
}

#[cfg(test)]
mod tests {
    use domain::{accounts::PersonName, catalog::MovieSortKey};
    use schemars::JsonSchema;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::{
        extract::{Amount, Changed, Faults, Sorts, Text, inputs, query, test_rules},
        openapi::schemas,
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

    fn shape() -> Shape {
        let (schema, definitions) = schemas::of_input::<Probe>();
        Shape::compile(&schema, &definitions).unwrap()
    }

    /// What is sound of a body, and the faults of the rest.
    fn read(body: &str) -> (Value, Vec<(String, FieldCode)>) {
        let (rules, mut faults) = (test_rules(), Faults::default());
        let mut reading = Reading { source: Source::Body, rules: &rules, faults: &mut faults };
        let sound = shape().read(serde_json::from_str(body).unwrap(), &mut reading);
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

    #[test]
    fn what_is_not_checked_does_not_compile() {
        let compile = |schema: Value| Shape::compile(&schema, &Map::new());
        for schema in [
            json!({"type": "string"}),
            json!({"type": "string", "maxLength": 9, "pattern": "^a"}),
            json!({"type": "integer", "minimum": 0}),
            json!({"type": "number", "maximum": 0}),
            json!({"type": "integer", "minimum": 0, "maximum": 9, "multipleOf": 2}),
            json!({"type": "array", "items": {"type": "boolean"}}),
            json!({"anyOf": [{"type": "boolean"}, {"type": "integer", "minimum": 0, "maximum": 9}]}),
            json!({"$ref": "#/components/schemas/Gone"}),
            json!({"type": ["string", "boolean"]}),
            json!({}),
            json!(true),
        ] {
            assert!(compile(schema.clone()).is_err(), "{schema}");
        }
        let endless = json!({"type": "array", "maxItems": 1, "items": {"$ref": "#/a/Endless"}});
        let definitions = Map::from_iter([("Endless".to_owned(), endless.clone())]);
        assert!(Shape::compile(&endless, &definitions).is_err());
    }
}
