use domain::{
    accounts::{
        AccessError, Actor, LastAdministrator, LinkKind, Origin, Role, User, UserDetails, UserLocks,
        UserUnit, check_administrator_remains,
    },
    audit::{AuditAction, AuditObject, AuditState},
    id::UserId,
    store::{Attempt, StoreError, retried},
    time::Instant,
};

use super::Users;
use crate::record::NewAuditEntry;

/// What an administrator changes about a user; `None` keeps the current value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserChanges {
    /// The new role.
    pub role: Option<Role>,
    /// Whether the user may sign in from now on.
    pub is_active: Option<bool>,
}

/// Why a user was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeUserError {
    /// There is no such user.
    #[error("no such user")]
    NotFound,
    /// The change would leave no active administrator.
    #[error(transparent)]
    LastAdmin(#[from] LastAdministrator),
    /// The actor may not change users.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Users {
    /// Changes a user's role and whether the user may sign in. The owner gets a mail about each value that has
    /// changed.
    ///
    /// A changed role does not end sessions; it takes effect within 5 s on every node. Deactivating ends every session
    /// and invalidates mailed links. Activating invalidates the activation link, and mails a link to set a password if
    /// the account has no usable one. An account that is awaiting activation can be deactivated, too. Both activating
    /// and deactivating such an account drop its password if the password is contested (the address was registered
    /// again with another password, or the address was spelled differently). Following the activation link also drops
    /// a contested password.
    ///
    /// # Errors
    /// See [`ChangeUserError`].
    pub async fn change(
        &self,
        admin: Actor,
        id: UserId,
        changes: UserChanges,
        origin: &Origin,
    ) -> Result<UserDetails, ChangeUserError> {
        let details =
            retried(&*self.backoff, |attempt| self.try_change(attempt, admin, id, changes, origin)).await?;
        self.seen_sessions.forget_user(id);
        Ok(details)
    }

    async fn try_change(
        &self,
        attempt: Attempt,
        admin: Actor,
        id: UserId,
        changes: UserChanges,
        origin: &Origin,
    ) -> Result<UserDetails, ChangeUserError> {
        let now = self.clock.now();
        let mut unit = self.store.begin_as_admin(attempt, &admin, id).await?;
        let users = unit.find_users_for_update(&UserLocks::user_and_admins(id)).await?;
        let before = users.iter().find(|user| user.id == id).ok_or(ChangeUserError::NotFound)?;
        let profile = unit.find_profile(id).await?;
        let mut user = before.clone();
        apply(changes, &mut user, now);
        let has_changed = user.version != before.version;
        if has_changed {
            check_administrator_remains(&users, before, Some(&user))?;
            unit.update_user(&user).await?;
            if before.state != user.state {
                self.follow_activation(&mut *unit, &user, now).await?;
            }
            if user.role != before.role {
                self.recorder.tell_role_changed(&mut *unit, &user, now).await?;
            }
            for entry in entries(admin.user_id, before, &user) {
                self.recorder.audit(&mut *unit, entry, origin, now).await?;
            }
            unit.commit().await?;
        }
        Ok(UserDetails::of(&user, profile))
    }

    /// Handles the consequences of an activation or deactivation that was already stored: invalidates links, ends
    /// sessions, and writes mails.
    async fn follow_activation(
        &self,
        unit: &mut dyn UserUnit,
        user: &User,
        now: Instant,
    ) -> Result<(), StoreError> {
        unit.remove_link(LinkKind::Activation, user.id).await?;
        if !user.is_active() {
            unit.remove_link(LinkKind::PasswordReset, user.id).await?;
            unit.end_all_sessions(user.id, now).await?;
        } else if !user.password.is_usable() {
            self.links.mail_password_reset(unit, user, now).await?;
        }
        self.recorder.tell_activation_changed(unit, user, now).await
    }
}

/// Applies the changes that differ from the current state.
fn apply(changes: UserChanges, user: &mut User, now: Instant) {
    if let Some(role) = changes.role.filter(|role| *role != user.role) {
        user.set_role(role, now);
    }
    // An error means that the account is already in this state.
    let _unless_already = match changes.is_active {
        Some(true) => user.activate(now),
        Some(false) => user.deactivate(now),
        None => Ok(()),
    };
}

