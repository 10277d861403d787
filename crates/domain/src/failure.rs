//! Formats errors for operators.

use std::error::Error;

/// Formats an error and its causes in one line. A cause is omitted if the line so far already ends with its text.
#[must_use]
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;

    #[test]
    fn every_cause_is_in_the_line_once() {
        let error = StoreError::unavailable(StoreError::conflict("deadlock\n  detected"));
        assert_eq!(
            error_chain(&error),
            "the store is not available: the transaction lost a race against another one: deadlock detected"
        );
        assert_eq!(error_chain(&StoreError::failed("the store failed")), "the store failed");
    }
}
