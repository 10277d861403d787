use domain::{
    accounts::{
        Credentials, EmailAddress, HashError, InsertUserError, Origin, PasswordHash, PasswordProblem,
        PlainPassword, SignUpUnit, User,
    },
    audit::{AuditAction, AuditObject, AuditState},
    store::{Attempt, StoreError, retried},
    time::Instant,
};

use super::SignUp;
use crate::{
    accounts::MailQuota,
    mails::accounts::{AlreadyRegistered, RegisteredWhileDeactivated},
    record::NewAuditEntry,
};

/// Why a registration was refused.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The password does not satisfy the policy.
    #[error(transparent)]
    Password(#[from] PasswordProblem),
    /// An active or deactivated account has this email address, and the settings allow registration to reveal this.
    #[error("the email address is taken")]
    EmailTaken,
    /// The password could not be hashed: the hasher is busy or failed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The maximum number of tries of a registration. The registration is tried again when the account changes between the
/// comparison of the passwords and the unit of work.
const TRIES: u32 = 5;

/// The outcome of one try of a registration.
enum Outcome {
    /// The registration is stored. Or the address is taken, but the caller must not learn this.
    Done,
    /// The address is taken, and the caller may learn this.
    Taken,
    /// The password of the account has changed since the comparison, or the account was created or deleted. The
    /// comparison must be repeated.
    Changed,
}

/// The result of comparing the typed password with the account's password, before the unit of work.
#[derive(Clone, Copy)]
struct Compared<'a> {
    /// The credentials of the account; `None` when there was no account.
    known: Option<&'a Credentials>,
    /// Whether the typed password is the same as the account's password.
    is_same: bool,
}

/// A repeated registration of an address whose account is awaiting activation.
struct Again<'a> {
    /// The address as it was typed this time.
    typed: &'a EmailAddress,
    /// Whether the typed password is the same as the account's password.
    is_same: bool,
    quota: MailQuota,
}

impl SignUp {
    /// Registers an account that is awaiting activation, and mails the activation link.
    ///
    /// An address whose account is still awaiting activation gets a new link. When the spelling of the address or the
    /// password differs from the previous registration, the stored password is contested: it is unknown which
    /// registration is the owner's, so the activation drops the stored password. Every registration with an acceptable
    /// password hashes twice (more often only if the account changes at the same time), so that the response time does
    /// not reveal whether the address is known.
    ///
    /// When the quota is used up, a known address gets neither a mail nor a new link, and the earlier link stays valid.
    /// The caller gets the same result as before the quota was used up.
    ///
    /// # Errors
    /// See [`RegisterError`].
    pub async fn register(
        &self,
        email: EmailAddress,
        password: PlainPassword,
        quota: MailQuota,
        origin: &Origin,
    ) -> Result<(), RegisterError> {
        self.password_policy.check(&password, Some(&email))?;
        let hash = self.hasher.hash(&password).await?;
        for _ in 0..TRIES {
            let known = self.credentials.credentials(&email).await?;
            let is_same = self.hasher.verify(known.as_ref().map(|known| &known.password), &password).await?;
            let compared = Compared { known: known.as_ref(), is_same };
            let register = |attempt| self.try_register(attempt, &email, &hash, compared, quota, origin);
            match retried(&*self.backoff, register).await? {
                Outcome::Done => return Ok(()),
                Outcome::Taken => return Err(RegisterError::EmailTaken),
                Outcome::Changed => {}
            }
        }
        Err(StoreError::unavailable("the account kept changing while it was registered again").into())
    }

