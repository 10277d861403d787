use std::{
    io::{self, BufWriter, StdoutLock, Write},
    process::ExitCode,
};

use super::failure::Failure;

/// Standard output, for what a command was asked for. A reader that has gone ends the command quietly.
pub(super) struct Output(BufWriter<StdoutLock<'static>>);

impl Output {
    pub(super) fn new() -> Self {
        Self(BufWriter::with_capacity(64 * 1024, io::stdout().lock()))
    }

    pub(super) fn line(&mut self, text: &str) -> Result<(), Failure> {
        let written = self.0.write_all(text.as_bytes()).and_then(|()| self.0.write_all(b"\n"));
        written.map_err(|error| Failure::of_output(&error))
    }

    /// Writes what is still held back; the command has done its work.
    pub(super) fn finish(mut self) -> Result<ExitCode, Failure> {
        self.0.flush().map_err(|error| Failure::of_output(&error))?;
        Ok(ExitCode::SUCCESS)
    }
}
