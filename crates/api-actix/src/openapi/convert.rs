//! Converts the document that paperclip recorded into a valid OpenAPI 3.1 document.

use domain::accounts::Role;
use serde_json::{Map, Value, json};

use super::{
    describe::Fragment,
    headers,
    problems::{Call, Problems},
    schemas,
};
use crate::{
    edge::request_headers::answers_json,
    problem::{
        body::ProblemBody,
        kinds::{self, Kind},
    },
};

const DESCRIPTION: &str = "An online cinema: accounts, a catalogue of movies, its community, a cart, orders and payments.\n\n\
    Errors are RFC 9457 problems (`application/problem+json`); clients distinguish them by their `code`. \
    Every path that supports GET also supports HEAD. Unknown fields and parameters are refused.";

/// The groups of operations, with their descriptions.
const TAGS: &[(&str, &str)] = &[
    ("accounts", "Sign-up, sign-in and tokens."),
    ("users", "Accounts, for administrators."),
    ("media", "Pictures."),
    ("catalog", "Movies, genres, directors, stars and certifications."),
    ("me", "The caller's own account."),
    ("cart", "The caller's cart."),
    ("library", "The caller's library: bought movies, and how to watch them."),
    ("orders", "Orders: the movies that the caller buys, with their prices."),
    ("payments", "Payments of orders, and the provider's webhooks."),
    ("engagement", "Reactions, ratings, favourites, comments and their reports."),
    ("notifications", "The caller's notifications, as a list, by mail and as a live stream."),
    ("operations", "Health checks and this document."),
];

/// Returns the complete document.
pub(crate) fn document(recorded: &Value, public_url: &str) -> Value {
    let mut schemas = Map::new();
    let (_, problem) = schemas::of_answer::<ProblemBody<'_>>();
    merge(&mut schemas, problem);

    let mut problems = Problems::new(public_url);
    let mut paths = Map::new();
    for (path, item) in recorded.get("paths").and_then(Value::as_object).into_iter().flatten() {
        let mut operations = Map::new();
        for (method, operation) in item.as_object().into_iter().flatten() {
            if operation.get("responses").is_some() {
                operations.insert(
                    method.clone(),
                    operation_of(operation, &mut schemas, &mut problems, (method, path)),
                );
            }
        }
        paths.insert(path.clone(), operations.into());
    }
    schemas.sort_keys();

    let responses = problems.shared();
    let used = [Value::from(paths.clone()), responses.clone()].map(|part| part.to_string()).concat();
    let tags: Vec<Value> =
        TAGS.iter().map(|(name, text)| json!({"name": name, "description": text})).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Cinema",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "contact": {"name": "The operator of this server", "url": public_url.trim_end_matches('/')},
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{
            "url": public_url.trim_end_matches('/'),
            "description": "The server that generated this document: production, staging or local.",
            "x-internal": false,
        }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses,
            "headers": headers::used(&used),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The `access` token of a login, a JWT (RFC 7519). As RFC 8725 requires, only one algorithm is \
                        accepted, and the issuer, audience, purpose and expiry are checked. The `x-required-role` of an \
                        operation is the role that the caller needs.",
                },
                "ticket": {
                    "type": "apiKey",
                    "in": "query",
                    "name": "ticket",
                    "description": "A ticket of `POST /notifications/stream-tickets`, which opens one stream. For clients \
                        that cannot send headers, such as the `EventSource` of browsers.",
                },
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The email and password of an account. Only for this document, so that a browser can open it.",
                },
            },
        },
    })
}

fn operation_of(
    recorded: &Value,
    schemas: &mut Map<String, Value>,
    problems: &mut Problems<'_>,
    (method, path): (&str, &str),
) -> Value {
    let mut operation = Map::new();
    for key in ["operationId", "tags", "summary", "description"] {
        if let Some(value) = recorded.get(key) {
            operation.insert(key.into(), value.clone());
        }
    }
    let mut security = recorded.get("security").cloned().unwrap_or_else(|| json!([]));
    // `describe::add_bearer` recorded the role as a scope. The scope is removed, because bearer tokens have no scopes.
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
        .filter_map(|parameter| parameter_of(parameter, schemas))
        .collect();
    if let Some(fragment) = recorded
        .get("requestBody")
        .and_then(|body| body.get("description"))
        .and_then(Fragment::in_description)
    {
        merge(schemas, fragment.definitions);
        operation.insert("requestBody".into(), fragment.object);
    }
    let fault = match operation.get("requestBody") {
        Some(body) => example_fault(body, schemas),
        None => fault("colour", "unknown", "is not a parameter of this call"),
    };
    let call = Call { path: example_path(path, &parameters), fault };
    let is_idempotent = parameters
        .iter()
        .any(|parameter| parameter.get("name").and_then(Value::as_str) == Some("Idempotency-Key"));
    if !parameters.is_empty() {
        operation.insert("parameters".into(), parameters.into());
    }
    let mut responses = responses_of(recorded, schemas, problems, (method, path), &call);
    if is_idempotent {
        add_replayed(&mut responses);
    }
    operation.insert("responses".into(), responses);
    operation.into()
}

