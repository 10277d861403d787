//! Test cases about accounts.

mod own_data;
mod profile;
mod sessions;
mod signup;
mod users;

use crate::support::Case;

pub(crate) fn cases() -> Vec<Case> {
    [own_data::cases(), profile::cases(), sessions::cases(), signup::cases(), users::cases()]
        .into_iter()
        .flatten()
        .collect()
}
