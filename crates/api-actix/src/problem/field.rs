//! The unacceptable fields of a request.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is wrong with one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldCode {
    /// It is missing.
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
    /// It does not have the required format.
    InvalidFormat,
    /// It is not one of the allowed values, or contradicts another field.
    InvalidValue,
    /// It refers to something that does not exist.
    NotFound,
    /// A password that is among the most common ones.
    TooCommon,
    /// A password that is too easily guessed.
    TooWeak,
    /// It is not the caller's password.
    WrongPassword,
    /// It was sent more than once.
    Repeated,
    /// There are more errors than are listed; `field` is empty, and `message` says how many.
    More,
}

/// One unacceptable field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldProblem {
    /// The parameter's name, or the dotted path in the body.
    pub field: String,
    /// What is wrong with it.
    pub code: FieldCode,
    /// The same, for people.
    pub message: String,
}

impl FieldProblem {
    /// An error of a field.
    pub fn new(field: impl Into<String>, code: FieldCode, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}
