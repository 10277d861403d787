use domain::{
    accounts::{
        AccountState, Credentials, EmailAddress, HashError, Origin, PasswordHash, PlainPassword, Session,
        SessionUnit, User,
    },
    audit::{AuditAction, AuditObject, AuditState},
    entropy::KeyAge,
    id::UserId,
    store::{Attempt, StoreError, retried},
    throttle::TooManyFailures,
    time::Instant,
};

use super::{Sessions, tokens::TokenPair};
use crate::{
    accounts::{
        MailQuota,
        password_guard::{PasswordRefusal, Tried},
    },
    record::NewAuditEntry,
};

/// Why a sign-in was refused.
#[derive(Debug, thiserror::Error)]
pub enum LogInError {
    /// No account has this email address, or the password is wrong. If registration does not reveal addresses, an
    /// account that is awaiting activation gets this error, too.
    #[error("the email address or the password is wrong")]
    InvalidCredentials,
    /// The password was correct, but the account is awaiting activation.
    #[error("the account was not activated yet")]
    AccountInactive,
    /// The password was correct, but an administrator has deactivated the account.
    #[error("the account is deactivated")]
    AccountDeactivated,
    /// Too many wrong passwords were tried for this address, so the given password was not checked.
    #[error(transparent)]
    Throttled(#[from] TooManyFailures),
    /// The password could not be checked: the hasher is busy or failed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PasswordRefusal for LogInError {
    fn tried(&self) -> Tried {
        match self {
            Self::InvalidCredentials => Tried::Wrong,
            Self::AccountInactive | Self::AccountDeactivated => Tried::Right,
            Self::Throttled(_) | Self::Hash(_) | Self::Store(_) => Tried::NotChecked,
        }
    }
}

/// Identifies an account and its version. A password that was correct is still correct while [`Sessions::standing`]
/// returns an equal value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    user_id: UserId,
    version: i64,
}

impl Sessions {
    /// Checks the password and begins a session. If too many wrong passwords were tried for the address, the password
    /// is not checked.
    ///
    /// Refusing an unknown address takes as long as refusing a wrong password. If the stored hash was made with older
    /// parameters, a new hash replaces it. If the user would have too many sessions, the least recently used session
    /// ends. A mail notifies the owner about a sign-in from a new device, except for the user's first device.
    ///
    /// # Errors
    /// See [`LogInError`].
    pub async fn log_in(
        &self,
        email: &EmailAddress,
        password: &PlainPassword,
        quota: MailQuota,
        origin: &Origin,
    ) -> Result<TokenPair, LogInError> {
        let trying = async {
            let (known, rehashed) = self.verified(email, password, quota, origin).await?;
            let begin = |attempt| self.begin_session(attempt, &known, rehashed.as_ref(), origin);
            let outcome = retried(&*self.backoff, begin).await;
            self.outcome_of(&known, outcome, origin).await
        };
        self.passwords.attempt(email, origin.device.ip, trying).await
    }

    /// Checks the password as [`Sessions::log_in`] does, but begins no session, stores no device, and requests no
    /// activation link. For clients that send the password with each request.
    ///
    /// # Errors
    /// See [`LogInError`].
    pub async fn check_password(
        &self,
        email: &EmailAddress,
        password: &PlainPassword,
        origin: &Origin,
    ) -> Result<(), LogInError> {
        let trying = async {
            let (known, rehashed) = self.verified(email, password, MailQuota::UsedUp, origin).await?;
            let admit = |attempt| self.admit_once(attempt, &known, rehashed.as_ref(), origin);
            let outcome = retried(&*self.backoff, admit).await;
            self.outcome_of(&known, outcome, origin).await
        };
        self.passwords.attempt(email, origin.device.ip, trying).await
    }

