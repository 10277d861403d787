//! Accounts (api.md section 2).

mod activation;
mod addresses;
mod change_password;
mod log_in;
mod log_out;
mod password_reset;
mod passwords;
mod refresh;
mod registration;
mod resending;
mod sessions;

use crate::support::Case;

pub(crate) fn cases() -> Vec<Case> {
    [
        activation::cases(),
        addresses::cases(),
        change_password::cases(),
        log_in::cases(),
        log_out::cases(),
        password_reset::cases(),
        passwords::cases(),
        refresh::cases(),
        registration::cases(),
        resending::cases(),
        sessions::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
