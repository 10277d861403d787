//! The HTML pages that explain problems. The URL of a page is the `type` of a problem.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, ResponseError,
    dev::Payload,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, HeaderValue},
    },
    web,
};
use askama::Template;
use paperclip::{
    actix::{OperationModifier, api_v2_operation},
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};

use super::{Failure, Kind, Never, Problem, kinds};
use crate::{
    extract::query,
    html::{self, LinkForm, Page},
    openapi::describe,
    state::Api,
};

/// The `Cache-Control` of the pages. The pages change only with a new version of the server.
const LIFETIME: HeaderValue = HeaderValue::from_static("public, max-age=3600");

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    kind: &'static Kind,
    explanation: Vec<Part>,
    link_forms: Vec<LinkForm<'static>>,
    root: &'static str,
}

/// A part of an explanation.
struct Part {
    text: &'static str,
    is_code: bool,
}

#[derive(Template)]
#[template(path = "problems.html")]
struct ProblemsPage {
    kinds: &'static [&'static Kind],
    root: &'static str,
}

/// Explain a problem.
///
/// The URL of this page is the `type` of a problem.
#[api_v2_operation(operation_id = "explainProblem", tags("operations"))]
pub(crate) async fn show(
    api: web::Data<Api>,
    KindInPath(kind): KindInPath,
) -> Result<Page<true>, Failure<Never>> {
    let link_forms = if api.settings.serve_pages { link_forms(kind) } else { Vec::new() };
    let page = ProblemPage { kind, explanation: parts(kind.explanation), link_forms, root: "../" };
    Ok(Page(keep(html::page(StatusCode::OK, &page))))
}

/// `GET /problems`: lists all kinds of problems.
pub(crate) async fn list(request: HttpRequest) -> HttpResponse {
    if let Err(unknown) = query::refuse_any(&request) {
        return unknown.error_response();
    }
    keep(html::page(StatusCode::OK, &ProblemsPage { kinds: kinds::ALL, root: html::ROOT }))
}

/// Returns the forms to request a new link, if the explanation of the problem tells the user to ask for a new link.
fn link_forms(kind: &Kind) -> Vec<LinkForm<'static>> {
    let activation =
        LinkForm { action: "../activate", button: "Send me a new activation link", ..LinkForm::ACTIVATION };
    let password = LinkForm {
        action: "../reset-password",
        button: "Send me a link to set a password",
        ..LinkForm::PASSWORD
    };
    match kind {
        kind if kind == &kinds::ACCOUNT_INACTIVE => vec![activation],
        kind if [&kinds::TOKEN_INVALID, &kinds::TOKEN_EXPIRED].contains(&kind) => vec![activation, password],
        _ => Vec::new(),
    }
}

fn keep(mut page: HttpResponse) -> HttpResponse {
    page.headers_mut().insert(CACHE_CONTROL, LIFETIME);
    page
}

/// Splits a text at its backticks. A part between two backticks is code.
fn parts(text: &'static str) -> Vec<Part> {
    text.split('`')
        .zip([false, true].into_iter().cycle())
        .map(|(text, is_code)| Part { text, is_code })
        .collect()
}

/// Extracts the kind of problem from the path, for an operation without query parameters.
#[derive(Debug)]
pub(crate) struct KindInPath(&'static Kind);

impl FromRequest for KindInPath {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let name = request.match_info().iter().next().map(|(_, name)| name).unwrap_or_default();
        let kind = Kind::of_slug(name).ok_or_else(|| Problem::new(&kinds::NOT_FOUND));
        ready(kind.and_then(|kind| query::refuse_any(request).map(|()| Self(kind))))
    }
}

impl Apiv2Schema for KindInPath {}

impl OperationModifier for KindInPath {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        let names: Vec<String> = kinds::ALL.iter().map(|kind| kind.slug()).collect();
        describe::add_path_name(op, "The `code` of a problem, with hyphens.", &names);
        describe::add_problem(op, &kinds::NOT_FOUND);
        describe::add_problem(op, &kinds::VALIDATION_FAILED);
    }
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn names_in_explanations_are_code() {
        let parts = parts("Follow `next_cursor` instead.");
        let parts: Vec<_> = parts.into_iter().map(|part| (part.text, part.is_code)).collect();
        assert_eq!(parts, [("Follow ", false), ("next_cursor", true), (" instead.", false)]);
    }
}
