use domain::{
    accounts::{
        EmailAddress, HashError, LinkKind, LinkToken, Origin, PasswordHash, PasswordProblem, PlainPassword,
        User,
    },
    audit::{AuditAction, AuditObject},
    entropy::{PlainToken, TokenDigest},
    id::OutboxId,
    store::{Attempt, StoreError, retried},
    time::Instant,
};

use super::Sessions;
use crate::{outbox::Message, record::NewAuditEntry};

/// Why a new password was refused.
#[derive(Debug, thiserror::Error)]
pub enum ResetPasswordError {
    /// The password does not satisfy the policy.
    #[error(transparent)]
    Password(#[from] PasswordProblem),
    /// The token is unknown, was used, was replaced by a newer one, or became invalid when the password was changed or
    /// the user was deactivated.
    #[error("the reset token is not valid")]
    TokenInvalid,
    /// The token has expired.
    #[error("the reset token has expired")]
    TokenExpired,
    /// The password could not be hashed: the hasher is busy or failed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Sessions {
    /// Requests a link to set a new password.
    ///
    /// Only writes a request to the outbox, so that neither the response nor the time that it takes reveals whether the
    /// address is known. The outbox calls [`Sessions::send_requested_password_reset`] later.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn request_password_reset(&self, email: EmailAddress) -> Result<(), StoreError> {
        let message = Message::PasswordResetRequested { email };
        retried(&*self.backoff, |attempt| self.try_request_password_reset(attempt, &message)).await
    }

    async fn try_request_password_reset(
        &self,
        attempt: Attempt,
        message: &Message,
    ) -> Result<(), StoreError> {
        let cause = format!("password_reset_requested:{}", self.ids.uuid());
        let mut unit = self.store.begin(attempt).await?;
        self.recorder.message(&mut *unit, None, cause, message, self.clock.now()).await?;
        unit.commit().await
    }

    /// Mails the requested link, if the address has an active account. `request` identifies the outbox message with the
    /// request. The message is removed in the same transaction, so that the request is processed only once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn send_requested_password_reset(
        &self,
        request: OutboxId,
        email: &EmailAddress,
    ) -> Result<(), StoreError> {
        retried(&*self.backoff, |attempt| self.try_send_password_reset(attempt, request, email)).await
    }

    async fn try_send_password_reset(
        &self,
        attempt: Attempt,
        request: OutboxId,
        email: &EmailAddress,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut unit = self.store.begin(attempt).await?;
        let user = unit.find_user_by_email_for_update(email).await?.filter(User::is_active);
        if unit.remove_message(request).await? {
            if let Some(user) = user {
                self.links.mail_password_reset(&mut *unit, &user, now).await?;
            }
            unit.commit().await?;
        }
        Ok(())
    }

    /// Sets a new password with the token of a link, which can be used only once, and ends every session of the user.
    ///
    /// Hashes only when the link is valid, so that invalid tokens do not consume hashing capacity.
    ///
    /// # Errors
    /// See [`ResetPasswordError`].
    pub async fn reset_password(
        &self,
        token: &PlainToken,
        password: PlainPassword,
        origin: &Origin,
    ) -> Result<(), ResetPasswordError> {
        self.password_policy.check(&password, None)?;
        let digest = self.tokens.digest(token);
        usable(self.credentials.find_link(LinkKind::PasswordReset, &digest).await?, self.clock.now())?;
        let hash = self.passwords.hasher.hash(&password).await?;
        retried(&*self.backoff, |attempt| self.try_reset_password(attempt, &digest, &password, &hash, origin))
            .await
    }

    async fn try_reset_password(
        &self,
        attempt: Attempt,
        digest: &TokenDigest,
        password: &PlainPassword,
        hash: &PasswordHash,
        origin: &Origin,
    ) -> Result<(), ResetPasswordError> {
        let now = self.clock.now();
        let mut unit = self.store.begin(attempt).await?;
        let link = usable(unit.find_link(LinkKind::PasswordReset, digest).await?, now)?;
        // The user is locked before the link. Writing a new link locks in the same order, so the two cannot deadlock.
        let mut user =
            unit.find_user_for_update(link.user_id).await?.ok_or(ResetPasswordError::TokenInvalid)?;
        unit.take_link(LinkKind::PasswordReset, digest).await?.ok_or(ResetPasswordError::TokenInvalid)?;
        self.password_policy.check(password, Some(&user.email))?;
        user.set_password(hash.clone(), now);
        unit.update_user(&user).await?;
        unit.end_all_sessions(user.id, now).await?;
        self.recorder.tell_password_changed(&mut *unit, &user, &origin.device, now).await?;
        // The entry has no actor, since following the link does not sign the user in.
        let entry = NewAuditEntry::by(None, AuditAction::PasswordReset).on(AuditObject::User(user.id));
        self.recorder.audit(&mut *unit, entry, origin, now).await?;
        unit.commit().await?;
        self.seen_sessions.forget_user(user.id);
        self.passwords.forgive(&user.email, origin.device.ip).await;
        Ok(())
    }
}

