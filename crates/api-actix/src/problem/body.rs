//! The JSON body of a problem.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{FieldProblem, Problem};

/// An error (RFC 9457).
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct ProblemBody<'a> {
    /// The URL of a page that explains this kind of problem.
    #[schemars(extend("format" = "uri"))]
    r#type: String,
    /// A short name for human readers.
    title: &'static str,
    /// The HTTP status.
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// The stable code for programs, which never changes for a kind of problem.
    code: &'static str,
    /// What happened, for human readers.
    detail: &'a str,
    /// The path of the request.
    instance: &'a str,
    /// The id of this request in the server's log.
    request_id: &'a str,
    /// The unacceptable fields; only in `validation_failed`. If there are very many, the last entry has the code `more`
    /// and says how many errors are not listed.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldProblem],
    /// The additional members of some kinds of problems.
    #[serde(flatten)]
    #[schemars(skip)]
    members: &'a Map<String, Value>,
}

impl<'a> ProblemBody<'a> {
    pub(crate) fn new(
        problem: &'a Problem,
        public_url: &str,
        instance: &'a str,
        request_id: &'a str,
    ) -> Self {
        let kind = problem.kind;
        Self {
            r#type: address(public_url, kind),
            title: kind.title,
            status: kind.status,
            code: kind.code,
            detail: problem.detail.as_deref().unwrap_or(kind.explanation),
            instance,
            request_id,
            errors: &problem.errors,
            members: &problem.members,
        }
    }
}

/// Returns the URL of the page that explains a kind of problem.
pub(crate) fn address(public_url: &str, kind: &super::Kind) -> String {
    format!("{}/problems/{}", public_url.trim_end_matches('/'), kind.slug())
}
