//! The limit of open file descriptors (files and connections) of the process.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The highest soft limit that [`raise_descriptor_limit`] sets; it is more than the server needs. The hard limit may be
/// very high, and some code iterates over all possible descriptors.
const ENOUGH: u64 = 65_536;

/// The number of descriptors that the process may have open (the soft limit).
#[must_use]
pub fn descriptor_limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Raises the soft limit of descriptors to the hard limit, but to at most 65,536. A higher soft limit is not changed.
///
/// # Errors
/// When the system refuses the change. The limit is then unchanged.
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
    fn the_soft_limit_is_raised_and_never_lowered() {
        let before = getrlimit(Resource::Nofile);
        raise_descriptor_limit().unwrap();
        let wanted = before.maximum.map_or(ENOUGH, |maximum| maximum.min(ENOUGH));
        assert_eq!(descriptor_limit(), wanted.max(before.current.unwrap_or(u64::MAX)));
        raise_descriptor_limit().unwrap();
        assert_eq!(getrlimit(Resource::Nofile).maximum, before.maximum);
    }
}
