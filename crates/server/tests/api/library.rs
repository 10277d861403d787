//! The library: what was bought, and how it is watched.

mod list;

use crate::support::Case;

pub(crate) fn cases() -> Vec<Case> {
    list::cases()
}
