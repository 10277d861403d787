//! Where log lines go, and how they look.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Settings};

/// What libraries say too much of: the first tells of its own start and end what we tell ourselves, the second calls every
/// request that is none an error of the server, the third writes the values of every statement at `debug`, addresses and
/// digests among them. A directive of `RUST_LOG` for them wins.
const QUIET: &str = "actix_server=warn,actix_http::h1::dispatcher=off,tokio_postgres=info";

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
