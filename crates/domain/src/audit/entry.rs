use std::net::IpAddr;

use uuid::Uuid;

use crate::{
    id::{
        AuditEntryId, CertificationId, CommentId, DirectorId, GenreId, MovieId, PaymentId, SessionId, StarId,
        UserId,
    },
    time::Instant,
};

/// The kind of an action. Its name must never change, because stored entries contain it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AuditAction {
    /// An account was registered.
    Registered,
    /// An account was activated with the link in a mail.
    Activated,
    /// A user signed in.
    SignedIn,
    /// A sign-in was refused.
    SignInFailed,
    /// A user signed out.
    SignedOut,
    /// A rotated refresh token was used again after the grace period, and its session was ended.
    RefreshReused,
    /// A user ended one of their sessions, or a session was ended because the user had too many sessions.
    SessionEnded,
    /// A user who entered the current password changed the password.
    PasswordChanged,
    /// A password change was refused, because the current password was wrong.
    PasswordChangeFailed,
    /// The password was set with the link in a mail.
    PasswordReset,
    /// A user's role was changed.
    RoleChanged,
    /// A user was activated or deactivated by an administrator.
    ActivationChanged,
    /// A user exported everything that is stored about them.
    DataExported,
    /// An account was deleted by its owner.
    AccountDeleted,
    /// A deletion was refused, because the password was wrong.
    AccountDeletionFailed,
    /// An administrator was created on the command line.
    AdminCreated,
    /// A movie's price was changed.
    PriceChanged,
    /// A movie was put on sale or withdrawn from sale.
    AvailabilityChanged,
    /// A movie was created by a moderator.
    MovieCreated,
    /// A movie was changed by a moderator; changes of price and availability have separate actions.
    MovieChanged,
    /// A movie was deleted by a moderator.
    MovieDeleted,
    /// A genre, director, star or certification was created by a moderator.
    NameCreated,
    /// A genre, director, star or certification was renamed by a moderator.
    NameChanged,
    /// A genre, director, star or certification was deleted by a moderator.
    NameDeleted,
    /// A moderator removed a comment.
    CommentRemoved,
    /// An administrator made a refund.
    RefundMade,
    /// An administrator decided about a request for a refund.
    RefundRequestDecided,
    /// A moderator decided about the reports of a comment.
    CommentReportDecided,
}

impl AuditAction {
    /// All actions.
    pub const ALL: [Self; 28] = [
        Self::Registered,
        Self::Activated,
        Self::SignedIn,
        Self::SignInFailed,
        Self::SignedOut,
        Self::RefreshReused,
        Self::SessionEnded,
        Self::PasswordChanged,
        Self::PasswordChangeFailed,
        Self::PasswordReset,
        Self::RoleChanged,
        Self::ActivationChanged,
        Self::DataExported,
        Self::AccountDeleted,
        Self::AccountDeletionFailed,
        Self::AdminCreated,
        Self::PriceChanged,
        Self::AvailabilityChanged,
        Self::MovieCreated,
        Self::MovieChanged,
        Self::MovieDeleted,
        Self::NameCreated,
        Self::NameChanged,
        Self::NameDeleted,
        Self::CommentRemoved,
        Self::RefundMade,
        Self::RefundRequestDecided,
        Self::CommentReportDecided,
    ];

    /// The name of the action, such as `signed_in`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Activated => "activated",
            Self::SignedIn => "signed_in",
            Self::SignInFailed => "sign_in_failed",
            Self::SignedOut => "signed_out",
            Self::RefreshReused => "refresh_reused",
            Self::SessionEnded => "session_ended",
            Self::PasswordChanged => "password_changed",
            Self::PasswordChangeFailed => "password_change_failed",
            Self::PasswordReset => "password_reset",
            Self::RoleChanged => "role_changed",
            Self::ActivationChanged => "activation_changed",
            Self::DataExported => "data_exported",
            Self::AccountDeleted => "account_deleted",
            Self::AccountDeletionFailed => "account_deletion_failed",
            Self::AdminCreated => "admin_created",
            Self::PriceChanged => "price_changed",
            Self::AvailabilityChanged => "availability_changed",
            Self::MovieCreated => "movie_created",
            Self::MovieChanged => "movie_changed",
            Self::MovieDeleted => "movie_deleted",
            Self::NameCreated => "name_created",
            Self::NameChanged => "name_changed",
            Self::NameDeleted => "name_deleted",
            Self::CommentRemoved => "comment_removed",
            Self::RefundMade => "refund_made",
            Self::RefundRequestDecided => "refund_request_decided",
            Self::CommentReportDecided => "comment_report_decided",
        }
    }
}