/// Returns the link if it exists and has not expired.
fn usable(link: Option<LinkToken>, now: Instant) -> Result<LinkToken, ResetPasswordError> {
    let link = link.ok_or(ResetPasswordError::TokenInvalid)?;
    if link.is_expired(now) { Err(ResetPasswordError::TokenExpired) } else { Ok(link) }
}

#[cfg(test)]
mod tests {
    use domain::{accounts::PasswordProblem, entropy::PlainToken};

    use crate::{
        accounts::{
            AuthenticateError, LogInError, MailQuota, RefreshError, ResetPasswordError,
            doubles::{ORIGIN, PASSWORD, World, ann, email, password, token_in},
        },
        outbox::Message,
    };

    const NEW: &str = "louder harbour 8";

    async fn mailed_link(world: &World) -> PlainToken {
        world.sessions.send_requested_password_reset(world.wish().await, &ann()).await.unwrap();
        token_in(&world.last_mail())
    }

    #[tokio::test]
    async fn known_and_unknown_addresses_result_in_exactly_one_request() {
        let world = World::new().await;
        world.active(&ann()).await;
        let before = world.store.rows().await;
        let stranger = email("bob@example.com");
        for address in [ann(), stranger.clone()] {
            world.sessions.request_password_reset(address).await.unwrap();
        }
        assert_eq!(
            world.messages()[1..],
            [
                Message::PasswordResetRequested { email: ann() },
                Message::PasswordResetRequested { email: stranger }
            ]
        );
        let rows = world.store.rows().await;
        assert_eq!((&rows.users, &rows.links), (&before.users, &before.links));
    }

    #[tokio::test]
    async fn inactive_and_unknown_accounts_get_no_link() {
        let world = World::new().await;
        world.registered(&ann()).await;
        let before = world.store.rows().await;
        for address in [ann(), email("bob@example.com")] {
            world.sessions.send_requested_password_reset(world.wish().await, &address).await.unwrap();
        }
        assert_eq!(world.store.rows().await, before);
    }

    #[tokio::test]
    async fn a_link_sets_the_password_and_ends_every_session_at_once() {
        let world = World::new().await;
        let (laptop, phone) = (world.signed_in(&ann()).await, world.log_in(&ann()).await);
        for pair in [&laptop, &phone] {
            world.sessions.authenticate(&pair.access).await.unwrap();
        }
        let token = mailed_link(&world).await;
        world.sessions.reset_password(&token, password(NEW), ORIGIN).await.unwrap();
        for pair in [laptop, phone] {
            let access = world.sessions.authenticate(&pair.access).await;
            assert!(matches!(access, Err(AuthenticateError::Invalid)));
            assert!(matches!(
                world.sessions.refresh(&pair.refresh, ORIGIN).await,
                Err(RefreshError::Invalid)
            ));
        }
        let old = world.sessions.log_in(&ann(), &password(PASSWORD), MailQuota::Left, ORIGIN).await;
        assert!(matches!(old, Err(LogInError::InvalidCredentials)));
        world.sessions.log_in(&ann(), &password(NEW), MailQuota::Left, ORIGIN).await.unwrap();
    }

    #[tokio::test]
    async fn a_password_reset_ends_no_sessions_of_other_users() {
        let world = World::new().await;
        world.active(&ann()).await;
        let bob = world.signed_in(&email("bob@example.com")).await;
        world.sessions.authenticate(&bob.access).await.unwrap();
        let token = mailed_link(&world).await;
        world.sessions.reset_password(&token, password(NEW), ORIGIN).await.unwrap();
        world.sessions.authenticate(&bob.access).await.unwrap();
        world.sessions.refresh(&bob.refresh, ORIGIN).await.unwrap();
    }

