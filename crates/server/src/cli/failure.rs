//! Errors of `cinema` commands, and messages on standard error.

use std::{error::Error, io, process::ExitCode};

use crate::{
    composition::error_chain,
    telemetry::{self, Level},
};

/// Why a `cinema` command failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// An error. `message` is printed as one line on standard error, and the process ends with the exit code `code`.
    Error { message: String, code: u8 },
    /// The reader of standard output closed the pipe, as `head` does. Nothing is printed, and the exit code is 0.
    OutputClosed,
}

impl Failure {
    /// Creates an error of the command, with exit code 1.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self::Error { message: message.into(), code: 1 }
    }

    /// Creates an error in the command's arguments, with exit code 2.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::Error { message: message.into(), code: 2 }
    }

    /// Creates the failure for an error that occurred while writing to standard output.
    pub(super) fn of_output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::OutputClosed
        } else {
            Self::new(format!("cannot write to standard output ({error})"))
        }
    }

    /// Prints the error. Returns the exit code of the process.
    pub(super) fn report(self) -> ExitCode {
        match self {
            Self::OutputClosed => ExitCode::SUCCESS,
            Self::Error { message, code } => {
                telemetry::say(Level::Error, &format!("cinema: {message}"));
                ExitCode::from(code)
            }
        }
    }
}

/// Prints a message as one line on standard error.
pub(super) fn say(text: &str) {
    telemetry::say(Level::Info, text);
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error_chain(&error))
    }
}
