//! Verifies the signatures of webhooks (<https://docs.stripe.com/webhooks#verify-manually>).

use domain::{payments::WebhookError, time::Instant};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::settings::StripeSecret;

/// The maximum difference between the signed time of a webhook and the clock, in seconds, in either direction.
const TOLERANCE: u64 = 300;

/// The maximum number of `v1` signatures in a header. Stripe sends one for each active secret.
const MAX_TAGS: usize = 10;

/// Parses the header, and checks that it has a recent time and 1 to `MAX_TAGS` well-formed `v1` signatures. The check
/// needs no body, so a request can be refused before its body is read.
///
/// # Errors
/// When the header is missing or malformed, the number of its well-formed `v1` signatures is not 1 to `MAX_TAGS`, or
/// its time differs too much from `now`. Such a header is refused for every body.
pub(crate) fn checked_header(signature: Option<&str>, now: Instant) -> Result<Header<'_>, WebhookError> {
    let header = signature.and_then(Header::parse).ok_or(WebhookError::Signature)?;
    let seconds: i64 = header.time.parse().map_err(|_| WebhookError::Signature)?;
    let is_recent = now.timestamp().abs_diff(seconds) <= TOLERANCE;
    if is_recent && (1..=MAX_TAGS).contains(&header.tags.len()) {
        Ok(header)
    } else {
        Err(WebhookError::Signature)
    }
}

/// Verifies that the body was recently signed with one of the secrets.
///
/// # Errors
/// When the header is missing or malformed, no signature is valid, or the time differs too much from `now`.
pub(crate) fn verify(
    secrets: &[StripeSecret],
    signature: Option<&str>,
    body: &[u8],
    now: Instant,
) -> Result<(), WebhookError> {
    let header = checked_header(signature, now)?;
    // Every signature is compared for every secret, so that the duration does not reveal which secret matches.
    let mut is_valid = false;
    for secret in secrets {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else { continue };
        mac.update(header.time.as_bytes());
        mac.update(b".");
        // Hashes the body once for each secret, regardless of the number of signatures in the header.
        mac.update(body);
        for tag in &header.tags {
            // `verify_slice` compares in constant time.
            is_valid |= mac.clone().verify_slice(tag).is_ok();
        }
    }
    if is_valid { Ok(()) } else { Err(WebhookError::Signature) }
}

/// The parsed header `Stripe-Signature`: `t=…,v1=…,v1=…`.
pub(crate) struct Header<'a> {
    /// The signed time in seconds since 1970, as text, because the text is part of what was signed.
    time: &'a str,
    /// The `v1` signatures.
    tags: Vec<[u8; 32]>,
}

impl<'a> Header<'a> {
    /// Parses the header; `None` when it does not have exactly one time.
    fn parse(text: &'a str) -> Option<Self> {
        let (mut time, mut tags) = (None, Vec::new());
        for (name, value) in text.split(',').filter_map(|item| item.trim().split_once('=')) {
            match name {
                "t" if time.is_some() => return None,
                "t" => time = Some(value),
                // Skips values that are not 64 hexadecimal digits, because they cannot be valid.
                "v1" => tags.extend(decode_hex(value)),
                _ => {}
            }
        }
        Some(Self { time: time?, tags })
    }
}

fn decode_hex(text: &str) -> Option<[u8; 32]> {
    let mut tag = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, start) in tag.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(start..)?.get(..2)?, 16).ok()?;
    }
    Some(tag)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_800_000_000;
    const BODY: &str = "{\"id\":\"evt_1\"}";

    fn verified(secrets: &[&str], signature: Option<&str>, body: &str) -> bool {
        let secrets: Vec<_> = secrets.iter().map(|secret| StripeSecret::new(secret)).collect();
        verify(&secrets, signature, body.as_bytes(), Instant::from_timestamp(NOW, 999_000_000).unwrap())
            .is_ok()
    }

    #[test]
    fn a_signature_with_any_of_the_secrets_is_accepted() {
        let signed = test_stripe::signature(&["whsec_new"], NOW, BODY);
        assert!(verified(&["whsec_old", "whsec_new"], Some(&signed), BODY));
        let signed_twice = test_stripe::signature(&["whsec_other", "whsec_new"], NOW, BODY);
        assert!(verified(&["whsec_new"], Some(&signed_twice), BODY));
        assert!(verified(&["whsec_new"], Some(&format!("v0=abc, {signed}")), BODY));
    }

    #[test]
    fn a_missing_wrong_or_malformed_signature_is_refused() {
        let signed = test_stripe::signature(&["whsec_new"], NOW, BODY);
        let (time, tag) = signed.split_once(',').unwrap();
        let short = &signed[..signed.len() - 2];
        for signature in [
            None,
            Some(""),
            Some(time),
            Some(tag),
            Some(short),
            Some(format!("{signed}ff").as_str()),
            Some(format!("{time},{signed}").as_str()),
            Some(format!("{time},{}", tag.replace("v1", "v0")).as_str()),
            Some(format!("t=soon,{tag}").as_str()),
            Some(format!("t={},{tag}", NOW + 1).as_str()),
            Some("t=1,v1=ééééééééééééééééééééééééééééééééé"),
        ] {
            assert!(!verified(&["whsec_new"], signature, BODY), "{signature:?}");
        }
        assert!(!verified(&["whsec_new"], Some(&signed), "{\"id\":\"evt_2\"}"));
        assert!(!verified(&["whsec_old"], Some(&signed), BODY));
        assert!(!verified(&[], Some(&signed), BODY));
    }

    #[test]
    fn a_header_that_is_invalid_for_every_body_is_refused_before_the_body_is_read() {
        let now = Instant::from_timestamp(NOW, 0).unwrap();
        let signed = test_stripe::signature(&["whsec_unknown"], NOW, BODY);
        assert!(checked_header(Some(&signed), now).is_ok(), "the signature itself is not verified");
        let (time, tag) = signed.split_once(',').unwrap();
        let stale = test_stripe::signature(&["whsec_new"], NOW - 301, BODY);
        let many = format!("{signed}{}", format!(",{tag}").repeat(10));
        for header in [None, Some("x"), Some(time), Some(tag), Some("t=soon,v1=x"), Some(&stale), Some(&many)]
        {
            assert!(checked_header(header, now).is_err(), "{header:?}");
        }
    }

    #[test]
    fn a_header_with_too_many_signatures_is_refused() {
        let signed = test_stripe::signature(&["whsec_new"], NOW, BODY);
        let tag = format!(",v1={}", "ab".repeat(32));
        assert!(verified(&["whsec_new"], Some(&format!("{signed}{}", tag.repeat(9))), BODY));
        assert!(!verified(&["whsec_new"], Some(&format!("{signed}{}", tag.repeat(10))), BODY));
    }

    #[test]
    fn a_time_that_is_more_than_300_seconds_off_is_refused() {
        for (offset, is_accepted) in [(-301, false), (-300, true), (0, true), (300, true), (301, false)] {
            let signed = test_stripe::signature(&["whsec_new"], NOW + offset, BODY);
            assert_eq!(verified(&["whsec_new"], Some(&signed), BODY), is_accepted, "{offset}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_the_parser_panic(header in ".*") {
            prop_assert!(!verified(&["whsec_new"], Some(&header), BODY));
        }
    }
}
