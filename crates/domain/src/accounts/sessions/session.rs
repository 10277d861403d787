use chrono::TimeDelta;

use crate::{
    accounts::{Device, Role},
    entropy::{KeyAge, PlainToken, TokenDigest},
    id::{SessionId, TokenId, UserId},
    time::Instant,
};

/// How long after its rotation a refresh token can be exchanged again for the same successor, for retries and for a
/// second browser tab.
pub const REFRESH_GRACE: TimeDelta = TimeDelta::seconds(30);

/// The maximum number of active sessions of a user. Beginning a further session ends the least recently used session.
pub const MAX_SESSIONS: usize = 20;

/// The maximum lifetime of a session, even if it is refreshed.
pub const SESSION_LIFETIME: TimeDelta = TimeDelta::days(90);

/// A session. It begins when a user signs in. The first refresh token and all its successors belong to the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The identifier of the session, the `sid` of its tokens.
    pub id: SessionId,
    /// The user of the session.
    pub user_id: UserId,
    /// The device that the session was begun from.
    pub device: Device,
    /// When the session began.
    pub created_at: Instant,
    /// When the session was last refreshed.
    pub last_used_at: Instant,
    /// When the session expires at the latest.
    pub expires_at: Instant,
    /// When the session was ended; `None` for an active session, and for one that has only expired.
    pub ended_at: Option<Instant>,
}

impl Session {
    /// Begins a session.
    #[must_use]
    pub fn begin(id: SessionId, user_id: UserId, device: Device, now: Instant) -> Self {
        let expires_at = now.checked_add_signed(SESSION_LIFETIME).unwrap_or(now);
        Self { id, user_id, device, created_at: now, last_used_at: now, expires_at, ended_at: None }
    }

    /// Whether the session can still be used.
    #[must_use]
    pub fn is_live(&self, now: Instant) -> bool {
        self.ended_at.is_none() && now < self.expires_at
    }
}

/// The stored part of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The identifier of the token.
    pub id: TokenId,
    /// The session that the token belongs to.
    pub session_id: SessionId,
    /// The user of the token.
    pub user_id: UserId,
    /// The digest of the token's `jti` claim.
    pub digest: TokenDigest,
    /// When the token was issued.
    pub issued_at: Instant,
    /// When the token expires.
    pub expires_at: Instant,
    /// When the token was exchanged for its successor.
    pub rotated_at: Option<Instant>,
}

/// The claims of an access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessClaims {
    /// The user of the token (`sub`).
    pub user_id: UserId,
    /// The session that the token was issued for (`sid`).
    pub session_id: SessionId,
    /// The user's role when the token was issued. Decisions use the user's current role.
    pub role: Role,
    /// The identifier of the token (`jti`).
    pub id: TokenId,
    /// When the token was issued (`iat`, whole seconds).
    pub issued_at: Instant,
    /// When the token expires (`exp`, whole seconds).
    pub expires_at: Instant,
}

/// The claims of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshClaims {
    /// The user of the token (`sub`).
    pub user_id: UserId,
    /// The session that the token belongs to (`sid`).
    pub session_id: SessionId,
    /// The secret identifier of the token (`jti`). Only the digest is stored.
    pub token: PlainToken,
    /// When the token was issued (`iat`, whole seconds).
    pub issued_at: Instant,
    /// When the token expires (`exp`, whole seconds).
    pub expires_at: Instant,
}

/// Why an access token is not acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessTokenError {
    /// The token was not issued by this service, was altered, or is a token of another kind.
    #[error("not an access token of this service")]
    Invalid,
    /// The token was issued by this service and has expired.
    #[error("the access token has expired")]
    Expired,
}

/// The refresh token was not issued by this service, was altered, or is a token of another kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a refresh token of this service")]
pub struct RefreshTokenError;

/// Signs and verifies the JSON Web Tokens (RFC 7519) that a client holds.
pub trait SessionTokens: Send + Sync {
    /// Signs an access token (`typ: at+jwt`, RFC 9068).
    fn sign_access(&self, claims: &AccessClaims) -> String;
    /// Reads an access token. MUST refuse tokens with another algorithm, type, issuer or audience, and expired tokens.
    /// No leeway for the time is needed, because only this service issues and checks the tokens.
    ///
    /// # Errors
    /// When the token is not acceptable; [`AccessTokenError::Expired`] only when everything except the time is valid.
    fn verify_access(&self, token: &str, now: Instant) -> Result<AccessClaims, AccessTokenError>;
    /// Signs a refresh token (`typ: rt+jwt`). `key` selects the server's secret from which the signing key is derived.
    /// MUST return the same text for the same claims and the same secret, also when a newer secret has become the
    /// current one between the calls. If the server does not have the selected secret, the token is signed with the
    /// current key.
    fn sign_refresh(&self, claims: &RefreshClaims, key: KeyAge) -> String;
    /// Reads a refresh token, expired or not. The caller must check in the store whether the token is still valid.
    ///
    /// # Errors
    /// When the token is not acceptable.
    fn verify_refresh(&self, token: &str) -> Result<RefreshClaims, RefreshTokenError>;
}
