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

/// The claim `iss`. All installations use the same value. A token of another installation is refused because it is
/// signed with another key.
const ISSUER: &str = "cinema";
/// The claim `aud`.
const AUDIENCE: &str = "cinema-api";
/// The header `typ` of access tokens.
const ACCESS: &str = "at+jwt";
/// The header `typ` of refresh tokens.
const REFRESH: &str = "rt+jwt";

/// Signs and verifies access tokens and refresh tokens, which are JSON Web Tokens, with HMAC-SHA-256. The header `kid`
/// identifies the key.
///
/// Previous keys verify tokens too. A previous key also signs if a client repeats the exchange of a refresh token: the
/// client must get the same new refresh token as before, which a previous key may have signed. The headers `jwk`, `jku`
/// and `x5u`, which contain a key or the URL of a key, are ignored.
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
        // This fails only with a key for another algorithm, or for claims that cannot be serialized as JSON. Neither
        // occurs here. The result would be an empty token, which is refused everywhere.
        jsonwebtoken::encode(&header, claims, &self.signing)
            .inspect_err(|error| tracing::error!(%error, "a token could not be signed"))
            .unwrap_or_default()
    }
}

impl JwtTokens {
    /// Creates an implementation with the keys of the ring. It signs with the current key, or with a previous key if
    /// the caller of [`SessionTokens::sign_refresh`] selects one. It verifies with any key of the ring.
    #[must_use]
    pub fn new(keys: &KeyRing) -> Self {
        const PURPOSE: &str = "session-tokens";
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        // The library does not check the expiry, because it would use the system's time. `verify_access` checks it
        // with the given time; for refresh tokens, the caller of `verify_refresh` checks it.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self {
            current: Key::of(&keys.current(PURPOSE)),
            earlier: keys.all(PURPOSE).iter().skip(1).map(Key::of).collect(),
            validation,
        }
    }

    /// Returns all keys, beginning with the current key.
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

/// The claims of access tokens and refresh tokens. The order of the fields is their order in the JSON text. This
/// order must not change, because a repeated exchange must give the same refresh token.
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
