use chrono::TimeDelta;

use crate::{
    accounts::{Device, Role},
    entropy::{KeyAge, PlainToken, TokenDigest},
    id::{SessionId, TokenId, UserId},
    time::Instant,
};

/// How long after its rotation a refresh token gets the same successor again: a client's retry, a second tab.
pub const REFRESH_GRACE: TimeDelta = TimeDelta::seconds(30);

/// How many live sign-ins a user has at most: one more ends the one that was used longest ago (quality B9).
pub const MAX_SESSIONS: usize = 20;

/// How long a sign-in lasts at most, however often it is refreshed (quality B7).
pub const SESSION_LIFETIME: TimeDelta = TimeDelta::days(90);

/// A sign-in: the family of all refresh tokens that came from one log-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its identifier, the `sid` of its tokens.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// Where it was begun.
    pub device: Device,
    /// When it was begun.
    pub created_at: Instant,
    /// When it was refreshed last.
    pub last_used_at: Instant,
    /// When it ends at the latest.
    pub expires_at: Instant,
    /// When it was ended before that.
    pub ended_at: Option<Instant>,
}

impl Session {
    /// Begins one now.
    #[must_use]
    pub fn begin(id: SessionId, user_id: UserId, device: Device, now: Instant) -> Self {
        let expires_at = now.checked_add_signed(SESSION_LIFETIME).unwrap_or(now);
        Self { id, user_id, device, created_at: now, last_used_at: now, expires_at, ended_at: None }
    }

    /// Whether it can still be used.
    #[must_use]
    pub fn is_live(&self, now: Instant) -> bool {
        self.ended_at.is_none() && now < self.expires_at
    }
}

/// The stored side of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// Its own identifier.
    pub id: TokenId,
    /// The sign-in it belongs to.
    pub session_id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// What is kept of its `jti`.
    pub digest: TokenDigest,
    /// When it was handed out.
    pub issued_at: Instant,
    /// From when on it is refused.
    pub expires_at: Instant,
    /// When it was exchanged for its successor.
    pub rotated_at: Option<Instant>,
}

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessClaims {
    /// Whose it is (`sub`).
    pub user_id: UserId,
    /// The sign-in it came from (`sid`).
    pub session_id: SessionId,
    /// The role when it was made; what counts is the user's role now.
    pub role: Role,
    /// Its own identifier (`jti`).
    pub id: TokenId,
    /// When it was made (`iat`, whole seconds).
    pub issued_at: Instant,
    /// From when on it is refused (`exp`, whole seconds).
    pub expires_at: Instant,
}

/// What a refresh token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshClaims {
    /// Whose it is (`sub`).
    pub user_id: UserId,
    /// The sign-in it belongs to (`sid`).
    pub session_id: SessionId,
    /// Its secret identifier (`jti`), of which the digest is stored.
    pub token: PlainToken,
    /// When it was made (`iat`, whole seconds).
    pub issued_at: Instant,
    /// From when on it is refused (`exp`, whole seconds).
    pub expires_at: Instant,
}

/// The access token is not to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessTokenError {
    /// It is not ours, was altered, or is a token of another kind.
    #[error("not an access token of this service")]
    Invalid,
    /// It was ours and its time is over.
    #[error("the access token has expired")]
    Expired,
}

/// The refresh token is not ours, was altered, or is a token of another kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a refresh token of this service")]
pub struct RefreshTokenError;

/// Signs and verifies the JSON Web Tokens (RFC 7519) that a client holds.
pub trait SessionTokens: Send + Sync {
    /// Signs an access token (`typ: at+jwt`, RFC 9068).
    fn sign_access(&self, claims: &AccessClaims) -> String;
    /// Reads an access token. MUST refuse every other algorithm, type, issuer and audience than its own, and every token
    /// from its expiry on: the clock that made it is the clock that checks it, so no leeway is needed.
    ///
    /// # Errors
    /// When it is not to be trusted; [`AccessTokenError::Expired`] only when all but its time is right.
    fn verify_access(&self, token: &str, now: Instant) -> Result<AccessClaims, AccessTokenError>;
    /// Signs a refresh token (`typ: rt+jwt`). MUST give the same text for the same claims and key, whatever the key in
    /// force is by then; a key that is not known any more is the one in force.
    fn sign_refresh(&self, claims: &RefreshClaims, key: KeyAge) -> String;
    /// Reads a refresh token, expired or not: whether it still counts is written in the store.
    ///
    /// # Errors
    /// When it is not ours, was altered, or is of another kind.
    fn verify_refresh(&self, token: &str) -> Result<RefreshClaims, RefreshTokenError>;
}
