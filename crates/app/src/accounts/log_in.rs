use domain::{
    accounts::{Credentials, EmailAddress, HashError, Origin, PasswordHash, PlainPassword, Session},
    audit::{AuditAction, AuditObject, AuditState},
    id::UserId,
    store::StoreError,
};

use super::{Accounts, TokenPair, audit::Deed};
use crate::retry::retried;

/// A log-in was refused.
#[derive(Debug, thiserror::Error)]
pub enum LogInError {
    /// No account has this address, or the password is another one.
    #[error("the e-mail address or the password is wrong")]
    InvalidCredentials,
    /// The password was right, but the account was never activated or is deactivated.
    #[error("the account is not active")]
    AccountInactive,
    /// The password could not be checked now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// Begins a sign-in (R8, R9).
    ///
    /// An unknown address takes as long as a wrong password. A hash made with older parameters is made anew.
    ///
    /// # Errors
    /// See [`LogInError`].
    pub async fn log_in(
        &self,
        email: &EmailAddress,
        password: &PlainPassword,
        origin: &Origin,
    ) -> Result<TokenPair, LogInError> {
        let known = self.ports.queries.credentials(email).await?;
        let hash = known.as_ref().map(|known| &known.password);
        let is_right = self.ports.passwords.verify(hash, password).await?;
        let Some(known) = known.as_ref().filter(|_| is_right) else {
            // Also of an unknown address: a row less would take less time.
            let user_id = known.map(|known| known.user_id);
            self.record_refusal(user_id, "invalid_credentials", origin).await?;
            return Err(LogInError::InvalidCredentials);
        };
        let rehashed = if self.ports.passwords.needs_rehash(&known.password) {
            Some(self.ports.passwords.hash(password).await?)
        } else {
            None
        };
        let begin = || self.begin_session(known, rehashed.as_ref(), origin);
        let outcome = retried(&*self.ports.backoff, begin).await;
        let reason = match &outcome {
            Err(LogInError::InvalidCredentials) => "invalid_credentials",
            Err(LogInError::AccountInactive) => "account_inactive",
            Ok(_) | Err(LogInError::Hash(_) | LogInError::Store(_)) => return outcome,
        };
        self.record_refusal(Some(known.user_id), reason, origin).await?;
        outcome
    }

    /// Writes down a sign-in that was refused: never the address that was typed, which may be a stranger's, or a password
    /// in the wrong field.
    async fn record_refusal(
        &self,
        user_id: Option<UserId>,
        reason: &str,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        retried(&*self.ports.backoff, || self.try_record_refusal(user_id, reason, origin)).await
    }

    async fn try_record_refusal(
        &self,
        user_id: Option<UserId>,
        reason: &str,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let deed = Deed::by(None, AuditAction::SignInFailed).to(AuditState::of([("reason", reason)]));
        let deed = match user_id {
            Some(id) => deed.on(AuditObject::User(id)),
            None => deed,
        };
        let mut unit = self.ports.store.begin().await?;
        self.record(&mut *unit, deed, origin, now).await?;
        unit.commit().await
    }

    async fn begin_session(
        &self,
        known: &Credentials,
        rehashed: Option<&PasswordHash>,
        origin: &Origin,
    ) -> Result<TokenPair, LogInError> {
        let now = self.now();
        let mut unit = self.ports.store.begin().await?;
        let mut user =
            unit.users().find_for_update(known.user_id).await?.ok_or(LogInError::InvalidCredentials)?;
        if user.version != known.version && user.password != known.password {
            // The password was changed while the old one was being checked.
            return Err(LogInError::InvalidCredentials);
        }
        if !user.is_active {
            return Err(LogInError::AccountInactive);
        }
        if let Some(rehashed) = rehashed {
            user.password = rehashed.clone();
            unit.users().update(&user).await?;
        }
        let session = Session::begin(self.ports.ids.next(), user.id, origin.device.clone(), now);
        let (stored, claims) = self.next_refresh(self.ports.tokens.generate(), &session, now);
        unit.sessions().insert(&session).await?;
        unit.sessions().insert_refresh(&stored).await?;
        let deed = Deed::by(user.id, AuditAction::SignedIn).on(AuditObject::Session(session.id));
        self.record(&mut *unit, deed, origin, now).await?;
        unit.commit().await?;
        Ok(self.sign_pair(user.role, &claims, now))
    }
}

#[cfg(test)]
mod tests {
    use domain::accounts::{Device, PasswordHash};

    use super::*;
    use crate::accounts::doubles::{ORIGIN, PASSWORD, World, ann, email, password};

