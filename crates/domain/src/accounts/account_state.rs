use crate::time::Instant;

/// The stage of an account's life, with the data that only this stage has.
///
/// An account starts in [`AccountState::AwaitingActivation`]. From there on, [`User`](super::User) has a method for each
/// change of state, which refuses with [`InvalidTransition`] whatever the present state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// Registered. Its owner has not proved yet that the e-mail address is theirs.
    AwaitingActivation {
        /// Whether somebody registered the address again with another password. Nobody can say whose password the stored
        /// one is, so it is dropped when the account leaves this state.
        is_password_contested: bool,
    },
    /// Its owner may sign in.
    Active {
        /// Since when.
        since: Instant,
    },
    /// An administrator has closed it. Only an administrator can activate it again.
    Deactivated {
        /// Since when.
        since: Instant,
    },
}

/// The account's state does not allow the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the state of the account does not allow this change: {from:?}")]
pub struct InvalidTransition {
    /// The state that the account was and still is in.
    pub from: AccountState,
}
