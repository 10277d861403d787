//! Tests that the OpenAPI document is served, current and valid.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Engine, TestApp, cases, operations, resolved};

cases! {
    the_served_document_is_openapi_3_1,
    the_served_document_is_the_committed_one,
    every_operation_has_a_unique_id,
    every_operation_has_a_summary,
    every_reference_leads_somewhere,
    every_error_is_a_problem,
    the_document_has_no_unused_parts,
}

async fn served(engine: Engine) -> Value {
    let app = TestApp::spawn(engine).await;
    let answer = app.anonymous().get("/openapi.json").await.expect(200);
    assert!(answer.header("content-type").unwrap().starts_with("application/json"), "{answer}");
    answer.json()
}

async fn the_served_document_is_openapi_3_1(engine: Engine) {
    let document = served(engine).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    for member in ["info", "paths", "components", "servers"] {
        assert!(!document[member].is_null(), "{member}");
    }
    let bearer = document["components"]["securitySchemes"]
        .as_object()
        .unwrap()
        .values()
        .any(|scheme| scheme["type"] == "http" && scheme["scheme"] == "bearer");
    assert!(bearer, "{}", document["components"]["securitySchemes"]);
}

async fn the_served_document_is_the_committed_one(engine: Engine) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json");
    let committed = std::fs::read_to_string(path).expect("openapi.json is committed (make openapi)");
    let committed: Value = serde_json::from_str(&committed).expect("openapi.json is JSON");
    // URLs in the document begin with the public URL of the server. The committed document has the default public URL.
    let app = TestApp::spawn_with(engine, &[("PUBLIC_URL", "http://127.0.0.1:8000")]).await;
    let served = app.anonymous().get("/openapi.json").await.expect(200).json();
    assert!(committed == served, "openapi.json is out of date: run `make openapi`");
}

async fn every_operation_has_a_unique_id(engine: Engine) {
    let document = served(engine).await;
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no id"));
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        assert!(id.starts_with(|first: char| first.is_ascii_lowercase()), "{id}");
        assert!(ids.insert(id.to_owned()), "{id} occurs twice");
    }
}

async fn every_operation_has_a_summary(engine: Engine) {
    let document = served(engine).await;
    for (method, path, operation) in operations(&document) {
        for member in ["summary", "description"] {
            let text = operation[member].as_str().unwrap_or_default();
            assert!(!text.trim().is_empty(), "{method} {path} has no {member}");
        }
        assert!(operation["tags"].as_array().is_some_and(|tags| !tags.is_empty()), "{method} {path}");
        assert!(operation["security"].is_array(), "{method} {path} does not declare who may call it");
    }
}

fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(target) if name == "$ref" => found.push(target),
                    other => references(other, found),
                }
            }
        }
        _ => {}
    }
}

async fn every_reference_leads_somewhere(engine: Engine) {
    let document = served(engine).await;
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for target in found {
        let pointer = target.strip_prefix('#').unwrap_or_else(|| panic!("{target} is an external URL"));
        assert!(document.pointer(pointer).is_some(), "{target} does not exist");
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)), "{name}");
    }
}

async fn every_error_is_a_problem(engine: Engine) {
    let document = served(engine).await;
    for (method, path, operation) in operations(&document) {
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path}");
        for (status, answer) in answers.iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
            let answer = resolved(&document, answer);
            let content = answer["content"].as_object().unwrap_or_else(|| panic!("{method} {path} {status}"));
            let is_readiness = path == "/health/ready" && status == "503";
            assert!(
                is_readiness || content.contains_key("application/problem+json"),
                "{method} {path} {status}: {content:?}"
            );
        }
        if path.starts_with("/api/") {
            assert!(answers.contains_key("503"), "{method} {path} does not declare the 503 answer");
        }
    }
}

async fn the_document_has_no_unused_parts(engine: Engine) {
    let document = served(engine).await;
    let mut found = Vec::new();
    references(&document, &mut found);
    for (kind, components) in document["components"].as_object().unwrap() {
        for name in components.as_object().unwrap().keys() {
            let used = found.contains(&format!("#/components/{kind}/{name}").as_str());
            assert!(used || kind == "securitySchemes", "no reference to {kind}/{name}");
        }
    }
    let size = document.to_string().len() / operations(&document).len();
    assert!(size < 6_000, "the document repeats parts instead of sharing them: {size} bytes per operation");
}
