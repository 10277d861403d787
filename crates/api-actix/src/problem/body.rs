//! What a problem looks like on the wire.

use schemars::JsonSchema;
use serde::Serialize;

use super::Problem;

/// What is wrong with one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldCode {
    /// It must be there.
    Required,
    /// There is no such field or parameter.
    Unknown,
    /// It is of another JSON type.
    WrongType,
    /// It has too few characters or items.
    TooShort,
    /// It has too many characters or items.
    TooLong,
    /// It is below the least allowed value.
    TooSmall,
    /// It is above the greatest allowed value.
    TooLarge,
    /// It is not written as it must be.
    InvalidFormat,
    /// It is none of the allowed values, or does not go with the others.
    InvalidValue,
    /// It names what does not exist.
    NotFound,
    /// A password that is among the most used ones.
    TooCommon,
    /// A password that is too easily guessed.
    TooWeak,
    /// It is not the caller's password.
    WrongPassword,
    /// It stands more than once.
    Repeated,
    /// There are more faults than are named; `field` is empty, and `message` says how many.
    More,
}

/// One field of a request that is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldProblem {
    /// The parameter's name, or the dotted path in the body.
    pub field: String,
    /// What is wrong with it.
    pub code: FieldCode,
    /// The same for people.
    pub message: String,
}

impl FieldProblem {
    /// Says what is wrong with a field.
    pub fn new(field: impl Into<String>, code: FieldCode, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}

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
