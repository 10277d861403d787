use crate::{
    accounts::{Role, Session, User},
    id::{SessionId, UserId},
    store::StoreError,
};

/// A signed-in user who makes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// The user.
    pub user_id: UserId,
    /// The session that the request belongs to.
    pub session_id: SessionId,
    /// The user's role when the request was authenticated. It is sufficient for reading; units of work (transactions)
    /// check the current role.
    pub role: Role,
}

/// Why no unit of work (transaction) was begun for an actor.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The account was deleted or deactivated, or the session ended, since the request was authenticated.
    #[error("the session has ended or the account is no longer active")]
    SignedOut,
    /// The actor's role does not permit the action.
    #[error("the role does not permit the action")]
    RoleTooLow,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The users that a unit of work locks when it begins. One call locks all of them, in the order of their identifiers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserLocks {
    /// The users to lock, if they exist.
    pub ids: Vec<UserId>,
    /// Whether every administrator is also locked, active or not.
    pub all_admins: bool,
}

impl UserLocks {
    /// Locks this user and every administrator.
    #[must_use]
    pub fn user_and_admins(id: UserId) -> Self {
        Self { ids: vec![id], all_admins: true }
    }
}

/// The authority that a unit of work requires: the actor, the minimum role, and the users to lock. Every store that
/// begins units of work for actors defines the required authority, so that a use case can neither omit nor weaken it.
#[derive(Debug, Clone)]
pub struct Authority {
    actor: Actor,
    least: Role,
    locks: UserLocks,
}

impl Authority {
    /// Requires an active user of any role, for a unit of work on the actor's own data.
    #[must_use]
    pub fn own(actor: &Actor) -> Self {
        Self::of(actor, Role::User)
    }

    /// Requires an active user with the role `least` or a higher one.
    #[must_use]
    pub fn of(actor: &Actor, least: Role) -> Self {
        let locks = UserLocks { ids: vec![actor.user_id], all_admins: false };
        Self { actor: *actor, least, locks }
    }

    /// Also locks another user, for example the one that is changed.
    #[must_use]
    pub fn locking(mut self, user_id: UserId) -> Self {
        if !self.locks.ids.contains(&user_id) {
            self.locks.ids.push(user_id);
        }
        self
    }

    /// Also locks every administrator, for decisions that depend on whether another administrator exists.
    #[must_use]
    pub fn locking_admins(mut self) -> Self {
        self.locks.all_admins = true;
        self
    }

    /// The users to lock before [`Authority::check`].
    #[must_use]
    pub const fn locks(&self) -> &UserLocks {
        &self.locks
    }

    /// The session that must be active.
    #[must_use]
    pub const fn session_id(&self) -> SessionId {
        self.actor.session_id
    }

    /// Checks that the actor has the authority. `locked` are the users that the unit of work has locked, `session` is
    /// the actor's session as read in the unit of work. Whether the session has expired is not checked here, since
    /// authentication has just checked it.
    ///
    /// # Errors
    /// [`AccessError::SignedOut`] and [`AccessError::RoleTooLow`].
    pub fn check(&self, locked: &[User], session: Option<&Session>) -> Result<(), AccessError> {
        let actor = locked.iter().find(|user| user.id == self.actor.user_id && user.is_active());
        let actor = actor.ok_or(AccessError::SignedOut)?;
        if !session.is_some_and(|session| session.user_id == actor.id && session.ended_at.is_none()) {
            return Err(AccessError::SignedOut);
        }
        if actor.role < self.least { Err(AccessError::RoleTooLow) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        accounts::{Device, PasswordHash},
        id::Id,
        time::Instant,
    };

    const NOW: Instant = Instant::UNIX_EPOCH;

    fn id<K: crate::id::Kind>(number: u128) -> Id<K> {
        Id::from_uuid(uuid::Uuid::from_u128(number))
    }

    fn user(number: u128, role: Role) -> User {
        let email = format!("user{number}@example.com").parse().unwrap();
        let mut user = User::register(id(number), email, PasswordHash::unusable(), NOW);
        user.activate(NOW).unwrap();
        User { role, ..user }
    }

    fn session(user: u128) -> Session {
        Session::begin(id(100), id(user), Device::default(), NOW)
    }

    fn actor() -> Actor {
        Actor { user_id: id(1), session_id: id(100), role: Role::Admin }
    }

    #[test]
    fn the_current_role_of_the_user_is_checked_and_not_the_earlier_role_in_the_actor() {
        for (role, least, is_permitted) in [
            (Role::User, Role::User, true),
            (Role::User, Role::Moderator, false),
            (Role::Moderator, Role::Moderator, true),
            (Role::Moderator, Role::Admin, false),
            (Role::Admin, Role::Moderator, true),
            (Role::Admin, Role::Admin, true),
        ] {
            let checked = Authority::of(&actor(), least)
                .check(&[user(2, Role::Admin), user(1, role)], Some(&session(1)));
            match checked {
                Ok(()) => assert!(is_permitted, "{role:?} {least:?}"),
                Err(AccessError::RoleTooLow) => assert!(!is_permitted, "{role:?} {least:?}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_missing_or_inactive_user_is_refused_regardless_of_role() {
        let mut closed = user(1, Role::Admin);
        closed.deactivate(NOW).unwrap();
        for locked in [vec![], vec![user(2, Role::Admin)], vec![closed]] {
            let checked = Authority::own(&actor()).check(&locked, Some(&session(1)));
            assert!(matches!(checked, Err(AccessError::SignedOut)));
        }
    }

    #[test]
    fn a_missing_or_ended_session_and_the_session_of_another_user_are_refused() {
        let ended = Session { ended_at: Some(NOW), ..session(1) };
        for session in [None, Some(ended), Some(session(2))] {
            let checked = Authority::own(&actor()).check(&[user(1, Role::User)], session.as_ref());
            assert!(matches!(checked, Err(AccessError::SignedOut)));
        }
    }

    #[test]
    fn the_actor_and_the_affected_user_are_locked_once() {
        let locks = Authority::own(&actor()).locking(id(1)).locking(id(2)).locking_admins();
        assert_eq!(*locks.locks(), UserLocks { ids: vec![id(1), id(2)], all_admins: true });
    }
}
