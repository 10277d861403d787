//! Converts domain errors into problems, for errors that several use cases return.

use domain::{
    accounts::{AccessError, HashError, PasswordProblem},
    media::PictureError,
    store::StoreError,
};

use super::{FieldCode, FieldProblem, Kind, Problem, Refusal, kinds};

impl Refusal for StoreError {
    fn problem(&self) -> Problem {
        match self {
            Self::Unavailable(_) | Self::Conflict(_) => Problem::unavailable().caused_by(self),
            Self::Failed(_) => Problem::new(&kinds::INTERNAL).caused_by(self),
        }
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.extend([&kinds::UNAVAILABLE, &kinds::INTERNAL]);
    }
}

impl Refusal for AccessError {
    fn problem(&self) -> Problem {
        match self {
            Self::SignedOut => Problem::new(&kinds::ACCESS_TOKEN_INVALID),
            Self::RoleTooLow => Problem::new(&kinds::FORBIDDEN),
            Self::Store(error) => error.problem(),
        }
    }

    /// `FORBIDDEN` is not included: the extractor that authenticates the caller adds it to operations that need a role.
    fn kinds(into: &mut Vec<&'static Kind>) {
        into.push(&kinds::ACCESS_TOKEN_INVALID);
        StoreError::kinds(into);
    }
}

impl Refusal for HashError {
    fn problem(&self) -> Problem {
        match self {
            Self::Busy => Problem::unavailable().caused_by(self),
            Self::Failed(_) => Problem::new(&kinds::INTERNAL).caused_by(self),
        }
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.extend([&kinds::UNAVAILABLE, &kinds::INTERNAL]);
    }
}

/// Returns the problem of a picture that was uploaded in this field of a form.
pub(crate) fn picture_problem(error: &PictureError, field: &str) -> Problem {
    let invalid = |code| Problem::invalid(vec![FieldProblem::new(field, code, error.to_string())]);
    match error {
        PictureError::Unsupported => {
            Problem::new(&kinds::UNSUPPORTED_MEDIA_TYPE).because(format!("The file {error}."))
        }
        PictureError::Broken => invalid(FieldCode::InvalidFormat),
        PictureError::TooManyPixels | PictureError::TooTall => invalid(FieldCode::TooLarge),
        PictureError::TooNarrow => invalid(FieldCode::TooSmall),
        PictureError::Busy => Problem::unavailable().caused_by(error),
        PictureError::Failed(_) => Problem::new(&kinds::INTERNAL).caused_by(error),
    }
}

impl Refusal for PictureError {
    fn problem(&self) -> Problem {
        picture_problem(self, "avatar")
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.extend([
            &kinds::UNSUPPORTED_MEDIA_TYPE,
            &kinds::VALIDATION_FAILED,
            &kinds::UNAVAILABLE,
            &kinds::INTERNAL,
        ]);
    }
}

impl Refusal for PasswordProblem {
    fn problem(&self) -> Problem {
        Problem::invalid(vec![FieldProblem::new("password", password_code(*self), self.to_string())])
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.push(&kinds::VALIDATION_FAILED);
    }
}

/// Returns the field code for an unacceptable password.
pub(crate) const fn password_code(problem: PasswordProblem) -> FieldCode {
    match problem {
        PasswordProblem::TooShort { .. } => FieldCode::TooShort,
        PasswordProblem::TooLong => FieldCode::TooLong,
        PasswordProblem::TooWeak => FieldCode::TooWeak,
        PasswordProblem::TooCommon => FieldCode::TooCommon,
        PasswordProblem::IsEmail | PasswordProblem::Unchanged => FieldCode::InvalidValue,
    }
}