    async fn try_register(
        &self,
        attempt: Attempt,
        email: &EmailAddress,
        hash: &PasswordHash,
        compared: Compared<'_>,
        quota: MailQuota,
        origin: &Origin,
    ) -> Result<Outcome, StoreError> {
        let now = self.clock.now();
        let mut unit = self.store.begin(attempt).await?;
        let user = User::register(self.ids.next(), email.clone(), hash.clone(), now);
        match unit.insert_user(&user).await {
            Ok(()) => {
                self.links.mail_activation(&mut *unit, &user, now).await?;
                let entry = NewAuditEntry::by(None, AuditAction::Registered).on(AuditObject::User(user.id));
                self.recorder.audit(&mut *unit, entry, origin, now).await?;
            }
            Err(InsertUserError::Store(error)) => return Err(error),
            Err(InsertUserError::EmailTaken) => {
                let Some(user) = unit.find_user_by_email_for_update(email).await? else {
                    return Ok(Outcome::Changed);
                };
                if user.is_awaiting_activation() {
                    if compared.known.is_none_or(|known| known.password != user.password) {
                        // The account's password has changed since the comparison, or there was no account then.
                        return Ok(Outcome::Changed);
                    }
                    let again = Again { typed: email, is_same: compared.is_same, quota };
                    self.register_again(&mut *unit, user, again, origin, now).await?;
                } else if self.reveals_email {
                    return Ok(Outcome::Taken);
                } else if quota == MailQuota::Left {
                    let cause = format!("already_registered:{}", self.ids.uuid());
                    if user.is_active() {
                        self.recorder.mail(&mut *unit, &user, cause, &AlreadyRegistered, now).await?;
                    } else {
                        self.recorder
                            .mail(&mut *unit, &user, cause, &RegisteredWhileDeactivated, now)
                            .await?;
                    }
                }
            }
        }
        unit.commit().await?;
        Ok(Outcome::Done)
    }

