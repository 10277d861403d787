//! The application secret, and the keys that are derived from it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The secret of the server (`APP_SECRET_KEY`), from which a separate key is derived for each purpose. `Debug` does not
/// show it, and its memory is overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct AppSecret(Zeroizing<Vec<u8>>);

impl AppSecret {
    /// Creates a secret of these bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// Returns the length in bytes. A secret of fewer than 32 bytes is too easy to guess.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether the secret is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether the secret is easy to guess: it has fewer than ten distinct bytes, consists of repetitions of a
    /// part, consists mainly of ascending, descending or equal bytes, or contains a word that is common in examples.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        let different: std::collections::BTreeSet<u8> = self.0.iter().copied().collect();
        let text = Zeroizing::new(String::from_utf8_lossy(&self.0).to_lowercase());
        let examples = [
            "change-me",
            "changeme",
            "change_me",
            "secret-key",
            "secret_key",
            "256-bit-secret",
            "development",
            "password",
            "qwerty",
            "asdfgh",
            "correct horse",
            "correcthorse",
        ];
        different.len() < 10
            || self.repeats()
            || self.counts()
            || examples.iter().any(|example| text.contains(example))
    }

    /// Returns whether the secret occurs in this public text, such as an example of a configuration.
    #[must_use]
    pub fn stands_in(&self, text: &str) -> bool {
        !self.is_empty() && text.as_bytes().windows(self.len()).any(|part| part == &**self.0)
    }

    /// Returns whether the secret consists of repetitions of a part. The last repetition may be incomplete.
    fn repeats(&self) -> bool {
        let bytes: &[u8] = &self.0;
        (1..=bytes.len().div_euclid(2))
            .any(|length| bytes.chunks(length).all(|chunk| bytes.starts_with(chunk)))
    }

    /// Returns whether more than half of the bytes differ from the preceding byte by at most one.
    fn counts(&self) -> bool {
        let steps = self.0.windows(2).filter(|pair| match pair {
            [one, next] => one.abs_diff(*next) <= 1,
            _ => false,
        });
        steps.count() > self.len().div_euclid(2)
    }

    /// Derives the key for a purpose. The key reveals neither the secret nor the keys for other purposes.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> SubKey {
        let tag = mac(&self.0).chain_update(b"cinema/1/").chain_update(purpose.as_bytes()).finalize();
        SubKey(Zeroizing::new(tag.into_bytes().into()))
    }
}

impl fmt::Debug for AppSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppSecret(…)")
    }
}

/// A key for one purpose. `Debug` does not show it, and its memory is overwritten when it is dropped.
#[derive(Clone)]
pub struct SubKey(Zeroizing<[u8; 32]>);

impl SubKey {
    /// Returns the bytes of the key, for the algorithm that uses it.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns an identifier of the key. The identifier is not secret. It is stored with the data that the key encrypts
    /// or signs, so that the same key can be found later to decrypt or verify the data.
    pub(crate) fn id(&self) -> [u8; 8] {
        let tag: [u8; 32] = self.mac().chain_update(b"key id").finalize().into_bytes().into();
        let mut id = [0; 8];
        id.iter_mut().zip(tag).for_each(|(to, from)| *to = from);
        id
    }

    pub(crate) fn mac(&self) -> Hmac<Sha256> {
        mac(self.expose())
    }
}

impl fmt::Debug for SubKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubKey(…)")
    }
}

/// The current secret, and the previous secrets, whose keys still verify and decrypt what was signed and encrypted
/// before the secret was replaced.
#[derive(Debug, Clone)]
pub struct KeyRing {
    current: AppSecret,
    previous: Vec<AppSecret>,
}

impl KeyRing {
    /// Creates a ring. `current` signs and encrypts new data. Data that was signed or encrypted with any secret of the
    /// ring is accepted. `previous` begins with the newest secret.
    #[must_use]
    pub const fn new(current: AppSecret, previous: Vec<AppSecret>) -> Self {
        Self { current, previous }
    }

