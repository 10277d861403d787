use domain::{
    accounts::{LinkKind, Origin},
    audit::{AuditAction, AuditObject},
    entropy::PlainToken,
    store::{Attempt, StoreError, retried},
};

use super::SignUp;
use crate::record::NewAuditEntry;

/// Why an activation was refused.
#[derive(Debug, thiserror::Error)]
pub enum ActivateError {
    /// The token is unknown, was used, was replaced by a newer one, or became invalid when an administrator changed the
    /// state of the account.
    #[error("the activation token is not valid")]
    TokenInvalid,
    /// The token has expired, 24 hours after it was issued.
    #[error("the activation token has expired")]
    TokenExpired,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SignUp {
    /// Activates the account with the token of its activation link, which can be used only once.
    ///
    /// When the address was registered repeatedly with different passwords or spellings, the stored password is
    /// dropped, and the owner gets a mail with a link to set a new one.
    ///
    /// # Errors
    /// See [`ActivateError`].
    pub async fn activate(&self, token: &PlainToken, origin: &Origin) -> Result<(), ActivateError> {
        retried(&*self.backoff, |attempt| self.try_activate(attempt, token, origin)).await
    }

    async fn try_activate(
        &self,
        attempt: Attempt,
        token: &PlainToken,
        origin: &Origin,
    ) -> Result<(), ActivateError> {
        let now = self.clock.now();
        let digest = self.links.tokens.digest(token);
        let mut unit = self.store.begin(attempt).await?;
        let link = unit.find_link(LinkKind::Activation, &digest).await?.ok_or(ActivateError::TokenInvalid)?;
        if link.is_expired(now) {
            return Err(ActivateError::TokenExpired);
        }
        // The user is locked before the link. Writing a new link locks in the same order, so the two cannot deadlock.
        let mut user = unit.find_user_for_update(link.user_id).await?.ok_or(ActivateError::TokenInvalid)?;
        user.confirm_email(now).map_err(|_| ActivateError::TokenInvalid)?;
        unit.take_link(LinkKind::Activation, &digest).await?.ok_or(ActivateError::TokenInvalid)?;
        unit.update_user(&user).await?;
        if !user.password.is_usable() {
            self.links.mail_password_reset(&mut *unit, &user, now).await?;
        }
        // The entry has no actor, since following the link does not sign the user in.
        let entry = NewAuditEntry::by(None, AuditAction::Activated).on(AuditObject::User(user.id));
        self.recorder.audit(&mut *unit, entry, origin, now).await?;
        unit.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use domain::entropy::PlainToken;

    use crate::accounts::{
        ActivateError, MailQuota,
        doubles::{ORIGIN, World, ann, password, token_in},
    };

    const HOUR: i64 = 3600;

    #[tokio::test]
    async fn a_token_activates_once() {
        let world = World::new().await;
        let token = world.registered(&ann()).await;
        world.signup.activate(&token, ORIGIN).await.unwrap();
        assert!(world.user(&ann()).await.is_active());
        assert_eq!(world.mails().len(), 1);
        assert!(matches!(world.signup.activate(&token, ORIGIN).await, Err(ActivateError::TokenInvalid)));
    }

    #[tokio::test]
    async fn an_unknown_token_is_refused() {
        let world = World::new().await;
        world.registered(&ann()).await;
        let unknown = PlainToken::new("made up".to_owned());
        assert!(matches!(world.signup.activate(&unknown, ORIGIN).await, Err(ActivateError::TokenInvalid)));
        assert!(!world.user(&ann()).await.is_active());
    }

    #[tokio::test]
    async fn a_token_is_valid_for_24_hours_and_then_reported_as_expired() {
        let world = World::new().await;
        let token = world.registered(&ann()).await;
        world.seconds_pass(24 * HOUR);
        for _ in 0..2 {
            assert!(matches!(world.signup.activate(&token, ORIGIN).await, Err(ActivateError::TokenExpired)));
        }
        world.seconds_pass(-1);
        world.signup.activate(&token, ORIGIN).await.unwrap();
    }

    #[tokio::test]
    async fn a_contested_password_is_dropped_and_a_link_to_set_one_is_mailed() {
        let world = World::new().await;
        world.registered(&ann()).await;
        world.signup.register(ann(), password("other harbour 8"), MailQuota::Left, ORIGIN).await.unwrap();
        let token = token_in(&world.last_mail());
        world.signup.activate(&token, ORIGIN).await.unwrap();
        let user = world.user(&ann()).await;
        assert!(user.is_active() && !user.password.is_usable() && !user.is_password_contested());
        let mail = world.last_mail();
        assert_eq!(mail.subject, "Set a new Cinema password");
        let reset = token_in(&mail);
        world.sessions.reset_password(&reset, password("my own harbour 9"), ORIGIN).await.unwrap();
    }

    #[tokio::test]
    async fn a_link_to_set_a_password_does_not_activate() {
        let world = World::new().await;
        world.active(&ann()).await;
        world.sessions.send_requested_password_reset(world.wish().await, &ann()).await.unwrap();
        let reset = token_in(&world.last_mail());
        assert!(matches!(world.signup.activate(&reset, ORIGIN).await, Err(ActivateError::TokenInvalid)));
    }

    #[tokio::test]
    async fn a_failed_commit_leaves_the_token() {
        let world = World::new().await;
        let token = world.registered(&ann()).await;
        let before = world.store.rows().await;
        world.fail_on_commit();
        assert!(matches!(world.signup.activate(&token, ORIGIN).await, Err(ActivateError::Store(_))));
        assert_eq!(world.store.rows().await, before);
    }
}
