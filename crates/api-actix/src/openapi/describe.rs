//! Functions with which extractors and response types add their parts to the OpenAPI description of an operation.
//!
//! paperclip supports only Swagger 2. Therefore each part of the OpenAPI 3.1 document is written as JSON into the
//! *description* of a paperclip parameter or response, which paperclip does not change. [`convert`](super::convert)
//! reads it there.

use std::cell::Cell;

use domain::accounts::Role;
use paperclip::v2::models::{DataType, DefaultOperationRaw, Either, Parameter, ParameterIn, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    headers::{self, MAX_CONDITION},
    schemas::{self, Schemas, markers},
};
use crate::problem::{Kind, kinds};

thread_local! {
    /// Whether this thread records the routes for the document. A server that only serves the routes skips the
    /// descriptions, because they would take most of its startup time.
    static IS_RECORDING: Cell<bool> = const { Cell::new(false) };
}

/// Enables the functions of this module while `record` runs. At other times these functions do nothing, except the
/// functions that declare the accepted credentials, such as [`add_bearer`].
pub(crate) fn recording<T>(record: impl FnOnce() -> T) -> T {
    IS_RECORDING.set(true);
    let recorded = record();
    IS_RECORDING.set(false);
    recorded
}

fn is_recording() -> bool {
    IS_RECORDING.get()
}

/// A part of the OpenAPI 3.1 document.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Fragment {
    /// An OpenAPI 3.1 parameter, request body or response.
    pub(crate) object: Value,
    /// The named schemas that the object refers to.
    pub(crate) definitions: Map<String, Value>,
    /// The problem codes (`code` in the body, not HTTP status codes) that an error response can have.
    pub(crate) codes: Vec<String>,
}

impl Fragment {
    fn to_text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    /// Reads a part of the document from a description in paperclip's output.
    pub(crate) fn in_description(description: &Value) -> Option<Self> {
        serde_json::from_str(description.as_str()?).ok()
    }
}

/// Adds each member of a query type as a query parameter.
pub(crate) fn add_query<T: JsonSchema>(op: &mut DefaultOperationRaw) {
    if !is_recording() {
        return;
    }
    let (schema, mut definitions) = schemas::of_input::<T>();
    // Each member becomes a parameter, so the schema of the type itself is not needed.
    let name = schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.rsplit('/').next());
    let Some(schema) = name.and_then(|name| definitions.shift_remove(name)) else { return };
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    definitions.values_mut().for_each(schemas::show);
    for (name, property) in properties {
        let is_sort = property.get(markers::SORT).is_some();
        let mut property = property.clone();
        schemas::show(&mut property);
        let description = take(&mut property, "description");
        let example = take(&mut property, "examples").and_then(|all| all.get(0).cloned());
        let must = required.iter().any(|other| other == name.as_str());
        let mut object = json!({"name": name, "in": "query", "required": must, "schema": property});
        if let Some(fields) = object.as_object_mut() {
            // Sort keys are sent as one value, separated by commas.
            let style = is_sort.then(|| ("style", json!("form"))).into_iter();
            let explode = is_sort.then(|| ("explode", json!(false)));
            let notes = [("description", description), ("example", example)].into_iter();
            let notes = notes.filter_map(|(name, note)| Some((name, note?)));
            let more = style.chain(explode).chain(notes);
            fields.extend(more.map(|(name, value)| (name.to_owned(), value)));
        }
        add_parameter(
            op,
            ParameterIn::Query,
            name,
            &Fragment { object, definitions: definitions.clone(), codes: Vec::new() },
        );
    }
}

/// Adds the path parameter that contains an identifier. Its name is empty here; paperclip sets it to the name in the
/// path template.
pub(crate) fn add_path_id(op: &mut DefaultOperationRaw) {
    if !is_recording() {
        return;
    }
    let object = json!({
        "in": "path",
        "required": true,
        "description": "The identifier, a UUID.",
        "schema": {"type": "string", "format": "uuid", "maxLength": 36},
        "example": "0190a1b2-0000-7000-8000-000000000000",
    });
    add_parameter(op, ParameterIn::Path, "", &Fragment { object, ..Fragment::default() });
}

