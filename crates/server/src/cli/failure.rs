use std::{
    error::Error,
    io::{self, Write},
    process::ExitCode,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use crate::composition::error_chain;

/// A command did not do what it was asked for.
#[derive(Debug)]
pub(super) enum Failure {
    /// Said in one line on standard error, with this exit code.
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
                say(&format!("cinema: {message}"));
                ExitCode::from(code)
            }
        }
    }
}

/// How long saying something may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// Says something on standard error; there is nobody to tell when that fails. Who has stopped reading it does not keep the
/// program from going on, nor from hearing that it is to stop.
pub(super) fn say(text: &str) {
    let line: Arc<str> = format!("{text}\n").into();
    let (said, is_said) = mpsc::sync_channel(1);
    let speak = {
        let line = Arc::clone(&line);
        move || {
            write(&line);
            // Nobody may be waiting any more.
            let _ = said.send(());
        }
    };
    match thread::Builder::new().name("say".to_owned()).spawn(speak) {
        Ok(_) => drop(is_said.recv_timeout(PATIENCE)),
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
