//! Sessions and passwords: signing in, refreshing tokens, signing out, and changing passwords.

mod authenticate;
mod change_password;
mod clean_up;
mod end;
mod list;
mod log_in;
mod log_out;
mod new_device;
mod refresh;
mod reset_password;
mod tokens;

use std::sync::Arc;

use chrono::TimeDelta;
use domain::{
    accounts::{
        AccountMaintenance, CredentialQueries, PasswordPolicy, SessionQueries, SessionStore, SessionTokens,
    },
    entropy::TokenGenerator,
    id::IdGenerator,
    time::{Backoff, Clock},
};

pub use authenticate::AuthenticateError;
pub use change_password::{ChangePasswordError, PasswordChangeFaults};
pub use end::EndSessionError;
pub use log_in::{LogInError, Standing};
pub use refresh::{PresentedToken, RefreshError};
pub use reset_password::ResetPasswordError;
pub use tokens::TokenPair;

use super::{mailed_links::MailedLinks, password_guard::PasswordGuard, seen_sessions::SeenSessions};
use crate::{paging::CursorCodec, record::Recorder};

/// The use cases of sessions and passwords.
pub struct Sessions {
    /// Stores sessions.
    pub store: Arc<dyn SessionStore>,
    /// Reads sessions.
    pub queries: Arc<dyn SessionQueries>,
    /// Reads credentials.
    pub credentials: Arc<dyn CredentialQueries>,
    /// Removes expired rows.
    pub maintenance: Arc<dyn AccountMaintenance>,
    /// Checks and hashes passwords.
    pub passwords: PasswordGuard,
    /// Generates the secrets in refresh tokens, and computes their digests.
    pub tokens: Arc<dyn TokenGenerator>,
    /// Signs and verifies the access tokens and refresh tokens that clients hold.
    pub session_tokens: Arc<dyn SessionTokens>,
    /// Mails links.
    pub links: MailedLinks,
    /// Writes audit entries and mails.
    pub recorder: Recorder,
    /// This node's cache of session states.
    pub seen_sessions: SeenSessions,
    /// Writes and reads cursors.
    pub cursors: CursorCodec,
    /// Provides the current time.
    pub clock: Arc<dyn Clock>,
    /// Waits before a transaction is retried after a conflict with a concurrent one.
    pub backoff: Arc<dyn Backoff>,
    /// Generates identifiers.
    pub ids: Arc<dyn IdGenerator>,
    /// How long an access token is valid (`ACCESS_TOKEN_TTL_MIN`).
    pub access_ttl: TimeDelta,
    /// How long a refresh token is valid (`REFRESH_TOKEN_TTL_DAYS`).
    pub refresh_ttl: TimeDelta,
    /// The rule for passwords (`PASSWORD_POLICY`).
    pub password_policy: PasswordPolicy,
    /// Whether registering an email address reveals that it has an account (`REGISTRATION_REVEALS_EMAIL`).
    pub reveals_email: bool,
}