/// Returns the audit log entries of the change.
fn entries(admin: UserId, before: &User, after: &User) -> Vec<NewAuditEntry> {
    let object = AuditObject::User(after.id);
    let mut entries = Vec::new();
    if before.role != after.role {
        let role = |user: &User| AuditState::of([("role", user.role.as_str())]);
        entries.push(
            NewAuditEntry::by(admin, AuditAction::RoleChanged).on(object).from(role(before)).to(role(after)),
        );
    }
    if before.state != after.state {
        // True when an account that is awaiting activation is deactivated: `is_active` alone would not show the change.
        let waits = before.is_active() == after.is_active();
        let state = |user: &User| {
            let is_waiting = waits.then(|| ("is_waiting", user.is_awaiting_activation().to_string()));
            AuditState::of([("is_active", user.is_active().to_string())].into_iter().chain(is_waiting))
        };
        entries.push(
            NewAuditEntry::by(admin, AuditAction::ActivationChanged)
                .on(object)
                .from(state(before))
                .to(state(after)),
        );
    }
    entries
}

#[cfg(test)]
mod tests {
    use domain::accounts::{Device, EmailAddress};

    use super::*;
    use crate::accounts::{
        ActivateError, AuthenticateError, LogInError, MailQuota, RefreshError, RegisterError,
        doubles::{ORIGIN, PASSWORD, World, ann, email, password, token_in},
    };

    const ACTIVATE: UserChanges = UserChanges { role: None, is_active: Some(true) };
    const DEACTIVATE: UserChanges = UserChanges { role: None, is_active: Some(false) };

    const fn become_a(role: Role) -> UserChanges {
        UserChanges { role: Some(role), is_active: None }
    }

    fn root() -> EmailAddress {
        email("root@example.com")
    }

    /// Adds an administrator with the address of [`root`].
    async fn led(world: World) -> World {
        world.signup.create_admin(root(), password(PASSWORD)).await.unwrap();
        world.actor(world.user(&root()).await.id).await;
        world
    }

    async fn change(
        world: &World,
        whom: &EmailAddress,
        changes: UserChanges,
    ) -> Result<UserDetails, ChangeUserError> {
        let (admin, id) = (world.user(&root()).await.id, world.user(whom).await.id);
        world.users.change(world.actor(admin).await, id, changes, ORIGIN).await
    }

    #[tokio::test]
    async fn a_changed_role_takes_effect_immediately_keeps_sessions_and_is_notified() {
        let world = led(World::new().await).await;
        let pair = world.signed_in(&ann()).await;
        world.sessions.authenticate(&pair.access).await.unwrap();
        let changed = change(&world, &ann(), become_a(Role::Moderator)).await.unwrap();
        assert_eq!((changed.email, changed.role, changed.is_active), (ann(), Role::Moderator, true));
        let actor = world.sessions.authenticate(&pair.access).await.unwrap();
        assert_eq!(actor.role, Role::Moderator);
        world.sessions.refresh(&pair.refresh, ORIGIN).await.unwrap();
        let mail = world.last_mail();
        assert_eq!((mail.to.clone(), mail.subject.as_str()), (ann(), "Your role at Cinema was changed"));
        assert!(mail.text.contains("a moderator"), "{}", mail.text);
    }

    #[tokio::test]
    async fn each_change_is_in_the_audit_log_with_before_and_after() {
        let world = led(World::new().await).await;
        world.active(&ann()).await;
        let (admin, id) = (world.user(&root()).await.id, world.user(&ann()).await.id);
        let changes = UserChanges { role: Some(Role::Admin), is_active: Some(false) };
        let device = Device { ip: Some([192, 0, 2, 7].into()), ..Device::default() };
        let origin = Origin { device, request_id: Some("r-1".to_owned()) };
        world.users.change(world.actor(admin).await, id, changes, &origin).await.unwrap();
        let rows = world.store.rows().await;
        let told: Vec<_> = rows
            .audit
            .iter()
            .filter(|entry| entry.actor == Some(admin))
            .map(|entry| {
                assert_eq!(entry.object, Some(AuditObject::User(id)));
                assert_eq!(
                    (entry.network().as_deref(), entry.request_id.as_deref()),
                    (Some("192.0.2.0/24"), Some("r-1"))
                );
                (entry.action, entry.before.clone().unwrap(), entry.after.clone().unwrap())
            })
            .collect();
        let state = |name: &str, text: &str| AuditState::of([(name, text)]);
        assert_eq!(
            told,
            [
                (AuditAction::RoleChanged, state("role", "user"), state("role", "admin")),
                (AuditAction::ActivationChanged, state("is_active", "true"), state("is_active", "false")),
            ]
        );
    }

    #[tokio::test]
    async fn setting_the_current_state_changes_nothing() {
        let world = led(World::new().await).await;
        world.active(&ann()).await;
        let before = world.store.rows().await;
        let same = UserChanges { role: Some(Role::User), is_active: Some(true) };
        for changes in [UserChanges::default(), same] {
            assert_eq!(change(&world, &ann(), changes).await.unwrap().role, Role::User);
        }
        change(&world, &root(), become_a(Role::Admin)).await.unwrap();
        assert_eq!(world.store.rows().await, before);
    }