    /// Returns the current [`Standing`] of the account with the address; `None` when there is no such account.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn standing(&self, email: &EmailAddress) -> Result<Option<Standing>, StoreError> {
        let known = self.credentials.credentials(email).await?;
        Ok(known.map(|known| Standing { user_id: known.user_id, version: known.version }))
    }

    /// Checks the password, outside a unit of work. Returns the account's credentials, and a new hash when the stored
    /// one was made with older parameters.
    ///
    /// If registration does not reveal addresses (`reveals_email` is `false`), an account that is awaiting activation
    /// is refused like an unknown address, with the same steps. Otherwise a client could register an address, and find
    /// out by logging in whether the address already had an account. In this configuration, each refusal by this
    /// function also requests an activation link, unless the quota is used up; the link is mailed only if the account
    /// is awaiting activation.
    async fn verified(
        &self,
        email: &EmailAddress,
        password: &PlainPassword,
        quota: MailQuota,
        origin: &Origin,
    ) -> Result<(Credentials, Option<PasswordHash>), LogInError> {
        let known = self.credentials.credentials(email).await?;
        let hash = known.as_ref().map(|known| &known.password);
        let is_right = self.passwords.hasher.verify(hash, password).await?;
        let user_id = known.as_ref().map(|known| known.user_id);
        let is_hidden = !self.reveals_email;
        let Some(known) = known.filter(|known| is_right && !(is_hidden && known.is_awaiting_activation))
        else {
            let asks_for_link = is_hidden && quota == MailQuota::Left;
            // The refusal of an unknown address is recorded too, because it would otherwise take less time than the
            // refusal of a known address.
            self.record_refusal(user_id, "invalid_credentials", asks_for_link.then_some(email), origin)
                .await?;
            return Err(LogInError::InvalidCredentials);
        };
        let rehashed = if self.passwords.hasher.needs_rehash(&known.password) {
            Some(self.passwords.hasher.hash(password).await?)
        } else {
            None
        };
        Ok((known, rehashed))
    }

    /// Records a refusal that happened after the password was found to be correct. Returns `outcome` unchanged, or the
    /// error if the refusal cannot be recorded.
    async fn outcome_of<T>(
        &self,
        known: &Credentials,
        outcome: Result<T, LogInError>,
        origin: &Origin,
    ) -> Result<T, LogInError> {
        let reason = match &outcome {
            Err(LogInError::InvalidCredentials) => "invalid_credentials",
            Err(LogInError::AccountInactive) => "account_inactive",
            Err(LogInError::AccountDeactivated) => "account_deactivated",
            Ok(_) | Err(LogInError::Throttled(_) | LogInError::Hash(_) | LogInError::Store(_)) => {
                return outcome;
            }
        };
        self.record_refusal(Some(known.user_id), reason, None, origin).await?;
        outcome
    }

    /// Records a refused sign-in in the audit log. The typed address is omitted, because it may belong to someone else,
    /// or be a password in the wrong field. If `activation_wanted` is an address, the same transaction requests an
    /// activation link for it.
    async fn record_refusal(
        &self,
        user_id: Option<UserId>,
        reason: &str,
        activation_wanted: Option<&EmailAddress>,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        retried(&*self.backoff, |attempt| {
            self.try_record_refusal(attempt, user_id, reason, activation_wanted, origin)
        })
        .await
    }

    async fn try_record_refusal(
        &self,
        attempt: Attempt,
        user_id: Option<UserId>,
        reason: &str,
        activation_wanted: Option<&EmailAddress>,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let entry =
            NewAuditEntry::by(None, AuditAction::SignInFailed).to(AuditState::of([("reason", reason)]));
        let entry = match user_id {
            Some(id) => entry.on(AuditObject::User(id)),
            None => entry,
        };
        let mut unit = self.store.begin(attempt).await?;
        self.recorder.audit(&mut *unit, entry, origin, now).await?;
        if let Some(email) = activation_wanted {
            self.links.request_activation(&mut *unit, email.clone(), now).await?;
        }
        unit.commit().await
    }

    async fn begin_session(
        &self,
        attempt: Attempt,
        known: &Credentials,
        rehashed: Option<&PasswordHash>,
        origin: &Origin,
    ) -> Result<TokenPair, LogInError> {
        let (mut unit, user, now) = self.admitted(attempt, known, rehashed).await?;
        let session = Session::begin(self.ids.next(), user.id, origin.device.clone(), now);
        let (stored, claims) = self.next_refresh(self.tokens.generate(), &session, now);
        self.note_device(&mut *unit, &user, &session, now).await?;
        let ended = self.make_room(&mut *unit, user.id, origin, now).await?;
        unit.insert_session(&session).await?;
        unit.insert_refresh_token(&stored).await?;
        let entry = NewAuditEntry::by(user.id, AuditAction::SignedIn).on(AuditObject::Session(session.id));
        self.recorder.audit(&mut *unit, entry, origin, now).await?;
        unit.commit().await?;
        for id in ended {
            self.seen_sessions.forget(id);
        }
        Ok(self.sign_pair(user.role, &claims, KeyAge::CURRENT, now))
    }

    /// Checks again that the user may sign in, and records a sign-in that begins no session.
    async fn admit_once(
        &self,
        attempt: Attempt,
        known: &Credentials,
        rehashed: Option<&PasswordHash>,
        origin: &Origin,
    ) -> Result<(), LogInError> {
        let (mut unit, user, now) = self.admitted(attempt, known, rehashed).await?;
        let entry = NewAuditEntry::by(user.id, AuditAction::SignedIn).on(AuditObject::User(user.id));
        self.recorder.audit(&mut *unit, entry, origin, now).await?;
        unit.commit().await?;
        Ok(())
    }

    /// Begins a unit of work that locks the user, checks that the user may sign in, and stores the new hash, if any.
    async fn admitted(
        &self,
        attempt: Attempt,
        known: &Credentials,
        rehashed: Option<&PasswordHash>,
    ) -> Result<(Box<dyn SessionUnit>, User, Instant), LogInError> {
        let now = self.clock.now();
        let mut unit = self.store.begin(attempt).await?;
        let mut user =
            unit.find_user_for_update(known.user_id).await?.ok_or(LogInError::InvalidCredentials)?;
        if user.version != known.version && user.password != known.password {
            // The password was changed while the old one was being checked.
            return Err(LogInError::InvalidCredentials);
        }
        match user.state {
            AccountState::Active { .. } => {}
            AccountState::AwaitingActivation { .. } => return Err(LogInError::AccountInactive),
            AccountState::Deactivated { .. } => return Err(LogInError::AccountDeactivated),
        }
        if let Some(rehashed) = rehashed {
            user.password = rehashed.clone();
            unit.update_user(&user).await?;
        }
        Ok((unit, user, now))
    }
}

