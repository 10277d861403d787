//! The caller's own account, profile and avatar.

mod avatars;
mod fields;

use crate::support::Case;

pub(crate) fn cases() -> Vec<Case> {
    fields::cases().into_iter().chain(avatars::cases()).collect()
}
