use chrono::SubsecRound;
use domain::{
    accounts::{AccessClaims, RefreshClaims, RefreshToken, Role, Session},
    entropy::{KeyAge, PlainToken},
    id::{SessionId, UserId},
    time::Instant,
};

use super::Sessions;

/// The tokens of a signed-in client.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenPair {
    /// The access token, a JWT of the type `at+jwt`.
    pub access: String,
    /// The refresh token, a JWT of the type `rt+jwt`.
    pub refresh: String,
}

impl std::fmt::Debug for TokenPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenPair(…)")
    }
}

impl Sessions {
    /// Returns the row to store for a new refresh token of the session, and the claims to sign for the client.
    pub(super) fn next_refresh(
        &self,
        token: PlainToken,
        session: &Session,
        now: Instant,
    ) -> (RefreshToken, RefreshClaims) {
        let issued_at = now.trunc_subsecs(0);
        let expires_at =
            issued_at.checked_add_signed(self.refresh_ttl).unwrap_or(issued_at).min(session.expires_at);
        let stored = RefreshToken {
            id: self.ids.next(),
            session_id: session.id,
            user_id: session.user_id,
            digest: self.tokens.digest(&token),
            issued_at,
            expires_at,
            rotated_at: None,
        };
        let claims =
            RefreshClaims { user_id: session.user_id, session_id: session.id, token, issued_at, expires_at };
        (stored, claims)
    }

    /// Signs the tokens for the client: the refresh token with the given claims and key, and a new access token.
    pub(super) fn sign_pair(
        &self,
        role: Role,
        refresh: &RefreshClaims,
        key: KeyAge,
        now: Instant,
    ) -> TokenPair {
        TokenPair {
            access: self.sign_access(refresh.user_id, refresh.session_id, role, now),
            refresh: self.session_tokens.sign_refresh(refresh, key),
        }
    }

    fn sign_access(&self, user_id: UserId, session_id: SessionId, role: Role, now: Instant) -> String {
        let issued_at = now.trunc_subsecs(0);
        self.session_tokens.sign_access(&AccessClaims {
            user_id,
            session_id,
            role,
            id: self.ids.next(),
            issued_at,
            expires_at: issued_at.checked_add_signed(self.access_ttl).unwrap_or(issued_at),
        })
    }
}