    #[tokio::test]
    async fn deactivating_ends_every_session_at_once() {
        let world = led(World::new().await).await;
        let pair = world.signed_in(&ann()).await;
        world.sessions.authenticate(&pair.access).await.unwrap();
        change(&world, &ann(), DEACTIVATE).await.unwrap();
        assert!(matches!(world.sessions.authenticate(&pair.access).await, Err(AuthenticateError::Invalid)));
        assert!(matches!(world.sessions.refresh(&pair.refresh, ORIGIN).await, Err(RefreshError::Invalid)));
        let refused = world.sessions.log_in(&ann(), &password(PASSWORD), MailQuota::Left, ORIGIN).await;
        assert!(matches!(refused, Err(LogInError::AccountDeactivated)));
        assert_eq!(world.last_mail().subject, "Your Cinema account was deactivated");
        change(&world, &ann(), ACTIVATE).await.unwrap();
        assert!(matches!(world.sessions.authenticate(&pair.access).await, Err(AuthenticateError::Invalid)));
        world.log_in(&ann()).await;
    }

    #[tokio::test]
    async fn a_deactivated_owner_cannot_activate_the_account_again() {
        let world = led(World::new().await).await;
        let first = world.registered(&ann()).await;
        change(&world, &ann(), ACTIVATE).await.unwrap();
        change(&world, &ann(), DEACTIVATE).await.unwrap();
        let before = world.store.rows().await;
        assert!(matches!(world.signup.activate(&first, ORIGIN).await, Err(ActivateError::TokenInvalid)));
        let again = world.signup.register(ann(), password(PASSWORD), MailQuota::Left, ORIGIN).await;
        assert!(matches!(again, Err(RegisterError::EmailTaken)));
        world.signup.send_requested_activation(world.wish().await, &ann()).await.unwrap();
        world.sessions.send_requested_password_reset(world.wish().await, &ann()).await.unwrap();
        assert_eq!(world.store.rows().await, before);
    }

    #[tokio::test]
    async fn a_deactivated_owner_who_registers_again_gets_a_mail_if_addresses_are_not_revealed() {
        let world = led(World::discreet().await).await;
        world.active(&ann()).await;
        change(&world, &ann(), DEACTIVATE).await.unwrap();
        let before = world.user(&ann()).await;
        world.signup.register(ann(), password("other harbour 8"), MailQuota::Left, ORIGIN).await.unwrap();
        assert_eq!(world.user(&ann()).await, before);
        let mail = world.last_mail();
        assert_eq!(mail.subject, "Your Cinema account is deactivated");
        assert!(!mail.text.contains("token="), "{}", mail.text);
    }

    #[tokio::test]
    async fn deactivating_invalidates_mailed_links() {
        let world = led(World::new().await).await;
        world.active(&ann()).await;
        world.sessions.send_requested_password_reset(world.wish().await, &ann()).await.unwrap();
        let reset = token_in(&world.last_mail());
        change(&world, &ann(), DEACTIVATE).await.unwrap();
        assert!(world.store.rows().await.links.is_empty());
        assert!(world.sessions.reset_password(&reset, password("louder harbour 8"), ORIGIN).await.is_err());
    }

    #[tokio::test]
    async fn an_inactive_account_is_activated_by_an_administrator_and_its_link_becomes_invalid() {
        let world = led(World::new().await).await;
        let token = world.registered(&ann()).await;
        let changed = change(&world, &ann(), ACTIVATE).await.unwrap();
        assert!(changed.is_active);
        assert_eq!(world.last_mail().subject, "Your Cinema account is active");
        assert!(matches!(world.signup.activate(&token, ORIGIN).await, Err(ActivateError::TokenInvalid)));
        world.log_in(&ann()).await;
    }

    #[tokio::test]
    async fn activation_by_an_administrator_drops_a_contested_password() {
        let world = led(World::new().await).await;
        world.registered(&ann()).await;
        world.signup.register(ann(), password("other harbour 8"), MailQuota::Left, ORIGIN).await.unwrap();
        change(&world, &ann(), ACTIVATE).await.unwrap();
        assert!(!world.user(&ann()).await.password.is_usable());
        let mails = world.mails();
        let reset = mails.iter().find(|mail| mail.subject == "Set a new Cinema password").unwrap();
        let token = token_in(reset);
        world.sessions.reset_password(&token, password("my own harbour 9"), ORIGIN).await.unwrap();
    }