#[cfg(test)]
mod tests {
    use domain::accounts::{Device, PasswordHash};

    use super::*;
    use crate::{
        accounts::doubles::{ORIGIN, PASSWORD, World, ann, email, password},
        outbox::Message,
    };

    async fn try_with(world: &World, typed: &str) -> Result<TokenPair, LogInError> {
        world.sessions.log_in(&ann(), &password(typed), MailQuota::Left, ORIGIN).await
    }

    #[tokio::test]
    async fn an_unknown_address_and_a_wrong_password_get_the_same_error_at_the_same_cost() {
        let world = World::new().await;
        world.active(&email("bob@example.com")).await;
        world.passwords.take_count();
        assert!(matches!(try_with(&world, PASSWORD).await, Err(LogInError::InvalidCredentials)));
        assert_eq!(world.passwords.take_count(), 1);
        world.active(&ann()).await;
        world.passwords.take_count();
        assert!(matches!(try_with(&world, "other harbour 8").await, Err(LogInError::InvalidCredentials)));
        assert_eq!(world.passwords.take_count(), 1);
        assert!(world.store.rows().await.sessions.is_empty());
    }

    #[tokio::test]
    async fn an_inactive_account_is_reported_only_with_the_correct_password() {
        let world = World::new().await;
        world.registered(&ann()).await;
        assert!(matches!(try_with(&world, "other harbour 8").await, Err(LogInError::InvalidCredentials)));
        assert!(matches!(try_with(&world, PASSWORD).await, Err(LogInError::AccountInactive)));
        assert!(world.store.rows().await.sessions.is_empty());
    }

