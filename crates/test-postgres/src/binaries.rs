//! Finds the PostgreSQL programs that are installed on this machine.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// The message when PostgreSQL is not installed.
const ADVICE: &str = "PostgreSQL 15 or newer is needed for this test and was not found under /usr/lib/postgresql or \
    on the PATH. Install it (Debian, Ubuntu: apt-get install postgresql), or give the address of a server in \
    TEST_DATABASE_URL, or leave these tests out with SKIP_POSTGRES=1.";

/// Reads a setting of the test run from the environment; `None` when it is missing or empty.
#[expect(clippy::disallowed_methods, reason = "tests have no composition root that reads settings")]
pub(crate) fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Finds the folder with the server's programs; Debian's newest version is preferred.
pub(crate) fn server_folder() -> PathBuf {
    folder_with(&["initdb", "pg_ctl", "postgres"]).unwrap_or_else(|| panic!("{ADVICE}"))
}

/// Finds the program `psql`; `None` when it is not installed.
pub(crate) fn psql() -> Option<PathBuf> {
    folder_with(&["psql"]).map(|folder| folder.join("psql"))
}

fn folder_with(programs: &[&str]) -> Option<PathBuf> {
    versioned_folders()
        .into_iter()
        .chain(path_folders())
        .find(|folder| programs.iter().all(|program| folder.join(program).is_file()))
}

/// Returns the folders in which Debian installs the programs of each version, the newest version first.
fn versioned_folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(Path::new("/usr/lib/postgresql")).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.split('.').next()?.parse().ok()?, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

#[expect(clippy::disallowed_methods, reason = "programs are searched for in PATH, as by a shell")]
fn path_folders() -> Vec<PathBuf> {
    let path: OsString = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).collect()
}
