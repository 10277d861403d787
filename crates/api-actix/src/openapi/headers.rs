//! The headers of answers, described once; answers refer to them.

use serde_json::{Map, Value, json};

use super::carrier::header_references;

const HEADERS: &[(&str, &str)] = &[
    (
        "X-Request-Id",
        "The id of this request in the server's log: the one that was sent, when it is well-formed, else a new one.",
    ),
    ("Cache-Control", "Who may keep the answer, and for how long."),
    ("Content-Disposition", "What a file is called when it is kept."),
    ("ETag", "The state of what is shown; send it back in `If-None-Match`."),
    ("Link", "The first, previous, next and last page (RFC 8288)."),
    ("Location", "Where the new thing is found."),
    ("Retry-After", "When to try again, in seconds."),
    (
        "RateLimit-Policy",
        "The quotas that this call is counted for, where limits are on: `q` times within `w` seconds (IETF \
         draft-ietf-httpapi-ratelimit-headers-11).",
    ),
    (
        "RateLimit",
        "What is left of those quotas: `r` times within the next `t` seconds. In a 429 those that are used up.",
    ),
    ("Allow", "The methods that this address answers."),
    ("WWW-Authenticate", "How to authenticate."),
];

/// The headers of every answer to a call that is counted.
pub(super) const LIMITS: [&str; 2] = ["RateLimit-Policy", "RateLimit"];

/// The descriptions of the headers that a part of the document refers to.
pub(super) fn described(used: &str) -> Value {
    HEADERS
        .iter()
        .filter(|(name, _)| used.contains(&format!("#/components/headers/{name}\"")))
        .map(|(name, text)| ((*name).to_owned(), json!({"description": text, "schema": {"type": "string"}})))
        .collect::<Map<_, _>>()
        .into()
}

/// Adds references to headers to an answer.
pub(super) fn add_headers(response: &mut Value, names: &[&str]) {
    if let Some(fields) = response.as_object_mut() {
        let headers = fields.entry("headers").or_insert_with(|| json!({}));
        if let (Some(headers), Value::Object(more)) = (headers.as_object_mut(), header_references(names)) {
            headers.extend(more);
        }
    }
}
