//! The unacceptable fields of a request.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is wrong with one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldCode {
    /// The field is missing.
    Required,
    /// There is no such field or parameter.
    Unknown,
    /// The value has the wrong JSON type.
    WrongType,
    /// The value has too few characters or items.
    TooShort,
    /// The value has too many characters or items.
    TooLong,
    /// The value is below the minimum.
    TooSmall,
    /// The value is above the maximum.
    TooLarge,
    /// The value does not have the required format.
    InvalidFormat,
    /// The value is not one of the allowed values, or contradicts another field.
    InvalidValue,
    /// The value refers to something that does not exist.
    NotFound,
    /// The password is one of the most common passwords.
    TooCommon,
    /// The password is too easy to guess.
    TooWeak,
    /// The value is not the caller's password.
    WrongPassword,
    /// The field was sent more than once, or the value is already in the list.
    Repeated,
    /// There are more errors than are listed; `field` is empty, and `message` says how many are not listed.
    More,
}

/// One unacceptable field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldProblem {
    /// The parameter's name, or the dotted path in the body.
    pub field: String,
    /// What is wrong with the field.
    pub code: FieldCode,
    /// A description of the error for human readers.
    pub message: String,
}

impl FieldProblem {
    /// Creates the error of one field.
    pub fn new(field: impl Into<String>, code: FieldCode, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}
