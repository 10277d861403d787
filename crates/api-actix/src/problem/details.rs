//! What some kinds of problems tell programs, beside what all of them tell.

use schemars::JsonSchema;
use serde::Serialize;

/// Members of an error that only some kinds of problems have.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub(crate) struct ProblemDetails {
    /// How many carts hold the movie; only in `movie_in_carts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) carts: Option<usize>,
}
