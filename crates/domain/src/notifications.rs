//! Notifications of users, in a list, by mail and over a live stream.

mod cause;
mod ports;
mod settings;
mod view;

pub use cause::{NewNotification, NotificationCause, NotificationKind, UnknownNotificationKind};
pub use ports::{
    NotificationQueries, NotificationRepository, NotificationStore, NotificationUnit, PushedNotification,
    ReadSelection, StreamTicket, StreamTicketRepository, UserPosition,
};
pub use settings::{
    MAILED_EVERY, MAX_NOTIFICATION_MAILS, MailedKind, NotificationMail, NotificationSettings, SettingsChanges,
};
pub use view::{Notification, UnreadCounts};
