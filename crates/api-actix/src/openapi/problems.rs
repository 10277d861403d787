//! The error answers of the document: each set of problems is written once, and operations refer to it.

use serde_json::{Map, Value, json};

use super::{
    carrier::header_references,
    headers::{LIMITS, add_headers},
};
use crate::problem::{
    body::address,
    kinds::{self, Kind},
};

/// What stands in the examples for the path that was asked for.
const INSTANCE: &str = "/api/v1/cart";

/// The error answers that operations refer to.
pub(super) struct SharedProblems {
    public_url: String,
    responses: Map<String, Value>,
}

impl SharedProblems {
    pub(super) fn new(public_url: &str) -> Self {
        Self { public_url: public_url.to_owned(), responses: Map::new() }
    }

    /// Leads to the answer that is one of these problems, which are of one status.
    pub(super) fn reference(&mut self, group: &[&'static Kind], is_limited: bool, has_body: bool) -> Value {
        let mut name = group.iter().map(|kind| capitalized(kind.code)).collect::<Vec<_>>().join("Or");
        if group.contains(&&kinds::VALIDATION_FAILED) && !has_body {
            name.push_str("InParameters");
        }
        if !is_limited {
            name.push_str("Uncounted");
        }
        let reference = json!({"$ref": format!("#/components/responses/{name}")});
        if !self.responses.contains_key(&name) {
            let written = self.written(group, is_limited, has_body);
            self.responses.insert(name, written);
        }
        reference
    }

    /// The answer that is one of these problems.
    pub(super) fn written(&self, group: &[&'static Kind], is_limited: bool, has_body: bool) -> Value {
        let codes: Vec<&str> = group.iter().map(|kind| kind.code).collect();
        let titles: Vec<&str> = group.iter().map(|kind| kind.title).collect();
        let examples: Map<String, Value> = group
            .iter()
            .map(|kind| {
                let value = self.example(kind, has_body);
                (kind.code.to_owned(), json!({"summary": kind.title, "value": value}))
            })
            .collect();
        let headers: &[&str] = match group.first().map_or(500, |kind| kind.status) {
            401 => &["X-Request-Id", "WWW-Authenticate"],
            429 | 503 => &["X-Request-Id", "Retry-After"],
            _ => &["X-Request-Id"],
        };
        let mut response = json!({
            "description": format!("{}.", titles.join(", or ")),
            "headers": header_references(headers),
            "content": {
                "application/problem+json": {
                    "schema": {
                        "allOf": [
                            {"$ref": "#/components/schemas/Problem"},
                            {"type": "object", "properties": {"code": {"type": "string", "enum": codes}}},
                        ],
                    },
                    "examples": examples,
                },
            },
        });
        if is_limited {
            add_headers(&mut response, &LIMITS);
        }
        response
    }

    fn example(&self, kind: &Kind, has_body: bool) -> Value {
        let mut body = json!({
            "type": address(&self.public_url, kind),
            "title": kind.title,
            "status": kind.status,
            "code": kind.code,
            "detail": kind.explanation,
            "instance": INSTANCE,
            "request_id": "0190a1b2-0000-7000-8000-000000000000",
        });
        if kind == &kinds::VALIDATION_FAILED
            && let Some(fields) = body.as_object_mut()
        {
            let message =
                if has_body { "is not a field of this body" } else { "is not a parameter of this call" };
            let fault = json!({"field": "colour", "code": "unknown", "message": message});
            fields.insert("errors".into(), json!([fault]));
        }
        body
    }

    /// All of them, by name.
    pub(super) fn responses(mut self) -> Value {
        self.responses.sort_keys();
        self.responses.into()
    }
}

/// `not_found` as `NotFound`.
fn capitalized(code: &str) -> String {
    let mut name = String::with_capacity(code.len());
    for word in code.split('_') {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}