/// Adds the path parameter that contains a file name. As in [`add_path_id`], paperclip sets the parameter's name.
pub(crate) fn add_path_file(op: &mut DefaultOperationRaw, example: &str) {
    if !is_recording() {
        return;
    }
    let object = json!({
        "in": "path",
        "required": true,
        "description": "The name of the file, as given in an answer.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]+$", "maxLength": 100},
        "example": example,
    });
    add_parameter(op, ParameterIn::Path, "", &Fragment { object, ..Fragment::default() });
}

/// Adds the path parameter that contains one of `names`. As in [`add_path_id`], paperclip sets the parameter's name.
pub(crate) fn add_path_name(op: &mut DefaultOperationRaw, description: &str, names: &[String]) {
    if !is_recording() {
        return;
    }
    let object = json!({
        "in": "path",
        "required": true,
        "description": description,
        "schema": {"type": "string", "enum": names},
        "example": names.first(),
    });
    add_parameter(op, ParameterIn::Path, "", &Fragment { object, ..Fragment::default() });
}

/// Adds a form. Its field `field` is a file of one of the media types in `types`, which are separated by commas.
pub(crate) fn add_form<T: JsonSchema>(op: &mut DefaultOperationRaw, field: &str, types: &str) {
    if !is_recording() {
        return;
    }
    let (mut media, definitions) = media(schemas::of_shown_input::<T>());
    if let Some(media) = media.as_object_mut() {
        media.insert("encoding".into(), json!({field: {"contentType": types}}));
    }
    let object = json!({"required": true, "content": {"multipart/form-data": media}});
    add_parameter(op, ParameterIn::Body, "body", &Fragment { object, definitions, codes: Vec::new() });
}

/// Adds a JSON body of this type. If there are two media types, the second one is mentioned only in the description,
/// because client generators such as openapi-python-client generate invalid code for two media types with one schema.
pub(crate) fn add_body<T: JsonSchema>(op: &mut DefaultOperationRaw, types: &[&str]) {
    if !is_recording() {
        return;
    }
    let (media, definitions) = media(schemas::of_shown_input::<T>());
    let mut object = json!({"required": true, "content": {"application/json": media}});
    if let (Some(fields), [_, .., other]) = (object.as_object_mut(), types) {
        let text = format!("May also be sent as `{other}` (RFC 7396), which means the same.");
        fields.insert("description".into(), text.into());
    }
    add_parameter(op, ParameterIn::Body, "body", &Fragment { object, definitions, codes: Vec::new() });
}

/// Adds the header `Idempotency-Key` with a key of at most `longest` characters.
pub(crate) fn add_idempotency_key(op: &mut DefaultOperationRaw, longest: usize) {
    if !is_recording() {
        return;
    }
    let object = json!({
        "in": "header",
        "required": false,
        "description": "Identifies the request. If it is repeated with the same body within 24 hours, it is executed only once, and \
            the stored answer is returned with `Idempotency-Replayed: true`.",
        "schema": {"type": "string", "pattern": "^[\\x20-\\x7e]+$", "minLength": 1, "maxLength": longest},
        "example": "5f2b1c9e-order-1",
    });
    add_parameter(op, ParameterIn::Header, "Idempotency-Key", &Fragment { object, ..Fragment::default() });
}

/// Adds an optional JSON body of this type.
pub(crate) fn add_optional_body<T: JsonSchema>(op: &mut DefaultOperationRaw) {
    if !is_recording() {
        return;
    }
    let (media, definitions) = media(schemas::of_shown_input::<T>());
    let object = json!({"required": false, "content": {"application/json": media}});
    add_parameter(op, ParameterIn::Body, "body", &Fragment { object, definitions, codes: Vec::new() });
}

/// Adds a JSON object as the body, without a description of its members.
pub(crate) fn add_any_body(op: &mut DefaultOperationRaw, description: &str) {
    if !is_recording() {
        return;
    }
    let media = json!({"schema": {"type": "object"}, "example": {"id": "evt_1"}});
    let object =
        json!({"required": true, "description": description, "content": {"application/json": media}});
    add_parameter(op, ParameterIn::Body, "body", &Fragment { object, ..Fragment::default() });
}

