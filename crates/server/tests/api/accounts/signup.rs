//! Registration and activation.

mod activation;
mod addresses;
mod passwords;
mod registration;
mod resending;

use crate::support::Case;

pub(crate) fn cases() -> Vec<Case> {
    [activation::cases(), addresses::cases(), passwords::cases(), registration::cases(), resending::cases()]
        .into_iter()
        .flatten()
        .collect()
}
