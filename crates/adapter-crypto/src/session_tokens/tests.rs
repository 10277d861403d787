use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::accounts::Role;
use hmac::Mac;
use uuid::Uuid;

use super::*;
use crate::keys::AppSecret;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const EXPIRY: i64 = 1_800_000_900;

fn ring(current: &[u8], previous: &[&[u8]]) -> KeyRing {
    KeyRing::new(AppSecret::new(current), previous.iter().map(|secret| AppSecret::new(*secret)).collect())
}

fn tokens() -> JwtTokens {
    JwtTokens::new(&ring(SECRET, &[]))
}

fn at(seconds: i64) -> Instant {
    DateTime::from_timestamp_secs(seconds).unwrap()
}

fn id() -> Uuid {
    "0190a1b2-0000-7000-8000-000000000001".parse().unwrap()
}

fn access() -> AccessClaims {
    AccessClaims {
        user_id: domain::id::Id::from_uuid(id()),
        session_id: domain::id::Id::from_uuid(id()),
        role: Role::Moderator,
        id: domain::id::Id::from_uuid(id()),
        issued_at: at(1_800_000_000),
        expires_at: at(EXPIRY),
    }
}

fn refresh() -> RefreshClaims {
    RefreshClaims {
        user_id: domain::id::Id::from_uuid(id()),
        session_id: domain::id::Id::from_uuid(id()),
        token: PlainToken::new("a secret".to_owned()),
        issued_at: at(1_800_000_000),
        expires_at: at(EXPIRY),
    }
}

/// Returns a token with this header and these claims, whose signature with the server's key is correct.
fn forge(header: &serde_json::Value, claims: &serde_json::Value) -> String {
    let text = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let key = ring(SECRET, &[]).current("session-tokens");
    let code = key.mac().chain_update(text.as_bytes()).finalize().into_bytes();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(code))
}

fn good_header() -> serde_json::Value {
    serde_json::json!({"typ": "at+jwt", "alg": "HS256", "kid": tokens().current.id})
}

fn good_claims() -> serde_json::Value {
    serde_json::json!({
        "iss": "cinema", "aud": "cinema-api", "sub": id().to_string(), "sid": id().to_string(), "role": "moderator",
        "iat": 1_800_000_000, "exp": EXPIRY, "jti": id().to_string(),
    })
}

fn with(mut value: serde_json::Value, name: &str, to: serde_json::Value) -> serde_json::Value {
    value[name] = to;
    value
}

fn verdict(token: &str) -> Result<AccessClaims, AccessTokenError> {
    tokens().verify_access(token, at(EXPIRY - 1))
}

#[test]
fn verification_returns_the_signed_claims() {
    assert_eq!(verdict(&tokens().sign_access(&access())), Ok(access()));
    assert_eq!(tokens().verify_refresh(&tokens().sign_refresh(&refresh(), KeyAge::CURRENT)), Ok(refresh()));
    assert_eq!(verdict(&forge(&good_header(), &good_claims())), Ok(access()));
}

#[test]
fn the_same_claims_give_the_same_refresh_token() {
    assert_eq!(
        tokens().sign_refresh(&refresh(), KeyAge::CURRENT),
        tokens().sign_refresh(&refresh(), KeyAge::CURRENT)
    );
}

#[test]
fn an_access_token_is_valid_until_its_expiry_and_not_longer() {
    let token = tokens().sign_access(&access());
    assert_eq!(tokens().verify_access(&token, at(EXPIRY - 1)), Ok(access()));
    assert_eq!(tokens().verify_access(&token, at(EXPIRY)), Err(AccessTokenError::Expired));
}

#[test]
fn an_expired_token_with_a_wrong_signature_is_reported_as_invalid() {
    let mut token = tokens().sign_access(&access());
    token.push('x');
    assert_eq!(tokens().verify_access(&token, at(EXPIRY + 61)), Err(AccessTokenError::Invalid));
}

#[test]
fn refresh_and_access_tokens_are_not_interchangeable() {
    assert_eq!(verdict(&tokens().sign_refresh(&refresh(), KeyAge::CURRENT)), Err(AccessTokenError::Invalid));
    assert_eq!(tokens().verify_refresh(&tokens().sign_access(&access())), Err(RefreshTokenError));
}

#[test]
fn any_changed_character_makes_the_token_invalid() {
    let token = tokens().sign_access(&access());
    for place in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert_eq!(verdict(&changed), Err(AccessTokenError::Invalid), "character {place}");
    }
}

