use domain::{
    accounts::{Device, EmailAddress, HashError, PlainPassword, Session},
    store::StoreError,
};

use super::{Accounts, TokenPair};

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
        device: Device,
    ) -> Result<TokenPair, LogInError> {
        let known = self.ports.queries.credentials(email).await?;
        let hash = known.as_ref().map(|known| &known.password);
        let is_right = self.ports.passwords.verify(hash, password).await?;
        let Some(known) = known.filter(|_| is_right) else {
            return Err(LogInError::InvalidCredentials);
        };
        let rehashed = if self.ports.passwords.needs_rehash(&known.password) {
            Some(self.ports.passwords.hash(password).await?)
        } else {
            None
        };

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
            user.password = rehashed;
            unit.users().update(&user).await?;
        }
        let session = Session::begin(self.ports.ids.next(), user.id, device, now);
        let (stored, claims) = self.next_refresh(self.ports.tokens.generate(), &session, now);
        unit.sessions().insert(&session).await?;
        unit.sessions().insert_refresh(&stored).await?;
        unit.commit().await?;
        Ok(self.sign_pair(user.role, &claims, now))
    }
}
