use domain::{
    accounts::{
        AccountState, EmailAddress, HashError, InsertUserError, Origin, PasswordProblem, PlainPassword, Role,
        User,
    },
    audit::{AuditAction, AuditObject, AuditState},
    store::{Attempt, StoreError, retried},
};

use super::SignUp;
use crate::record::NewAuditEntry;

/// Why an administrator was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateAdminError {
    /// The password does not satisfy the policy.
    #[error(transparent)]
    Password(#[from] PasswordProblem),
    /// An account has this email address.
    #[error("an account already has this email address")]
    EmailTaken,
    /// The password could not be hashed: the hasher is busy or failed.
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

impl SignUp {
    /// Creates an active administrator on behalf of an operator. No mail is sent.
    ///
    /// # Errors
    /// See [`CreateAdminError`].
    pub async fn create_admin(
        &self,
        email: EmailAddress,
        password: PlainPassword,
    ) -> Result<(), CreateAdminError> {
        self.password_policy.check(&password, Some(&email))?;
        let hash = self.hasher.hash(&password).await?;
        let now = self.clock.now();
        let mut user = User::register(self.ids.next(), email, hash, now);
        user.role = Role::Admin;
        user.state = AccountState::Active { since: now };
        retried(&*self.backoff, |attempt| self.try_insert(attempt, &user)).await
    }

    /// Returns whether the address belongs to an active administrator.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_active_admin(&self, email: &EmailAddress) -> Result<bool, StoreError> {
        let Some(known) = self.credentials.credentials(email).await? else { return Ok(false) };
        let user = self.users.user_details(known.user_id).await?;
        Ok(user.is_some_and(|user| user.is_active && user.role == Role::Admin))
    }

    async fn try_insert(&self, attempt: Attempt, user: &User) -> Result<(), CreateAdminError> {
        let mut unit = self.store.begin(attempt).await?;
        unit.insert_user(user).await?;
        let entry = NewAuditEntry::by(None, AuditAction::AdminCreated)
            .on(AuditObject::User(user.id))
            .to(AuditState::of([("role", user.role.as_str())]));
        self.recorder.audit(&mut *unit, entry, &Origin::default(), user.created_at).await?;
        unit.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::doubles::{PASSWORD, Rows, World, ann, password};

    #[tokio::test]
    async fn an_admin_can_sign_in_at_once_and_gets_no_mail() {
        let world = World::new().await;
        world.signup.create_admin(ann(), password(PASSWORD)).await.unwrap();
        let pair = world.log_in(&ann()).await;
        assert_eq!(world.sessions.authenticate(&pair.access).await.unwrap().role, Role::Admin);
        assert!(world.signup.is_active_admin(&ann()).await.unwrap());
        assert!(world.messages().is_empty());
        let rows = world.store.rows().await;
        let told = &rows.audit[0];
        assert_eq!((told.action, told.actor), (AuditAction::AdminCreated, None));
        assert_eq!(told.object, Some(AuditObject::User(rows.users[0].id)));
    }

    #[tokio::test]
    async fn a_taken_address_is_refused_and_its_account_does_not_change() {
        let world = World::new().await;
        world.active(&ann()).await;
        let before = world.user(&ann()).await;
        let refused = world.signup.create_admin(ann(), password("other harbour 8")).await;
        assert!(matches!(refused, Err(CreateAdminError::EmailTaken)));
        assert_eq!(world.user(&ann()).await, before);
    }

    #[tokio::test]
    async fn a_weak_password_or_a_failed_commit_creates_no_admin() {
        let world = World::new().await;
        let refused = world.signup.create_admin(ann(), password("admin")).await;
        assert!(matches!(refused, Err(CreateAdminError::Password(_))));
        world.fail_on_commit();
        let failed = world.signup.create_admin(ann(), password(PASSWORD)).await;
        assert!(matches!(failed, Err(CreateAdminError::Store(_))));
        assert_eq!(world.store.rows().await, Rows::default());
    }
}
