//! Where log lines go, and how they look.

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

/// What libraries log too much of: the first reports its own start and end, which we report ourselves; the second reports
/// every malformed request as an error of the server; the third writes the values of every statement at `debug`,
/// addresses and digests among them. A directive of `RUST_LOG` for them wins.
const QUIET: &str = "actix_server=warn,actix_http::h1::dispatcher=off,tokio_postgres=info";

/// How long writing a line about the process may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether the lines of [`say`] are JSON as the log is. It belongs to the process, as the log does.
static SAYS_JSON: AtomicBool = AtomicBool::new(false);

/// Which lines are logged when `RUST_LOG` is this.
#[must_use]
pub fn log_filter(filter: &str) -> EnvFilter {
    // The settings were checked when they were read.
    EnvFilter::try_new(format!("{QUIET},{filter}")).unwrap_or_else(|_| EnvFilter::new("info"))
}

/// Sends log lines to standard error from now on. Harmless when something does so already.
pub(crate) fn init(settings: &Settings, filter: &str) {
    let logs = tracing_subscriber::fmt().with_env_filter(log_filter(filter)).with_writer(io::stderr);
    let is_set = match settings.log_format {
        LogFormat::Pretty => {
            logs.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).with_target(false).try_init()
        }
        LogFormat::Json => logs.json().flatten_event(true).with_current_span(false).try_init(),
    };
    if let Err(error) = is_set {
        tracing::debug!(%error, "log lines go elsewhere already");
    }
}

/// From now on every line on standard error is JSON, what is said of the process and of panics included: for programs
/// whose output is collected.
pub(crate) fn say_json() {
    SAYS_JSON.store(true, Ordering::Relaxed);
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let reason = panic.payload_as_str().unwrap_or("not said");
        tracing::error!(place, reason, "a thread panicked");
    }));
}

/// How much a line matters, as the log names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Info,
    Error,
}

/// Says something about the process on standard error: where it listens, that it stops, why it did not start. With JSON it
/// is one object with these fields, else this text. Nobody can be told when that fails. A reader of standard error that
/// has stopped reading neither keeps the program from going on, nor from hearing that it is to stop.
pub(crate) fn say_with(level: Level, text: &str, message: &str, fields: Map<String, Value>) {
    let line = if SAYS_JSON.load(Ordering::Relaxed) { json(level, message, fields) } else { text.to_owned() };
    let line: Arc<str> = format!("{line}\n").into();
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

/// Says a text in one line.
pub(crate) fn say(level: Level, text: &str) {
    say_with(level, text, text, Map::new());
}

fn write(line: &str) {
    drop(io::stderr().lock().write_all(line.as_bytes()));
}

/// A line as the JSON log writes its own.
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
