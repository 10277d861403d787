//! What administrators see of users and do to them (api.md section 4).

use crate::support::Case;

mod list;

pub(crate) fn cases() -> Vec<Case> {
    list::cases().into_iter().collect()
}
