//! The standard output of `cinema` commands.

use std::{
    io::{self, BufWriter, StdoutLock, Write},
    process::ExitCode,
};

use super::failure::Failure;

/// Buffered standard output. If the reader closes the pipe, the command ends without an error message.
pub(super) struct Output(BufWriter<StdoutLock<'static>>);

impl Output {
    pub(super) fn new() -> Self {
        Self(BufWriter::with_capacity(64 * 1024, io::stdout().lock()))
    }

    /// Writes a line.
    pub(super) fn line(&mut self, text: &str) -> Result<(), Failure> {
        let written = self.0.write_all(text.as_bytes()).and_then(|()| self.0.write_all(b"\n"));
        written.map_err(|error| Failure::of_output(&error))
    }

    /// Flushes the buffer. Returns the exit code of a command that succeeded.
    pub(super) fn finish(mut self) -> Result<ExitCode, Failure> {
        self.0.flush().map_err(|error| Failure::of_output(&error))?;
        Ok(ExitCode::SUCCESS)
    }
}
