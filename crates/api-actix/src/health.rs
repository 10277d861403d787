//! The health checks.

use actix_web::{HttpRequest, HttpResponse, Responder, body::BoxBody, http::StatusCode, web};
use paperclip::{
    actix::{OperationModifier, api_v2_operation},
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    extract::Nothing,
    openapi::describe,
    problem::{Failure, Never},
    readiness::Component,
    reply::{OkJson, json},
    state::Api,
};

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HealthStatus")]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    Unavailable,
}

/// The process is alive.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(example = serde_json::json!({"status": "ok"}))]
pub(crate) struct Liveness {
    status: Status,
}

/// Whether the server can do its work, and the state of what it needs.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Readiness", example = serde_json::json!({"status": "ok", "components": [{"name": "database", "ok": true, "required": true, "detail": null}]}))]
pub(crate) struct ReadinessBody {
    status: Status,
    components: Vec<Component>,
}

impl Responder for ReadinessBody {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        let status = match self.status {
            Status::Ok => StatusCode::OK,
            Status::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        json(status, &self)
    }
}

impl Apiv2Schema for ReadinessBody {}

impl OperationModifier for ReadinessBody {
    fn update_response(op: &mut DefaultOperationRaw) {
        describe::add_answer::<Self>(op, 200, "The server can do its work.", &[]);
        describe::add_answer::<Self>(op, 503, "Something that the server needs is away.", &[]);
    }
}

/// Is the process alive?
///
/// Independent of the database and other services.
#[api_v2_operation(operation_id = "getLiveness", tags("operations"))]
pub(crate) async fn live(_nothing: Nothing) -> Result<OkJson<Liveness>, Failure<Never>> {
    Ok(OkJson(Liveness { status: Status::Ok }))
}

/// Can the server do its work?
///
/// 503 says what is wrong: the database cannot be reached, or is not migrated. What the server can do without for a while
/// (`redis`, `media`) is listed and does not change the status.
#[api_v2_operation(operation_id = "getReadiness", tags("operations"))]
pub(crate) async fn ready(api: web::Data<Api>, _nothing: Nothing) -> Result<ReadinessBody, Failure<Never>> {
    let readiness = std::sync::Arc::clone(&api.state.readiness);
    let components =
        api.run_any(async move { readiness.components().await }).await.map_err(Failure::Problem)?;
    let is_ready = components.iter().all(|component| component.ok || !component.required);
    let status = if is_ready { Status::Ok } else { Status::Unavailable };
    Ok(ReadinessBody { status, components })
}
