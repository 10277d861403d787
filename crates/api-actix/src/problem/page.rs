//! Explains a kind of problem to the people who follow its `type` address.

use actix_web::{HttpResponse, ResponseError, http::StatusCode, http::header, web};

use super::{Kind, Problem, kinds};
use crate::html;

/// Shows one kind of problem: code, status and what to do.
pub(crate) async fn show(slug: web::Path<String>) -> HttpResponse {
    let Some(kind) = Kind::of_slug(&slug) else {
        return Problem::new(&kinds::NOT_FOUND).error_response();
    };
    let content = format!(
        "<p>{}</p>\n<p>Status {}, code <code>{}</code>.</p>",
        html::escaped(kind.explanation),
        kind.status,
        kind.code
    );
    let mut response = html::page(StatusCode::OK, kind.title, &content);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, header::HeaderValue::from_static("public, max-age=3600"));
    response
}
