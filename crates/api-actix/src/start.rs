//! The start page.

use actix_web::{HttpRequest, HttpResponse, ResponseError, http::StatusCode};
use askama::Template;

use crate::{extract::Params, html, problem::Problem};

#[derive(Template)]
#[template(path = "start.html")]
struct StartPage {
    root: &'static str,
}

/// `GET /`: leads to the documentation and to health.
pub(crate) async fn show(request: HttpRequest) -> HttpResponse {
    if let Err(unknown) = Params::open(request.query_string()).finish(Some(())) {
        return Problem::invalid(unknown).error_response();
    }
    html::page(StatusCode::OK, &StartPage { root: html::ROOT })
}
