//! Notifications: notifying users, listing, marking as read, settings, and live streams.

#[cfg(test)]
mod doubles;
mod list;
mod notifier;
mod settings;
mod stream;
mod tickets;
mod unsubscribe;

use std::sync::Arc;

use domain::{
    entropy::{Sealer, TokenGenerator},
    id::IdGenerator,
    notifications::{NotificationQueries, NotificationStore},
    time::{Backoff, Clock},
};

pub use list::ListNotifications;
pub use notifier::Notifier;
pub use stream::{EventId, StreamStart, UserNews};
pub use tickets::{IssuedTicket, TicketError};
pub use unsubscribe::{UnsubscribeError, Unsubscription};

use crate::paging::CursorCodec;

/// The use cases of notifications.
pub struct Notifications {
    /// Stores notifications.
    pub store: Arc<dyn NotificationStore>,
    /// Reads notifications.
    pub queries: Arc<dyn NotificationQueries>,
    /// Provides the current time.
    pub clock: Arc<dyn Clock>,
    /// Waits before a transaction is retried after a conflict with a concurrent one.
    pub backoff: Arc<dyn Backoff>,
    /// Generates identifiers.
    pub ids: Arc<dyn IdGenerator>,
    /// Generates the tickets that open live streams.
    pub tokens: Arc<dyn TokenGenerator>,
    /// Decrypts the tokens in unsubscribe links.
    pub sealer: Arc<dyn Sealer>,
    /// Writes and reads cursors.
    pub cursors: CursorCodec,
}