/// Adds a JSON response of this type. `headers` are the names of the OpenAPI header components of this response, in
/// addition to the headers that all responses can have.
pub(crate) fn add_answer<T: JsonSchema>(
    op: &mut DefaultOperationRaw,
    status: u16,
    description: &str,
    headers: &[&str],
) {
    if !is_recording() {
        return;
    }
    let (media, definitions) = media(schemas::of_answer::<T>());
    let object = json!({
        "description": description,
        "headers": headers::references(headers),
        "content": {"application/json": media},
    });
    insert(op, status, &Fragment { object, definitions, codes: Vec::new() });
}

/// Adds the response of a list: a page `P` of items `T`. `page` converts the example of `T` into the example of the
/// page.
pub(crate) fn add_page<P: JsonSchema, T: JsonSchema>(
    op: &mut DefaultOperationRaw,
    headers: &[&str],
    page: impl FnOnce(Value) -> Value,
) {
    if !is_recording() {
        return;
    }
    let (mut media, definitions) = media(schemas::of_answer::<P>());
    let (item, _) = self::media(schemas::of_answer::<T>());
    if let (Some(fields), Some(example)) = (media.as_object_mut(), item.get("example")) {
        fields.insert("example".into(), page(example.clone()));
    }
    let object = json!({
        "description": "A page of the list.",
        "headers": headers::references(headers),
        "content": {"application/json": media},
    });
    insert(op, 200, &Fragment { object, definitions, codes: Vec::new() });
}

/// Adds a response that is a file.
pub(crate) fn add_file_answer(
    op: &mut DefaultOperationRaw,
    description: &str,
    media_type: &str,
    headers: &[&str],
) {
    // The name of the media type describes the file sufficiently.
    add_media_answer(op, description, media_type, json!({}), headers);
}

/// Adds a 200 response of this media type. `media` is the OpenAPI media type object that describes the body.
pub(crate) fn add_media_answer(
    op: &mut DefaultOperationRaw,
    description: &str,
    media_type: &str,
    media: Value,
    headers: &[&str],
) {
    if !is_recording() {
        return;
    }
    let content = Map::from_iter([(media_type.to_owned(), media)]);
    let object = json!({
        "description": description,
        "headers": headers::references(headers),
        "content": content,
    });
    insert(op, 200, &Fragment { object, ..Fragment::default() });
}

/// Adds a response without a body.
pub(crate) fn add_empty_answer(
    op: &mut DefaultOperationRaw,
    status: u16,
    description: &str,
    headers: &[&str],
) {
    if !is_recording() {
        return;
    }
    let object = json!({"description": description, "headers": headers::references(headers)});
    insert(op, status, &Fragment { object, ..Fragment::default() });
}

/// Adds an error response. Kinds of problems with the same status are combined in one response.
pub(crate) fn add_problem(op: &mut DefaultOperationRaw, kind: &Kind) {
    if !is_recording() {
        return;
    }
    let key = kind.status.to_string();
    let mut fragment = match op.responses.get(&key) {
        Some(Either::Right(response)) => response
            .description
            .as_ref()
            .and_then(|text| Fragment::in_description(&Value::from(text.as_str())))
            .unwrap_or_default(),
        _ => Fragment::default(),
    };
    if !fragment.codes.iter().any(|code| code == kind.code) {
        fragment.codes.push(kind.code.to_owned());
    }
    insert(op, kind.status, &fragment);
}

/// Returns the OpenAPI media type object for a schema, and the definitions without their examples. The example of the
/// schema moves to the media type object, because Rust types that share a schema may have different examples.
fn media((schema, mut definitions): Schemas) -> Schemas {
    let example = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|reference| reference.rsplit('/').next())
        .and_then(|name| definitions.get(name))
        .and_then(|definition| definition.get("examples"))
        .and_then(|examples| examples.get(0))
        .cloned();
    let mut media = json!({"schema": schema});
    if let (Some(fields), Some(example)) = (media.as_object_mut(), example) {
        fields.insert("example".into(), example);
    }
    for definition in definitions.values_mut() {
        take(definition, "examples");
    }
    (media, definitions)
}

