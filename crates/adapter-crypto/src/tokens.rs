use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::entropy::{KeyAge, PlainToken, TokenDigest, TokenGenerator};
use hmac::Mac;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::keys::{KeyRing, SubKey};

/// Generates the secret tokens in links and in refresh tokens: 256 random bits of the operating system, as base64url.
/// The successor of a refresh token is the token that replaces it. It is not random but derived from the refresh token,
/// so that a repeated exchange of the refresh token returns the same successor.
#[derive(Debug)]
pub struct SecretTokens {
    /// The current key, which derives new successors.
    successor_key: SubKey,
    /// The previous keys, in the order of the ring. They derive again the successors that were issued before the secret
    /// was replaced.
    earlier_keys: Vec<SubKey>,
}

impl SecretTokens {
    /// Creates a generator that derives successors with the keys of the ring.
    #[must_use]
    pub fn new(keys: &KeyRing) -> Self {
        const PURPOSE: &str = "token-successor";
        let earlier_keys = keys.all(PURPOSE).split_off(1);
        Self { successor_key: keys.current(PURPOSE), earlier_keys }
    }
}

impl TokenGenerator for SecretTokens {
    fn generate(&self) -> PlainToken {
        fresh_secret()
    }

    fn successor(&self, token: &PlainToken) -> PlainToken {
        derived(&self.successor_key, token)
    }

    fn successors(&self, token: &PlainToken) -> Vec<(KeyAge, PlainToken)> {
        let keys = std::iter::once(&self.successor_key).chain(&self.earlier_keys);
        keys.enumerate().map(|(age, key)| (KeyAge::new(age), derived(key, token))).collect()
    }

    fn digest(&self, token: &PlainToken) -> TokenDigest {
        TokenDigest::from_hex(hex(&Sha256::digest(token.expose().as_bytes())))
    }
}

fn derived(key: &SubKey, token: &PlainToken) -> PlainToken {
    let code = key.mac().chain_update(token.expose().as_bytes()).finalize().into_bytes();
    PlainToken::new(URL_SAFE_NO_PAD.encode(code))
}

/// Generates a secret token: 256 random bits of the operating system, as base64url.
#[must_use]
pub fn fresh_secret() -> PlainToken {
    let bytes = Zeroizing::new(random::<32>());
    PlainToken::new(URL_SAFE_NO_PAD.encode(*bytes))
}

/// Returns random bytes of the operating system. Aborts the process if the operating system provides none, because no
/// secret could then be generated.
#[expect(clippy::disallowed_methods, reason = "this adapter implements the ports for entropy")]
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!(%error, "the operating system provides no entropy; ending the process");
        std::process::abort();
    }
    bytes
}

/// Encodes bytes as lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::AppSecret;

    fn tokens(secret: &[u8]) -> SecretTokens {
        SecretTokens::new(&KeyRing::new(AppSecret::new(secret), vec![]))
    }

    #[test]
    fn tokens_are_long_and_unique_and_can_be_used_in_urls() {
        let tokens = tokens(b"secret");
        let (one, other) = (tokens.generate(), tokens.generate());
        assert_ne!(one, other);
        assert_eq!(one.expose().len(), 43);
        assert!(one.expose().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    }

    #[test]
    fn the_successor_is_always_the_same_and_depends_on_the_secret() {
        let first = PlainToken::new("first".to_owned());
        let ours = tokens(b"secret");
        assert_eq!(ours.successor(&first), ours.successor(&first));
        assert_ne!(ours.successor(&first), tokens(b"another").successor(&first));
        assert_ne!(ours.successor(&first), ours.successor(&ours.successor(&first)));
        assert_eq!(ours.successor(&first).expose().len(), 43);
    }

    #[test]
    fn each_secret_of_the_ring_derives_a_successor() {
        let first = PlainToken::new("first".to_owned());
        let [old, new] = [tokens(b"old"), tokens(b"new")];
        let previous = vec![AppSecret::new(*b"old")];
        let both = SecretTokens::new(&KeyRing::new(AppSecret::new(*b"new"), previous));
        assert_eq!(both.successor(&first), new.successor(&first));
        assert_eq!(
            both.successors(&first),
            [(KeyAge::CURRENT, new.successor(&first)), (KeyAge::new(1), old.successor(&first))]
        );
        assert_eq!(old.successors(&first), [(KeyAge::CURRENT, old.successor(&first))]);
    }

    #[test]
    fn the_digest_is_sha_256_in_hexadecimal() {
        let digest = tokens(b"secret").digest(&PlainToken::new("abc".to_owned()));
        assert_eq!(digest.as_str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
