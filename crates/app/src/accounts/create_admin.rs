use domain::{
    accounts::{EmailAddress, HashError, InsertUserError, PasswordProblem, PlainPassword, Role, User},
    store::StoreError,
};

use super::Accounts;

/// An administrator cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateAdminError {
    /// The password does not meet the rule.
    #[error(transparent)]
    Password(#[from] PasswordProblem),
    /// An account has this address.
    #[error("an account has this e-mail address already")]
    EmailTaken,
    /// The password could not be hashed now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<InsertUserError> for CreateAdminError {
    fn from(error: InsertUserError) -> Self {
        match error {
            InsertUserError::EmailTaken => Self::EmailTaken,
            InsertUserError::Store(error) => Self::Store(error),
        }
    }
}

impl Accounts {
    /// Makes an active administrator: for operators, who need no mail.
    ///
    /// # Errors
    /// See [`CreateAdminError`].
    pub async fn create_admin(
        &self,
        email: EmailAddress,
        password: PlainPassword,
    ) -> Result<(), CreateAdminError> {
        self.settings.password_policy.check(&password, Some(&email))?;
        let hash = self.ports.passwords.hash(&password).await?;
        let mut user = User::register(self.ports.ids.next(), email, hash, self.now());
        user.is_active = true;
        user.role = Role::Admin;
        let mut unit = self.ports.store.begin().await?;
        unit.users().insert(&user).await?;
        unit.commit().await?;
        Ok(())
    }
}
