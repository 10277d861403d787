//! Makes a valid OpenAPI 3.1 document of what paperclip recorded.

use domain::accounts::Role;
use serde_json::{Map, Value, json};

use super::{
    carrier::{Cargo, header_references},
    problems::SharedProblems,
    schemas,
};
use crate::{
    edge::accept_header::answers_json,
    problem::{
        body::ProblemBody,
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

/// What every call that is counted is told.
pub(super) const LIMITS: [&str; 2] = ["RateLimit-Policy", "RateLimit"];

/// The whole document.
pub(crate) fn mended(recorded: &Value, public_url: &str) -> Value {
    let mut schemas = Map::new();
    let (_, problem) = schemas::of_answer::<ProblemBody<'_>>();
    merge(&mut schemas, problem);

    let mut shared = SharedProblems::new(public_url);
    let mut paths = Map::new();
    for (path, item) in recorded.get("paths").and_then(Value::as_object).into_iter().flatten() {
        let mut operations = Map::new();
        for (method, operation) in item.as_object().into_iter().flatten() {
            if operation.get("responses").is_some() {
                operations.insert(
                    method.clone(),
                    mended_operation(operation, &mut schemas, &mut shared, (method, path)),
                );
            }
        }
        paths.insert(path.clone(), operations.into());
    }
    schemas.sort_keys();

    let responses = shared.responses();
    let used = [Value::from(paths.clone()), responses.clone()].map(|part| part.to_string()).concat();
    let headers: Map<String, Value> = HEADERS
        .iter()
        .filter(|(name, _)| used.contains(&format!("#/components/headers/{name}\"")))
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
            "contact": {"name": "Those who run this server", "url": public_url.trim_end_matches('/')},
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": public_url.trim_end_matches('/'), "description": "This server."}],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses,
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
    shared: &mut SharedProblems,
    call: (&str, &str),
) -> Value {
    let mut operation = Map::new();
    for key in ["operationId", "tags", "summary", "description"] {
        if let Some(value) = recorded.get(key) {
            operation.insert(key.into(), value.clone());
        }
    }
    let mut security = recorded.get("security").cloned().unwrap_or_else(|| json!([]));
    // The role travelled as a scope, which a bearer token has not.
    let scopes = security.pointer_mut("/0/bearer").map(|scopes| std::mem::replace(scopes, json!([])));
    if let Some(role) = scopes.as_ref().and_then(|scopes| scopes.get(0)).and_then(Value::as_str) {
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
    operation.insert("responses".into(), mended_responses(recorded, schemas, shared, call));
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
    shared: &mut SharedProblems,
    (method, path): (&str, &str),
) -> Value {
    let mut responses = Map::new();
    let has_body = recorded.get("requestBody").is_some();
    let mut problems: Vec<&'static Kind> = vec![&kinds::INTERNAL, &kinds::UNAVAILABLE];
    if method != "get" && !has_body {
        // A body that nobody asked for is refused as a wrong one is (`extract::body::unasked`).
        problems.extend([&kinds::MALFORMED_REQUEST, &kinds::TOO_LARGE, &kinds::UNSUPPORTED_MEDIA_TYPE]);
    }
    if answers_json(path) {
        problems.push(&kinds::NOT_ACCEPTABLE);
    }
    // Every call is counted for its client (`edge::rate_limit`).
    let is_limited = true;
    if is_limited {
        problems.push(&kinds::RATE_LIMITED);
    }
    for (status, response) in recorded.get("responses").and_then(Value::as_object).into_iter().flatten() {
        let Some(cargo) = response.get("description").and_then(Cargo::of) else { continue };
        if cargo.codes.is_empty() {
            merge(schemas, cargo.definitions);
            responses.insert(status.clone(), with_common_headers(cargo.object, is_limited));
        } else {
            problems.extend(
                kinds::ALL.iter().filter(|kind| cargo.codes.iter().any(|code| code == kind.code)).copied(),
            );
        }
    }
    problems.sort_by_key(|kind| (kind.status, kind.code));
    problems.dedup();
    for group in problems.chunk_by(|one, other| one.status == other.status) {
        let Some(status) = group.first().map(|kind| kind.status.to_string()) else { continue };
        match responses.get_mut(&status) {
            // Answered by a handler as well, such as the 503 of /health/ready: either body is possible.
            Some(known) => {
                let mut problem = shared.written(group, is_limited, has_body);
                if let (Some(content), Some(Value::Object(more))) = (
                    known.get_mut("content").and_then(Value::as_object_mut),
                    problem.get_mut("content").map(Value::take),
                ) {
                    content.extend(more);
                }
            }
            None => {
                responses.insert(status, shared.reference(group, is_limited, has_body));
            }
        }
    }
    responses.sort_keys();
    responses.into()
}

fn with_common_headers(mut response: Value, is_limited: bool) -> Value {
    add_headers(&mut response, &["X-Request-Id", "Cache-Control"]);
    if is_limited {
        add_headers(&mut response, &LIMITS);
    }
    response
}

/// Adds headers that are described once.
pub(super) fn add_headers(response: &mut Value, names: &[&str]) {
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
