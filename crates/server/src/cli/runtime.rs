//! The asynchronous runtime of a `cinema` command, and how it is shut down.

use std::{process::ExitCode, time::Duration};

use tokio::runtime::Runtime;

use super::{failure::Failure, serve::Ending};

/// How long the runtime waits, after the command has ended, for threads that still run.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs a command that ends by itself.
pub(super) fn run_to_completion(
    work: impl Future<Output = Result<ExitCode, Failure>>,
) -> Result<ExitCode, Failure> {
    let runtime = runtime()?;
    let ended = runtime.block_on(work);
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    ended
}

/// Runs a server or worker, which ends after a signal or a failure.
///
/// The runtime is shut down explicitly. After a second signal, the shutdown does not wait for any thread. Dropping it
/// would wait without limit for blocked threads, such as a thread that writes to a pipe that nobody reads.
pub(super) fn run_until_stopped(
    work: impl Future<Output = Result<Ending, Failure>>,
) -> Result<ExitCode, Failure> {
    let runtime = runtime()?;
    let ended = runtime.block_on(work);
    match &ended {
        Ok(Ending::AtOnce) => runtime.shutdown_background(),
        Ok(Ending::Orderly) | Err(_) => runtime.shutdown_timeout(SHUTDOWN_TIMEOUT),
    }
    Ok(match ended? {
        Ending::Orderly => ExitCode::SUCCESS,
        Ending::AtOnce => ExitCode::FAILURE,
    })
}

/// Creates the runtime for use cases and database connections.
fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start threads ({error})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocked_thread_does_not_delay_the_end_of_a_command() {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let work = async move {
            tokio::task::spawn_blocking(move || receiver.recv());
            Ok(ExitCode::SUCCESS)
        };
        run_to_completion(work).unwrap();
        drop(sender);
    }

    #[test]
    fn a_blocked_thread_does_not_delay_the_end_of_a_server_that_fails() {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let work = async move {
            tokio::task::spawn_blocking(move || receiver.recv());
            Err(Failure::new("it failed"))
        };
        assert!(run_until_stopped(work).is_err());
        drop(sender);
    }
}
