use domain::{
    accounts::{
        AccessError, Actor, Credentials, EmailAddress, HashError, LinkKind, Origin, PasswordHash,
        PasswordProblem, PlainPassword,
    },
    audit::{AuditAction, AuditObject},
    store::{Attempt, StoreError, retried},
    throttle::TooManyFailures,
};

use super::Sessions;
use crate::{
    accounts::password_guard::{PasswordRefusal, Tried},
    record::NewAuditEntry,
};

/// What is wrong with the current and the new password of a password change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password cannot be changed like this")]
pub struct PasswordChangeFaults {
    /// Whether the current password is wrong.
    pub is_current_wrong: bool,
    /// Why the new password cannot be set.
    pub new: Option<PasswordProblem>,
}

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// One or both of the passwords are not acceptable.
    #[error(transparent)]
    Faults(#[from] PasswordChangeFaults),
    /// The actor may not change the password.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Too many wrong passwords were tried for this account, so the given password was not checked.
    #[error(transparent)]
    Throttled(#[from] TooManyFailures),
    /// A password could not be checked or hashed: the hasher is busy or failed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PasswordRefusal for ChangePasswordError {
    fn tried(&self) -> Tried {
        match self {
            Self::Faults(faults) if faults.is_current_wrong => Tried::Wrong,
            Self::Faults(_) => Tried::Right,
            Self::Access(_) | Self::Throttled(_) | Self::Hash(_) | Self::Store(_) => Tried::NotChecked,
        }
    }
}

const WRONG_CURRENT: ChangePasswordError =
    ChangePasswordError::Faults(PasswordChangeFaults { is_current_wrong: true, new: None });

impl Sessions {
    /// Sets a new password for a user who knows the current one: every other session of the user ends, links to reset
    /// the password become invalid, and the owner is notified by mail.
    ///
    /// The new password must differ from the current one, which may have leaked.
    ///
    /// # Errors
    /// See [`ChangePasswordError`].
    pub async fn change_password(
        &self,
        actor: Actor,
        current: &PlainPassword,
        new: &PlainPassword,
        origin: &Origin,
    ) -> Result<(), ChangePasswordError> {
        let known = self.credentials.credentials_of(actor.user_id).await?;
        let (email, known) = known.ok_or(AccessError::SignedOut)?;
        // Wrong passwords count against the same limit as at sign-in, so that a stolen access token does not allow
        // faster guessing.
        let trying = self.check_and_change(actor, &email, &known, current, new, origin);
        self.passwords.attempt(&email, origin.device.ip, trying).await
    }

    async fn check_and_change(
        &self,
        actor: Actor,
        email: &EmailAddress,
        known: &Credentials,
        current: &PlainPassword,
        new: &PlainPassword,
        origin: &Origin,
    ) -> Result<(), ChangePasswordError> {
        let is_right = self.passwords.hasher.verify(Some(&known.password), current).await?;
        if !is_right {
            self.record_failed_change(actor, origin).await?;
        }
        let faults =
            PasswordChangeFaults { is_current_wrong: !is_right, new: self.fault_of_new(current, new, email) };
        if faults.is_current_wrong || faults.new.is_some() {
            return Err(faults.into());
        }
        let hash = self.passwords.hasher.hash(new).await?;
        retried(&*self.backoff, |attempt| self.try_change_password(attempt, actor, known, &hash, origin))
            .await?;
        self.seen_sessions.forget_user(actor.user_id);
        Ok(())
    }

    fn fault_of_new(
        &self,
        current: &PlainPassword,
        new: &PlainPassword,
        email: &EmailAddress,
    ) -> Option<PasswordProblem> {
        let is_unchanged = current.expose() == new.expose();
        let fault = self.password_policy.check(new, Some(email)).err();
        fault.or_else(|| is_unchanged.then_some(PasswordProblem::Unchanged))
    }

    async fn try_change_password(
        &self,
        attempt: Attempt,
        actor: Actor,
        known: &Credentials,
        hash: &PasswordHash,
        origin: &Origin,
    ) -> Result<(), ChangePasswordError> {
        let now = self.clock.now();
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let mut user = unit.find_user_for_update(actor.user_id).await?.ok_or(AccessError::SignedOut)?;
        if user.version != known.version && user.password != known.password {
            // The password was changed while the old one was being checked.
            return Err(WRONG_CURRENT);
        }
        unit.remove_link(LinkKind::PasswordReset, user.id).await?;
        let live = unit.find_live_sessions_for_update(user.id, now).await?;
        if !live.contains(&actor.session_id) {
            return Err(AccessError::SignedOut.into());
        }
        let others: Vec<_> = live.into_iter().filter(|id| *id != actor.session_id).collect();
        unit.end_sessions(&others, now).await?;
        user.set_password(hash.clone(), now);
        unit.update_user(&user).await?;
        self.recorder.tell_password_changed(&mut *unit, &user, &origin.device, now).await?;
        let entry =
            NewAuditEntry::by(actor.user_id, AuditAction::PasswordChanged).on(AuditObject::User(user.id));
        self.recorder.audit(&mut *unit, entry, origin, now).await?;
        unit.commit().await?;
        Ok(())
    }

    async fn record_failed_change(&self, actor: Actor, origin: &Origin) -> Result<(), AccessError> {
        retried(&*self.backoff, |attempt| self.try_record_failed_change(attempt, actor, origin)).await
    }

    async fn try_record_failed_change(
        &self,
        attempt: Attempt,
        actor: Actor,
        origin: &Origin,
    ) -> Result<(), AccessError> {
        let entry = NewAuditEntry::by(actor.user_id, AuditAction::PasswordChangeFailed)
            .on(AuditObject::User(actor.user_id));
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        self.recorder.audit(&mut *unit, entry, origin, self.clock.now()).await?;
        unit.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use domain::accounts::Device;

    use super::*;
    use crate::accounts::{
        AuthenticateError, ResetPasswordError, TokenPair,
        doubles::{PASSWORD, Rows, World, ann, email, password, token_in},
    };

    const NEW: &str = "louder harbour 8";

    fn origin() -> Origin {
        let device = Device { user_agent: Some("curl/8".to_owned()), ip: Some(IpAddr::from([192, 0, 2, 7])) };
        Origin { device, request_id: Some("r1".to_owned()) }
    }

    async fn change(
        world: &World,
        pair: &TokenPair,
        current: &str,
        new: &str,
    ) -> Result<(), ChangePasswordError> {
        let actor = world.sessions.authenticate(&pair.access).await.unwrap();
        world.sessions.change_password(actor, &password(current), &password(new), &origin()).await
    }

    async fn actions(world: &World) -> Vec<AuditAction> {
        let own = [AuditAction::PasswordChanged, AuditAction::PasswordChangeFailed];
        let entries = world.store.rows().await.audit;
        entries.iter().map(|entry| entry.action).filter(|one| own.contains(one)).collect()
    }

    #[tokio::test]
    async fn the_new_password_is_valid_and_only_the_current_session_stays() {
        let world = World::new().await;
        let (laptop, phone) = (world.signed_in(&ann()).await, world.log_in(&ann()).await);
        let bob = world.signed_in(&email("bob@example.com")).await;
        world.sessions.authenticate(&phone.access).await.unwrap();
        change(&world, &laptop, PASSWORD, NEW).await.unwrap();
        assert_eq!(world.user(&ann()).await.password.as_str(), format!("1${NEW}"));
        let ended = world.sessions.authenticate(&phone.access).await;
        assert!(matches!(ended, Err(AuthenticateError::Invalid)), "the session ends at once on this node");
        for pair in [laptop, bob] {
            world.sessions.authenticate(&pair.access).await.unwrap();
        }
        assert_eq!(
            world.store.rows().await.refresh.len(),
            2,
            "the token of the caller, and the token of another user"
        );
    }

    #[tokio::test]
    async fn the_owner_is_notified_once_and_the_log_has_the_actor() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        let before = world.mails().len();
        change(&world, &pair, PASSWORD, NEW).await.unwrap();
        let mails = world.mails();
        assert_eq!(mails.len(), before + 1);
        let mail = mails.last().unwrap();
        assert_eq!((&mail.to, mail.subject.as_str()), (&ann(), "Your Cinema password was changed"));
        assert!(mail.text.contains("Device: curl") && mail.text.contains("192.0.2.7"), "{}", mail.text);
        let id = world.user(&ann()).await.id;
        let rows = world.store.rows().await;
        let entry = rows.audit.last().unwrap();
        assert_eq!((entry.action, entry.actor), (AuditAction::PasswordChanged, Some(id)));
        assert_eq!((entry.object, entry.request_id.as_deref()), (Some(AuditObject::User(id)), Some("r1")));
    }

    #[tokio::test]
    async fn a_reset_link_in_an_unsent_mail_becomes_invalid() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        world.sessions.send_requested_password_reset(world.wish().await, &ann()).await.unwrap();
        let token = token_in(&world.last_mail());
        change(&world, &pair, PASSWORD, NEW).await.unwrap();
        let refused = world.sessions.reset_password(&token, password("third harbour 9"), &origin()).await;
        assert!(matches!(refused, Err(ResetPasswordError::TokenInvalid)));
    }

    #[tokio::test]
    async fn all_faults_are_reported_together_and_nothing_changes() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        let before = world.user(&ann()).await;
        let short = PasswordProblem::TooShort { least: 8 };
        for (current, new, is_current_wrong, fault) in [
            ("other harbour 8", NEW, true, None),
            ("other harbour 8", "short 1", true, Some(short)),
            (PASSWORD, "short 1", false, Some(short)),
            (PASSWORD, PASSWORD, false, Some(PasswordProblem::Unchanged)),
            (PASSWORD, "password1", false, Some(PasswordProblem::TooCommon)),
        ] {
            let refused = change(&world, &pair, current, new).await;
            let Err(ChangePasswordError::Faults(faults)) = refused else { panic!("{current} {new}") };
            assert_eq!(faults, PasswordChangeFaults { is_current_wrong, new: fault });
        }
        assert_eq!(world.user(&ann()).await, before);
        assert_eq!(actions(&world).await, [AuditAction::PasswordChangeFailed; 2]);
    }

    #[tokio::test]
    async fn the_address_is_refused_as_password() {
        let world = World::new().await;
        let address = email("ann2@example.com");
        let pair = world.signed_in(&address).await;
        let refused = change(&world, &pair, PASSWORD, "Ann2@Example.com").await;
        let Err(ChangePasswordError::Faults(faults)) = refused else { panic!("{refused:?}") };
        assert_eq!(faults.new, Some(PasswordProblem::IsEmail));
    }

    #[tokio::test]
    async fn the_old_password_is_refused_after_a_concurrent_change() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        let actor = world.sessions.authenticate(&pair.access).await.unwrap();
        world.store.interfere(|rows| {
            let at = rows.users[0].created_at;
            rows.users[0].set_password(PasswordHash::from_phc("1$new harbour 9".to_owned()), at);
        });
        let (current, new) = (password(PASSWORD), password(NEW));
        let refused = world.sessions.change_password(actor, &current, &new, &origin()).await;
        assert!(matches!(refused, Err(ChangePasswordError::Faults(faults)) if faults.is_current_wrong));
        assert_eq!(world.user(&ann()).await.password.as_str(), "1$new harbour 9");
    }

    #[tokio::test]
    async fn a_user_or_session_that_ended_in_the_meantime_changes_nothing() {
        for end in [
            |rows: &mut Rows| rows.users[0].deactivate(domain::time::Instant::UNIX_EPOCH).unwrap(),
            |rows: &mut Rows| rows.sessions[0].ended_at = Some(rows.sessions[0].created_at),
        ] {
            let world = World::new().await;
            let pair = world.signed_in(&ann()).await;
            let actor = world.sessions.authenticate(&pair.access).await.unwrap();
            world.store.interfere(end);
            let (current, new) = (password(PASSWORD), password(NEW));
            let refused = world.sessions.change_password(actor, &current, &new, &origin()).await;
            assert!(
                matches!(refused, Err(ChangePasswordError::Access(AccessError::SignedOut))),
                "{refused:?}"
            );
            assert_eq!(world.user(&ann()).await.password.as_str(), format!("1${PASSWORD}"));
        }
    }

    #[tokio::test]
    async fn a_failed_commit_or_a_busy_hasher_changes_nothing() {
        let world = World::new().await;
        let (pair, other) = (world.signed_in(&ann()).await, world.log_in(&ann()).await);
        let before = world.store.rows().await;
        world.fail_on_commit();
        let failed = change(&world, &pair, PASSWORD, NEW).await;
        assert!(matches!(failed, Err(ChangePasswordError::Store(_))));
        world.passwords.be_busy();
        let failed = change(&world, &pair, PASSWORD, NEW).await;
        assert!(matches!(failed, Err(ChangePasswordError::Hash(_))));
        assert_eq!(world.store.rows().await, before);
        world.sessions.authenticate(&other.access).await.unwrap();
    }
}
