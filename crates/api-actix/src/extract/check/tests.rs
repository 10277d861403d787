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
#[expect(dead_code, reason = "the deserialized values are not used")]
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
#[expect(dead_code, reason = "the deserialized values are not used")]
struct Inner {
    kind: InnerKind,
}

#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum InnerKind {
    /// This doc comment makes schemars generate a `oneOf`.
    First,
    Second,
}

inputs!(Probe);

/// Checks a body. Returns its valid members, and all errors.
fn read(body: &str) -> (Value, Vec<(String, FieldCode)>) {
    let (rules, mut faults) = (test_rules(), Faults::default());
    let (schema, definitions) = &schemas::of_input::<Probe>();
    let mut reading = Reading { source: Source::Body, definitions, rules: &rules, faults: &mut faults };
    let sound = check(schema, serde_json::from_str(body).unwrap(), &mut reading);
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
fn all_errors_of_a_body_are_reported_and_its_valid_members_are_returned() {
    use FieldCode::{InvalidFormat, InvalidValue, Repeated, Required, TooLarge, TooLong, Unknown, WrongType};
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
            ("a", Repeated),
            ("b", Unknown),
        ],
    );
    let (_, faults) = read(r#"{"text": "abcd", "ids": ["a", "b", "c"], "name": "a\u0007"}"#);
    assert_faults(&faults, &[("text", TooLong), ("ids", TooLong), ("name", InvalidFormat)]);
}

#[test]
fn a_message_describes_the_error_in_correct_english() {
    let message = |body: &str| {
        let (rules, mut faults) = (test_rules(), Faults::default());
        let (schema, definitions) = &schemas::of_input::<Probe>();
        let mut reading = Reading { source: Source::Body, definitions, rules: &rules, faults: &mut faults };
        check(schema, serde_json::from_str(body).unwrap(), &mut reading);
        let messages: Vec<_> = faults.into_problems().into_iter().map(|problem| problem.message).collect();
        messages.join("; ")
    };
    for (body, expected) in [
        (r#"{"text": ""}"#, "must have at least 1 character"),
        (r#"{"text": "abcd"}"#, "must have at most 3 characters"),
        (r#"{"text": "a", "ids": []}"#, "must have at least 1 item"),
        (r#"{"text": "a", "whole": 1.5}"#, "must be a whole number, not a decimal number"),
        (r#"{"text": "a", "whole": "1"}"#, "must be a whole number, not a string"),
        (r#"{"text": "a", "price": "-1.00"}"#, "must be at least 0, written without a sign"),
        (r#"{"text": "a", "price": "-0.00"}"#, "must be at least 0, written without a sign"),
        (r#"{"text": "a", "price": "-x"}"#, "not a decimal amount; write it like 9.99"),
    ] {
        assert_eq!(message(body), expected, "{body}");
    }
}

#[test]
fn a_body_that_is_not_an_object_causes_one_error() {
    for body in ["[]", "1", "\"x\"", "null", "true"] {
        assert_faults(&read(body).1, &[("body", FieldCode::WrongType)]);
    }
}

#[test]
fn null_is_allowed_only_for_fields_that_can_be_cleared() {
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
fn a_whole_number_may_have_a_decimal_point_or_an_exponent() {
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
fn parameters_are_read_according_to_their_schema() {
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
        ("price=-1.999", ("price", FieldCode::TooSmall)),
        ("price=-", ("price", FieldCode::InvalidFormat)),
        ("price=--1", ("price", FieldCode::InvalidFormat)),
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
        assert!(probe.is_some(), "{text}: the valid values are read in spite of the error");
    }
}

#[test]
fn unchecked_schema_parts_are_found() {
    let unchecked = |schema: &Value| unchecked(schema, &Map::new());
    let (schema, definitions) = schemas::of_input::<Probe>();
    assert_eq!(super::unchecked(&schema, &definitions), None);
    for schema in [
        json!({"type": "string"}),
        json!({"type": "string", "maxLength": 9, "pattern": "^a"}),
        json!({"type": "integer", "minimum": 0}),
        json!({"type": "number", "maximum": 0}),
        json!({"type": "integer", "minimum": 0, "maximum": 9, "multipleOf": 2}),
        json!({"type": "array", "items": {"type": "boolean"}}),
        json!({"type": "array", "maxItems": 1, "items": {"type": "string"}}),
        json!({"type": "object", "properties": {}}),
        json!({"$ref": "#/components/schemas/Gone"}),
        json!({}),
        json!(true),
    ] {
        assert!(unchecked(&schema).is_some(), "{schema}");
    }
}
