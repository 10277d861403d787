//! Credentials, tokens and sessions in requests and responses, as JSON.

use std::net::IpAddr;

use app::accounts::TokenPair;
use domain::{
    accounts::{EmailAddress, Session},
    id::SessionId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{
    extract::{NewPassword, Text, Token, TypedPassword, inputs},
    moment::Moment,
};

/// The credentials of an account.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Credentials", example = json!({"email": "ann@example.com", "password": "correct horse 1"}))]
pub(crate) struct LoginBody {
    /// The email address of the account.
    pub(crate) email: Text<EmailAddress>,
    /// The password of the account.
    pub(crate) password: TypedPassword,
}

/// A refresh token.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "RefreshToken", example = json!({"refresh": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"}))]
pub(crate) struct RefreshBody {
    /// The refresh token, as it was issued.
    pub(crate) refresh: Token,
}

/// The token of a reset link, and the password to set.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "PasswordReset", example = json!({"token": "q0pV2dkSgT1uZ3p8yJH2m0iM4bGv6c9XwYtRrLkEeAs", "password": "correct horse 2"}))]
pub(crate) struct ResetPasswordBody {
    /// The value of `token` in the link.
    pub(crate) token: Token,
    /// The new password. It must contain a letter and a digit (or, if the strict policy is set, have at least 15
    /// characters of any kind), and must not be the email address or a common password.
    pub(crate) password: NewPassword,
}

/// The current password and the new one.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "PasswordChange", example = json!({"current_password": "correct horse 1", "new_password": "correct horse 2"}))]
pub(crate) struct ChangePasswordBody {
    /// The current password.
    pub(crate) current_password: TypedPassword,
    /// The new password, different from the current one. It must contain a letter and a digit (or, if the strict
    /// policy is set, have at least 15 characters of any kind), and must not be the email address or a common
    /// password.
    // The validation reports an error in this field only together with errors in other fields. If no other field has
    // an error, the use case runs, and reports the errors of the current and the new password together.
    #[schemars(extend("x-deferred" = true))]
    pub(crate) new_password: NewPassword,
}

inputs!(LoginBody, RefreshBody, ResetPasswordBody, ChangePasswordBody);

/// The tokens of a session.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TokenPair", example = json!({"access": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl", "refresh": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"}))]
pub(crate) struct TokenPairBody {
    /// Sent as `Authorization: Bearer`; valid for 15 minutes unless the server is configured otherwise.
    access: String,
    /// Exchanged once for a new pair; valid for 7 days unless the server is configured otherwise.
    refresh: String,
}

impl From<TokenPair> for TokenPairBody {
    fn from(pair: TokenPair) -> Self {
        Self { access: pair.access, refresh: pair.refresh }
    }
}

/// An active session.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Session", example = json!({
    "id": "0190a1b2-0000-7000-8000-000000000000",
    "created_at": "2026-11-22T10:00:00Z",
    "last_used_at": "2026-11-23T08:30:00Z",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "ip": "203.0.113.9",
    "current": true
}))]
pub(crate) struct SessionBody {
    id: Uuid,
    /// When the user logged in.
    created_at: Moment,
    /// When the tokens of the session were last refreshed, or else when the user logged in.
    last_used_at: Moment,
    /// The `User-Agent` header of the sign-in, at most its first 255 characters.
    user_agent: Option<String>,
    /// The network address of the sign-in.
    ip: Option<String>,
    /// Whether this is the session of the current request.
    current: bool,
}

impl SessionBody {
    pub(super) fn of(session: Session, calling: SessionId) -> Self {
        Self {
            id: session.id.as_uuid(),
            created_at: Moment(session.created_at),
            last_used_at: Moment(session.last_used_at),
            user_agent: session.device.user_agent,
            ip: session.device.ip.map(|ip| IpAddr::to_canonical(&ip).to_string()),
            current: session.id == calling,
        }
    }
}
