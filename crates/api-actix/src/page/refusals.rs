//! Maps the errors of lists to problems.

use app::paging::{InvalidCursor, ListError};
use domain::{page::InvalidPage, store::StoreError};

use crate::{
    problem::{Kind, Problem, Refusal, kinds},
    refusals,
};

impl Refusal for InvalidPage {
    fn problem(&self) -> Problem {
        match self {
            Self::TooDeep => Problem::new(&kinds::USE_CURSOR),
            // These errors do not occur here, because the schema of the parameters already refuses such values.
            Self::PageTooSmall | Self::SizeTooSmall | Self::SizeTooLarge => {
                Problem::new(&kinds::VALIDATION_FAILED)
            }
        }
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.extend([&kinds::USE_CURSOR, &kinds::VALIDATION_FAILED]);
    }
}

impl Refusal for InvalidCursor {
    fn problem(&self) -> Problem {
        Problem::new(&kinds::CURSOR_INVALID)
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.push(&kinds::CURSOR_INVALID);
    }
}

refusals! {
    ListError {
        ; via Cursor: InvalidCursor, via Page: InvalidPage, via Store: StoreError,
    }
}
