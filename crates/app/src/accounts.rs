//! Accounts: register, activate, sign in, stay signed in, sign out.

mod activate;
mod audit;
mod audit_log;
mod authenticate;
mod avatar;
mod change_password;
mod change_user;
mod clean_up;
mod create_admin;
mod delete_account;
#[cfg(test)]
pub(crate) mod doubles;
mod export_data;
mod log_in;
mod log_out;
#[cfg(test)]
mod lost_races;
mod notices;
mod own_sessions;
mod password_guard;
mod password_reset;
mod profile;
mod refresh;
mod register;
mod resend_activation;
mod users;

use std::sync::Arc;

use chrono::{SubsecRound, TimeDelta};
use domain::{
    accounts::{
        AccessClaims, AccountMaintenance, AccountQueries, AccountStore, AccountUnit, LinkKind, LinkToken,
        PasswordHasher, PasswordPolicy, PersonalDataQueries, RefreshClaims, RefreshToken, Role, Session,
        SessionTokens, User, UserQueries,
    },
    audit::AuditQueries,
    entropy::{KeyAge, PlainToken, Sealer, TokenGenerator},
    id::{IdGenerator, SessionId, UserId},
    mail::Mail,
    media::{AvatarImages, MediaStore},
    outbox::NewOutboxMessage,
    store::{Attempt, StoreError, retried},
    throttle::SignInGuard,
    time::{Backoff, Clock, Instant},
};

pub use activate::ActivateError;
pub use audit_log::ListAudit;
pub use authenticate::AuthenticateError;
pub use avatar::SetAvatarError;
pub use change_password::{ChangePasswordError, PasswordChangeFaults};
pub use change_user::{ChangeUserError, UserChanges};
pub use create_admin::CreateAdminError;
pub use delete_account::DeleteAccountError;
pub use domain::accounts::Actor;
pub use log_in::{LogInError, Standing};
pub use own_sessions::EndSessionError;
pub use password_reset::ResetPasswordError;
pub use refresh::{PresentedToken, RefreshError};
pub use register::{MailQuota, RegisterError};
pub use users::ListUsers;

use crate::{
    mails::{
        accounts::{Activation, PasswordReset},
        compose,
    },
    outbox::Message,
    paging::CursorCodec,
};

/// What differs between installations.
#[derive(Debug, Clone)]
pub struct AccountSettings {
    /// How long an access token holds (`ACCESS_TOKEN_TTL_MIN`).
    pub access_ttl: TimeDelta,
    /// How long a refresh token holds (`REFRESH_TOKEN_TTL_DAYS`).
    pub refresh_ttl: TimeDelta,
    /// Whether registering a taken address says so (`REGISTRATION_REVEALS_EMAIL`).
    pub registration_reveals_email: bool,
    /// What a new password has to meet (`PASSWORD_POLICY`).
    pub password_policy: PasswordPolicy,
    /// Where the links in mails lead, without a slash at its end (`FRONTEND_URL`).
    pub frontend_url: String,
}

/// What the use cases of accounts need from outside.
#[derive(Clone)]
pub struct AccountPorts {
    /// Keeps accounts.
    pub store: Arc<dyn AccountStore>,
    /// Reads accounts.
    pub queries: Arc<dyn AccountQueries>,
    /// Reads accounts with their profiles.
    pub users: Arc<dyn UserQueries>,
    /// Reads all that is stored of one user.
    pub personal_data: Arc<dyn PersonalDataQueries>,
    /// Reads the audit log.
    pub audit: Arc<dyn AuditQueries>,
    /// Removes what has run out.
    pub maintenance: Arc<dyn AccountMaintenance>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Waits before a unit of work that lost a race is begun again.
    pub backoff: Arc<dyn Backoff>,
    /// Makes identifiers.
    pub ids: Arc<dyn IdGenerator>,
    /// Makes secrets.
    pub tokens: Arc<dyn TokenGenerator>,
    /// Signs what clients hold.
    pub session_tokens: Arc<dyn SessionTokens>,
    /// Hashes passwords.
    pub passwords: Arc<dyn PasswordHasher>,
    /// Slows guessing down.
    pub guard: Arc<dyn SignInGuard>,
    /// Seals mails until they are sent.
    pub sealer: Arc<dyn Sealer>,
    /// Writes and reads cursors.
    pub cursors: CursorCodec,
    /// Keeps pictures.
    pub media: Arc<dyn MediaStore>,
    /// Makes avatars of uploads.
    pub avatars: Arc<dyn AvatarImages>,
}

/// The use cases of accounts.
pub struct Accounts {
    ports: AccountPorts,
    settings: AccountSettings,
    seen_sessions: authenticate::SeenSessions,
}

/// What a client holds while signed in.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenPair {
    /// The access token (`at+jwt`).
    pub access: String,
    /// The refresh token (`rt+jwt`).
    pub refresh: String,
}

impl std::fmt::Debug for TokenPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenPair(…)")
    }
}

impl Accounts {
    /// Puts the use cases on their ports.
    #[must_use]
    pub fn new(ports: AccountPorts, settings: AccountSettings) -> Self {
        Self { ports, settings, seen_sessions: authenticate::SeenSessions::default() }
    }

