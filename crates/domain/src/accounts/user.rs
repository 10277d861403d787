use crate::{
    accounts::{EmailAddress, PasswordHash, Role},
    id::UserId,
    time::Instant,
};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its identifier.
    pub id: UserId,
    /// Its address, unique among all accounts, in the spelling that its owner proved; while it waits, in the one that
    /// its link was mailed to.
    pub email: EmailAddress,
    /// What is kept of the password.
    pub password: PasswordHash,
    /// Whether somebody registered the address again with another password before it was activated: nobody can say
    /// whose password it is, so activation drops it.
    pub is_password_contested: bool,
    /// What it may do.
    pub role: Role,
    /// Whether it may sign in.
    pub is_active: bool,
    /// When it was activated first, or deactivated before that; `None` while it waits for the one or the other. An account
    /// that does not wait and may not sign in was deactivated, which its owner cannot undo.
    pub activated_at: Option<Instant>,
    /// Counts changes of password, role, activation and spelling, so that what was read earlier can be checked again.
    pub version: i64,
    /// When it was made.
    pub created_at: Instant,
    /// When it was changed last.
    pub updated_at: Instant,
}

impl User {
    /// A new account that waits for its activation.
    #[must_use]
    pub const fn register(id: UserId, email: EmailAddress, password: PasswordHash, now: Instant) -> Self {
        Self {
            id,
            email,
            password,
            is_password_contested: false,
            role: Role::User,
            is_active: false,
            activated_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Lets the account sign in. A contested password is dropped; says whether it was, and the owner needs a new one.
    pub fn activate(&mut self, now: Instant) -> bool {
        let dropped = self.is_password_contested;
        if dropped {
            self.password = PasswordHash::unusable();
            self.is_password_contested = false;
        }
        self.is_active = true;
        self.activated_at.get_or_insert(now);
        self.touch(now);
        dropped
    }

    /// Keeps the account from signing in, until an administrator activates it again: its owner cannot, also when it waited
    /// for that.
    pub fn deactivate(&mut self, now: Instant) {
        self.is_active = false;
        self.activated_at.get_or_insert(now);
        self.touch(now);
    }

    /// Whether it waits for its first activation, which the owner does by a link.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        !self.is_active && self.activated_at.is_none()
    }

    /// Gives it another role.
    pub fn set_role(&mut self, role: Role, now: Instant) {
        self.role = role;
        self.touch(now);
    }

    /// Notes that the address was registered again with another password; says whether that is news.
    pub fn contest_password(&mut self, now: Instant) -> bool {
        if self.is_password_contested {
            return false;
        }
        self.is_password_contested = true;
        self.touch(now);
        true
    }

    /// Takes the address as it was typed last, while nobody has proved the spelling that is kept: what is one address here
    /// may be two mailboxes. Says whether that changes anything. To be called with a new link alone, so that the one that
    /// counts was mailed to the spelling that is kept.
    pub fn respell(&mut self, typed: &EmailAddress, now: Instant) -> bool {
        let is_other_spelling = self.email == *typed && self.email.as_str() != typed.as_str();
        if !self.is_waiting() || !is_other_spelling {
            return false;
        }
        self.email = typed.clone();
        self.touch(now);
        true
    }

    /// Sets a new password.
    pub fn set_password(&mut self, password: PasswordHash, now: Instant) {
        self.password = password;
        self.is_password_contested = false;
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

    fn registered() -> User {
        let now = Instant::UNIX_EPOCH;
        let password = PasswordHash::from_phc("$argon2id$…".to_owned());
        User::register(
            UserId::from_uuid(uuid::Uuid::nil()),
            "ann@example.com".parse().unwrap(),
            password,
            now,
        )
    }

    #[test]
    fn activation_keeps_the_password_of_the_one_who_registered() {
        let mut user = registered();
        assert!(!user.activate(Instant::UNIX_EPOCH));
        assert!(user.is_active && user.password.is_usable());
        assert_eq!(user.version, 2);
    }

    #[test]
    fn a_deactivated_account_does_not_wait_for_its_activation() {
        let mut user = registered();
        assert!(user.is_waiting());
        user.activate(Instant::UNIX_EPOCH);
        assert!(!user.is_waiting());
        user.deactivate(Instant::MAX_UTC);
        assert!(!user.is_active && !user.is_waiting());
        assert_eq!((user.activated_at, user.version), (Some(Instant::UNIX_EPOCH), 3));
        assert!(!user.activate(Instant::MAX_UTC));
        assert!(user.is_active && user.password.is_usable());
    }

    #[test]
    fn an_account_that_is_deactivated_waits_no_more() {
        let mut user = registered();
        user.deactivate(Instant::MAX_UTC);
        assert!(!user.is_active && !user.is_waiting());
        user.activate(Instant::MAX_UTC);
        assert!(user.is_active && user.password.is_usable());
    }

    #[test]
    fn a_spelling_that_was_proved_stays_and_another_address_is_no_spelling() {
        let mut user = registered();
        let typed = |text: &str| text.parse::<EmailAddress>().unwrap();
        assert!(!user.respell(&typed("ann@example.com"), Instant::MAX_UTC));
        assert!(!user.respell(&typed("bob@example.com"), Instant::MAX_UTC));
        assert_eq!((user.version, user.updated_at), (1, Instant::UNIX_EPOCH));
        assert!(user.respell(&typed("Ann@Example.com"), Instant::MAX_UTC));
        assert_eq!((user.email.as_str(), user.version), ("Ann@Example.com", 2));
        user.activate(Instant::MAX_UTC);
        assert!(!user.respell(&typed("ANN@example.com"), Instant::MAX_UTC));
        user.deactivate(Instant::MAX_UTC);
        assert!(!user.respell(&typed("ANN@example.com"), Instant::MAX_UTC));
        assert_eq!(user.email.as_str(), "Ann@Example.com");
    }

    #[test]
    fn a_password_is_contested_once() {
        let mut user = registered();
        assert!(user.contest_password(Instant::UNIX_EPOCH));
        let contested = user.clone();
        assert!(!user.contest_password(Instant::MAX_UTC));
        assert_eq!(user, contested);
    }

    #[test]
    fn activation_drops_a_password_that_two_claimed() {
        let mut user = registered();
        user.contest_password(Instant::UNIX_EPOCH);
        assert!(user.activate(Instant::UNIX_EPOCH));
        assert!(user.is_active && !user.password.is_usable());
    }
}