    #[tokio::test]
    async fn if_addresses_are_not_revealed_an_inactive_account_is_refused_like_an_unknown_one() {
        let world = World::discreet().await;
        let link = world.registered(&ann()).await;
        let unknown = email("bob@example.com");
        let mut outcomes = Vec::new();
        for (address, typed) in [(&ann(), PASSWORD), (&ann(), "other harbour 8"), (&unknown, PASSWORD)] {
            world.passwords.take_count();
            let messages = world.messages().len();
            let refused = world.sessions.log_in(address, &password(typed), MailQuota::Left, ORIGIN).await;
            assert!(matches!(refused, Err(LogInError::InvalidCredentials)), "{refused:?}");
            let wishes = world.messages().split_off(messages);
            assert_eq!(wishes, [Message::ActivationRequested { email: address.clone() }]);
            outcomes.push((world.passwords.take_count(), world.store.rows().await.audit.len()));
        }
        assert_eq!(
            outcomes,
            [(1, 2), (1, 3), (1, 4)],
            "each refusal checks one password and writes one audit entry"
        );
        world.signup.activate(&link, ORIGIN).await.unwrap();
        world.log_in(&ann()).await;
    }

    #[tokio::test]
    async fn a_refused_log_in_requests_no_link_beyond_the_quota_or_if_addresses_are_revealed() {
        for (world, quota) in
            [(World::discreet().await, MailQuota::UsedUp), (World::new().await, MailQuota::Left)]
        {
            world.registered(&ann()).await;
            let before = world.messages().len();
            let typed = password("other harbour 8");
            assert!(world.sessions.log_in(&ann(), &typed, quota, ORIGIN).await.is_err());
            assert_eq!(world.messages().len(), before);
        }
    }

    #[tokio::test]
    async fn the_correct_password_begins_a_session_with_valid_tokens() {
        let world = World::new().await;
        world.active(&ann()).await;
        let device = Device { user_agent: Some("Firefox".to_owned()), ip: None };
        let origin = Origin { device: device.clone(), request_id: None };
        let pair = world
            .sessions
            .log_in(&email("Ann@EXAMPLE.com"), &password(PASSWORD), MailQuota::Left, &origin)
            .await
            .unwrap();
        let actor = world.sessions.authenticate(&pair.access).await.unwrap();
        assert_eq!(actor.user_id, world.user(&ann()).await.id);
        {
            let rows = world.store.rows().await;
            assert_eq!((rows.sessions[0].id, &rows.sessions[0].device), (actor.session_id, &device));
            assert_eq!(rows.refresh.len(), 1);
            assert!(!pair.refresh.contains(rows.refresh[0].digest.as_str()));
        }
        world.sessions.refresh(&pair.refresh, ORIGIN).await.unwrap();
    }

    fn from(agent: &str) -> Origin {
        let device = Device { user_agent: Some(agent.to_owned()), ip: Some([192, 0, 2, 7].into()) };
        Origin { device, request_id: None }
    }

    async fn log_in_from(world: &World, agent: &str) {
        world.sessions.log_in(&ann(), &password(PASSWORD), MailQuota::Left, &from(agent)).await.unwrap();
    }

    #[tokio::test]
    async fn the_owner_is_notified_once_of_each_new_device_except_the_first() {
        let world = World::new().await;
        world.active(&ann()).await;
        let before = world.mails().len();
        for _ in 0..2 {
            log_in_from(&world, "Firefox/128.0").await;
            log_in_from(&world, "Firefox/129.0.1").await;
        }
        assert_eq!(
            world.mails().len(),
            before,
            "no mail about the first device, and none about a new version of its browser"
        );
        for _ in 0..2 {
            log_in_from(&world, "curl/8.5.0").await;
            log_in_from(&world, "Firefox/129.0.1").await;
        }
        assert_eq!(world.mails().len(), before + 1);
        let mail = world.last_mail();
        assert_eq!((mail.to, mail.subject.as_str()), (ann(), "New sign-in to your Cinema account"));
        assert!(mail.text.contains("Device: curl\nNetwork address: 192.0.2.7\n"), "{}", mail.text);
        let rows = world.store.rows().await;
        assert_eq!(rows.devices.len(), 2);
        assert!(rows.devices[0].last_seen_at >= rows.devices[0].first_seen_at);
    }

