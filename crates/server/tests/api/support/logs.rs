//! Captures everything that the servers of the suite log, both in this process and in processes that it starts.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use tracing_subscriber::fmt::MakeWriter;

/// The most verbose log filter (`RUST_LOG`) that operators are expected to use: the trace lines of the listed crates
/// of this program, and the debug lines of everything else.
pub(crate) const MOST_VERBOSE: &str = "debug,adapter_crypto=trace,adapter_mailer_console=trace,adapter_mailer_smtp=trace,adapter_postgres=trace,\
     adapter_sqlite=trace,adapter_throttle=trace,adapter_media=trace,api_actix=trace,app=trace,cinema=trace,domain=trace,server=trace";

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Keeper;

impl io::Write for Keeper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct MakeKeeper;

impl<'a> MakeWriter<'a> for MakeKeeper {
    type Writer = Keeper;

    fn make_writer(&'a self) -> Keeper {
        Keeper
    }
}

/// Begins to capture the log of this process. Some libraries are silenced, as in every installation
/// (`server::log_filter`). Each line contains its position in the source.
pub(crate) fn capture_logs() {
    tracing_subscriber::fmt()
        .with_env_filter(server::log_filter(MOST_VERBOSE))
        .with_ansi(false)
        .with_file(true)
        .with_line_number(true)
        .with_writer(MakeKeeper)
        .try_init()
        .expect("no other logger is installed in this process");
}

/// Adds a text from another source, such as a separate process or a database, to the captured lines.
pub(crate) fn keep(place: &str, text: &str) {
    let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    for line in text.lines() {
        lines.extend_from_slice(format!("{place}: {line}\n").as_bytes());
    }
}

/// Returns everything that was logged so far.
pub(crate) fn captured_logs() -> String {
    String::from_utf8_lossy(&LINES.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}
