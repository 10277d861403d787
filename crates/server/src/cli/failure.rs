use std::{error::Error, io, process::ExitCode};

use crate::{
    composition::error_chain,
    telemetry::{self, Level},
};

/// A command did not do what it was asked for.
#[derive(Debug)]
pub(super) enum Failure {
    /// Reported in one line on standard error, with this exit code.
    Told { message: String, code: u8 },
    /// Whoever read standard output has seen enough: nothing to say.
    ReaderGone,
}

impl Failure {
    /// A failure of the work itself: exit code 1.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self::Told { message: message.into(), code: 1 }
    }

    /// A failure of how the command was called: exit code 2.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::Told { message: message.into(), code: 2 }
    }

    /// Writing to standard output failed.
    pub(super) fn of_output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ReaderGone
        } else {
            Self::new(format!("cannot write to standard output ({error})"))
        }
    }

    pub(super) fn report(self) -> ExitCode {
        match self {
            Self::ReaderGone => ExitCode::SUCCESS,
            Self::Told { message, code } => {
                telemetry::say(Level::Error, &format!("cinema: {message}"));
                ExitCode::from(code)
            }
        }
    }
}

/// Says something on standard error, beside what the command was asked for.
pub(super) fn say(text: &str) {
    telemetry::say(Level::Info, text);
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error_chain(&error))
    }
}
