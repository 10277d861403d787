//! Captures everything that the servers of the suite log, in this process and in those it starts.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use tracing_subscriber::fmt::MakeWriter;

/// The most verbose filter that operators use (`RUST_LOG`): all lines of this program, and the debug lines of
/// libraries.
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

/// Begins to capture the log with the filters of every installation, each line with its position in the source.
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

/// Adds the text of another source, such as a separate process or a database.
pub(crate) fn keep(place: &str, text: &str) {
    let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    for line in text.lines() {
        lines.extend_from_slice(format!("{place}: {line}\n").as_bytes());
    }
}

/// Everything that was logged until now.
pub(crate) fn captured_logs() -> String {
    String::from_utf8_lossy(&LINES.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}
