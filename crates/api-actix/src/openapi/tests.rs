//! Tests the document of an operation that has an identifier in the path, a list parameter, a body and nullable
//! members.

use actix_web::App;
use domain::accounts::PersonName;
use paperclip::actix::{OpenApiExt, api_v2_operation, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{convert, describe};
use crate::{
    extract::{Body, Changed, PathId, Query, Text, inputs},
    problem::{Failure, OrNotFound},
    refusals,
    reply::OkJson,
};

#[derive(Debug)]
enum ProbeError {
    Taken,
}

refusals! {
    ProbeError { Taken => EMAIL_TAKEN }
}

#[derive(Debug, Deserialize, JsonSchema)]
struct ProbeQuery {
    /// Any of these.
    #[serde(default)]
    #[schemars(length(max = 20))]
    genre: Vec<Uuid>,
    /// Counted from 1.
    #[schemars(range(min = 1, max = 99))]
    page: Option<u32>,
}

/// Sets a probe.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(example = json!({"name": "x", "note": null}))]
struct ProbeBody {
    #[schemars(length(min = 1, max = 250))]
    name: String,
    #[serde(default)]
    note: Changed<Text<PersonName>>,
}

inputs!(ProbeQuery, ProbeBody);

#[derive(Debug, Serialize, JsonSchema)]
struct Inner {
    at: Option<u32>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}List")]
struct List<T> {
    items: Vec<T>,
    inner: Option<T>,
}

/// Probes.
///
/// With everything.
#[api_v2_operation(operation_id = "probe", tags("operations"))]
async fn probe(
    id: PathId<Uuid>,
    query: Query<ProbeQuery>,
    body: Body<ProbeBody>,
) -> Result<OkJson<List<Inner>>, Failure<OrNotFound<ProbeError>>> {
    if body.0.name.is_empty() || body.0.note != Changed::default() {
        return Err(OrNotFound::Other(ProbeError::Taken).into());
    }
    let at = query.0.page.or_else(|| u32::try_from(query.0.genre.len()).ok()).filter(|_| !id.0.is_nil());
    Ok(OkJson(List { items: vec![], inner: Some(Inner { at }) }))
}

fn document() -> Value {
    let mut recorded = Value::Null;
    let _app = describe::recording(|| {
        App::new()
            .wrap_api()
            .service(web::resource("/api/v1/probes/{probe_id}").route(web::post().to(probe)))
            .with_raw_json_spec_v3(|app, spec| {
                recorded = spec;
                app
            })
    });
    convert::document(&recorded, "http://cinema.test")
}

fn at<'a>(document: &'a Value, pointer: &str) -> &'a Value {
    document.pointer(pointer).unwrap_or_else(|| panic!("nothing at {pointer} in {document:#}"))
}

#[test]
fn the_document_of_an_operation_includes_all_its_parts() {
    let document = document();
    let operation = at(&document, "/paths/~1api~1v1~1probes~1{probe_id}/post");
    assert_eq!(operation["operationId"], "probe");
    assert_eq!(operation["summary"], "Probes.");
    assert_eq!(operation["description"], "With everything.");
    let parameters = operation["parameters"].as_array().unwrap();
    let by_name = |name: &str| parameters.iter().find(|p| p["name"] == name).unwrap().clone();
    assert_eq!(by_name("probe_id")["in"], "path");
    assert_eq!(by_name("probe_id")["schema"]["format"], "uuid");
    assert_eq!(by_name("page")["schema"]["type"], "integer");
    assert_eq!(by_name("page")["schema"]["minimum"], 1);
    assert_eq!(by_name("page")["required"], false);
    assert_eq!(by_name("genre")["schema"]["items"]["format"], "uuid");
    let media = at(operation, "/requestBody/content/application~1json");
    assert_eq!(media["schema"]["$ref"], "#/components/schemas/ProbeBody");
    assert_eq!(media["example"]["name"], "x");
    assert_eq!(
        operation["responses"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["200", "400", "404", "406", "409", "413", "415", "422", "429", "500", "503"]
    );
    let problem = "/content/application~1problem+json";
    let codes = format!("{problem}/schema/allOf/1/properties/code/enum");
    assert_eq!(at(operation, &format!("/responses/409{codes}")), &json!(["email_taken"]));
    // Error responses that many operations can return are written once and referenced.
    assert_eq!(at(operation, "/responses/429"), &json!({"$ref": "#/components/responses/TooManyRequests"}));
    assert_eq!(
        at(&document, &format!("/components/responses/TooManyRequests{codes}")),
        &json!(["rate_limited"])
    );
}

#[test]
fn examples_of_errors_have_the_path_and_fields_of_the_operation() {
    let document = document();
    let operation = at(&document, "/paths/~1api~1v1~1probes~1{probe_id}/post");
    let example = |status: u16, code: &str| {
        at(operation, &format!("/responses/{status}/content/application~1problem+json/examples/{code}/value"))
    };
    let path = "/api/v1/probes/0190a1b2-0000-7000-8000-000000000000";
    assert_eq!(example(409, "email_taken")["instance"], path);
    let invalid = example(422, "validation_failed");
    assert_eq!(invalid["instance"], path);
    assert_eq!(invalid["errors"][0]["field"], "name");
    assert_eq!(invalid["errors"][0]["code"], "required");
}

#[test]
fn texts_numbers_and_lists_have_bounds() {
    let document = document();
    let schemas = at(&document, "/components/schemas");
    assert_eq!(at(schemas, "/Inner/properties/at/maximum"), &json!(u32::MAX));
    assert_eq!(at(schemas, "/InnerList/properties/items/maxItems"), &json!(10_000));
    assert_eq!(at(schemas, "/ProbeBody/properties/name/pattern"), "^[^\\u0000]*$");
    assert_eq!(at(schemas, "/Problem/properties/title/maxLength"), &json!(65_536));
}

/// Generating the document runs the checks of `extract::input::tests` for the input type of each route.
#[test]
fn values_that_pass_the_schema_of_any_route_can_be_deserialized() {
    let document = super::openapi_document("http://cinema.test");
    assert!(at(&document, "/paths/~1api~1v1~1movies/get/parameters").is_array());
}

#[test]
fn nullable_members_and_generic_type_names_are_documented() {
    let document = document();
    assert_eq!(at(&document, "/components/schemas/Inner/properties/at/type"), &json!(["integer", "null"]));
    assert_eq!(at(&document, "/components/schemas/InnerList/required"), &json!(["items", "inner"]));
    assert_eq!(at(&document, "/components/schemas/ProbeBody/properties/name/maxLength"), 250);
}