/// Adds the header `Idempotency-Replayed` to the responses of successful requests.
fn add_replayed(responses: &mut Value) {
    for (status, response) in responses.as_object_mut().into_iter().flatten() {
        let headers = response.get_mut("headers").and_then(Value::as_object_mut);
        if let (true, Some(headers), Value::Object(more)) =
            (status.starts_with('2'), headers, headers::references(&[headers::REPLAYED]))
        {
            headers.extend(more);
        }
    }
}

/// Returns the path template with each parameter replaced by its example.
fn example_path(path: &str, parameters: &[Value]) -> String {
    parameters.iter().fold(path.to_owned(), |path, parameter| {
        let text = |key: &str| parameter.get(key).and_then(Value::as_str).unwrap_or_default();
        path.replace(&format!("{{{}}}", text("name")), text("example"))
    })
}

/// Returns an example entry of `errors` for a body: a missing required field, or else an unknown field.
fn example_fault(body: &Value, schemas: &Map<String, Value>) -> Value {
    let reference = body.pointer("/content/application~1json/schema/$ref").and_then(Value::as_str);
    let name = reference.and_then(|reference| reference.rsplit('/').next()).unwrap_or_default();
    match schemas.get(name).and_then(|schema| schema.pointer("/required/0")).and_then(Value::as_str) {
        Some(field) => fault(field, "required", "is required"),
        None => fault("colour", "unknown", "is not a field of this body"),
    }
}

fn fault(field: &str, code: &str, message: &str) -> Value {
    json!({"field": field, "code": code, "message": message})
}

/// Returns the sentence that says who may call an operation that needs this role.
fn lets_in(role: &str) -> &'static str {
    match role.parse() {
        Ok(Role::Admin) => "For administrators.",
        Ok(Role::Moderator) => "For moderators and administrators.",
        Ok(Role::User) | Err(_) => "For signed-in users.",
    }
}

fn parameter_of(recorded: &Value, schemas: &mut Map<String, Value>) -> Option<Value> {
    let fragment = Fragment::in_description(recorded.get("description")?)?;
    merge(schemas, fragment.definitions);
    let mut parameter = fragment.object;
    parameter.as_object_mut()?.insert("name".into(), recorded.get("name")?.clone());
    Some(parameter)
}

fn responses_of(
    recorded: &Value,
    schemas: &mut Map<String, Value>,
    problems: &mut Problems<'_>,
    (method, path): (&str, &str),
    call: &Call,
) -> Value {
    let mut responses = Map::new();
    // Every request is counted for its client (`edge::rate_limit`), so every operation can respond with 429.
    let mut kinds: Vec<&'static Kind> = vec![&kinds::INTERNAL, &kinds::UNAVAILABLE, &kinds::RATE_LIMITED];
    if method != "get" && recorded.get("requestBody").is_none() {
        // An operation without a body refuses an unexpected body like an invalid one (`extract::body::unasked`).
        kinds.extend([&kinds::MALFORMED_REQUEST, &kinds::TOO_LARGE, &kinds::UNSUPPORTED_MEDIA_TYPE]);
    }
    if answers_json(path) {
        kinds.push(&kinds::NOT_ACCEPTABLE);
    }
    for (status, response) in recorded.get("responses").and_then(Value::as_object).into_iter().flatten() {
        let Some(mut fragment) = response.get("description").and_then(Fragment::in_description) else {
            continue;
        };
        if fragment.codes.is_empty() {
            merge(schemas, fragment.definitions);
            headers::add_common(&mut fragment.object);
            responses.insert(status.clone(), fragment.object);
        } else {
            kinds.extend(
                kinds::ALL.iter().filter(|kind| fragment.codes.iter().any(|code| code == kind.code)).copied(),
            );
        }
    }
    kinds.sort_by_key(|kind| (kind.status, kind.code));
    kinds.dedup();
    for group in kinds.chunk_by(|one, other| one.status == other.status) {
        let Some(status) = group.first().map(|kind| kind.status.to_string()) else { continue };
        match responses.get_mut(&status) {
            // A handler also returns this status with its own body (such as the 503 of /health/ready), so either body
            // is possible.
            Some(known) => {
                let mut problem = problems.written(group, call);
                if let (Some(content), Some(Value::Object(more))) = (
                    known.get_mut("content").and_then(Value::as_object_mut),
                    problem.get_mut("content").map(Value::take),
                ) {
                    content.extend(more);
                }
            }
            None => drop(responses.insert(status, problems.answer(group, call))),
        }
    }
    responses.sort_keys();
    responses.into()
}

/// Adds definitions. Two different types with the same name would be a bug.
fn merge(schemas: &mut Map<String, Value>, definitions: Map<String, Value>) {
    for (name, definition) in definitions {
        debug_assert!(
            schemas.get(&name).is_none_or(|known| *known == definition),
            "two types have the name {name}"
        );
        schemas.insert(name, definition);
    }
}
