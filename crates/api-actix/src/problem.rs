//! Errors as RFC 9457 problems, which handlers and extractors return.
//!
//! A [`Problem`] is stored in the extensions of the response. The outermost middleware, which knows the request id,
//! writes the body (`crate::edge`).

pub(crate) mod body;
mod field;
pub mod kinds;
pub(crate) mod page;
pub(crate) mod shared;

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue, RETRY_AFTER},
    },
};
use domain::failure::error_chain;
use paperclip::v2::{models::DefaultOperationRaw, schema::Apiv2Errors};
use serde::Serialize;
use serde_json::{Map, Value};

pub use self::{
    field::{FieldCode, FieldProblem},
    kinds::Kind,
};
use crate::openapi::describe;

/// An error response whose body has not been written yet.
#[derive(Debug, Clone)]
pub struct Problem {
    pub(crate) kind: &'static Kind,
    /// The description of this occurrence; If this is `None`, the response contains the explanation of the kind
    /// instead.
    pub(crate) detail: Option<String>,
    /// The invalid fields of the request.
    pub(crate) errors: Vec<FieldProblem>,
    /// The additional members of the JSON body.
    pub(crate) members: Box<Map<String, Value>>,
    /// The cause for the log. The client never sees it.
    pub(crate) cause: Option<String>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// Creates a problem of this kind without details.
    #[must_use]
    pub fn new(kind: &'static Kind) -> Self {
        Self {
            kind,
            detail: None,
            errors: Vec::new(),
            members: Box::default(),
            cause: None,
            headers: Vec::new(),
        }
    }

    /// Sets the description of this occurrence, which the client sees.
    #[must_use]
    pub fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Sets the error to log, with its sources. The client never sees it.
    #[must_use]
    pub fn caused_by(mut self, error: &dyn std::error::Error) -> Self {
        self.cause = Some(error_chain(error));
        self
    }

    /// Creates a 503 problem with `Retry-After: 1`.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new(&kinds::UNAVAILABLE).with_header(RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// Creates a 422 problem with these invalid fields.
    #[must_use]
    pub fn invalid(errors: Vec<FieldProblem>) -> Self {
        Self { errors, ..Self::new(&kinds::VALIDATION_FAILED) }
    }

    /// Adds a member to the JSON body.
    #[must_use]
    pub fn with_member(mut self, name: &str, value: &impl Serialize) -> Self {
        // A value that cannot be serialized is omitted.
        self.members.extend(serde_json::to_value(value).ok().map(|value| (name.to_owned(), value)));
        self
    }

    /// Tells the client how many seconds to wait before it retries the request.
    #[must_use]
    pub fn retry_after(self, seconds: u16) -> Self {
        self.with_header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Adds a header to the response.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.code)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status_code());
        response.extensions_mut().insert(self.clone());
        response
    }
}

/// An error of a use case that can be converted into a problem.
///
/// [`refusals!`](crate::refusals) implements this trait for most errors. The `match` in an implementation is
/// exhaustive, so a new variant of an error does not compile until it has a kind of problem.
pub trait Refusal: fmt::Debug {
    /// Returns the problem for this error.
    fn problem(&self) -> Problem;

    /// Adds to `into` the kinds of problems that [`problem`](Self::problem) can return, for the OpenAPI document.
    /// May omit kinds that an extractor of the operation already adds to the document.
    fn kinds(into: &mut Vec<&'static Kind>);
}

/// An error that never happens.
#[derive(Debug)]
pub(crate) enum Never {}

impl Refusal for Never {
    fn problem(&self) -> Problem {
        match *self {}
    }

    fn kinds(_into: &mut Vec<&'static Kind>) {}
}

/// The error of a use case that looks up one object. This type extends the errors `E` with the case that the object
/// does not exist.
#[derive(Debug)]
pub(crate) enum OrNotFound<E> {
    /// The object does not exist, or the caller may not see it: 404.
    NotFound,
    /// Another error of the use case.
    Other(E),
}

impl<E: Refusal> Refusal for OrNotFound<E> {
    fn problem(&self) -> Problem {
        match self {
            Self::NotFound => Problem::new(&kinds::NOT_FOUND),
            Self::Other(error) => error.problem(),
        }
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.push(&kinds::NOT_FOUND);
        E::kinds(into);
    }
}

/// Why a handler failed.
#[derive(Debug)]
pub enum Failure<E> {
    /// The use case returned an error.
    Refused(E),
    /// Another problem: the use case did not finish in time or panicked, or the request was refused before the use case
    /// ran.
    Problem(Problem),
}

impl<E: Refusal> Failure<E> {
    pub(crate) fn to_problem(&self) -> Problem {
        match self {
            Self::Refused(refusal) => refusal.problem(),
            Self::Problem(problem) => problem.clone(),
        }
    }
}

impl<E: Refusal> From<E> for Failure<E> {
    fn from(refusal: E) -> Self {
        Self::Refused(refusal)
    }
}

impl<E> From<Failure<E>> for Failure<OrNotFound<E>> {
    fn from(failure: Failure<E>) -> Self {
        match failure {
            Failure::Refused(error) => Self::Refused(OrNotFound::Other(error)),
            Failure::Problem(problem) => Self::Problem(problem),
        }
    }
}

impl<E: Refusal> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_problem().fmt(f)
    }
}

impl<E: Refusal> ResponseError for Failure<E> {
    fn status_code(&self) -> StatusCode {
        self.to_problem().status_code()
    }

    fn error_response(&self) -> HttpResponse {
        self.to_problem().error_response()
    }
}

impl<E: Refusal> Apiv2Errors for Failure<E> {
    fn update_error_definitions(op: &mut DefaultOperationRaw) {
        let mut kinds = Vec::new();
        E::kinds(&mut kinds);
        for kind in kinds {
            describe::add_problem(op, kind);
        }
    }
}

/// Implements [`Refusal`] for the error of a use case: assigns a kind of problem to each variant.
///
/// The variants after `via` contain another [`Refusal`] and use its problem.
#[macro_export]
macro_rules! refusals {
    ($($error:ty {
        $($variant:ident $({ $($field:tt)* })? $(( $($part:tt)* ))? => $kind:ident),* $(,)?
        $(; $(via $outer:ident: $inner:ty),+ $(,)?)?
    })+) => {$(
        impl $crate::problem::Refusal for $error {
            fn problem(&self) -> $crate::problem::Problem {
                match self {
                    $(Self::$variant $({ $($field)* })? $(( $($part)* ))? =>
                        $crate::problem::Problem::new(&$crate::problem::kinds::$kind),)*
                    $($(Self::$outer(inner) => $crate::problem::Refusal::problem(inner),)+)?
                }
            }

            fn kinds(into: &mut Vec<&'static $crate::problem::Kind>) {
                $(into.push(&$crate::problem::kinds::$kind);)*
                $($(<$inner as $crate::problem::Refusal>::kinds(into);)+)?
            }
        }
    )+};
}
