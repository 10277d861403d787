//! Checks the responses that the suite receives as [`Answer`] against the OpenAPI document.

use std::sync::OnceLock;

use serde_json::Value;

use super::Answer;

/// Returns the OpenAPI document as the server generates it.
pub(crate) fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| api_actix::openapi_document("http://127.0.0.1:8000"))
}

/// Returns the operation for a method and a path, if the document has it.
pub(crate) fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let paths = document()["paths"].as_object()?;
    let mut fitting: Vec<_> = paths.iter().filter(|(template, _)| fits(template, path)).collect();
    // Paths with fewer parameters take precedence, for example `/movies/facets` over `/movies/{id}`.
    fitting.sort_by_key(|(template, _)| template.matches('{').count());
    let (_, item) = fitting.first()?;
    item.get(method.to_ascii_lowercase())
}

fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(name), Some(part)) if name == part || (name.starts_with('{') && !part.is_empty()) => {}
            _ => return false,
        }
    }
}

/// Asserts that the response's status, media type, `Cache-Control` and problem code are in the document. Responses of
/// routes that are not in the document are not checked.
#[track_caller]
pub(crate) fn documents(answer: &Answer) {
    let path = answer.target.split('?').next().unwrap_or_default();
    let method = if answer.method == "HEAD" { "get" } else { &answer.method };
    let Some(operation) = operation(method, path) else { return };
    let Some(known) = operation["responses"].get(answer.status.to_string()) else {
        panic!("the status is not in the document: {answer}");
    };
    let known = resolved(document(), known);
    let kind = answer.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
    if !answer.body.is_empty() {
        let kinds = known.get("content").and_then(Value::as_object);
        assert!(
            kinds.is_some_and(|kinds| kinds.contains_key(kind)),
            "the media type {kind:?} is not in the document: {answer}"
        );
    }
    let kept = resolved(document(), &known["headers"]["Cache-Control"]);
    let (kept, sent) = (&kept["schema"], answer.header("cache-control").unwrap_or_default());
    let fits = match (&kept["const"], &kept["enum"]) {
        (Value::String(only), _) => only == sent,
        (_, Value::Array(some)) => some.iter().any(|one| one == sent),
        _ => sent.starts_with("public, max-age="),
    };
    assert!(fits, "Cache-Control differs from the document: {kept}: {answer}");
    if kind == "application/problem+json" && !answer.body.is_empty() {
        let codes = known.pointer("/content/application~1problem+json/schema/allOf/1/properties/code/enum");
        let codes = codes.and_then(Value::as_array).unwrap_or_else(|| panic!("no codes: {answer}"));
        assert!(codes.contains(&answer.json()["code"]), "the code is not in the document: {answer}");
    }
}

/// Resolves a reference; returns other values unchanged.
pub(crate) fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let Some(reference) = value["$ref"].as_str() else { return value };
    let target = document.pointer(reference.trim_start_matches('#'));
    target.unwrap_or_else(|| panic!("{reference} does not exist"))
}

/// Returns every operation of a document with its method and path.
pub(crate) fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
    let paths = document["paths"].as_object().expect("paths");
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().into_iter().flatten().map(move |(method, one)| (path, method, one))
        })
        .filter(|(_, method, _)| METHODS.contains(&method.as_str()))
        .map(|(path, method, operation)| (method.as_str(), path.as_str(), operation))
        .collect()
}
