//! Signing up: registering an account, activating it with a link, and creating administrators.

mod activate;
mod create_admin;
mod register;
mod resend_activation;

use std::sync::Arc;

use domain::{
    accounts::{CredentialQueries, PasswordHasher, PasswordPolicy, SignUpStore, UserQueries},
    id::IdGenerator,
    time::{Backoff, Clock},
};

pub use activate::ActivateError;
pub use create_admin::CreateAdminError;
pub use register::RegisterError;

use super::mailed_links::MailedLinks;
use crate::record::Recorder;

/// The use cases of signing up.
pub struct SignUp {
    /// Stores accounts that are registered and activated.
    pub store: Arc<dyn SignUpStore>,
    /// Reads credentials.
    pub credentials: Arc<dyn CredentialQueries>,
    /// Reads accounts.
    pub users: Arc<dyn UserQueries>,
    /// Hashes passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Mails links.
    pub links: MailedLinks,
    /// Writes audit entries and mails.
    pub recorder: Recorder,
    /// Provides the current time.
    pub clock: Arc<dyn Clock>,
    /// Waits before a transaction is retried after a conflict with a concurrent one.
    pub backoff: Arc<dyn Backoff>,
    /// Generates identifiers.
    pub ids: Arc<dyn IdGenerator>,
    /// The rule for passwords (`PASSWORD_POLICY`).
    pub password_policy: PasswordPolicy,
    /// Whether registering an email address reveals that it has an account (`REGISTRATION_REVEALS_EMAIL`).
    pub reveals_email: bool,
}
