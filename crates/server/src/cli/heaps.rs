//! Limits the number of heaps of the C library.
//!
//! By default, glibc gives the threads of a 64-bit process up to eight heaps per core, and memory that was freed stays
//! in its heap. With SQLite, whose queries run on many threads, each heap can grow to the size of the largest query:
//! 222 MB instead of 133 MB in the benchmark with a million movies.

use std::{ffi::OsString, os::unix::process::CommandExt, process::Command};

use crate::config::{is_in_environment, processors};

/// The environment variable with the maximum number of heaps. glibc reads it only when a program starts.
/// <https://sourceware.org/glibc/manual/latest/html_node/Memory-Allocation-Tunables.html>
const MAX_HEAPS: &str = "MALLOC_ARENA_MAX";

/// The maximum number of heaps per core. With one heap, threads wait for each other.
const PER_CORE: usize = 2;

/// Replaces this process by the same program with the same arguments and a limit of heaps. Does nothing if the
/// environment already has a limit, or without glibc. If the program cannot be started again, this process continues
/// without a limit.
pub(super) fn limit(arguments: &[OsString]) {
    let Some((name, rest)) = arguments.split_first() else { return };
    if !cfg!(target_env = "gnu") || is_in_environment(MAX_HEAPS) {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let heaps = processors().saturating_mul(PER_CORE).to_string();
    // `exec` returns only if the program could not be started.
    let _error = Command::new(program).arg0(name).args(rest).env(MAX_HEAPS, heaps).exec();
}
