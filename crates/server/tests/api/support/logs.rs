//! All that the servers of this process log, kept to be searched.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

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

/// Begins to keep what is logged, in more detail than any installation would ask for.
pub(crate) fn capture_logs() {
    let crates = "info,app=trace,domain=trace,api_actix=trace,server=trace,adapter_sqlite=trace,\
                  adapter_postgres=trace,adapter_crypto=trace,actix_web=debug,actix_http=debug,diesel=debug";
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(crates))
        .with_ansi(false)
        .with_writer(MakeKeeper)
        .try_init()
        .expect("nobody else captures the logs of this process");
}

/// What was logged until now.
pub(crate) fn captured_logs() -> String {
    String::from_utf8_lossy(&LINES.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}
