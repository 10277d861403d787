//! A user's own data: its export, and its deletion with the account.

mod delete;
mod export;

use std::sync::Arc;

use domain::{
    accounts::{CredentialQueries, OwnDataStore, PersonalDataQueries},
    time::{Backoff, Clock},
};

pub use delete::DeleteAccountError;

use super::{password_guard::PasswordGuard, seen_sessions::SeenSessions};
use crate::record::Recorder;

/// The use cases of a user's own data.
pub struct OwnData {
    /// Begins units of work that record an export, record an attempted deletion that was refused because of a wrong
    /// password, or delete the data of a user.
    pub store: Arc<dyn OwnDataStore>,
    /// Reads all data of a user.
    pub queries: Arc<dyn PersonalDataQueries>,
    /// Reads credentials.
    pub credentials: Arc<dyn CredentialQueries>,
    /// Checks passwords.
    pub passwords: PasswordGuard,
    /// Writes audit entries and mails.
    pub recorder: Recorder,
    /// This node's cache of session states.
    pub seen_sessions: SeenSessions,
    /// Provides the current time.
    pub clock: Arc<dyn Clock>,
    /// Waits before a transaction is retried after a conflict with a concurrent one.
    pub backoff: Arc<dyn Backoff>,
}
