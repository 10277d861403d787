//! Makes a valid OpenAPI 3.1 document of what paperclip recorded.

use domain::accounts::Role;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::carrier::{self, Cargo, header_references};
use crate::{
    edge::acceptance::answers_json,
    problem::{
        body::{ProblemBody, address},
        kinds::{self, Kind},
    },
};

const DESCRIPTION: &str = "An online cinema: accounts, a catalogue of movies, a cart.\n\n\
    Errors are RFC 9457 problems (`application/problem+json`); their `code` is what to switch on. \
    Every GET answers HEAD too. Unknown fields and parameters are refused.";

/// What each group of operations is about.
const TAGS: &[(&str, &str)] = &[
    ("accounts", "Sign-up, sign-in and tokens."),
    ("users", "Accounts, for those who look after them."),
    ("media", "The pictures that people see."),
    ("catalog", "Movies and what they are sorted by."),
    ("me", "The caller's own account."),
    ("cart", "What the caller means to buy."),
    ("operations", "For those who run the server."),
];

/// Headers of answers, described once.
const HEADERS: &[(&str, &str)] = &[
    (
        "X-Request-Id",
        "Names this request in the server's log; the one that was sent, when it was a sane one.",
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

/// The whole document.
pub(crate) fn mended(recorded: &Value, public_url: &str) -> Value {
    let mut schemas = Map::new();
    let (_, problem) = carrier::schema::<ProblemBody<'_>>(SchemaSettings::draft2020_12().for_serialize());
    merge(&mut schemas, problem);

    let mut paths = Map::new();
    for (path, item) in recorded.get("paths").and_then(Value::as_object).into_iter().flatten() {
        let mut operations = Map::new();
        for (method, operation) in item.as_object().into_iter().flatten() {
            if operation.get("responses").is_some() {
                operations.insert(
                    method.clone(),
                    mended_operation(operation, &mut schemas, public_url, (method, path)),
                );
            }
        }
        paths.insert(path.clone(), operations.into());
    }
    schemas.sort_keys();

    let headers: Map<String, Value> = HEADERS
        .iter()
        .map(|(name, text)| ((*name).to_owned(), json!({"description": text, "schema": {"type": "string"}})))
        .collect();
    let tags: Vec<Value> =
        TAGS.iter().map(|(name, text)| json!({"name": name, "description": text})).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Cinema",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": public_url.trim_end_matches('/'), "description": "This server."}],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": headers,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The `access` token of a login.",
                },
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The email and the password of an account; for this document alone, so that a browser can open it.",
                },
            },
        },
    })
}

fn mended_operation(
    recorded: &Value,
    schemas: &mut Map<String, Value>,
    public_url: &str,
    call: (&str, &str),
) -> Value {
    let mut operation = Map::new();
    for key in ["operationId", "tags", "summary", "description"] {
        if let Some(value) = recorded.get(key) {
            operation.insert(key.into(), value.clone());
        }
    }
    let security = recorded.get("security").cloned().unwrap_or_else(|| json!([]));
    if let Some(role) = security.pointer("/0/bearer/0").and_then(Value::as_str) {
        operation.insert("x-required-role".into(), role.into());
        let description = operation.get("description").and_then(Value::as_str).unwrap_or_default();
        let text = format!("{description}\n\n{}", lets_in(role));
        operation.insert("description".into(), text.trim_start().into());
    }
    operation.insert("security".into(), security);

    let parameters: Vec<Value> = recorded
        .get("parameters")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|parameter| mended_parameter(parameter, schemas))
        .collect();
    if !parameters.is_empty() {
        operation.insert("parameters".into(), parameters.into());
    }
    if let Some(cargo) =
        recorded.get("requestBody").and_then(|body| body.get("description")).and_then(Cargo::of)
    {
        merge(schemas, cargo.definitions);
        operation.insert("requestBody".into(), cargo.object);
    }
    operation.insert("responses".into(), mended_responses(recorded, schemas, public_url, call));
    operation.into()
}

/// Who has the role, for people.
fn lets_in(role: &str) -> &'static str {
    match role.parse() {
        Ok(Role::Admin) => "For administrators.",
        Ok(Role::Moderator) => "For moderators and administrators.",
        Ok(Role::User) | Err(_) => "For signed-in users.",
    }
}

fn mended_parameter(recorded: &Value, schemas: &mut Map<String, Value>) -> Option<Value> {
    let cargo = Cargo::of(recorded.get("description")?)?;
    merge(schemas, cargo.definitions);
    let mut parameter = cargo.object;
    parameter.as_object_mut()?.insert("name".into(), recorded.get("name")?.clone());
    Some(parameter)
}

