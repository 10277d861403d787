//! Sign-in, tokens, the caller's sessions, and new passwords.

mod change_password;
mod log_in;
mod log_out;
mod own;
mod password_reset;
mod refresh;

use crate::support::Case;

pub(crate) fn cases() -> Vec<Case> {
    [
        change_password::cases(),
        log_in::cases(),
        log_out::cases(),
        own::cases(),
        password_reset::cases(),
        refresh::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
