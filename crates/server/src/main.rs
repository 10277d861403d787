//! The `cinema` command.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// The allocator of the whole process, including SQLite. With the allocator of glibc, threads wait for each other when
/// they allocate memory: listing movies on SQLite is then 35 % slower.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    server::run(std::env::args_os())
}
