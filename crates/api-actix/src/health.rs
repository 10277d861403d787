//! The operations for health checks.

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

/// Confirms that the process is alive.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(example = serde_json::json!({"status": "ok"}))]
pub(crate) struct Liveness {
    status: Status,
}

/// Whether the server can handle requests, and the state of its components.
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
        describe::add_answer::<Self>(op, 200, "The server can handle requests.", &[]);
        describe::add_answer::<Self>(op, 503, "A required component is unavailable.", &[]);
    }
}

/// Is the process alive?
///
/// Does not depend on the database or other services.
#[api_v2_operation(operation_id = "getLiveness", tags("operations"))]
pub(crate) async fn live(_nothing: Nothing) -> Result<OkJson<Liveness>, Failure<Never>> {
    Ok(OkJson(Liveness { status: Status::Ok }))
}

/// Can the server handle requests?
///
/// The response is 503 when the database cannot be reached or written to or is not migrated, or when the server is
/// shutting down; `components` shows the cause. Optional components (`redis`, `media`) are listed, but do not affect
/// the status.
#[api_v2_operation(operation_id = "getReadiness", tags("operations"))]
pub(crate) async fn ready(api: web::Data<Api>, _nothing: Nothing) -> Result<ReadinessBody, Failure<Never>> {
    let readiness = std::sync::Arc::clone(&api.state.readiness);
    let components =
        api.run_any(async move { readiness.components().await }).await.map_err(Failure::Problem)?;
    let is_ready = components.iter().all(|component| component.ok || !component.required);
    let status = if is_ready { Status::Ok } else { Status::Unavailable };
    Ok(ReadinessBody { status, components })
}
