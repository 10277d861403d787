//! One's own account, profile and avatar (api.md section 3).

mod avatars;
mod fields;

use crate::support::Case;

pub(crate) fn cases() -> Vec<Case> {
    fields::cases().into_iter().chain(avatars::cases()).collect()
}
