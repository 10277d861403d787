use domain::{
    accounts::{EmailAddress, HashError, LinkKind, PasswordProblem, PlainPassword},
    entropy::PlainToken,
    store::StoreError,
};

use super::Accounts;
use crate::outbox::Message;

/// A new password was refused.
#[derive(Debug, thiserror::Error)]
pub enum ResetPasswordError {
    /// The password does not meet the rule.
    #[error(transparent)]
    Password(#[from] PasswordProblem),
    /// There is no such token, or it was used.
    #[error("the reset token is not valid")]
    TokenInvalid,
    /// Its hour is over.
    #[error("the reset token has expired")]
    TokenExpired,
    /// The password could not be hashed now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// Asks for a link to set a new password (R14). As in [`Accounts::resend_activation`], neither answer nor time tells
    /// whether the address is known.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn request_password_reset(&self, email: EmailAddress) -> Result<(), StoreError> {
        let now = self.now();
        let mut unit = self.ports.store.begin().await?;
        let key = format!("password_reset_requested:{}", self.ports.ids.uuid());
        self.push(&mut *unit, key, &Message::PasswordResetRequested(email), now).await?;
        unit.commit().await
    }

    /// Sends the reset link that was asked for, if the address has an active account.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn send_requested_password_reset(&self, email: &EmailAddress) -> Result<(), StoreError> {
        let now = self.now();
        let mut unit = self.ports.store.begin().await?;
        let Some(user) = unit.users().find_by_email_for_update(email).await?.filter(|user| user.is_active)
        else {
            return Ok(());
        };
        self.mail_password_reset(&mut *unit, &user, now).await?;
        unit.commit().await
    }

    /// Sets a new password with the token of a link, uses it up, and ends every sign-in of the user (R15).
    ///
    /// # Errors
    /// See [`ResetPasswordError`].
    pub async fn reset_password(
        &self,
        token: &PlainToken,
        password: PlainPassword,
    ) -> Result<(), ResetPasswordError> {
        self.settings.password_policy.check(&password, None)?;
        let hash = self.ports.passwords.hash(&password).await?;
        let now = self.now();
        let mut unit = self.ports.store.begin().await?;
        let digest = self.ports.tokens.digest(token);
        let link = unit
            .links()
            .find(LinkKind::PasswordReset, &digest)
            .await?
            .ok_or(ResetPasswordError::TokenInvalid)?;
        if link.is_expired(now) {
            return Err(ResetPasswordError::TokenExpired);
        }
        // The user is locked before the link, as whoever writes a new link does.
        let mut user =
            unit.users().find_for_update(link.user_id).await?.ok_or(ResetPasswordError::TokenInvalid)?;
        unit.links()
            .take(LinkKind::PasswordReset, &digest)
            .await?
            .ok_or(ResetPasswordError::TokenInvalid)?;
        self.settings.password_policy.check(&password, Some(&user.email))?;
        user.set_password(hash, now);
        unit.users().update(&user).await?;
        unit.sessions().end_all(user.id, now).await?;
        unit.commit().await?;
        self.seen_sessions.forget_user(user.id);
        Ok(())
    }
}
