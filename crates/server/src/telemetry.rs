//! Where log lines are written, and in which format.

use std::{
    io::{self, Write},
    panic,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use adapter_crypto::SystemClock;
use chrono::SecondsFormat;
use domain::time::Clock;
use serde_json::{Map, Value};
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Settings};

/// Directives that silence libraries: `actix_server` logs its start and end, which the server logs itself.
/// `actix_http::h1::dispatcher` logs every malformed request as an error of the server. `tokio_postgres` logs the
/// values of every statement at `debug`, including email addresses and digests. A directive in `RUST_LOG` for one of
/// these targets takes precedence.
const QUIET: &str = "actix_server=warn,actix_http::h1::dispatcher=off,tokio_postgres=info";

/// The maximum time to wait until a message about the process is written.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether the messages of [`say`] are written as JSON. It is global, because the log is global as well.
static SAYS_JSON: AtomicBool = AtomicBool::new(false);

/// Creates the filter for this value of `RUST_LOG`.
#[must_use]
pub fn log_filter(filter: &str) -> EnvFilter {
    // The filter is valid: it was checked when the settings were read.
    EnvFilter::try_new(format!("{QUIET},{filter}")).unwrap_or_else(|_| EnvFilter::new("info"))
}

/// Starts to write log lines to standard error. Has no effect when logging is already initialized.
pub(crate) fn init(settings: &Settings, filter: &str) {
    let logs = tracing_subscriber::fmt().with_env_filter(log_filter(filter)).with_writer(io::stderr);
    let is_set = match settings.log_format {
        LogFormat::Pretty => {
            logs.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).with_target(false).try_init()
        }
        LogFormat::Json => logs.json().flatten_event(true).with_current_span(false).try_init(),
    };
    if let Err(error) = is_set {
        tracing::debug!(%error, "logging is already initialized");
    }
}

/// From now on, writes messages about the process and reports of panics as JSON, like the lines of the JSON log, so
/// that every line on standard error is JSON. This is meant for processes whose output another program collects.
pub(crate) fn say_json() {
    SAYS_JSON.store(true, Ordering::Relaxed);
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let reason = panic.payload_as_str().unwrap_or("unknown");
        tracing::error!(place, reason, "a thread panicked");
    }));
}

/// The level of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Info,
    Error,
}

/// Writes a message about the process to standard error, for example the URL that it listens on, that it is stopping,
/// or why it did not start.
///
/// In JSON, the line is an object with `message`, the members of `fields`, and the members that every line of the JSON
/// log has; otherwise the line is `text`. Errors are ignored, because there is nowhere to report them. If the reader of
/// standard error has stopped reading, the program waits only a short time, so that it can still be stopped.
pub(crate) fn say_with(level: Level, text: &str, message: &str, fields: Map<String, Value>) {
    let line = if SAYS_JSON.load(Ordering::Relaxed) { json(level, message, fields) } else { text.to_owned() };
    let line: Arc<str> = format!("{line}\n").into();
    let (said, is_said) = mpsc::sync_channel(1);
    let speak = {
        let line = Arc::clone(&line);
        move || {
            write(&line);
            // Sending fails if the writing took so long that the caller no longer waits for it.
            let _ = said.send(());
        }
    };
    match thread::Builder::new().name("say".to_owned()).spawn(speak) {
        Ok(_) => drop(is_said.recv_timeout(PATIENCE)),
        Err(_) => write(&line),
    }
}

/// Writes a text as a message about the process.
pub(crate) fn say(level: Level, text: &str) {
    say_with(level, text, text, Map::new());
}

fn write(line: &str) {
    drop(io::stderr().lock().write_all(line.as_bytes()));
}

/// Formats a message like a line of the JSON log.
fn json(level: Level, message: &str, fields: Map<String, Value>) -> String {
    let now = SystemClock.now().to_rfc3339_opts(SecondsFormat::Micros, true);
    let level = match level {
        Level::Info => "INFO",
        Level::Error => "ERROR",
    };
    let head = [("timestamp", now.as_str()), ("level", level), ("message", message)];
    let mut line: Map<String, Value> =
        head.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    line.extend(fields);
    line.insert("target".to_owned(), "cinema".into());
    Value::Object(line).to_string()
}
