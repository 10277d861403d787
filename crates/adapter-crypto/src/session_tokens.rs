use std::fmt;

use chrono::DateTime;
use domain::{
    accounts::{AccessClaims, AccessTokenError, RefreshClaims, RefreshTokenError, SessionTokens},
    entropy::{KeyAge, PlainToken},
    id::TokenId,
    time::Instant,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    keys::{KeyRing, SubKey},
    tokens::hex,
};

/// The `iss` claim, which is the same for all installations; they differ in their keys.
const ISSUER: &str = "cinema";
/// The `aud` claim.
const AUDIENCE: &str = "cinema-api";
const ACCESS: &str = "at+jwt";
const REFRESH: &str = "rt+jwt";

/// Signs and verifies JSON Web Tokens with HMAC-SHA-256; `kid` names the key.
///
/// Previous keys verify tokens. They also sign a successor again when a client repeats the exchange of a refresh token.
/// Headers that carry a key (`jwk`, `jku`, `x5u`) are ignored.
pub struct JwtTokens {
    current: Key,
    earlier: Vec<Key>,
    validation: Validation,
}

struct Key {
    id: String,
    signing: EncodingKey,
    verifying: DecodingKey,
}

impl Key {
    fn of(key: &SubKey) -> Self {
        Self {
            id: hex(&key.id()),
            signing: EncodingKey::from_secret(key.expose()),
            verifying: DecodingKey::from_secret(key.expose()),
        }
    }

    fn sign(&self, typ: &str, claims: &impl Serialize) -> String {
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(typ.to_owned());
        header.kid = Some(self.id.clone());
        // Encoding fails only for keys of another algorithm or claims that are not JSON, which cannot happen here. The
        // empty token would be refused everywhere.
        jsonwebtoken::encode(&header, claims, &self.signing)
            .inspect_err(|error| tracing::error!(%error, "a token could not be signed"))
            .unwrap_or_default()
    }
}

impl JwtTokens {
    /// Signs with the current key of the ring, and verifies with any of its keys.
    #[must_use]
    pub fn new(keys: &KeyRing) -> Self {
        const PURPOSE: &str = "session-tokens";
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        // The time comes from the clock port, not from the library.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self {
            current: Key::of(&keys.current(PURPOSE)),
            earlier: keys.all(PURPOSE).iter().skip(1).map(Key::of).collect(),
            validation,
        }
    }

    /// The keys, the current one first.
    fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.current).chain(&self.earlier)
    }

    fn verify<C: DeserializeOwned>(&self, typ: &str, token: &str) -> Option<C> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        if header.typ.as_deref() != Some(typ) {
            return None;
        }
        let key = self.keys().find(|key| Some(&key.id) == header.kid.as_ref())?;
        jsonwebtoken::decode(token, &key.verifying, &self.validation).ok().map(|data| data.claims)
    }
}

impl fmt::Debug for JwtTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtTokens").field("key_id", &self.current.id).finish_non_exhaustive()
    }
}

/// The claims of both kinds of token. The order of the fields is the order in the JSON text, which must be stable.
#[derive(Serialize, Deserialize)]
struct Claims<Jti> {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    iat: i64,
    exp: i64,
    jti: Jti,
}

impl SessionTokens for JwtTokens {
    fn sign_access(&self, claims: &AccessClaims) -> String {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: claims.user_id.to_string(),
            sid: claims.session_id.to_string(),
            role: Some(claims.role.as_str().to_owned()),
            iat: claims.issued_at.timestamp(),
            exp: claims.expires_at.timestamp(),
            jti: claims.id.to_string(),
        };
        self.current.sign(ACCESS, &claims)
    }

    fn verify_access(&self, token: &str, now: Instant) -> Result<AccessClaims, AccessTokenError> {
        let claims: Claims<String> = self.verify(ACCESS, token).ok_or(AccessTokenError::Invalid)?;
        let claims = access_claims(&claims).ok_or(AccessTokenError::Invalid)?;
        if now >= claims.expires_at { Err(AccessTokenError::Expired) } else { Ok(claims) }
    }

    fn sign_refresh(&self, claims: &RefreshClaims, key: KeyAge) -> String {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: claims.user_id.to_string(),
            sid: claims.session_id.to_string(),
            role: None,
            iat: claims.issued_at.timestamp(),
            exp: claims.expires_at.timestamp(),
            jti: claims.token.expose(),
        };
        self.keys().nth(key.later()).unwrap_or(&self.current).sign(REFRESH, &claims)
    }

    fn verify_refresh(&self, token: &str) -> Result<RefreshClaims, RefreshTokenError> {
        let claims: Claims<String> = self.verify(REFRESH, token).ok_or(RefreshTokenError)?;
        refresh_claims(claims).ok_or(RefreshTokenError)
    }
}

fn access_claims(claims: &Claims<String>) -> Option<AccessClaims> {
    Some(AccessClaims {
        user_id: claims.sub.parse().ok()?,
        session_id: claims.sid.parse().ok()?,
        role: claims.role.as_ref()?.parse().ok()?,
        id: claims.jti.parse::<TokenId>().ok()?,
        issued_at: DateTime::from_timestamp_secs(claims.iat)?,
        expires_at: DateTime::from_timestamp_secs(claims.exp)?,
    })
}

fn refresh_claims(claims: Claims<String>) -> Option<RefreshClaims> {
    Some(RefreshClaims {
        user_id: claims.sub.parse().ok()?,
        session_id: claims.sid.parse().ok()?,
        token: PlainToken::new(claims.jti),
        issued_at: DateTime::from_timestamp_secs(claims.iat)?,
        expires_at: DateTime::from_timestamp_secs(claims.exp)?,
    })
}

#[cfg(test)]
mod tests;