    async fn try_with(world: &World, typed: &str) -> Result<TokenPair, LogInError> {
        world.accounts.log_in(&ann(), &password(typed), ORIGIN).await
    }

    #[tokio::test]
    async fn an_unknown_address_and_a_wrong_password_look_alike_and_cost_the_same() {
        let world = World::new();
        world.active(&email("bob@example.com")).await;
        world.passwords.take_count();
        assert!(matches!(try_with(&world, PASSWORD).await, Err(LogInError::InvalidCredentials)));
        assert_eq!(world.passwords.take_count(), 1);
        world.active(&ann()).await;
        world.passwords.take_count();
        assert!(matches!(try_with(&world, "other harbour 8").await, Err(LogInError::InvalidCredentials)));
        assert_eq!(world.passwords.take_count(), 1);
        assert!(world.store.rows().sessions.is_empty());
    }

    #[tokio::test]
    async fn a_waiting_account_is_told_so_only_with_the_right_password() {
        let world = World::new();
        world.registered(&ann()).await;
        assert!(matches!(try_with(&world, "other harbour 8").await, Err(LogInError::InvalidCredentials)));
        assert!(matches!(try_with(&world, PASSWORD).await, Err(LogInError::AccountInactive)));
        assert!(world.store.rows().sessions.is_empty());
    }

    #[tokio::test]
    async fn the_right_password_begins_a_sign_in_whose_tokens_work() {
        let world = World::new();
        world.active(&ann()).await;
        let device = Device { user_agent: Some("Firefox".to_owned()), ip: None };
        let origin = Origin { device: device.clone(), request_id: None };
        let pair =
            world.accounts.log_in(&email("Ann@EXAMPLE.com"), &password(PASSWORD), &origin).await.unwrap();
        let actor = world.accounts.authenticate(&pair.access).await.unwrap();
        assert_eq!(actor.user_id, world.user(&ann()).id);
        {
            let rows = world.store.rows();
            assert_eq!((rows.sessions[0].id, &rows.sessions[0].device), (actor.session_id, &device));
            assert_eq!(rows.refresh.len(), 1);
            assert!(!pair.refresh.contains(rows.refresh[0].digest.as_str()));
        }
        world.accounts.refresh(&pair.refresh, ORIGIN).await.unwrap();
    }

    #[tokio::test]
    async fn a_password_that_was_changed_meanwhile_is_refused() {
        let world = World::new();
        world.active(&ann()).await;
        world.store.meddle(|rows| {
            let at = rows.users[0].created_at;
            rows.users[0].set_password(PasswordHash::from_phc("1$new harbour 9".to_owned()), at);
        });
        assert!(matches!(try_with(&world, PASSWORD).await, Err(LogInError::InvalidCredentials)));
        assert!(world.store.rows().sessions.is_empty());
    }

    #[tokio::test]
    async fn an_account_that_was_deactivated_meanwhile_is_refused() {
        let world = World::new();
        world.active(&ann()).await;
        world.store.meddle(|rows| rows.users[0].is_active = false);
        assert!(matches!(try_with(&world, PASSWORD).await, Err(LogInError::AccountInactive)));
    }

    #[tokio::test]
    async fn a_hash_with_older_parameters_is_made_anew_once() {
        let world = World::new();
        world.active(&ann()).await;
        world.passwords.change_parameters();
        world.passwords.take_count();
        world.log_in(&ann()).await;
        assert_eq!(world.passwords.take_count(), 2);
        assert_eq!(world.user(&ann()).password.as_str(), format!("2${PASSWORD}"));
        world.log_in(&ann()).await;
        assert_eq!(world.passwords.take_count(), 1);
    }

    #[tokio::test]
    async fn two_log_ins_at_once_may_both_make_the_hash_anew() {
        let world = World::new();
        world.active(&ann()).await;
        world.passwords.change_parameters();
        world.store.meddle(|rows| {
            rows.users[0].password = PasswordHash::from_phc(format!("2${PASSWORD}"));
        });
        world.log_in(&ann()).await;
    }

    #[tokio::test]
    async fn a_failed_commit_or_a_busy_hasher_signs_nobody_in() {
        let world = World::new();
        world.active(&ann()).await;
        world.fail_on_commit();
        assert!(matches!(try_with(&world, PASSWORD).await, Err(LogInError::Store(_))));
        world.passwords.be_busy();
        assert!(matches!(try_with(&world, PASSWORD).await, Err(LogInError::Hash(_))));
        assert!(world.store.rows().sessions.is_empty());
    }
}