    #[tokio::test]
    async fn the_devices_of_two_users_are_separate() {
        let world = World::new().await;
        world.active(&ann()).await;
        log_in_from(&world, "curl/8").await;
        world.active(&email("bob@example.com")).await;
        let bob = email("bob@example.com");
        world.sessions.log_in(&bob, &password(PASSWORD), MailQuota::Left, &from("curl/8")).await.unwrap();
        let rows = world.store.rows().await;
        assert_ne!(rows.devices[0].device, rows.devices[1].device);
    }

    #[tokio::test]
    async fn a_password_is_checked_without_a_session_and_refused_like_a_log_in() {
        let world = World::new().await;
        let check = async |typed: &str| {
            world.sessions.check_password(&ann(), &password(typed), &from("curl/8")).await
        };
        assert!(matches!(check(PASSWORD).await, Err(LogInError::InvalidCredentials)));
        let token = world.registered(&ann()).await;
        assert!(matches!(check(PASSWORD).await, Err(LogInError::AccountInactive)));
        world.signup.activate(&token, ORIGIN).await.unwrap();
        assert!(matches!(check("other harbour 8").await, Err(LogInError::InvalidCredentials)));
        check(PASSWORD).await.unwrap();
        let id = world.user(&ann()).await.id;
        let rows = world.store.rows().await;
        assert!(rows.sessions.is_empty() && rows.devices.is_empty());
        let actions: Vec<_> = rows.audit.iter().map(|entry| entry.action).collect();
        assert_eq!(actions.iter().filter(|one| **one == AuditAction::SignInFailed).count(), 3);
        let last = rows.audit.last().unwrap();
        assert_eq!((last.action, last.object), (AuditAction::SignedIn, Some(AuditObject::User(id))));
    }

    #[tokio::test]
    async fn a_concurrently_changed_password_is_refused() {
        let world = World::new().await;
        world.active(&ann()).await;
        world.store.interfere(|rows| {
            let at = rows.users[0].created_at;
            rows.users[0].set_password(PasswordHash::from_phc("1$new harbour 9".to_owned()), at);
        });
        assert!(matches!(try_with(&world, PASSWORD).await, Err(LogInError::InvalidCredentials)));
        assert!(world.store.rows().await.sessions.is_empty());
    }

    #[tokio::test]
    async fn a_concurrently_deactivated_account_is_refused() {
        let world = World::new().await;
        world.active(&ann()).await;
        world
            .store
            .interfere(|rows| rows.users[0].state = AccountState::Deactivated { since: Instant::UNIX_EPOCH });
        assert!(matches!(try_with(&world, PASSWORD).await, Err(LogInError::AccountDeactivated)));
    }

    #[tokio::test]
    async fn a_hash_with_older_parameters_is_replaced_once() {
        let world = World::new().await;
        world.active(&ann()).await;
        world.passwords.change_parameters();
        world.passwords.take_count();
        world.log_in(&ann()).await;
        assert_eq!(world.passwords.take_count(), 2);
        assert_eq!(world.user(&ann()).await.password.as_str(), format!("2${PASSWORD}"));
        world.log_in(&ann()).await;
        assert_eq!(world.passwords.take_count(), 1);
    }

    #[tokio::test]
    async fn two_concurrent_log_ins_may_both_replace_the_hash() {
        let world = World::new().await;
        world.active(&ann()).await;
        world.passwords.change_parameters();
        world.store.interfere(|rows| {
            rows.users[0].password = PasswordHash::from_phc(format!("2${PASSWORD}"));
        });
        world.log_in(&ann()).await;
    }

    #[tokio::test]
    async fn a_failed_commit_or_a_busy_hasher_begins_no_session() {
        let world = World::new().await;
        world.active(&ann()).await;
        world.fail_on_commit();
        assert!(matches!(try_with(&world, PASSWORD).await, Err(LogInError::Store(_))));
        world.passwords.be_busy();
        assert!(matches!(try_with(&world, PASSWORD).await, Err(LogInError::Hash(_))));
        assert!(world.store.rows().await.sessions.is_empty());
    }
}
