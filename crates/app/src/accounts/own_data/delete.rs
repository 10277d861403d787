use domain::{
    accounts::{
        AccessError, Actor, Credentials, HashError, LastAdministrator, Origin, PlainPassword, UserLocks,
        check_administrator_remains,
    },
    audit::{AuditAction, AuditObject},
    store::{Attempt, StoreError, retried},
    throttle::TooManyFailures,
};

use super::OwnData;
use crate::{
    accounts::password_guard::{PasswordRefusal, Tried},
    mails::{Moment, accounts::AccountDeleted},
    record::{NewAuditEntry, Recipient},
};

/// Why an account was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteAccountError {
    /// The password is wrong.
    #[error("the password is wrong")]
    WrongPassword,
    /// The account belongs to the last active administrator.
    #[error(transparent)]
    LastAdmin(#[from] LastAdministrator),
    /// An order of the user is pending.
    #[error("an order is pending")]
    OrderPending,
    /// The actor may not delete the account.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Too many wrong passwords were tried for this account, so the given password was not checked.
    #[error(transparent)]
    Throttled(#[from] TooManyFailures),
    /// The password could not be checked now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PasswordRefusal for DeleteAccountError {
    fn tried(&self) -> Tried {
        match self {
            Self::WrongPassword => Tried::Wrong,
            Self::LastAdmin(_) | Self::OrderPending => Tried::Right,
            Self::Access(_) | Self::Throttled(_) | Self::Hash(_) | Self::Store(_) => Tried::NotChecked,
        }
    }
}

impl OwnData {
    /// Deletes the actor's account: one unit of work removes everything that identifies the person, and leaves an
    /// anonymous row, to which purchases and the audit log still refer. Afterwards the outbox removes the avatar file,
    /// and mails a confirmation. Every session ends. The address may be registered again.
    ///
    /// # Errors
    /// See [`DeleteAccountError`].
    pub async fn delete(
        &self,
        actor: Actor,
        password: &PlainPassword,
        origin: &Origin,
    ) -> Result<(), DeleteAccountError> {
        let known = self.credentials.credentials_of(actor.user_id).await?;
        let (email, known) = known.ok_or(AccessError::SignedOut)?;
        // Wrong passwords count against the same limit as at sign-in, so that a stolen access token does not allow
        // faster guessing.
        let trying = self.check_and_delete(actor, &known, password, origin);
        self.passwords.attempt(&email, origin.device.ip, trying).await
    }

    async fn check_and_delete(
        &self,
        actor: Actor,
        known: &Credentials,
        password: &PlainPassword,
        origin: &Origin,
    ) -> Result<(), DeleteAccountError> {
        if !self.passwords.hasher.verify(Some(&known.password), password).await? {
            retried(&*self.backoff, |attempt| self.record_failed_deletion(attempt, actor, origin)).await?;
            return Err(DeleteAccountError::WrongPassword);
        }
        retried(&*self.backoff, |attempt| self.try_delete(attempt, actor, known, origin)).await?;
        self.seen_sessions.forget_user(actor.user_id);
        Ok(())
    }

    async fn record_failed_deletion(
        &self,
        attempt: Attempt,
        actor: Actor,
        origin: &Origin,
    ) -> Result<(), AccessError> {
        let user = AuditObject::User(actor.user_id);
        let entry = NewAuditEntry::by(actor.user_id, AuditAction::AccountDeletionFailed).on(user);
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        self.recorder.audit(&mut *unit, entry, origin, self.clock.now()).await?;
        unit.commit().await?;
        Ok(())
    }

    async fn try_delete(
        &self,
        attempt: Attempt,
        actor: Actor,
        known: &Credentials,
        origin: &Origin,
    ) -> Result<(), DeleteAccountError> {
        let now = self.clock.now();
        let mut unit = self.store.begin_deletion(attempt, &actor).await?;
        let users = unit.find_users_for_update(&UserLocks::user_and_admins(actor.user_id)).await?;
        let user = users.iter().find(|user| user.id == actor.user_id).ok_or(AccessError::SignedOut)?;
        if user.version != known.version && user.password != known.password {
            // The password was changed while the old one was being checked.
            return Err(DeleteAccountError::WrongPassword);
        }
        check_administrator_remains(&users, user, None)?;
        if unit.has_pending_order(user.id).await? {
            return Err(DeleteAccountError::OrderPending);
        }
        let entry = NewAuditEntry::by(user.id, AuditAction::AccountDeleted).on(AuditObject::User(user.id));
        self.recorder.audit(&mut *unit, entry, origin, now).await?;
        if let Some(avatar) = unit.find_profile(user.id).await?.and_then(|profile| profile.avatar) {
            self.recorder.removed_avatar(&mut *unit, user.id, &avatar, now).await?;
        }
        unit.erase_user(user.id, now).await?;
        // The account was just erased, so the mail is stored without a reference to the account.
        let to = Recipient::without_account(&user.email);
        let cause = format!("account_deleted:{}", user.id);
        self.recorder.mail(&mut *unit, to, cause, &AccountDeleted { at: Moment(now) }, now).await?;
        unit.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::{
        accounts::{PasswordHash, Profile},
        time::Instant,
    };
    use uuid::Uuid;

    use super::*;
    use crate::accounts::{
        AuthenticateError, LogInError, MailQuota, RefreshError,
        doubles::{ORIGIN, PASSWORD, World, ann, email, password},
    };

    async fn delete(world: &World, typed: &str) -> Result<(), DeleteAccountError> {
        let id = world.user(&ann()).await.id;
        world.own_data.delete(world.actor(id).await, &password(typed), ORIGIN).await
    }

    #[tokio::test]
    async fn all_data_of_the_user_are_erased_and_none_of_others() {
        let world = World::new().await;
        world.signed_in(&email("bob@example.com")).await;
        let before = world.store.rows().await;
        let pair = world.signed_in(&ann()).await;
        let id = world.user(&ann()).await.id;
        let profile = Profile::empty(domain::id::Id::from_uuid(Uuid::nil()), id);
        world.store.edit(|rows| rows.profiles.push(profile)).await;
        world.sessions.authenticate(&pair.access).await.unwrap();
        delete(&world, PASSWORD).await.unwrap();
        {
            let rows = world.store.rows().await;
            assert_eq!(
                (&rows.users, &rows.sessions, &rows.refresh),
                (&before.users, &before.sessions, &before.refresh)
            );
            assert_eq!((&rows.profiles, &rows.links), (&before.profiles, &before.links));
            assert_eq!(rows.tombstones, [id]);
            let told = rows.audit.last().unwrap();
            assert_eq!((told.action, told.actor), (AuditAction::AccountDeleted, Some(id)));
        }
        let access = world.sessions.authenticate(&pair.access).await;
        assert!(matches!(access, Err(AuthenticateError::Invalid)));
        assert!(matches!(world.sessions.refresh(&pair.refresh, ORIGIN).await, Err(RefreshError::Invalid)));
        let again = world.sessions.log_in(&ann(), &password(PASSWORD), MailQuota::Left, ORIGIN).await;
        assert!(matches!(again, Err(LogInError::InvalidCredentials)));
        let twice = world.own_data.delete(world.actor(id).await, &password(PASSWORD), ORIGIN).await;
        assert!(matches!(twice, Err(DeleteAccountError::Access(AccessError::SignedOut))));
    }

    #[tokio::test]
    async fn of_all_pending_mails_only_the_deletion_notice_is_sent() {
        let world = World::new().await;
        world.active(&ann()).await;
        world.sessions.send_requested_password_reset(world.wish().await, &ann()).await.unwrap();
        world.sessions.request_password_reset(ann()).await.unwrap();
        delete(&world, PASSWORD).await.unwrap();
        let subjects: Vec<_> = world.mails().into_iter().map(|mail| mail.subject).collect();
        assert_eq!(subjects, ["Your Cinema account is deleted"]);
        world.sessions.send_requested_password_reset(world.wish().await, &ann()).await.unwrap();
        world.signup.send_requested_activation(world.wish().await, &ann()).await.unwrap();
        assert_eq!(world.mails().len(), 1);
    }

    #[tokio::test]
    async fn the_address_may_be_registered_again() {
        let world = World::new().await;
        world.active(&ann()).await;
        let old = world.user(&ann()).await.id;
        delete(&world, PASSWORD).await.unwrap();
        world.active(&ann()).await;
        assert_ne!(world.user(&ann()).await.id, old);
    }

    #[tokio::test]
    async fn a_wrong_and_a_changed_password_delete_nothing() {
        let world = World::new().await;
        world.active(&ann()).await;
        world.actor(world.user(&ann()).await.id).await;
        let mut expected = world.store.rows().await;
        assert!(matches!(delete(&world, "other harbour 8").await, Err(DeleteAccountError::WrongPassword)));
        // The attempt is in the audit log, and nothing else has changed.
        expected.audit = world.store.rows().await.audit;
        assert_eq!(world.store.rows().await, expected);
        world.store.interfere(|rows| {
            let at = rows.users[0].created_at;
            rows.users[0].set_password(PasswordHash::from_phc("1$new harbour 9".to_owned()), at);
        });
        assert!(matches!(delete(&world, PASSWORD).await, Err(DeleteAccountError::WrongPassword)));
        assert!(world.store.rows().await.tombstones.is_empty());
    }

    #[tokio::test]
    async fn a_wrong_password_is_in_the_audit_log_and_counts_as_a_failure() {
        let world = World::new().await;
        world.active(&ann()).await;
        let id = world.user(&ann()).await.id;
        let rows = world.store.rows().await.audit.len();
        world.guard.take_told();
        assert!(matches!(delete(&world, "other harbour 8").await, Err(DeleteAccountError::WrongPassword)));
        assert_eq!(world.guard.take_told(), ["begun"]);
        let told = world.store.rows().await.audit;
        assert_eq!(told.len(), rows + 1);
        let told = told.last().unwrap();
        assert_eq!((told.action, told.actor), (AuditAction::AccountDeletionFailed, Some(id)));
        assert_eq!(told.object, Some(AuditObject::User(id)));
        world.passwords.take_count();
        world.guard.refuse();
        assert!(matches!(delete(&world, PASSWORD).await, Err(DeleteAccountError::Throttled(_))));
        assert_eq!(world.passwords.take_count(), 0);
        assert_eq!(world.store.rows().await.audit.len(), rows + 1);
        assert!(world.store.rows().await.tombstones.is_empty());
    }

    #[tokio::test]
    async fn a_right_or_an_unchecked_password_does_not_count_as_a_failure() {
        let world = World::new().await;
        world.signup.create_admin(ann(), password(PASSWORD)).await.unwrap();
        world.guard.take_told();
        assert!(matches!(delete(&world, PASSWORD).await, Err(DeleteAccountError::LastAdmin(_))));
        assert_eq!(world.guard.take_told(), ["begun", "owner"]);
        world.passwords.be_busy();
        assert!(matches!(delete(&world, PASSWORD).await, Err(DeleteAccountError::Hash(_))));
        assert_eq!(world.guard.take_told(), ["begun", "taken back"]);
    }

    #[tokio::test]
    async fn an_account_with_a_pending_order_is_not_deleted() {
        let world = World::new().await;
        world.active(&ann()).await;
        let order = "INSERT INTO orders (id, number, user_id, status, total_minor, total_currency, created_at) \
            SELECT zeroblob(16), '1', id, 'pending', 999, 'USD', 0 FROM users";
        world.store.execute(order).await;
        assert!(matches!(delete(&world, PASSWORD).await, Err(DeleteAccountError::OrderPending)));
        assert!(world.store.rows().await.tombstones.is_empty());
        world.store.execute("DELETE FROM orders").await;
        delete(&world, PASSWORD).await.unwrap();
    }

    #[tokio::test]
    async fn the_last_active_administrator_is_not_deleted() {
        let world = World::new().await;
        world.signup.create_admin(ann(), password(PASSWORD)).await.unwrap();
        assert!(matches!(delete(&world, PASSWORD).await, Err(DeleteAccountError::LastAdmin(_))));
        let bob = email("bob@example.com");
        world.signup.create_admin(bob.clone(), password(PASSWORD)).await.unwrap();
        world.store.edit(|rows| rows.users[1].deactivate(Instant::UNIX_EPOCH).unwrap()).await;
        assert!(matches!(delete(&world, PASSWORD).await, Err(DeleteAccountError::LastAdmin(_))));
        world.store.edit(|rows| rows.users[1].activate(Instant::UNIX_EPOCH).unwrap()).await;
        let ids = [world.user(&ann()).await.id, world.user(&bob).await.id];
        let world = Arc::new(world);
        let mut calls = tokio::task::JoinSet::new();
        for id in ids {
            let (world, actor) = (Arc::clone(&world), world.actor(id).await);
            calls.spawn(
                async move { world.own_data.delete(actor, &password(PASSWORD), ORIGIN).await.is_ok() },
            );
        }
        let deleted = calls.join_all().await;
        assert_eq!(deleted.into_iter().filter(|is_deleted| *is_deleted).count(), 1);
        assert_eq!(world.store.rows().await.users.len(), 1);
    }

    #[tokio::test]
    async fn a_failed_commit_or_a_busy_hasher_deletes_nothing() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        world.actor(world.user(&ann()).await.id).await;
        let before = world.store.rows().await;
        world.fail_on_commit();
        assert!(matches!(delete(&world, PASSWORD).await, Err(DeleteAccountError::Store(_))));
        world.passwords.be_busy();
        assert!(matches!(delete(&world, PASSWORD).await, Err(DeleteAccountError::Hash(_))));
        assert_eq!(world.store.rows().await, before);
        world.sessions.authenticate(&pair.access).await.unwrap();
    }
}
