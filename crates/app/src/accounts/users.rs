//! Users, as administrators list and change them.

mod change;
mod list;
mod show;

use std::sync::Arc;

use domain::{
    accounts::{UserQueries, UserStore},
    time::{Backoff, Clock},
};

pub use change::{ChangeUserError, UserChanges};
pub use list::ListUsers;

use super::{mailed_links::MailedLinks, seen_sessions::SeenSessions};
use crate::{paging::CursorCodec, record::Recorder};

/// The use cases of users.
pub struct Users {
    /// Stores users that administrators change.
    pub store: Arc<dyn UserStore>,
    /// Reads accounts with their profiles.
    pub queries: Arc<dyn UserQueries>,
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
}
