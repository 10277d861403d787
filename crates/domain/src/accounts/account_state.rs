use crate::time::Instant;

/// The stage of an account's life, with the data that only this stage has.
///
/// An account starts in [`AccountState::AwaitingActivation`]. [`User`](super::User) has a method for each change of
/// state, which returns [`InvalidTransition`] when the current state does not allow the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// Registered. Its owner has not proved yet that the e-mail address is theirs.
    AwaitingActivation {
        /// Whether the address was registered again with another password. It is then unknown whether the stored
        /// password is the owner's, so it is dropped when the account leaves this state.
        is_password_contested: bool,
    },
    /// Its owner may sign in.
    Active {
        /// When the state began.
        since: Instant,
    },
    /// An administrator has closed it. Only an administrator can activate it again.
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
