//! The OpenAPI document and Swagger UI, with access control.

mod assets;
mod guard;

use std::sync::{Arc, OnceLock};

use actix_web::{
    HttpRequest, HttpResponse, Responder, ResponseError,
    body::BoxBody,
    http::{StatusCode, header},
    web,
};
use paperclip::{
    actix::{OperationModifier, api_v2_operation},
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};
use serde_json::{Value, json};

use self::guard::Reader;
pub(crate) use self::{assets::Assets, guard::DocsGuard};
use crate::{
    edge::compression::StaticBody,
    html::Page,
    openapi::describe,
    problem::{Failure, Never, Problem, kinds},
};

/// The OpenAPI document that the server sends. It is generated at the first request.
#[derive(Debug)]
pub(crate) struct Document {
    public_url: String,
    make: fn(&str) -> Value,
    body: OnceLock<Arc<StaticBody>>,
}

impl Document {
    /// Creates the document for a server with this public URL.
    pub(crate) fn new(public_url: &str, make: fn(&str) -> Value) -> Self {
        Self { public_url: public_url.to_owned(), make, body: OnceLock::new() }
    }

    fn body(&self) -> Arc<StaticBody> {
        let document = || StaticBody::new((self.make)(&self.public_url).to_string().into());
        Arc::clone(self.body.get_or_init(document))
    }
}

/// Read the OpenAPI document.
///
/// If the server restricts the document to users (`DOCS_ACCESS`), send a bearer token, or the email and password of an
/// account with HTTP Basic.
#[api_v2_operation(operation_id = "getOpenApi", tags("operations"))]
pub(crate) async fn document(
    _reader: Reader,
    request: HttpRequest,
    document: web::Data<Document>,
) -> Result<JsonFile, Failure<Never>> {
    let mut answer = HttpResponse::build(StatusCode::OK);
    answer.insert_header((header::CONTENT_TYPE, "application/json"));
    Ok(JsonFile(document.body().respond(&request, answer).await))
}

/// Read the OpenAPI document in a browser.
///
/// Shows Swagger UI to clients that may read the document. The static files that the Swagger UI page loads are public.
#[api_v2_operation(operation_id = "showDocs", tags("operations"))]
pub(crate) async fn page(_reader: Reader, assets: web::Data<Assets>) -> Result<Page, Failure<Never>> {
    let page = HttpResponse::build(StatusCode::OK)
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, assets.policy()))
        .body(assets::PAGE);
    Ok(Page(page))
}

/// `GET /docs/{file}`: sends a static file of Swagger UI. These files are public.
pub(crate) async fn file(
    request: HttpRequest,
    name: web::Path<String>,
    assets: web::Data<Assets>,
) -> HttpResponse {
    let Some(file) = assets.file(&name) else {
        return Problem::new(&kinds::NOT_FOUND).error_response();
    };
    let mut answer = HttpResponse::build(StatusCode::OK);
    answer
        .insert_header((header::CONTENT_TYPE, file.media_type))
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"));
    file.body.respond(&request, answer).await
}

/// The response with the document.
#[derive(Debug)]
pub(crate) struct JsonFile(HttpResponse);

impl Responder for JsonFile {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        self.0
    }
}

impl Apiv2Schema for JsonFile {}

impl OperationModifier for JsonFile {
    fn update_response(op: &mut DefaultOperationRaw) {
        let media = json!({"schema": {"type": "object"}, "example": {"openapi": "3.1.0"}});
        describe::add_media_answer(op, "The document.", "application/json", media, &[]);
    }
}
