//! Writes the error responses of the document.

use serde_json::{Map, Value, json};

use super::headers;
use crate::problem::{
    body::address,
    kinds::{self, Kind},
};

/// Error responses that many operations can return. Each of these responses is written once, and operations refer to
/// it. They have no examples, because an example contains the path of one operation.
const SHARED: &[(&str, &[&Kind])] = &[
    ("MalformedRequest", &[&kinds::MALFORMED_REQUEST]),
    ("Unauthorized", &[&kinds::ACCESS_TOKEN_EXPIRED, &kinds::ACCESS_TOKEN_INVALID, &kinds::UNAUTHENTICATED]),
    ("TokenRefused", &[&kinds::ACCESS_TOKEN_EXPIRED, &kinds::ACCESS_TOKEN_INVALID]),
    ("Forbidden", &[&kinds::FORBIDDEN]),
    ("NotAcceptable", &[&kinds::NOT_ACCEPTABLE]),
    ("BodyTooLarge", &[&kinds::TOO_LARGE]),
    ("UnsupportedMediaType", &[&kinds::UNSUPPORTED_MEDIA_TYPE]),
    ("TooManyRequests", &[&kinds::RATE_LIMITED]),
    ("InternalError", &[&kinds::INTERNAL]),
    ("Unavailable", &[&kinds::UNAVAILABLE]),
];

/// The operation that an error response belongs to.
#[derive(Debug)]
pub(super) struct Call {
    /// The path of the operation, with examples in place of its parameters.
    pub(super) path: String,
    /// An example entry of `errors`.
    pub(super) fault: Value,
}

/// Writes error responses, and remembers which of the shared error responses were used.
pub(super) struct Problems<'a> {
    public_url: &'a str,
    used: Vec<&'static str>,
}

impl<'a> Problems<'a> {
    pub(super) const fn new(public_url: &'a str) -> Self {
        Self { public_url, used: Vec::new() }
    }

    /// Returns the response of an operation for these problems, which must have the same status. It may be a reference
    /// to a shared response.
    pub(super) fn answer(&mut self, group: &[&'static Kind], call: &Call) -> Value {
        if let Some((name, _)) = SHARED.iter().find(|(_, kinds)| *kinds == group) {
            if !self.used.contains(name) {
                self.used.push(name);
            }
            return json!({"$ref": format!("#/components/responses/{name}")});
        }
        self.written(group, call)
    }

    /// Returns the complete response for these problems, with an example of each.
    pub(super) fn written(&self, group: &[&'static Kind], call: &Call) -> Value {
        let mut answer = described(group);
        let examples: Map<String, Value> = group
            .iter()
            .map(|kind| {
                let value = self.example(kind, call);
                (kind.code.to_owned(), json!({"summary": kind.title, "value": value}))
            })
            .collect();
        let media = answer.pointer_mut("/content/application~1problem+json").and_then(Value::as_object_mut);
        if let Some(media) = media {
            media.insert("examples".into(), examples.into());
        }
        answer
    }

    fn example(&self, kind: &Kind, call: &Call) -> Value {
        let mut body = json!({
            "type": address(self.public_url, kind),
            "title": kind.title,
            "status": kind.status,
            "code": kind.code,
            "detail": kind.explanation,
            "instance": call.path,
            "request_id": "0190a1b2-0000-7000-8000-000000000000",
        });
        if kind == &kinds::VALIDATION_FAILED
            && let Some(fields) = body.as_object_mut()
        {
            fields.insert("errors".into(), json!([call.fault]));
        }
        body
    }

    /// Returns the shared responses that were used, by name.
    pub(super) fn shared(&self) -> Value {
        let used = SHARED.iter().filter(|(name, _)| self.used.contains(name));
        let mut answers: Map<String, Value> =
            used.map(|(name, kinds)| ((*name).to_owned(), described(kinds))).collect();
        answers.sort_keys();
        answers.into()
    }
}

/// Returns the response for these problems, without examples.
fn described(group: &[&'static Kind]) -> Value {
    let codes: Vec<&str> = group.iter().map(|kind| kind.code).collect();
    let titles: Vec<&str> = group.iter().map(|kind| kind.title).collect();
    let more: &[&str] = match group.first().map_or(500, |kind| kind.status) {
        401 => &["WWW-Authenticate"],
        429 | 502 | 503 => &["Retry-After"],
        _ => &[],
    };
    let mut answer = json!({
        "description": format!("{}.", titles.join(", or ")),
        "headers": headers::references(more),
        "content": {
            "application/problem+json": {
                "schema": {
                    "allOf": [
                        {"$ref": "#/components/schemas/Problem"},
                        {"type": "object", "properties": {"code": {"type": "string", "enum": codes}}},
                    ],
                },
            },
        },
    });
    headers::add_common(&mut answer);
    answer
}