    /// The rule for new passwords, for callers that check a whole form at once.
    #[must_use]
    pub const fn password_policy(&self) -> PasswordPolicy {
        self.settings.password_policy
    }

    /// Whether registering an address reveals that it has an account.
    #[must_use]
    pub const fn reveals_email(&self) -> bool {
        self.settings.registration_reveals_email
    }

    fn now(&self) -> Instant {
        self.ports.clock.now()
    }

    /// Writes a link of the kind for the user, in place of an earlier one, and gives the secret in it.
    async fn put_link(
        &self,
        unit: &mut dyn AccountUnit,
        kind: LinkKind,
        user: &User,
        now: Instant,
    ) -> Result<(PlainToken, LinkToken), StoreError> {
        let plain = self.ports.tokens.generate();
        let token = LinkToken {
            id: self.ports.ids.next(),
            user_id: user.id,
            kind,
            digest: self.ports.tokens.digest(&plain),
            expires_at: now.checked_add_signed(kind.lifetime()).unwrap_or(now),
        };
        unit.put_link(&token).await?;
        Ok((plain, token))
    }

    /// Writes a new activation link and the mail that brings it to the spelling of the address that is kept. Whoever follows
    /// the link proves that spelling. An earlier link stops working.
    async fn mail_activation(
        &self,
        unit: &mut dyn AccountUnit,
        user: &User,
        now: Instant,
    ) -> Result<(), StoreError> {
        let (plain, token) = self.put_link(unit, LinkKind::Activation, user, now).await?;
        let mail = compose(&user.email, &self.settings.frontend_url, &Activation { token: plain });
        self.push_mail(unit, user, format!("activation:{}", token.id), mail, now).await
    }

    /// Writes a new reset link and the mail that brings it.
    async fn mail_password_reset(
        &self,
        unit: &mut dyn AccountUnit,
        user: &User,
        now: Instant,
    ) -> Result<(), StoreError> {
        let (plain, token) = self.put_link(unit, LinkKind::PasswordReset, user, now).await?;
        let mail = compose(&user.email, &self.settings.frontend_url, &PasswordReset { token: plain });
        self.push_mail(unit, user, format!("password_reset:{}", token.id), mail, now).await
    }

    /// Writes a mail to the user, which goes with the account while it waits.
    async fn push_mail(
        &self,
        unit: &mut dyn AccountUnit,
        user: &User,
        dedupe_key: String,
        mail: Mail,
        now: Instant,
    ) -> Result<(), StoreError> {
        self.push(unit, Some(user.id), dedupe_key, &Message::Mail(mail), now).await
    }

    async fn push(
        &self,
        unit: &mut dyn AccountUnit,
        about: Option<UserId>,
        dedupe_key: String,
        message: &Message,
        now: Instant,
    ) -> Result<(), StoreError> {
        let id = self.ports.ids.next();
        let sealed = message.seal(id, dedupe_key, &*self.ports.sealer, now);
        unit.push_message(NewOutboxMessage { user_id: about, ..sealed }).await
    }

    /// Writes a message down in a unit of work of its own.
    async fn push_alone(&self, dedupe_key: &str, message: &Message) -> Result<(), StoreError> {
        retried(&*self.ports.backoff, |attempt| self.try_push_alone(attempt, dedupe_key, message)).await
    }

    async fn try_push_alone(
        &self,
        attempt: Attempt,
        dedupe_key: &str,
        message: &Message,
    ) -> Result<(), StoreError> {
        let mut unit = self.ports.store.begin(attempt).await?;
        self.push(&mut *unit, None, dedupe_key.to_owned(), message, self.now()).await?;
        unit.commit().await
    }

    /// A new refresh token of the session, to be stored, and the claims that its holder gets.
    fn next_refresh(
        &self,
        token: PlainToken,
        session: &Session,
        now: Instant,
    ) -> (RefreshToken, RefreshClaims) {
        let issued_at = now.trunc_subsecs(0);
        let expires_at = issued_at
            .checked_add_signed(self.settings.refresh_ttl)
            .unwrap_or(issued_at)
            .min(session.expires_at);
        let stored = RefreshToken {
            id: self.ports.ids.next(),
            session_id: session.id,
            user_id: session.user_id,
            digest: self.ports.tokens.digest(&token),
            issued_at,
            expires_at,
            rotated_at: None,
        };
        let claims =
            RefreshClaims { user_id: session.user_id, session_id: session.id, token, issued_at, expires_at };
        (stored, claims)
    }

    fn sign_pair(&self, role: Role, refresh: &RefreshClaims, key: KeyAge, now: Instant) -> TokenPair {
        TokenPair {
            access: self.sign_access(refresh.user_id, refresh.session_id, role, now),
            refresh: self.ports.session_tokens.sign_refresh(refresh, key),
        }
    }

    fn sign_access(&self, user_id: UserId, session_id: SessionId, role: Role, now: Instant) -> String {
        let issued_at = now.trunc_subsecs(0);
        self.ports.session_tokens.sign_access(&AccessClaims {
            user_id,
            session_id,
            role,
            id: self.ports.ids.next(),
            issued_at,
            expires_at: issued_at.checked_add_signed(self.settings.access_ttl).unwrap_or(issued_at),
        })
    }
}