/// The object of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditObject {
    /// An account.
    User(UserId),
    /// A session.
    Session(SessionId),
    /// A movie.
    Movie(MovieId),
    /// A comment.
    Comment(CommentId),
    /// A genre.
    Genre(GenreId),
    /// A star of a movie.
    Star(StarId),
    /// A director.
    Director(DirectorId),
    /// An age certification.
    Certification(CertificationId),
    /// A payment.
    Payment(PaymentId),
}

impl AuditObject {
    /// The name of the object's kind, such as `movie`.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Session(_) => "session",
            Self::Movie(_) => "movie",
            Self::Comment(_) => "comment",
            Self::Genre(_) => "genre",
            Self::Star(_) => "star",
            Self::Director(_) => "director",
            Self::Certification(_) => "certification",
            Self::Payment(_) => "payment",
        }
    }

    /// The identifier of the object.
    #[must_use]
    pub const fn id(self) -> Uuid {
        match self {
            Self::User(id) => id.as_uuid(),
            Self::Session(id) => id.as_uuid(),
            Self::Movie(id) => id.as_uuid(),
            Self::Comment(id) => id.as_uuid(),
            Self::Genre(id) => id.as_uuid(),
            Self::Star(id) => id.as_uuid(),
            Self::Director(id) => id.as_uuid(),
            Self::Certification(id) => id.as_uuid(),
            Self::Payment(id) => id.as_uuid(),
        }
    }
}

/// The changed fields of an object, as names and texts. They must not contain secrets, email addresses or texts
/// written by users, since the log is kept when the account is deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditState(Vec<(String, String)>);

impl AuditState {
    /// The state with these fields.
    pub fn of<N: Into<String>, T: Into<String>>(fields: impl IntoIterator<Item = (N, T)>) -> Self {
        Self(fields.into_iter().map(|(name, text)| (name.into(), text.into())).collect())
    }

    /// The fields, in order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// The identifier of the entry.
    pub id: AuditEntryId,
    /// When the action happened.
    pub at: Instant,
    /// What was done.
    pub action: AuditAction,
    /// The user who performed the action; `None` when no user was signed in, and on the command line.
    pub actor: Option<UserId>,
    /// The object, if there is one.
    pub object: Option<AuditObject>,
    /// The changed fields before the action.
    pub before: Option<AuditState>,
    /// The changed fields after the action.
    pub after: Option<AuditState>,
    /// The IP address of the client. Only the network of this address is stored.
    pub ip: Option<IpAddr>,
    /// The identifier of the request; `None` on the command line.
    pub request_id: Option<String>,
}

impl AuditEntry {
    /// Returns the network of the client: the first 24 bits of an IPv4 address, or the first 48 bits of an IPv6
    /// address. The network shows the origin of an action without identifying a household.
    #[must_use]
    pub fn network(&self) -> Option<String> {
        Some(match self.ip?.to_canonical() {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                format!("{a}.{b}.{c}.0/24")
            }
            IpAddr::V6(ip) => {
                let [a, b, c, ..] = ip.segments();
                format!("{}/48", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(ip: Option<&str>) -> AuditEntry {
        AuditEntry {
            id: AuditEntryId::from_uuid(Uuid::nil()),
            at: Instant::default(),
            action: AuditAction::SignedIn,
            actor: None,
            object: None,
            before: None,
            after: None,
            ip: ip.map(|ip| ip.parse().unwrap()),
            request_id: None,
        }
    }

    #[test]
    fn only_the_network_of_an_address_is_recorded() {
        let networks = [None, Some("203.0.113.9"), Some("::ffff:203.0.113.9"), Some("2001:db8:1:2::3")]
            .map(|ip| entry(ip).network());
        let wanted = [None, Some("203.0.113.0/24"), Some("203.0.113.0/24"), Some("2001:db8:1::/48")];
        assert_eq!(networks, wanted.map(|network| network.map(str::to_owned)));
    }

    #[test]
    fn every_action_has_a_unique_name() {
        let names: std::collections::BTreeSet<_> = AuditAction::ALL.map(AuditAction::as_str).into();
        assert_eq!(names.len(), AuditAction::ALL.len());
    }
}
