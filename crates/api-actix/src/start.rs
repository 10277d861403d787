//! The start page.

use actix_web::{HttpRequest, HttpResponse, ResponseError, http::StatusCode};
use askama::Template;

use crate::{extract::query::refuse_any, html};

#[derive(Template)]
#[template(path = "start.html")]
struct StartPage {
    root: &'static str,
}

/// `GET /`: shows links to the documentation and the health checks.
pub(crate) async fn show(request: HttpRequest) -> HttpResponse {
    if let Err(unknown) = refuse_any(&request) {
        return unknown.error_response();
    }
    html::page(StatusCode::OK, &StartPage { root: html::ROOT })
}
