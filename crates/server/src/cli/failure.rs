//! Errors of a command, and messages on standard error.

use std::{
    error::Error,
    io::{self, Write},
    process::ExitCode,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use crate::composition::error_chain;

/// Why a command failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// An error that is printed as one line on standard error; the process ends with this exit code.
    Error { message: String, code: u8 },
    /// The reader of standard output closed the pipe, as `head` does. Nothing is printed, the exit code is 0.
    OutputClosed,
}

impl Failure {
    /// An error of the work itself, with exit code 1.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self::Error { message: message.into(), code: 1 }
    }

    /// An error in the command's arguments, with exit code 2.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::Error { message: message.into(), code: 2 }
    }

    /// An error in writing to standard output.
    pub(super) fn of_output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::OutputClosed
        } else {
            Self::new(format!("cannot write to standard output ({error})"))
        }
    }

    /// Prints the error, and returns the exit code of the process.
    pub(super) fn report(self) -> ExitCode {
        match self {
            Self::OutputClosed => ExitCode::SUCCESS,
            Self::Error { message, code } => {
                say(&format!("cinema: {message}"));
                ExitCode::from(code)
            }
        }
    }
}

/// How long a write to standard error may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// Prints a line on standard error. Errors are ignored, since there is nowhere left to report them.
///
/// The write runs in a thread of its own and is waited for only one second: a full pipe that nobody reads must not stop
/// the program, which still has to react to signals.
pub(super) fn say(text: &str) {
    let line: Arc<str> = format!("{text}\n").into();
    let (sender, receiver) = mpsc::sync_channel(1);
    let print = {
        let line = Arc::clone(&line);
        move || {
            write(&line);
            // The receiver is gone after the timeout.
            let _ = sender.send(());
        }
    };
    match thread::Builder::new().name("say".to_owned()).spawn(print) {
        Ok(_) => drop(receiver.recv_timeout(WRITE_TIMEOUT)),
        Err(_) => write(&line),
    }
}

fn write(line: &str) {
    drop(io::stderr().lock().write_all(line.as_bytes()));
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error_chain(&error))
    }
}