    #[tokio::test]
    async fn a_used_a_replaced_and_an_activation_token_are_refused() {
        let world = World::new().await;
        let activation = world.registered(&ann()).await;
        let as_reset = world.sessions.reset_password(&activation, password(NEW), ORIGIN).await;
        assert!(matches!(as_reset, Err(ResetPasswordError::TokenInvalid)));
        world.signup.activate(&activation, ORIGIN).await.unwrap();
        let replaced = mailed_link(&world).await;
        let used = mailed_link(&world).await;
        world.sessions.reset_password(&used, password(NEW), ORIGIN).await.unwrap();
        for token in [replaced, used] {
            let refused = world.sessions.reset_password(&token, password(NEW), ORIGIN).await;
            assert!(matches!(refused, Err(ResetPasswordError::TokenInvalid)));
        }
    }

    #[tokio::test]
    async fn a_token_is_valid_for_one_hour() {
        let world = World::new().await;
        world.active(&ann()).await;
        let token = mailed_link(&world).await;
        world.seconds_pass(3600);
        for _ in 0..2 {
            let refused = world.sessions.reset_password(&token, password(NEW), ORIGIN).await;
            assert!(matches!(refused, Err(ResetPasswordError::TokenExpired)));
        }
        world.seconds_pass(-1);
        world.sessions.reset_password(&token, password(NEW), ORIGIN).await.unwrap();
    }

    #[tokio::test]
    async fn an_invalid_token_causes_no_hashing() {
        let world = World::new().await;
        world.active(&ann()).await;
        let (replaced, late) = (mailed_link(&world).await, mailed_link(&world).await);
        let made_up = PlainToken::new("made up".to_owned());
        world.seconds_pass(3600);
        world.passwords.take_count();
        for token in [&made_up, &replaced] {
            let refused = world.sessions.reset_password(token, password(NEW), ORIGIN).await;
            assert!(matches!(refused, Err(ResetPasswordError::TokenInvalid)), "{refused:?}");
        }
        let refused = world.sessions.reset_password(&late, password(NEW), ORIGIN).await;
        assert!(matches!(refused, Err(ResetPasswordError::TokenExpired)), "{refused:?}");
        for token in [made_up, replaced, late] {
            let refused = world.sessions.reset_password(&token, password("short 1"), ORIGIN).await;
            assert!(
                matches!(refused, Err(ResetPasswordError::Password(_))),
                "the password is checked first: {refused:?}"
            );
        }
        assert_eq!(world.passwords.take_count(), 0);
    }

    #[tokio::test]
    async fn a_link_that_is_removed_while_the_password_is_hashed_sets_no_password() {
        let world = World::new().await;
        world.active(&ann()).await;
        let token = mailed_link(&world).await;
        world.store.interfere(|rows| rows.links.clear());
        let refused = world.sessions.reset_password(&token, password(NEW), ORIGIN).await;
        assert!(matches!(refused, Err(ResetPasswordError::TokenInvalid)));
        world.log_in(&ann()).await;
    }

    #[tokio::test]
    async fn an_unacceptable_password_does_not_consume_the_token() {
        let world = World::new().await;
        world.active(&email("ann2@example.com")).await;
        world
            .sessions
            .send_requested_password_reset(world.wish().await, &email("ann2@example.com"))
            .await
            .unwrap();
        let token = token_in(&world.last_mail());
        for (weak, fault) in [
            ("short 1", PasswordProblem::TooShort { least: 8 }),
            ("Ann2@example.com", PasswordProblem::IsEmail),
        ] {
            let refused = world.sessions.reset_password(&token, password(weak), ORIGIN).await;
            assert!(matches!(refused, Err(ResetPasswordError::Password(problem)) if problem == fault));
        }
        world.sessions.reset_password(&token, password(NEW), ORIGIN).await.unwrap();
    }

    #[tokio::test]
    async fn a_failed_commit_or_a_busy_hasher_leaves_the_token_and_the_sessions() {
        let world = World::new().await;
        let pair = world.signed_in(&ann()).await;
        let token = mailed_link(&world).await;
        let before = world.store.rows().await;
        world.fail_on_commit();
        let failed = world.sessions.reset_password(&token, password(NEW), ORIGIN).await;
        assert!(matches!(failed, Err(ResetPasswordError::Store(_))));
        world.passwords.be_busy();
        let failed = world.sessions.reset_password(&token, password(NEW), ORIGIN).await;
        assert!(matches!(failed, Err(ResetPasswordError::Hash(_))));
        assert_eq!(world.store.rows().await, before);
        world.sessions.authenticate(&pair.access).await.unwrap();
    }
}
