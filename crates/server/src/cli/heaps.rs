//! Limits the number of heaps of the C library.
//!
//! By default, glibc gives the threads of a 64-bit process up to eight heaps per core, and memory that was freed stays
//! in its heap. With SQLite, whose queries run on many threads, each heap can grow to the size of the largest query:
//! 222 MB instead of 133 MB in the benchmark with a million movies.

use std::{ffi::OsString, os::unix::process::CommandExt, process::Command, thread::available_parallelism};

/// The environment variable with the maximum number of heaps. glibc reads it only when a program starts.
/// <https://sourceware.org/glibc/manual/latest/html_node/Memory-Allocation-Tunables.html>
const MAX_HEAPS: &str = "MALLOC_ARENA_MAX";

/// The maximum number of heaps per core. With one heap, threads wait for each other.
const PER_CORE: usize = 2;

/// Replaces this process by the same program with the same arguments and a limit of heaps. Does nothing if the
/// environment already has a limit, or without glibc. If the program cannot be started again, this process continues
/// without a limit.
#[expect(clippy::disallowed_methods, reason = "the C library reads this variable, not the server")]
pub(super) fn limit(arguments: &[OsString]) {
    let Some((name, rest)) = arguments.split_first() else { return };
    if !cfg!(target_env = "gnu") || std::env::var_os(MAX_HEAPS).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let cores = available_parallelism().map_or(1, usize::from);
    let heaps = cores.saturating_mul(PER_CORE).to_string();
    // `exec` returns only if the program could not be started.
    let _error = Command::new(program).arg0(name).args(rest).env(MAX_HEAPS, heaps).exec();
}
