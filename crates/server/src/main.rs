//! The `cinema` command.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// The allocator of the whole process, including SQLite. With that of glibc, threads wait for each other's heaps: a list
/// of movies on SQLite is 35 % slower.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    server::run(std::env::args_os())
}
