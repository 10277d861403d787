use crate::{
    entropy::TokenDigest,
    id::{TokenId, UserId},
    time::Instant,
};

/// The purpose of a link in a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// The link activates the account.
    Activation,
    /// The link allows its user to set a new password without the current password.
    PasswordReset,
}

impl LinkKind {
    /// How long a link of this kind is valid: 24 hours to activate an account, 1 hour to set a password.
    #[must_use]
    pub const fn lifetime(self) -> chrono::TimeDelta {
        match self {
            Self::Activation => chrono::TimeDelta::hours(24),
            Self::PasswordReset => chrono::TimeDelta::hours(1),
        }
    }
}

/// The stored part of a link in a mail. A user has at most one link of each kind, and each link can be used once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkToken {
    /// The identifier of the link.
    pub id: TokenId,
    /// The user of the link.
    pub user_id: UserId,
    /// The purpose of the link.
    pub kind: LinkKind,
    /// The digest of the token in the link.
    pub digest: TokenDigest,
    /// When the token expires.
    pub expires_at: Instant,
}

impl LinkToken {
    /// Whether the token has expired.
    #[must_use]
    pub fn is_expired(&self, now: Instant) -> bool {
        now >= self.expires_at
    }
}
