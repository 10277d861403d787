use crate::time::Instant;

/// The state of an account, with the data that only this state has.
///
/// An account starts in [`AccountState::AwaitingActivation`]. [`User`](super::User) has a method for each change of
/// state, which returns [`InvalidTransition`] when the current state does not allow the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// The account is registered. Its owner has not yet proved that the email address is theirs.
    AwaitingActivation {
        /// Whether the address was registered again with another password or another spelling since the password was
        /// set. It is then unknown whether the stored password is the owner's, so the password is dropped when the
        /// account leaves this state.
        is_password_contested: bool,
    },
    /// The owner of the account may sign in.
    Active {
        /// When the state began.
        since: Instant,
    },
    /// An administrator has deactivated the account. Only an administrator can activate it again.
    Deactivated {
        /// When the state began.
        since: Instant,
    },
}

/// The account's state does not allow the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the state of the account does not allow this change: {from:?}")]
pub struct InvalidTransition {
    /// The unchanged state of the account.
    pub from: AccountState,
}
