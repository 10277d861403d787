//! Users as administrators see and change them.

mod changes;
mod list;

use crate::support::Case;

pub(crate) fn cases() -> Vec<Case> {
    changes::cases().into_iter().chain(list::cases()).collect()
}