    /// Returns the current key for a purpose.
    #[must_use]
    pub fn current(&self, purpose: &str) -> SubKey {
        self.current.derive(purpose)
    }

    /// Returns all keys for a purpose: the current key, and then the previous ones.
    pub(crate) fn all(&self, purpose: &str) -> Vec<SubKey> {
        std::iter::once(&self.current).chain(&self.previous).map(|secret| secret.derive(purpose)).collect()
    }
}

/// Returns HMAC-SHA-256 (RFC 2104) with a key of any length. `Hmac::new` requires a key of exactly one block (64
/// bytes). So a shorter key is padded with zeros, and a longer key is replaced by its digest, as RFC 2104 specifies.
fn mac(key: &[u8]) -> Hmac<Sha256> {
    let mut block = Zeroizing::new([0_u8; 64]);
    if key.len() > block.len() {
        block.iter_mut().zip(Sha256::digest(key)).for_each(|(to, from)| *to = from);
    } else {
        block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    }
    Hmac::new(&(*block).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_has_a_separate_key() {
        let secret = AppSecret::new(*b"0123456789abcdef0123456789abcdef");
        assert_eq!(secret.derive("a").expose(), secret.derive("a").expose());
        assert_ne!(secret.derive("a").expose(), secret.derive("b").expose());
        assert_ne!(secret.derive("a").id(), secret.derive("b").id());
    }

    #[test]
    fn examples_repetitions_and_sequences_are_weak_secrets() {
        for weak in [
            "",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "0101010101010101010101010101010101010101",
            "abcdefghijklmnopqrstuvwxyz0123456789",
            "zyxwvutsrqponmlkjihgfedcba9876543210",
            "kS0x3vJ8qWm2Zr7TkS0x3vJ8qWm2Zr7T",
            "kS0x3vJ8qWmkS0x3vJ8qWmkS0x3vJ8qWmkS0",
            "aabbccddeeffgghhiijjkkllmmnnooppqq",
            "qwertyuiopasdfghjklzxcvbnmqwertyuiop",
            "Your-256-bit-secret-1-your-256-bit-secret-2",
            "correct horse battery staple correct",
        ] {
            assert!(AppSecret::new(weak).is_weak(), "{weak}");
        }
        assert!(AppSecret::new("CHANGE-ME-to-something-of-32-bytes-or-more").is_weak());
        for strong in [
            "kS0x3vJ8qWm2Zr7TnYp5LbQd9HfGc1Ua",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "tB1mQ+0r7d5uX2kWv9yZ4nC8hJ6fLpEaGsRiOoUqYxT3wVbMzKcHgDlFjPeNtSAI",
        ] {
            assert!(!AppSecret::new(strong).is_weak(), "{strong}");
        }
    }

    #[test]
    fn a_secret_in_a_text_is_found() {
        let secret = AppSecret::new("kS0x3vJ8");
        assert!(secret.stands_in("APP_SECRET_KEY=kS0x3vJ8\n"));
        assert!(!secret.stands_in("APP_SECRET_KEY=kS0x3vJ9\n") && !secret.stands_in("kS0"));
        assert!(!AppSecret::new("").stands_in("text"));
    }

    #[test]
    fn the_hmac_is_the_one_of_the_standard() {
        // The test cases 2 and 6 of RFC 4231. In test case 6, the key is longer than a block.
        for (key, data, expected) in [
            (&b"Jefe"[..], &b"what do ya want for nothing?"[..], [0x5b, 0xdc, 0xc1, 0x46]),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                [0x60, 0xe4, 0x31, 0x59],
            ),
        ] {
            let tag: [u8; 32] = mac(key).chain_update(data).finalize().into_bytes().into();
            assert_eq!(tag[..4], expected);
        }
    }

    #[test]
    fn debug_does_not_show_secrets() {
        let ring = KeyRing::new(AppSecret::new(*b"canary"), vec![AppSecret::new(*b"canary")]);
        assert!(!format!("{ring:?} {:?}", ring.current("x")).contains("canary"));
    }
}