fn add_parameter(op: &mut DefaultOperationRaw, place: ParameterIn, name: &str, fragment: &Fragment) {
    op.parameters.push(Either::Right(Parameter {
        in_: place,
        name: name.to_owned(),
        required: true,
        data_type: Some(DataType::String),
        description: fragment.to_text(),
        ..Parameter::default()
    }));
}

fn insert(op: &mut DefaultOperationRaw, status: u16, fragment: &Fragment) {
    let response = Response { description: fragment.to_text(), ..Response::default() };
    op.responses.insert(status.to_string(), Either::Right(response));
}

fn take(schema: &mut Value, key: &str) -> Option<Value> {
    schema.as_object_mut()?.shift_remove(key)
}

/// Declares that the operation accepts a bearer token. The required role, if there is one, is recorded as a scope.
/// `convert` removes the scope and writes the role to `x-required-role` and to the description.
pub(crate) fn add_bearer(op: &mut DefaultOperationRaw, needed: Option<Role>) {
    let roles = needed.map(|role| role.as_str().to_owned());
    op.security.push([("bearer".to_owned(), roles.into_iter().collect())].into());
}

/// Adds the header `Last-Event-ID`, which a client sends when it reconnects to a live stream.
pub(crate) fn add_last_event_id(op: &mut DefaultOperationRaw, example: &str) {
    if !is_recording() {
        return;
    }
    let object = json!({
        "in": "header",
        "required": false,
        "description": "The id of the last event that the client got. The events after it are sent before new ones.",
        "schema": {"type": "string", "pattern": "^[\\x20-\\x7e]*$", "maxLength": 100},
        "example": example,
    });
    add_parameter(op, ParameterIn::Header, "Last-Event-ID", &Fragment { object, ..Fragment::default() });
}

/// Declares that the operation accepts a ticket, a credential for a live stream, as a query parameter.
pub(crate) fn add_ticket(op: &mut DefaultOperationRaw) {
    op.security.push([("ticket".to_owned(), Vec::new())].into());
}

/// Declares that the operation accepts HTTP Basic.
pub(crate) fn add_basic(op: &mut DefaultOperationRaw) {
    op.security.push([("basic".to_owned(), Vec::new())].into());
}

/// Declares that the operation can be called without credentials.
pub(crate) fn add_anonymous(op: &mut DefaultOperationRaw) {
    op.security.push(std::collections::BTreeMap::new());
}

/// Adds the header `If-Match` of conditional changes. `example` is an entity tag of the resource.
pub(crate) fn add_if_match(op: &mut DefaultOperationRaw, example: &str) {
    if !is_recording() {
        return;
    }
    let object = json!({
        "in": "header",
        "required": false,
        "description": "The `ETag` of the version that the caller has. If the resource was changed in the meantime, the answer is 412 and nothing is changed.",
        "schema": {"type": "string", "pattern": "^[\\x20-\\x7e]*$", "maxLength": 8192},
        "example": example,
    });
    add_parameter(op, ParameterIn::Header, "If-Match", &Fragment { object, ..Fragment::default() });
}

/// Adds the header `If-None-Match` of conditional reads. `example` is an entity tag that the operation returns.
pub(crate) fn add_if_none_match(op: &mut DefaultOperationRaw, example: &str) {
    if !is_recording() {
        return;
    }
    let object = json!({
        "in": "header",
        "required": false,
        "description": "The `ETag` of the version that the caller has. If it is still current, the answer is 304.",
        "schema": {"type": "string", "pattern": "^[\\x20-\\x7e]*$", "maxLength": MAX_CONDITION},
        "example": example,
    });
    add_problem(op, &kinds::MALFORMED_REQUEST);
    add_parameter(op, ParameterIn::Header, "If-None-Match", &Fragment { object, ..Fragment::default() });
}