    async fn register_again(
        &self,
        unit: &mut dyn SignUpUnit,
        mut user: User,
        again: Again<'_>,
        origin: &Origin,
        now: Instant,
    ) -> Result<(), StoreError> {
        let is_contested =
            user.register_again(again.typed, again.is_same, now).map_err(StoreError::failed)?;
        // The stored spelling is replaced only when a new link is mailed to the new spelling. The new link replaces
        // the earlier one, so a valid link has always been mailed to the spelling that is stored.
        let is_respelled = again.quota == MailQuota::Left
            && user.take_spelling(again.typed, now).map_err(StoreError::failed)?;
        if is_contested || is_respelled {
            unit.update_user(&user).await?;
        }
        if is_contested {
            let entry = NewAuditEntry::by(None, AuditAction::Registered)
                .on(AuditObject::User(user.id))
                .to(AuditState::of([("password", "contested")]));
            self.recorder.audit(unit, entry, origin, now).await?;
        }
        match again.quota {
            MailQuota::Left => self.links.mail_activation(unit, &user, now).await,
            MailQuota::UsedUp => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{
        accounts::{AccountState, PasswordHash},
        store::StoreError,
    };

    use crate::accounts::{
        LogInError, MailQuota, RegisterError,
        doubles::{ORIGIN, PASSWORD, Rows, World, ann, email, password, token_in},
    };

    #[tokio::test]
    async fn a_new_address_gets_an_inactive_account_and_a_mail_with_its_link() {
        let world = World::new().await;
        world.signup.register(ann(), password(PASSWORD), MailQuota::Left, ORIGIN).await.unwrap();
        let user = world.user(&ann()).await;
        assert!(user.is_awaiting_activation() && !user.is_password_contested());
        let mail = world.last_mail();
        assert_eq!(mail.to.as_str(), "ann@example.com");
        assert!(mail.text.contains("https://cinema.example/activate?token=secret0\n"), "{}", mail.text);
        assert_eq!(world.passwords.take_count(), 2);
    }

    #[tokio::test]
    async fn neither_the_token_nor_the_password_is_stored_in_plain_text() {
        let world = World::new().await;
        let token = world.registered(&ann()).await;
        let rows = world.store.rows().await;
        assert_eq!(rows.links[0].digest.as_str(), format!("#{}", token.expose()));
        let payload = String::from_utf8_lossy(&rows.outbox[0].payload).into_owned();
        assert!(!payload.contains(token.expose()) && !payload.contains("ann@"), "{payload}");
        assert_ne!(rows.users[0].password.as_str(), PASSWORD);
    }

    #[tokio::test]
    async fn if_addresses_are_revealed_a_taken_address_is_reported() {
        let world = World::new().await;
        world.active(&ann()).await;
        world.passwords.take_count();
        let before = world.store.rows().await;
        let again = world
            .signup
            .register(email("ANN@Example.com"), password("other harbour 8"), MailQuota::Left, ORIGIN)
            .await;
        assert!(matches!(again, Err(RegisterError::EmailTaken)));
        assert_eq!(world.store.rows().await, before);
        assert_eq!(world.passwords.take_count(), 2);
    }

    #[tokio::test]
    async fn if_addresses_are_not_revealed_a_taken_address_is_reported_only_to_its_owner() {
        let world = World::discreet().await;
        world.active(&ann()).await;
        world.passwords.take_count();
        let before = world.user(&ann()).await;
        for count in [2, 3] {
            world.signup.register(ann(), password("other harbour 8"), MailQuota::Left, ORIGIN).await.unwrap();
            assert_eq!(world.mails().len(), count);
            assert_eq!(world.passwords.take_count(), 2);
        }
        assert_eq!(world.last_mail().subject, "You already have a Cinema account");
        assert_eq!(world.user(&ann()).await, before);
    }

    #[tokio::test]
    async fn registering_again_with_the_same_password_mails_a_new_link_in_place_of_the_old() {
        let world = World::new().await;
        let old = world.registered(&ann()).await;
        world.passwords.take_count();
        let new = world.registered(&ann()).await;
        assert_eq!(world.passwords.take_count(), 2);
        assert!(world.signup.activate(&old, ORIGIN).await.is_err());
        world.signup.activate(&new, ORIGIN).await.unwrap();
        world.log_in(&ann()).await;
    }

    #[tokio::test]
    async fn registering_again_with_another_password_leaves_the_account_without_one_after_activation() {
        let world = World::new().await;
        world.registered(&ann()).await;
        world.passwords.take_count();
        world.signup.register(ann(), password("other harbour 8"), MailQuota::Left, ORIGIN).await.unwrap();
        assert_eq!(world.passwords.take_count(), 2);
        world.signup.activate(&token_in(&world.last_mail()), ORIGIN).await.unwrap();
        for claimed in [PASSWORD, "other harbour 8"] {
            let refused = world.sessions.log_in(&ann(), &password(claimed), MailQuota::Left, ORIGIN).await;
            assert!(matches!(refused, Err(LogInError::InvalidCredentials)));
        }
        assert!(world.last_mail().text.contains("/reset-password?token="));
    }

    #[tokio::test]
    async fn a_known_address_is_not_mailed_beyond_the_quota_and_its_link_stays_valid() {
        let world = World::new().await;
        let link = world.registered(&ann()).await;
        let before = world.store.rows().await;
        world.passwords.take_count();
        world.signup.register(ann(), password(PASSWORD), MailQuota::UsedUp, ORIGIN).await.unwrap();
        assert_eq!(world.passwords.take_count(), 2);
        assert_eq!(world.store.rows().await, before);
        world.signup.activate(&link, ORIGIN).await.unwrap();
        world.log_in(&ann()).await;
    }

    #[tokio::test]
    async fn a_password_is_also_contested_beyond_the_quota() {
        let world = World::new().await;
        let link = world.registered(&ann()).await;
        world.passwords.take_count();
        let other = "other harbour 8";
        world.signup.register(ann(), password(other), MailQuota::UsedUp, ORIGIN).await.unwrap();
        assert_eq!(world.passwords.take_count(), 2);
        assert!(world.user(&ann()).await.is_password_contested());
        assert_eq!(world.mails().len(), 1);
        world.signup.activate(&link, ORIGIN).await.unwrap();
        for claimed in [PASSWORD, other] {
            let refused = world.sessions.log_in(&ann(), &password(claimed), MailQuota::Left, ORIGIN).await;
            assert!(matches!(refused, Err(LogInError::InvalidCredentials)));
        }
        let reset = token_in(&world.last_mail());
        world.sessions.reset_password(&reset, password("my own harbour 9"), ORIGIN).await.unwrap();
        world.sessions.log_in(&ann(), &password("my own harbour 9"), MailQuota::Left, ORIGIN).await.unwrap();
    }

    #[tokio::test]
    async fn the_owner_of_a_taken_address_is_not_mailed_beyond_the_quota() {
        let world = World::discreet().await;
        world.active(&ann()).await;
        world.passwords.take_count();
        let before = world.store.rows().await;
        world.signup.register(ann(), password("other harbour 8"), MailQuota::UsedUp, ORIGIN).await.unwrap();
        assert_eq!(world.store.rows().await, before);
        assert_eq!(world.passwords.take_count(), 2);
    }

    #[tokio::test]
    async fn a_new_address_gets_its_link_by_mail_regardless_of_its_quota() {
        let world = World::new().await;
        world.signup.register(ann(), password(PASSWORD), MailQuota::UsedUp, ORIGIN).await.unwrap();
        world.signup.activate(&token_in(&world.last_mail()), ORIGIN).await.unwrap();
    }

    #[tokio::test]
    async fn the_link_is_mailed_to_the_last_typed_spelling_until_one_is_confirmed() {
        let world = World::new().await;
        let other = email("ANN@example.com");
        let first = world.registered(&other).await;
        let second = world.registered(&ann()).await;
        assert_eq!(world.last_mail().to.as_str(), "ann@example.com");
        assert_eq!(world.store.rows().await.users.len(), 1);
        assert!(
            world.signup.activate(&first, ORIGIN).await.is_err(),
            "the link was mailed to another spelling"
        );
        world.signup.activate(&second, ORIGIN).await.unwrap();
        assert_eq!(world.user(&ann()).await.email.as_str(), "ann@example.com");
        let again = world.signup.register(other, password(PASSWORD), MailQuota::Left, ORIGIN).await;
        assert!(matches!(again, Err(RegisterError::EmailTaken)));
        assert_eq!(world.user(&ann()).await.email.as_str(), "ann@example.com");
    }

    #[tokio::test]
    async fn another_spelling_contests_the_password_even_if_it_is_the_same() {
        for quota in [MailQuota::Left, MailQuota::UsedUp] {
            let world = World::new().await;
            let first = world.registered(&ann()).await;
            let other = email("ANN@example.com");
            world.signup.register(other, password(PASSWORD), quota, ORIGIN).await.unwrap();
            assert!(world.user(&ann()).await.is_password_contested());
            let link = if quota == MailQuota::Left { token_in(&world.last_mail()) } else { first };
            world.signup.activate(&link, ORIGIN).await.unwrap();
            assert!(!world.user(&ann()).await.password.is_usable());
            let spelling = if quota == MailQuota::Left { "ANN@example.com" } else { "ann@example.com" };
            let reset = world.last_mail();
            assert_eq!((reset.to.as_str(), &*reset.subject), (spelling, "Set a new Cinema password"));
        }
    }

    #[tokio::test]
    async fn letters_that_only_look_alike_make_a_separate_account() {
        let world = World::new().await;
        for address in ["ian@example.com", "\u{131}an@example.com", "\u{ff49}an@example.com"] {
            world.registered(&email(address)).await;
        }
        assert_eq!(world.store.rows().await.users.len(), 3);
    }

    #[tokio::test]
    async fn registering_another_spelling_with_another_password_gets_a_link_to_set_one() {
        let world = World::new().await;
        world.registered(&email("ANN@example.com")).await;
        world.signup.register(ann(), password("other harbour 8"), MailQuota::Left, ORIGIN).await.unwrap();
        world.signup.activate(&token_in(&world.last_mail()), ORIGIN).await.unwrap();
        let reset = world.last_mail();
        assert_eq!((reset.to.as_str(), &*reset.subject), ("ann@example.com", "Set a new Cinema password"));
        assert!(!world.user(&ann()).await.password.is_usable());
    }

    #[tokio::test]
    async fn beyond_the_quota_the_spelling_of_the_mailed_link_is_kept() {
        let world = World::new().await;
        let link = world.registered(&ann()).await;
        let (stranger, other) = (email("ANN@example.com"), password("other harbour 8"));
        world.signup.register(stranger, other, MailQuota::UsedUp, ORIGIN).await.unwrap();
        world.signup.activate(&link, ORIGIN).await.unwrap();
        let reset = world.last_mail();
        assert_eq!((reset.to.as_str(), &*reset.subject), ("ann@example.com", "Set a new Cinema password"));
    }

    #[tokio::test]
    async fn an_already_contested_password_is_not_contested_again() {
        let world = World::new().await;
        world.registered(&ann()).await;
        for other in ["other harbour 8", "third harbour 9"] {
            world.signup.register(ann(), password(other), MailQuota::UsedUp, ORIGIN).await.unwrap();
        }
        assert_eq!(world.user(&ann()).await.version, 2);
        let rows = world.store.rows().await;
        assert_eq!(
            rows.audit.len(),
            2,
            "one entry for the registration, and one for the contested password: {:?}",
            rows.audit
        );
    }

    #[tokio::test]
    async fn a_concurrent_registration_with_another_password_causes_no_second_comparison() {
        let world = World::new().await;
        world.registered(&ann()).await;
        world.passwords.take_count();
        world.store.interfere(|rows: &mut Rows| {
            let user = &mut rows.users[0];
            user.state = AccountState::AwaitingActivation { is_password_contested: true };
            user.version += 1;
        });
        world.signup.register(ann(), password("other harbour 8"), MailQuota::Left, ORIGIN).await.unwrap();
        assert_eq!(
            world.passwords.take_count(),
            2,
            "the password has not changed since the comparison, so it is not compared again"
        );
    }

    #[tokio::test]
    async fn an_account_that_is_activated_after_the_password_check_is_treated_as_taken() {
        let world = World::discreet().await;
        world.registered(&ann()).await;
        world.store.interfere(|rows: &mut Rows| {
            let at = rows.users[0].created_at;
            rows.users[0].activate(at).unwrap();
        });
        world.signup.register(ann(), password("other harbour 8"), MailQuota::Left, ORIGIN).await.unwrap();
        assert_eq!(world.last_mail().subject, "You already have a Cinema account");
        assert!(!world.user(&ann()).await.is_password_contested());
    }

    #[tokio::test]
    async fn a_password_that_changes_after_it_was_checked_is_checked_again() {
        let world = World::new().await;
        world.registered(&ann()).await;
        world.passwords.take_count();
        let mut is_first = true;
        world.store.interfere(move |rows: &mut Rows| {
            if std::mem::take(&mut is_first) {
                let at = rows.users[0].created_at;
                rows.users[0].set_password(PasswordHash::from_phc("1$other harbour 8".to_owned()), at);
            }
        });
        world.signup.register(ann(), password("other harbour 8"), MailQuota::Left, ORIGIN).await.unwrap();
        assert!(!world.user(&ann()).await.is_password_contested());
        assert_eq!(world.passwords.take_count(), 3);
    }

    #[tokio::test]
    async fn an_account_that_keeps_changing_leads_to_a_retryable_failure() {
        let world = World::new().await;
        world.registered(&ann()).await;
        let mut count = 0_u32;
        world.store.interfere(move |rows| {
            count += 1;
            let at = rows.users[0].created_at;
            rows.users[0].set_password(PasswordHash::from_phc(format!("1$changed {count}")), at);
        });
        let failed = world.signup.register(ann(), password(PASSWORD), MailQuota::Left, ORIGIN).await;
        assert!(matches!(failed, Err(RegisterError::Store(StoreError::Unavailable(_)))));
    }

    #[tokio::test]
    async fn a_failed_commit_leaves_neither_account_nor_mail() {
        let world = World::new().await;
        world.fail_on_commit();
        let failed = world.signup.register(ann(), password(PASSWORD), MailQuota::Left, ORIGIN).await;
        assert!(matches!(failed, Err(RegisterError::Store(StoreError::Failed(_)))));
        assert_eq!(world.store.rows().await, Rows::default());
    }

    #[tokio::test]
    async fn a_weak_password_is_refused_before_anything_is_hashed() {
        let world = World::new().await;
        for weak in ["short 1", "no digits here", "password1", "ann@example.com"] {
            let refused = world.signup.register(ann(), password(weak), MailQuota::Left, ORIGIN).await;
            assert!(matches!(refused, Err(RegisterError::Password(_))), "{weak}");
        }
        assert_eq!(world.passwords.take_count(), 0);
    }

    #[tokio::test]
    async fn a_busy_hasher_is_reported_and_nothing_is_stored() {
        let world = World::new().await;
        world.passwords.be_busy();
        let failed = world.signup.register(ann(), password(PASSWORD), MailQuota::Left, ORIGIN).await;
        assert!(matches!(failed, Err(RegisterError::Hash(_))));
        assert_eq!(world.store.rows().await, Rows::default());
    }
}
