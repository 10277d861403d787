use domain::{
    accounts::{
        AccountUnit, Credentials, EmailAddress, HashError, InsertUserError, PasswordHash, PasswordProblem,
        PlainPassword, User,
    },
    store::StoreError,
    time::Instant,
};

use super::{Accounts, mails};

/// Registration was refused.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The password does not meet the rule.
    #[error(transparent)]
    Password(#[from] PasswordProblem),
    /// An active account has this address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The password could not be hashed now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How often a registration begins anew because the account changed between two of its steps.
const TRIES: u32 = 5;

enum Outcome {
    Done,
    Taken,
    Changed,
}

impl Accounts {
    /// Opens an account that waits for its activation, and mails the link (R1–R4).
    ///
    /// An address that was registered and never activated gets a new link; when the password differs, nobody can say whose
    /// it is, and activation will drop it. Takes two password hashings whatever it finds, so that time tells nothing.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub async fn register(&self, email: EmailAddress, password: PlainPassword) -> Result<(), RegisterError> {
        self.settings.password_policy.check(&password, Some(&email))?;
        let hash = self.ports.passwords.hash(&password).await?;
        for _ in 0..TRIES {
            let known = self.ports.queries.credentials(&email).await?;
            let is_same =
                self.ports.passwords.verify(known.as_ref().map(|known| &known.password), &password).await?;
            match self.try_register(&email, &hash, known.as_ref(), is_same).await? {
                Outcome::Done => return Ok(()),
                Outcome::Taken => return Err(RegisterError::EmailTaken),
                Outcome::Changed => {}
            }
        }
        Err(StoreError::unavailable("the account kept changing while it was registered again").into())
    }

    async fn try_register(
        &self,
        email: &EmailAddress,
        hash: &PasswordHash,
        known: Option<&Credentials>,
        is_same: bool,
    ) -> Result<Outcome, StoreError> {
        let now = self.now();
        let mut unit = self.ports.store.begin().await?;
        let user = User::register(self.ports.ids.next(), email.clone(), hash.clone(), now);
        match unit.users().insert(&user).await {
            Ok(()) => self.mail_activation(&mut *unit, &user, now).await?,
            Err(InsertUserError::Store(error)) => return Err(error),
            Err(InsertUserError::EmailTaken) => {
                let Some(user) = unit.users().find_by_email_for_update(email).await? else {
                    return Ok(Outcome::Changed);
                };
                if known.is_none_or(|known| known.version != user.version) {
                    return Ok(Outcome::Changed);
                }
                if user.is_active {
                    if self.settings.registration_reveals_email {
                        return Ok(Outcome::Taken);
                    }
                    let mail = mails::already_registered(&user.email, &self.settings.frontend_url);
                    let key = format!("already_registered:{}", self.ports.ids.uuid());
                    self.push_mail(&mut *unit, key, mail, now).await?;
                } else {
                    self.register_again(&mut *unit, user, is_same, now).await?;
                }
            }
        }
        unit.commit().await?;
        Ok(Outcome::Done)
    }

    async fn register_again(
        &self,
        unit: &mut dyn AccountUnit,
        mut user: User,
        is_same: bool,
        now: Instant,
    ) -> Result<(), StoreError> {
        if !is_same {
            user.contest_password(now);
            unit.users().update(&user).await?;
        }
        self.mail_activation(unit, &user, now).await
    }
}
