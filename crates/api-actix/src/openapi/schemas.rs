//! Generates the JSON Schemas of requests and responses.
//!
//! The schemas of requests are used both to validate requests and in the OpenAPI document.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value};

/// The schema of a type, and the named schemas that it refers to.
pub(crate) type Schemas = (Value, Map<String, Value>);

/// Additional keywords that control the validation of a value. They are removed from the document.
pub(crate) mod markers {
    /// The name of the rule that checks the text.
    pub(crate) const RULE: &str = "x-rule";
    /// The use case also checks the value. An error in the value is therefore reported by the validation only together
    /// with other errors.
    pub(crate) const DEFERRED: &str = "x-deferred";
    /// `null` is allowed: it clears the value, or means the same as an absent member.
    pub(crate) const CLEARS: &str = "x-clears";
    /// The value is a list of sort keys separated by commas.
    pub(crate) const SORT: &str = "x-sort";

    pub(super) const ALL: [&str; 4] = [RULE, DEFERRED, CLEARS, SORT];
}

/// Returns the schema of a type in responses.
pub(crate) fn of_answer<T: JsonSchema>() -> Schemas {
    let (mut schema, mut definitions) = generated::<T>(SchemaSettings::draft2020_12().for_serialize());
    definitions.values_mut().chain([&mut schema]).for_each(bound);
    (schema, definitions)
}

/// Returns the schema of a type in requests, including its markers, for the validation.
///
/// Members that are an `Option` may be absent but not `null`, unless they have the marker [`markers::CLEARS`]. Objects
/// have no undeclared members.
pub(crate) fn of_input<T: JsonSchema>() -> Schemas {
    let (mut schema, mut definitions) = generated::<T>(SchemaSettings::draft2020_12().for_deserialize());
    definitions.values_mut().chain([&mut schema]).for_each(close);
    (schema, definitions)
}

/// Returns the schema of a type in requests, without markers, for the document.
pub(crate) fn of_shown_input<T: JsonSchema>() -> Schemas {
    let (mut schema, mut definitions) = of_input::<T>();
    for schema in definitions.values_mut().chain([&mut schema]) {
        show(schema);
    }
    (schema, definitions)
}

/// Prepares a schema for the document: removes markers and adds all bounds.
pub(crate) fn show(schema: &mut Value) {
    strip(schema);
    bound(schema);
}

/// The documented maximum length of a string, unless its format or its schema defines another maximum.
const LONGEST_TEXT: u64 = 65_536;
/// The documented maximum length of a list, unless its schema defines another maximum.
const LONGEST_LIST: u64 = 10_000;
/// The greatest integer that JavaScript clients represent exactly.
const GREATEST_EXACT: i64 = 9_007_199_254_740_991;

/// Adds the bounds that follow from the type, and default bounds where a schema has none.
fn bound(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    let is = |kind: &str| {
        fields.get("type").is_some_and(|value| {
            value == kind || value.as_array().is_some_and(|all| all.iter().any(|one| one == kind))
        })
    };
    let is_fixed = fields.contains_key("const") || fields.contains_key("enum");
    let format = fields.get("format").and_then(Value::as_str).unwrap_or_default();
    let mut bounds: Vec<(&str, Value)> = Vec::new();
    if is("string") && !is_fixed {
        let longest = match format {
            "uuid" => 36,
            "date" => 10,
            "date-time" => 40,
            "uri" => 2_048,
            _ => LONGEST_TEXT,
        };
        bounds.push(("maxLength", longest.into()));
        if format.is_empty() && !fields.contains_key("pattern") {
            // Every text with a NUL character is refused, because PostgreSQL cannot store it.
            bounds.push(("pattern", "^[^\\u0000]*$".into()));
        }
    }
    if is("integer") {
        let (least, most) = match format {
            "int16" => (i16::MIN.into(), i16::MAX.into()),
            "uint16" => (0, u16::MAX.into()),
            "int32" => (i32::MIN.into(), i32::MAX.into()),
            "uint32" => (0, u32::MAX.into()),
            "uint64" => (0, GREATEST_EXACT),
            _ => (GREATEST_EXACT.saturating_neg(), GREATEST_EXACT),
        };
        bounds.extend([("minimum", least.into()), ("maximum", most.into())]);
    }
    if is("array") {
        bounds.push(("maxItems", LONGEST_LIST.into()));
    }
    for (keyword, bound) in bounds {
        fields.entry(keyword).or_insert(bound);
    }
    subschemas(fields).for_each(bound);
}

fn generated<T: JsonSchema>(settings: SchemaSettings) -> Schemas {
    let settings = settings.with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let schema = generator.subschema_for::<T>().to_value();
    (schema, generator.take_definitions(true))
}

/// Removes the markers.
fn strip(schema: &mut Value) {
    if let Some(fields) = schema.as_object_mut() {
        for marker in markers::ALL {
            fields.shift_remove(marker);
        }
        subschemas(fields).for_each(strip);
    }
}

/// Applies the rules of [`of_input`] to a schema and its subschemas: removes `null` from values that cannot be cleared,
/// and forbids undeclared members of objects.
fn close(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    if !fields.contains_key(markers::CLEARS) {
        remove_null(fields);
    }
    if fields.contains_key("properties") {
        fields.insert("additionalProperties".into(), false.into());
    }
    subschemas(fields).for_each(close);
}

/// Returns the subschemas of a schema.
fn subschemas(fields: &mut Map<String, Value>) -> impl Iterator<Item = &mut Value> {
    fields.iter_mut().flat_map(|(keyword, value)| -> Box<dyn Iterator<Item = &mut Value>> {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(schemas)) => Box::new(schemas.values_mut()),
            ("anyOf" | "oneOf" | "allOf", Value::Array(schemas)) => Box::new(schemas.iter_mut()),
            ("items" | "additionalProperties", schema) => Box::new(std::iter::once(schema)),
            _ => Box::new(std::iter::empty()),
        }
    })
}

/// Removes `null`, which schemars adds for an `Option`, and a `default` that is `null` or an empty list.
fn remove_null(fields: &mut Map<String, Value>) {
    if let Some(Value::Array(kinds)) = fields.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = kinds.as_slice() {
            let only = only.clone();
            fields.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(values)) = fields.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(mut choices)) = fields.shift_remove("anyOf") {
        choices.retain(|choice| choice.get("type") != Some(&Value::from("null")));
        match choices.as_slice() {
            [Value::Object(only)] => fields.extend(only.clone()),
            _ => drop(fields.insert("anyOf".into(), choices.into())),
        }
    }
    if fields.get("default").is_some_and(|value| value.is_null() || *value == Value::Array(Vec::new())) {
        fields.shift_remove("default");
    }
}
