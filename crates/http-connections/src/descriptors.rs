//! The limit of open files and connections of the process.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than any server of this kind needs; some systems have no upper limit, and some programs iterate over all
/// descriptors.
const ENOUGH: u64 = 65_536;

/// How many descriptors the process may currently have open.
#[must_use]
pub fn descriptor_limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Raises the soft limit of descriptors up to the hard limit, to at most 65,536. A higher soft limit is kept.
///
/// # Errors
/// When the system refuses; the limit is then unchanged.
pub fn raise_descriptor_limit() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(ENOUGH, |maximum| maximum.min(ENOUGH));
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit }).map_err(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_to_the_hard_one_and_never_lowered() {
        let before = getrlimit(Resource::Nofile);
        raise_descriptor_limit().unwrap();
        let wanted = before.maximum.map_or(ENOUGH, |maximum| maximum.min(ENOUGH));
        assert_eq!(descriptor_limit(), wanted.max(before.current.unwrap_or(u64::MAX)));
        raise_descriptor_limit().unwrap();
        assert_eq!(getrlimit(Resource::Nofile).maximum, before.maximum);
    }
}
