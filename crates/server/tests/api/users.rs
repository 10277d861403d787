//! What administrators see of users and do to them (api.md section 4).

mod changes;
mod list;

use crate::support::Case;

pub(crate) fn cases() -> Vec<Case> {
    changes::cases().into_iter().chain(list::cases()).collect()
}
