use crate::{
    accounts::{AccountState, EmailAddress, InvalidTransition, PasswordHash, Role},
    id::UserId,
    time::Instant,
};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The identifier of the account.
    pub id: UserId,
    /// The address of the account, which no other account has. Before the activation, it is spelled like the address
    /// that the latest activation link was mailed to; afterwards the spelling does not change.
    pub email: EmailAddress,
    /// The hash of the password.
    pub password: PasswordHash,
    /// The role, which determines what the owner may do.
    pub role: Role,
    /// Whether the owner of the account may sign in, and if not, why.
    pub state: AccountState,
    /// Increases with every change of password, role, state and spelling, so that a transaction can detect whether data
    /// that was read earlier is still current.
    pub version: i64,
    /// When the account was registered.
    pub created_at: Instant,
    /// When the account was last changed.
    pub updated_at: Instant,
}

impl User {
    /// Creates an account that must be activated before its owner can sign in.
    #[must_use]
    pub const fn register(id: UserId, email: EmailAddress, password: PasswordHash, now: Instant) -> Self {
        Self {
            id,
            email,
            password,
            role: Role::User,
            state: AccountState::AwaitingActivation { is_password_contested: false },
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether the owner of the account may sign in.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        matches!(self.state, AccountState::Active { .. })
    }

    /// Whether the owner of the account must follow the activation link before signing in, unless an administrator
    /// activates the account.
    #[must_use]
    pub const fn is_awaiting_activation(&self) -> bool {
        matches!(self.state, AccountState::AwaitingActivation { .. })
    }

    /// Whether the address was registered again with another password or spelling. The stored password is then
    /// possibly not the owner's. Always `false` after the activation. Setting a new password resets it to `false`.
    #[must_use]
    pub const fn is_password_contested(&self) -> bool {
        matches!(self.state, AccountState::AwaitingActivation { is_password_contested: true })
    }

    /// Activates the account because its owner followed the activation link, which confirms the address. A contested
    /// password is dropped: see [`PasswordHash::is_usable`].
    ///
    /// # Errors
    /// When the account is already active, or was deactivated, which the owner cannot undo.
    pub fn confirm_email(&mut self, now: Instant) -> Result<(), InvalidTransition> {
        if !self.is_awaiting_activation() {
            return Err(InvalidTransition { from: self.state });
        }
        self.enter(AccountState::Active { since: now }, now);
        Ok(())
    }

    /// Activates the account on the decision of an administrator. A contested password is dropped: see
    /// [`PasswordHash::is_usable`].
    ///
    /// # Errors
    /// When the account is already active.
    pub fn activate(&mut self, now: Instant) -> Result<(), InvalidTransition> {
        if self.is_active() {
            return Err(InvalidTransition { from: self.state });
        }
        self.enter(AccountState::Active { since: now }, now);
        Ok(())
    }

    /// Deactivates the account on the decision of an administrator: its owner can neither sign in nor activate it. A
    /// contested password is dropped.
    ///
    /// # Errors
    /// When the account is already deactivated.
    pub fn deactivate(&mut self, now: Instant) -> Result<(), InvalidTransition> {
        if matches!(self.state, AccountState::Deactivated { .. }) {
            return Err(InvalidTransition { from: self.state });
        }
        self.enter(AccountState::Deactivated { since: now }, now);
        Ok(())
    }

    /// Records that the address was registered again before the activation, spelled as `typed`.
    ///
    /// When the password or the spelling differs, different people may have registered, and the password becomes
    /// contested. Returns whether it became contested by this call. The spelling is not changed; see
    /// [`User::take_spelling`].
    ///
    /// # Errors
    /// When the account is not awaiting activation. A further registration must not affect the password of such an
    /// account.
    pub fn register_again(
        &mut self,
        typed: &EmailAddress,
        is_same_password: bool,
        now: Instant,
    ) -> Result<bool, InvalidTransition> {
        let AccountState::AwaitingActivation { is_password_contested } = &mut self.state else {
            return Err(InvalidTransition { from: self.state });
        };
        let is_same_person = is_same_password && self.email.is_spelled_like(typed);
        if is_same_person || *is_password_contested {
            return Ok(false);
        }
        *is_password_contested = true;
        self.touch(now);
        Ok(true)
    }

    /// Changes the role.
    pub fn set_role(&mut self, role: Role, now: Instant) {
        self.role = role;
        self.touch(now);
    }

    /// Replaces the spelling of the address with the spelling in `typed`, unless `typed` is another address. Returns
    /// whether the spelling changed.
    ///
    /// Spellings of one address may be different mailboxes. A new activation link, which replaces the earlier one,
    /// must be mailed to the new spelling in the same transaction. A link that is still valid was then mailed to the
    /// stored spelling.
    ///
    /// # Errors
    /// When the account is not awaiting activation, since the spelling is then final.
    pub fn take_spelling(&mut self, typed: &EmailAddress, now: Instant) -> Result<bool, InvalidTransition> {
        if !self.is_awaiting_activation() {
            return Err(InvalidTransition { from: self.state });
        }
        if self.email != *typed || self.email.is_spelled_like(typed) {
            return Ok(false);
        }
        self.email = typed.clone();
        self.touch(now);
        Ok(true)
    }

    /// Sets a new password, which is not contested.
    pub fn set_password(&mut self, password: PasswordHash, now: Instant) {
        self.password = password;
        if let AccountState::AwaitingActivation { is_password_contested } = &mut self.state {
            *is_password_contested = false;
        }
        self.touch(now);
    }

    fn enter(&mut self, state: AccountState, now: Instant) {
        if self.is_password_contested() {
            self.password = PasswordHash::unusable();
        }
        self.state = state;
        self.touch(now);
    }

    fn touch(&mut self, now: Instant) {
        self.version = self.version.saturating_add(1);
        self.updated_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Instant = Instant::UNIX_EPOCH;
    const LATER: Instant = Instant::MAX_UTC;

    fn registered() -> User {
        let password = PasswordHash::from_phc("$argon2id$…".to_owned());
        let id = UserId::from_uuid(uuid::Uuid::nil());
        User::register(id, "ann@example.com".parse().unwrap(), password, FIRST)
    }

    fn typed(text: &str) -> EmailAddress {
        text.parse().unwrap()
    }

    fn contested() -> User {
        let mut user = registered();
        assert_eq!(user.register_again(&typed("ann@example.com"), false, FIRST), Ok(true));
        user
    }

    fn active() -> User {
        let mut user = registered();
        user.confirm_email(FIRST).unwrap();
        user
    }

    fn deactivated() -> User {
        let mut user = active();
        user.deactivate(FIRST).unwrap();
        user
    }

    #[test]
    fn activation_keeps_the_password_of_the_registration() {
        let user = active();
        assert!(user.is_active() && user.password.is_usable());
        assert_eq!((user.state, user.version), (AccountState::Active { since: FIRST }, 2));
    }

    #[test]
    fn each_state_allows_only_its_own_transitions_and_others_change_nothing() {
        type Transition = fn(&mut User) -> Result<(), InvalidTransition>;
        let transitions: [Transition; 5] = [
            |user| user.confirm_email(LATER),
            |user| user.activate(LATER),
            |user| user.deactivate(LATER),
            |user| user.register_again(&typed("ann@example.com"), false, LATER).map(|_| ()),
            |user| user.take_spelling(&typed("ANN@example.com"), LATER).map(|_| ()),
        ];
        for (user, allowed) in [
            (registered(), [true, true, true, true, true]),
            (active(), [false, false, true, false, false]),
            (deactivated(), [false, true, false, false, false]),
        ] {
            for (transition, is_allowed) in transitions.iter().zip(allowed) {
                let mut changed = user.clone();
                let outcome = transition(&mut changed);
                assert_eq!(outcome.is_ok(), is_allowed, "{:?}", user.state);
                if is_allowed {
                    assert_eq!((changed.version, changed.updated_at), (user.version + 1, LATER));
                } else {
                    assert_eq!(outcome, Err(InvalidTransition { from: user.state }));
                    assert_eq!(changed, user);
                }
            }
        }
    }

    #[test]
    fn an_administrator_activates_a_deactivated_account_with_its_password() {
        let mut user = deactivated();
        assert!(!user.is_active() && !user.is_awaiting_activation());
        user.activate(LATER).unwrap();
        assert!(user.password.is_usable());
        assert_eq!(user.state, AccountState::Active { since: LATER });
    }

    #[test]
    fn the_spelling_is_replaced_by_another_spelling_but_not_by_another_address() {
        let mut user = registered();
        for no_other_spelling in ["ann@example.com", "bob@example.com"] {
            assert_eq!(user.take_spelling(&typed(no_other_spelling), LATER), Ok(false));
        }
        assert_eq!(user, registered());
        assert_eq!(user.take_spelling(&typed("Ann@Example.com"), LATER), Ok(true));
        assert_eq!((user.email.as_str(), user.version), ("Ann@Example.com", 2));
    }

    #[test]
    fn another_password_or_another_spelling_contests_the_password_once() {
        for (spelling, is_same_password) in [("ann@example.com", false), ("Ann@example.com", true)] {
            let mut user = registered();
            assert_eq!(user.register_again(&typed(spelling), is_same_password, LATER), Ok(true));
            assert!(user.is_password_contested());
            let before = user.clone();
            assert_eq!(user.register_again(&typed(spelling), is_same_password, LATER), Ok(false));
            assert_eq!(user, before);
        }
    }

    #[test]
    fn registering_again_with_the_same_data_changes_nothing() {
        let mut user = registered();
        assert_eq!(user.register_again(&typed(" ann@example.com"), true, LATER), Ok(false));
        assert_eq!(user, registered());
    }

    #[test]
    fn a_contested_password_is_dropped_when_the_account_leaves_its_first_state() {
        type Transition = fn(&mut User) -> Result<(), InvalidTransition>;
        let transitions: [Transition; 3] =
            [|user| user.confirm_email(LATER), |user| user.activate(LATER), |user| user.deactivate(LATER)];
        for transition in transitions {
            let mut user = contested();
            transition(&mut user).unwrap();
            assert!(!user.password.is_usable() && !user.is_password_contested());
        }
    }

    #[test]
    fn a_new_password_is_not_contested() {
        let mut user = contested();
        user.set_password(PasswordHash::from_phc("$argon2id$other".to_owned()), LATER);
        assert!(!user.is_password_contested());
        user.confirm_email(LATER).unwrap();
        assert!(user.password.is_usable());
    }
}
