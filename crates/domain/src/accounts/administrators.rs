use crate::accounts::{Role, User};

/// The change would leave no user who can manage users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the last active administrator can be neither demoted, deactivated nor deleted")]
pub struct LastAdministrator;

/// Checks that an active administrator remains after one account is changed or deleted.
///
/// `before` must contain the account and every administrator, all locked: otherwise two concurrent changes could each
/// rely on the administrator that the other change removes. `after` is the account after the change; `None` when it is
/// deleted.
///
/// # Errors
/// When the change would leave no active administrator.
pub fn check_administrator_remains(
    before: &[User],
    account: &User,
    after: Option<&User>,
) -> Result<(), LastAdministrator> {
    let is_administrator = |user: &User| user.is_active() && user.role == Role::Admin;
    let mut others = before.iter().filter(|user| user.id != account.id);
    let loses_one = is_administrator(account) && !after.is_some_and(is_administrator);
    if loses_one && !others.any(is_administrator) { Err(LastAdministrator) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{accounts::PasswordHash, id::UserId, time::Instant};

    const NOW: Instant = Instant::UNIX_EPOCH;

    fn admin(number: u128) -> User {
        let id = UserId::from_uuid(Uuid::from_u128(number));
        let email = format!("{number}@example.com").parse().unwrap();
        let mut user = User::register(id, email, PasswordHash::unusable(), NOW);
        user.activate(NOW).unwrap();
        user.role = Role::Admin;
        user
    }

    fn deactivated(mut user: User) -> User {
        user.deactivate(NOW).unwrap();
        user
    }

    #[test]
    fn the_last_active_administrator_cannot_be_demoted_deactivated_or_deleted() {
        let last = admin(1);
        let demoted = User { role: Role::Moderator, ..last.clone() };
        let all = [last.clone(), deactivated(admin(2)), User { role: Role::User, ..admin(3) }];
        for after in [None, Some(demoted), Some(deactivated(last.clone()))] {
            assert_eq!(check_administrator_remains(&all, &last, after.as_ref()), Err(LastAdministrator));
        }
        let other = admin(4);
        let all = [last.clone(), other];
        assert_eq!(check_administrator_remains(&all, &last, None), Ok(()));
    }

    #[test]
    fn other_changes_are_allowed() {
        let last = admin(1);
        let later = User { version: 9, ..last.clone() };
        assert_eq!(check_administrator_remains(std::slice::from_ref(&last), &last, Some(&later)), Ok(()));
        for other in [User { role: Role::User, ..admin(2) }, deactivated(admin(2))] {
            assert_eq!(check_administrator_remains(&[last.clone(), other.clone()], &other, None), Ok(()));
        }
    }
}
