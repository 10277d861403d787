//! The OpenAPI document and Swagger UI, for those who may read them.

mod assets;
mod door;

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
use serde_json::json;

use self::door::Reader;
pub(crate) use self::{assets::Assets, door::Door};
use crate::{
    html::Page,
    openapi::{Document, carrier},
    problem::{Failure, Never, Problem, kinds},
};

/// Read this document.
///
/// Where the server is set to show it to users alone (`DOCS_ACCESS`), it takes a token, or the email and the password of an
/// account by HTTP Basic.
#[api_v2_operation(operation_id = "getOpenApi", tags("operations"))]
pub(crate) async fn document(
    _reader: Reader,
    document: web::Data<Document>,
) -> Result<Served, Failure<Never>> {
    Ok(Served(document.bytes()))
}

/// Read this document in a browser.
///
/// Swagger UI, for whoever may read the document. The files that the page loads are open.
#[api_v2_operation(operation_id = "showDocs", tags("operations"))]
pub(crate) async fn page(_reader: Reader, assets: web::Data<Assets>) -> Result<Page, Failure<Never>> {
    let page = HttpResponse::build(StatusCode::OK)
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, assets.policy()))
        .body(assets::PAGE);
    Ok(Page(page))
}

/// `GET /docs/{file}`: the page's static files, which are open.
pub(crate) async fn file(name: web::Path<String>, assets: web::Data<Assets>) -> HttpResponse {
    let Some((kind, bytes)) = assets.file(&name) else {
        return Problem::new(&kinds::NOT_FOUND).error_response();
    };
    HttpResponse::build(StatusCode::OK)
        .insert_header((header::CONTENT_TYPE, kind))
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(bytes)
}

/// The document, written out.
#[derive(Debug)]
pub(crate) struct Served(web::Bytes);

impl Responder for Served {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(self.0)
    }
}

impl Apiv2Schema for Served {}

impl OperationModifier for Served {
    fn update_response(op: &mut DefaultOperationRaw) {
        let media = json!({"schema": {"type": "object"}, "example": {"openapi": "3.1.0"}});
        carrier::add_media_answer(op, "The document.", "application/json", media, &[]);
    }
}
