use domain::{accounts::LinkKind, entropy::PlainToken, store::StoreError};

use super::Accounts;

/// Activation was refused.
#[derive(Debug, thiserror::Error)]
pub enum ActivateError {
    /// There is no such token, or it was used.
    #[error("the activation token is not valid")]
    TokenInvalid,
    /// Its 24 hours are over.
    #[error("the activation token has expired")]
    TokenExpired,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// Lets the account sign in and uses the token up (R5).
    ///
    /// An account whose password two people claimed gets a mail to set a new one.
    ///
    /// # Errors
    /// See [`ActivateError`].
    pub async fn activate(&self, token: &PlainToken) -> Result<(), ActivateError> {
        let now = self.now();
        let digest = self.ports.tokens.digest(token);
        let mut unit = self.ports.store.begin().await?;
        let link =
            unit.links().find(LinkKind::Activation, &digest).await?.ok_or(ActivateError::TokenInvalid)?;
        if link.is_expired(now) {
            return Err(ActivateError::TokenExpired);
        }
        // The user is locked before the link, as whoever writes a new link does.
        let mut user =
            unit.users().find_for_update(link.user_id).await?.ok_or(ActivateError::TokenInvalid)?;
        unit.links().take(LinkKind::Activation, &digest).await?.ok_or(ActivateError::TokenInvalid)?;
        let needs_password = user.activate(now);
        unit.users().update(&user).await?;
        if needs_password {
            self.mail_password_reset(&mut *unit, &user, now).await?;
        }
        unit.commit().await?;
        Ok(())
    }
}
