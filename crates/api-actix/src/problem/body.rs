//! What a problem looks like on the wire.

use schemars::JsonSchema;
use serde::Serialize;

use super::{FieldProblem, Problem};

/// An error, by RFC 9457.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct ProblemBody<'a> {
    /// The address of a page that explains this kind of problem.
    #[schemars(extend("format" = "uri"))]
    r#type: String,
    /// A few words for people.
    title: &'static str,
    /// The HTTP status again.
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// What a client switches on; it never changes.
    code: &'static str,
    /// What happened, for people.
    detail: &'a str,
    /// The path that was asked for.
    instance: &'a str,
    /// Names this request in the server's log.
    request_id: &'a str,
    /// Every unacceptable field; there in `validation_failed` alone.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldProblem],
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
        }
    }
}

/// Where a kind of problem is explained.
pub(crate) fn address(public_url: &str, kind: &super::Kind) -> String {
    format!("{}/problems/{}", public_url.trim_end_matches('/'), kind.slug())
}