fn mended_responses(
    recorded: &Value,
    schemas: &mut Map<String, Value>,
    public_url: &str,
    (method, path): (&str, &str),
) -> Value {
    let mut responses = Map::new();
    let mut problems: Vec<&'static Kind> = vec![&kinds::INTERNAL, &kinds::UNAVAILABLE];
    if method != "get" && recorded.get("requestBody").is_none() {
        // A body that nobody asked for is refused as a wrong one is (`extract::body::unasked`).
        problems.extend([&kinds::MALFORMED_REQUEST, &kinds::TOO_LARGE, &kinds::UNSUPPORTED_MEDIA_TYPE]);
    }
    if answers_json(path) {
        problems.push(&kinds::NOT_ACCEPTABLE);
    }
    // Every call but those of the watchmen is counted for its client (`edge::limited`).
    let is_limited = !path.starts_with("/health/");
    if is_limited {
        problems.push(&kinds::RATE_LIMITED);
    }
    for (status, response) in recorded.get("responses").and_then(Value::as_object).into_iter().flatten() {
        let Some(cargo) = response.get("description").and_then(Cargo::of) else { continue };
        if cargo.codes.is_empty() {
            merge(schemas, cargo.definitions);
            responses.insert(status.clone(), with_common_headers(cargo.object));
        } else {
            problems.extend(
                kinds::ALL.iter().filter(|kind| cargo.codes.iter().any(|code| code == kind.code)).copied(),
            );
        }
    }
    problems.sort_by_key(|kind| (kind.status, kind.code));
    problems.dedup();
    for group in problems.chunk_by(|one, other| one.status == other.status) {
        let Some(first) = group.first() else { continue };
        let mut problem = problem_response(group, public_url, path);
        match responses.get_mut(&first.status.to_string()) {
            // Answered by a handler as well, such as the 503 of /health/ready: either body is possible.
            Some(known) => {
                if let (Some(content), Some(Value::Object(more))) = (
                    known.get_mut("content").and_then(Value::as_object_mut),
                    problem.get_mut("content").map(Value::take),
                ) {
                    content.extend(more);
                }
            }
            None => {
                responses.insert(first.status.to_string(), problem);
            }
        }
    }
    if is_limited {
        for response in responses.values_mut() {
            add_headers(response, &["RateLimit-Policy", "RateLimit"]);
        }
    }
    responses.sort_keys();
    responses.into()
}

fn problem_response(kinds: &[&'static Kind], public_url: &str, path: &str) -> Value {
    let codes: Vec<&str> = kinds.iter().map(|kind| kind.code).collect();
    let titles: Vec<&str> = kinds.iter().map(|kind| kind.title).collect();
    let examples: Map<String, Value> = kinds
        .iter()
        .map(|kind| {
            (kind.code.to_owned(), json!({"summary": kind.title, "value": example(kind, public_url, path)}))
        })
        .collect();
    let status = kinds.first().map_or(500, |kind| kind.status);
    let headers: &[&str] = match status {
        401 => &["X-Request-Id", "WWW-Authenticate"],
        429 | 503 => &["X-Request-Id", "Retry-After"],
        _ => &["X-Request-Id"],
    };
    json!({
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
    })
}

fn example(kind: &Kind, public_url: &str, path: &str) -> Value {
    let mut body = json!({
        "type": address(public_url, kind),
        "title": kind.title,
        "status": kind.status,
        "code": kind.code,
        "detail": kind.explanation,
        "instance": path,
        "request_id": "0190a1b2-0000-7000-8000-000000000000",
    });
    if kind == &kinds::VALIDATION_FAILED
        && let Some(fields) = body.as_object_mut()
    {
        fields.insert(
            "errors".into(),
            json!([{"field": "name", "code": "unknown", "message": "is not a field of this body"}]),
        );
    }
    body
}

fn with_common_headers(mut response: Value) -> Value {
    add_headers(&mut response, &["X-Request-Id", "Cache-Control"]);
    response
}

fn add_headers(response: &mut Value, names: &[&str]) {
    if let Some(fields) = response.as_object_mut() {
        let headers = fields.entry("headers").or_insert_with(|| json!({}));
        if let (Some(headers), Value::Object(more)) = (headers.as_object_mut(), header_references(names)) {
            headers.extend(more);
        }
    }
}

/// Adds definitions. Examples of types stand at the media types; two types of one name would be a fault of ours.
fn merge(schemas: &mut Map<String, Value>, definitions: Map<String, Value>) {
    for (name, definition) in definitions {
        debug_assert!(
            schemas.get(&name).is_none_or(|known| *known == definition),
            "two types are called {name}"
        );
        schemas.insert(name, definition);
    }
}