    #[tokio::test]
    async fn the_owner_of_an_inactive_account_cannot_activate_it_after_a_deactivation() {
        let world = led(World::new().await).await;
        let token = world.registered(&ann()).await;
        world.signup.register(ann(), password("other harbour 8"), MailQuota::UsedUp, ORIGIN).await.unwrap();
        assert!(!change(&world, &ann(), DEACTIVATE).await.unwrap().is_active);
        let mail = world.last_mail();
        assert_eq!((mail.to, mail.subject.as_str()), (ann(), "Your Cinema account was deactivated"));
        assert!(world.store.rows().await.links.is_empty());
        let before = world.store.rows().await;
        assert!(matches!(world.signup.activate(&token, ORIGIN).await, Err(ActivateError::TokenInvalid)));
        let again = world.signup.register(ann(), password(PASSWORD), MailQuota::Left, ORIGIN).await;
        assert!(matches!(again, Err(RegisterError::EmailTaken)));
        world.signup.send_requested_activation(world.wish().await, &ann()).await.unwrap();
        change(&world, &ann(), DEACTIVATE).await.unwrap();
        assert_eq!(world.store.rows().await, before);
        // The deactivation dropped the contested password, so activating the account does not make that password
        // usable again.
        assert!(change(&world, &ann(), ACTIVATE).await.unwrap().is_active);
        assert!(!world.user(&ann()).await.password.is_usable());
    }

    #[tokio::test]
    async fn deactivating_an_inactive_account_is_in_the_audit_log() {
        let world = led(World::new().await).await;
        world.registered(&ann()).await;
        change(&world, &ann(), DEACTIVATE).await.unwrap();
        let rows = world.store.rows().await;
        let entry = rows.audit.last().unwrap();
        let waiting = |text: &str| Some(AuditState::of([("is_active", "false"), ("is_waiting", text)]));
        assert_eq!(
            (entry.action, entry.object),
            (AuditAction::ActivationChanged, Some(AuditObject::User(rows.users[1].id)))
        );
        assert_eq!((&entry.before, &entry.after), (&waiting("true"), &waiting("false")));
    }

    #[tokio::test]
    async fn the_last_active_administrator_is_neither_demoted_nor_deactivated() {
        let world = led(World::new().await).await;
        world.active(&ann()).await;
        let both = UserChanges { role: Some(Role::User), is_active: Some(false) };
        let leave = [become_a(Role::Moderator), become_a(Role::User), DEACTIVATE, both];
        for changes in leave {
            let refused = change(&world, &root(), changes).await;
            assert!(matches!(refused, Err(ChangeUserError::LastAdmin(_))), "{changes:?}");
        }
        // A deactivated administrator does not count as an active one.
        change(&world, &ann(), UserChanges { role: Some(Role::Admin), is_active: Some(false) })
            .await
            .unwrap();
        for changes in leave {
            let refused = change(&world, &root(), changes).await;
            assert!(matches!(refused, Err(ChangeUserError::LastAdmin(_))), "{changes:?}");
        }
        change(&world, &ann(), ACTIVATE).await.unwrap();
        change(&world, &root(), become_a(Role::User)).await.unwrap();
        let id = world.user(&ann()).await.id;
        let refused = world.users.change(world.actor(id).await, id, DEACTIVATE, ORIGIN).await;
        assert!(matches!(refused, Err(ChangeUserError::LastAdmin(_))));
    }

    #[tokio::test]
    async fn a_former_administrator_changes_no_user() {
        let world = led(World::new().await).await;
        world.signup.create_admin(ann(), password(PASSWORD)).await.unwrap();
        let id = world.user(&ann()).await.id;
        change(&world, &ann(), become_a(Role::Moderator)).await.unwrap();
        let actor = world.actor(id).await;
        let before = world.store.rows().await;
        let refused = world.users.change(actor, id, become_a(Role::Admin), ORIGIN).await;
        assert!(matches!(refused, Err(ChangeUserError::Access(AccessError::RoleTooLow))));
        assert_eq!(world.store.rows().await, before);
        change(&world, &ann(), DEACTIVATE).await.unwrap();
        let refused = world.users.change(world.actor(id).await, id, ACTIVATE, ORIGIN).await;
        assert!(matches!(refused, Err(ChangeUserError::Access(AccessError::SignedOut))));
    }

    #[tokio::test]
    async fn an_unknown_user_and_a_failed_commit_are_reported() {
        let world = led(World::new().await).await;
        world.active(&ann()).await;
        let unknown = UserId::from_uuid(uuid::Uuid::from_u128(999));
        let admin = world.user(&root()).await.id;
        let refused = world.users.change(world.actor(admin).await, unknown, DEACTIVATE, ORIGIN).await;
        assert!(matches!(refused, Err(ChangeUserError::NotFound)));
        let before = world.store.rows().await;
        world.fail_on_commit();
        let failed = change(&world, &ann(), DEACTIVATE).await;
        assert!(matches!(failed, Err(ChangeUserError::Store(_))));
        assert_eq!(world.store.rows().await, before);
    }
}
