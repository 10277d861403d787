use domain::entropy::Signer;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::keys::{KeyRing, SubKey};

/// Signs with HMAC-SHA-256. In the signed data, the length of each part precedes the part, so that the same bytes with
/// other boundaries between the parts have another signature.
#[derive(Debug)]
pub struct HmacSigner {
    current: SubKey,
    keys: Vec<SubKey>,
}

impl HmacSigner {
    /// Creates a signer that signs with the current key of the ring, and verifies with any key of the ring.
    #[must_use]
    pub fn new(keys: &KeyRing) -> Self {
        const PURPOSE: &str = "signing";
        Self { current: keys.current(PURPOSE), keys: keys.all(PURPOSE) }
    }
}

impl Signer for HmacSigner {
    fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        over(&self.current, parts).finalize().into_bytes().into()
    }

    fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        self.keys.iter().any(|key| over(key, parts).verify_slice(tag).is_ok())
    }
}

fn over(key: &SubKey, parts: &[&[u8]]) -> Hmac<Sha256> {
    parts.iter().fold(key.mac(), |mac, part| {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        mac.chain_update(length.to_be_bytes()).chain_update(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::AppSecret;

    fn signer(current: &[u8], previous: &[&[u8]]) -> HmacSigner {
        let previous = previous.iter().map(|secret| AppSecret::new(*secret)).collect();
        HmacSigner::new(&KeyRing::new(AppSecret::new(current), previous))
    }

    #[test]
    fn the_same_bytes_in_other_parts_have_another_signature() {
        let signer = signer(b"one", &[]);
        assert_ne!(signer.sign(&[b"ab", b"c"]), signer.sign(&[b"a", b"bc"]));
        assert_ne!(signer.sign(&[b"abc"]), signer.sign(&[b"abc", b""]));
    }

    #[test]
    fn only_the_unchanged_signature_of_the_same_parts_is_accepted() {
        let signer = signer(b"one", &[]);
        let mut tag = signer.sign(&[b"a", b"b"]);
        assert!(signer.verify(&[b"a", b"b"], &tag));
        assert!(!signer.verify(&[b"a", b"c"], &tag));
        assert!(!signer.verify(&[b"a", b"b"], &tag[..16]));
        assert!(!signer.verify(&[b"a", b"b"], b""));
        tag[31] ^= 1;
        assert!(!signer.verify(&[b"a", b"b"], &tag));
    }

    #[test]
    fn a_previous_key_verifies_and_a_removed_key_does_not() {
        let tag = signer(b"one", &[]).sign(&[b"a"]);
        assert!(signer(b"two", &[b"one"]).verify(&[b"a"], &tag));
        assert!(!signer(b"two", &[]).verify(&[b"a"], &tag));
    }
}
