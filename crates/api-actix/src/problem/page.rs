//! Explains a kind of problem to the people who follow its `type` address.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::StatusCode, http::header};
use paperclip::{
    actix::{OperationModifier, api_v2_operation},
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};

use super::{Failure, Kind, Never, Problem, kinds};
use crate::{
    extract::query,
    html::{self, Page},
    openapi::carrier,
};

/// Explain a problem.
///
/// The address stands in problems as `type`.
#[api_v2_operation(operation_id = "explainProblem", tags("operations"))]
pub(crate) async fn show(named: Named) -> Result<Page, Failure<Never>> {
    let Named(kind) = named;
    let content = format!(
        "<p>{}</p>\n<p>Status {}, code <code>{}</code>.</p>",
        html::escaped(kind.explanation),
        kind.status,
        kind.code
    );
    let mut page = html::page(StatusCode::OK, kind.title, &content);
    page.headers_mut()
        .insert(header::CACHE_CONTROL, header::HeaderValue::from_static("public, max-age=3600"));
    Ok(Page(page))
}

/// The kind of problem that a path names, on a call that takes no query parameters.
#[derive(Debug)]
pub(crate) struct Named(&'static Kind);

impl FromRequest for Named {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let name = request.match_info().iter().next().map(|(_, name)| name).unwrap_or_default();
        let kind = Kind::of_slug(name).ok_or_else(|| Problem::new(&kinds::NOT_FOUND));
        ready(kind.and_then(|kind| query::refuse_any(request).map(|()| Self(kind))))
    }
}

impl Apiv2Schema for Named {}

impl OperationModifier for Named {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        let names: Vec<String> = kinds::ALL.iter().map(|kind| kind.slug()).collect();
        carrier::add_path_name(op, "The `code` of a problem, with hyphens.", &names);
        carrier::add_problem(op, &kinds::NOT_FOUND);
        carrier::add_problem(op, &kinds::VALIDATION_FAILED);
    }
}