#[test]
fn a_token_without_signature_is_refused() {
    for algorithm in ["none", "None", "NONE", ""] {
        let forged = forge(&with(good_header(), "alg", algorithm.into()), &good_claims());
        assert_eq!(verdict(&forged), Err(AccessTokenError::Invalid), "{algorithm:?}");
        let unsigned = format!("{}.", forged.rsplit_once('.').unwrap().0);
        assert_eq!(
            verdict(&unsigned),
            Err(AccessTokenError::Invalid),
            "{algorithm:?} without a signature was accepted"
        );
    }
    let stripped = tokens().sign_access(&access());
    assert_eq!(verdict(stripped.rsplit_once('.').unwrap().0), Err(AccessTokenError::Invalid));
}

#[test]
fn another_algorithm_is_refused_even_with_the_right_key() {
    for algorithm in ["HS384", "HS512", "RS256", "ES256", "EdDSA", "PS256"] {
        let forged = forge(&with(good_header(), "alg", algorithm.into()), &good_claims());
        assert_eq!(verdict(&forged), Err(AccessTokenError::Invalid), "{algorithm}");
    }
}

#[test]
fn a_key_in_the_header_of_a_token_is_not_used() {
    let theirs = JwtTokens::new(&ring(b"a stranger's key of thirty-two b", &[]));
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some(ACCESS.to_owned());
    header.kid = Some(tokens().current.id);
    header.jku = Some("https://evil.example/keys".to_owned());
    header.x5u = Some("https://evil.example/cert".to_owned());
    header.jwk = Some(
        serde_json::from_value(
            serde_json::json!({"kty": "oct", "k": "YSBzdHJhbmdlcidzIGtleSBvZiB0aGlydHktdHdvIGI"}),
        )
        .unwrap(),
    );
    let forged = jsonwebtoken::encode(&header, &good_claims(), &theirs.current.signing).unwrap();
    assert_eq!(verdict(&forged), Err(AccessTokenError::Invalid));
    // A token that is signed with the server's key is valid even with these header fields.
    let ours = jsonwebtoken::encode(&header, &good_claims(), &tokens().current.signing).unwrap();
    assert_eq!(verdict(&ours), Ok(access()));
}

#[test]
fn a_wrong_type_or_key_and_a_wrong_or_missing_claim_are_refused() {
    let header = good_header();
    for typ in ["JWT", "rt+jwt", "AT+JWT", ""] {
        let forged = forge(&with(header.clone(), "typ", typ.into()), &good_claims());
        assert_eq!(verdict(&forged), Err(AccessTokenError::Invalid), "typ {typ}");
    }
    for kid in ["", "0000000000000000", "../../etc/passwd"] {
        let forged = forge(&with(header.clone(), "kid", kid.into()), &good_claims());
        assert_eq!(verdict(&forged), Err(AccessTokenError::Invalid), "kid {kid}");
    }
    for (claim, value) in [
        ("iss", "another"),
        ("aud", "another"),
        ("sub", "not an id"),
        ("sid", ""),
        ("jti", "not an id"),
        ("role", "root"),
        ("exp", "soon"),
    ] {
        let forged = forge(&header, &with(good_claims(), claim, value.into()));
        assert_eq!(verdict(&forged), Err(AccessTokenError::Invalid), "{claim}");
        let mut without = good_claims();
        without.as_object_mut().unwrap().remove(claim);
        assert_eq!(verdict(&forge(&header, &without)), Err(AccessTokenError::Invalid), "no {claim}");
    }
}

#[test]
fn a_text_that_is_not_a_token_is_invalid() {
    for bad in ["", ".", "..", "...", "a.b.c", "é.é.é", "Bearer x", &"a".repeat(100_000), "{}", "\0"] {
        assert_eq!(verdict(bad), Err(AccessTokenError::Invalid));
        assert_eq!(tokens().verify_refresh(bad), Err(RefreshTokenError));
    }
}

#[test]
fn a_previous_key_verifies_and_a_removed_key_does_not() {
    let token = tokens().sign_access(&access());
    let rotated = JwtTokens::new(&ring(b"the next secret of thirty-two by", &[SECRET]));
    assert_eq!(rotated.verify_access(&token, at(EXPIRY - 1)), Ok(access()));
    let later = JwtTokens::new(&ring(b"the next secret of thirty-two by", &[]));
    assert_eq!(later.verify_access(&token, at(EXPIRY - 1)), Err(AccessTokenError::Invalid));
}

#[test]
fn a_previous_key_makes_the_same_refresh_token_again() {
    let signed = tokens().sign_refresh(&refresh(), KeyAge::CURRENT);
    let rotated = JwtTokens::new(&ring(b"the next secret of thirty-two by", &[SECRET]));
    assert_eq!(rotated.sign_refresh(&refresh(), KeyAge::new(1)), signed);
    assert_ne!(rotated.sign_refresh(&refresh(), KeyAge::CURRENT), signed);
    let forgotten = rotated.sign_refresh(&refresh(), KeyAge::new(2));
    assert_eq!(forgotten, rotated.sign_refresh(&refresh(), KeyAge::CURRENT));
}
