use crate::{
    entropy::TokenDigest,
    id::{TokenId, UserId},
    time::Instant,
};

/// What a link in a mail is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// It activates the account.
    Activation,
    /// It sets a new password without the old one.
    PasswordReset,
}

impl LinkKind {
    /// How long such a link holds: 24 h to activate (R4), 1 h to reset (api.md section 2).
    #[must_use]
    pub const fn lifetime(self) -> chrono::TimeDelta {
        match self {
            Self::Activation => chrono::TimeDelta::hours(24),
            Self::PasswordReset => chrono::TimeDelta::hours(1),
        }
    }
}

/// The stored side of a link in a mail: one of a kind a user, used once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkToken {
    /// Its own identifier.
    pub id: TokenId,
    /// Whose it is.
    pub user_id: UserId,
    /// What it is for.
    pub kind: LinkKind,
    /// What is kept of the token in the link.
    pub digest: TokenDigest,
    /// From when on it is refused.
    pub expires_at: Instant,
}

impl LinkToken {
    /// Whether it is too late to use it.
    #[must_use]
    pub fn is_expired(&self, now: Instant) -> bool {
        now >= self.expires_at
    }
}
