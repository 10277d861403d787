//! Cases about the cart.

mod items;
mod merge;

use crate::support::Case;

pub(crate) fn cases() -> Vec<Case> {
    items::cases().into_iter().chain(merge::cases()).collect()
}
