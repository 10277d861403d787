//! Compiles JSON Schemas into shapes. What is not checked does not compile, so the document promises nothing that is not
//! enforced.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::{
    shape::{Kind, Member, Members, Shape},
    values,
};
use crate::openapi::schemas::markers;

/// Types nested deeper than this are taken for endless ones.
const MAX_DEPTH: usize = 16;

/// Keywords of every schema that are for readers, or that a rule checks.
const NOTES: [&str; 10] = [
    "type",
    "title",
    "description",
    "default",
    "examples",
    "format",
    "pattern",
    markers::RULE,
    markers::DEFERRED,
    markers::CLEARS,
];

/// Compiles a schema that refers to these definitions.
///
/// # Errors
/// When the schema says what is not checked here, or leaves a length or a number without bounds.
pub(super) fn compile(schema: &Value, definitions: &Map<String, Value>) -> Result<Shape, String> {
    compile_at(schema, definitions, 0)
}

fn compile_at(schema: &Value, definitions: &Map<String, Value>, depth: usize) -> Result<Shape, String> {
    let Some(fields) = schema.as_object().filter(|_| depth < MAX_DEPTH) else {
        return Err(format!("no schema that ends: {schema}"));
    };
    let inner = |schema: &Value| compile_at(schema, definitions, depth.saturating_add(1));
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
        return Ok(Shape { is_nullable: false, kind: Kind::Choice(names) });
    }
    let (name, is_nullable) = match fields.get("type") {
        Some(Value::String(name)) => (name.as_str(), false),
        Some(Value::Array(names)) => match names.as_slice() {
            [Value::String(name), Value::String(null)] if null == "null" => (name.as_str(), true),
            _ => return Err(format!("no choice of types is checked: {schema}")),
        },
        _ => return Err(format!("no type: {schema}")),
    };
    let (kind, checked) = match name {
        "string" => (text(fields), &["minLength", "maxLength"][..]),
        "integer" => (integer(fields), &["minimum", "maximum"][..]),
        "number" => (number(fields), &["minimum", "maximum"][..]),
        "boolean" => (Some(Kind::Boolean), &[][..]),
        "array" => (list(fields, &inner)?, &["items", "minItems", "maxItems", markers::SORT][..]),
        "object" => (Some(object(fields, &inner)?), &["properties", "required", "additionalProperties"][..]),
        _ => (None, &[][..]),
    };
    if let Some(other) =
        fields.keys().map(String::as_str).find(|key| !checked.contains(key) && !NOTES.contains(key))
    {
        return Err(format!("`{other}` is not checked: {schema}"));
    }
    let kind = kind.ok_or_else(|| format!("no bounds, or no rule for a pattern: {schema}"))?;
    Ok(Shape { is_nullable, kind })
}

fn text(fields: &Map<String, Value>) -> Option<Kind> {
    let rule = text_of(fields, markers::RULE).or_else(|| text_of(fields, "format")).and_then(values::rule);
    let length = match rule {
        // It may trim first.
        Some(_) => Some(0..=usize::MAX),
        None => length_of(fields, "minLength", "maxLength").filter(|_| !fields.contains_key("pattern")),
    };
    Some(Kind::Text { length: length?, rule, is_deferred: fields.contains_key(markers::DEFERRED) })
}

fn integer(fields: &Map<String, Value>) -> Option<Kind> {
    let bound = |name| fields.get(name)?.as_i64().map(i128::from);
    Some(Kind::Integer(bound("minimum")?..=bound("maximum")?))
}

fn number(fields: &Map<String, Value>) -> Option<Kind> {
    let bound = |name| fields.get(name)?.as_f64();
    Some(Kind::Number(bound("minimum")?..=bound("maximum")?))
}

type Inner<'a> = &'a dyn Fn(&Value) -> Result<Shape, String>;

fn list(fields: &Map<String, Value>, inner: Inner<'_>) -> Result<Option<Kind>, String> {
    let Some(items) = fields.get("items") else { return Ok(None) };
    if fields.contains_key(markers::SORT) {
        return Ok(items.as_object().and_then(choice).map(Kind::Sort));
    }
    let item = Box::new(inner(items)?);
    Ok(length_of(fields, "minItems", "maxItems").map(|length| Kind::List { item, length }))
}

fn object(fields: &Map<String, Value>, inner: Inner<'_>) -> Result<Kind, String> {
    let required = list_of(fields, "required").unwrap_or_default();
    let mut members = Vec::new();
    for (name, schema) in fields.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let is_required = required.iter().any(|other| other == name.as_str());
        let shape = inner(schema).map_err(|why| format!("{name}: {why}"))?;
        members.push(Member { name: name.clone(), is_required, shape });
    }
    Ok(Kind::Object(Members::new(members)))
}

/// The names that a schema of a few names allows: an `enum`, or a `oneOf` of constants.
fn choice(fields: &Map<String, Value>) -> Option<Vec<String>> {
    let names = match list_of(fields, "oneOf") {
        Some(choices) => choices.iter().filter_map(|choice| choice.get("const")).collect(),
        None => list_of(fields, "enum")?.iter().collect::<Vec<_>>(),
    };
    names.into_iter().map(|name| name.as_str().map(str::to_owned)).collect()
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
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_checked_does_not_compile() {
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
            assert!(compile(&schema, &Map::new()).is_err(), "{schema}");
        }
        let endless = json!({"type": "array", "maxItems": 1, "items": {"$ref": "#/a/Endless"}});
        let definitions = Map::from_iter([("Endless".to_owned(), endless.clone())]);
        assert!(compile(&endless, &definitions).is_err());
    }
}
