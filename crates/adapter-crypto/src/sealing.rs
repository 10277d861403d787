use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use domain::entropy::{Sealer, UnsealError};
use zeroize::Zeroizing;

use crate::{
    keys::{KeyRing, SubKey},
    tokens::random,
};

/// The version of the format, which is the first byte of encrypted data. It is followed by the key's identifier (8
/// bytes), the nonce (24 bytes), and the ciphertext with its authentication tag.
const VERSION: u8 = 1;
const KEY_ID: usize = 8;
const NONCE: usize = 24;

/// Encrypts and authenticates data with XChaCha20-Poly1305.
#[derive(Debug)]
pub struct AeadSealer {
    keys: Vec<SubKey>,
    current: SubKey,
}

impl AeadSealer {
    /// Creates a sealer that encrypts with the current key of the ring, and decrypts data that was encrypted with any
    /// key of the ring.
    #[must_use]
    pub fn new(keys: &KeyRing) -> Self {
        const PURPOSE: &str = "sealing";
        Self { keys: keys.all(PURPOSE), current: keys.current(PURPOSE) }
    }
}

impl Sealer for AeadSealer {
    fn seal(&self, plain: &[u8]) -> Vec<u8> {
        let nonce = random::<NONCE>();
        let mut sealed = vec![VERSION];
        sealed.extend(self.current.id());
        let text = cipher(&self.current).encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &sealed });
        sealed.extend(nonce);
        match text {
            Ok(text) => sealed.extend(text),
            // Encryption fails only for data of about 256 GiB or more. The result is then empty, which `unseal`
            // always refuses.
            Err(_) => sealed.clear(),
        }
        sealed
    }

    fn unseal(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
        let (head, rest) = sealed.split_at_checked(KEY_ID.saturating_add(1)).ok_or(UnsealError)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE>().ok_or(UnsealError)?;
        let (version, id) = head.split_first().ok_or(UnsealError)?;
        if *version != VERSION {
            return Err(UnsealError);
        }
        let key = self.keys.iter().find(|key| key.id() == id).ok_or(UnsealError)?;
        cipher(key)
            .decrypt(&XNonce::from(*nonce), Payload { msg: text, aad: head })
            .map(Zeroizing::new)
            .map_err(|_| UnsealError)
    }
}

fn cipher(key: &SubKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&(*key.expose()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::AppSecret;

    fn with(current: &[u8], previous: &[&[u8]]) -> AeadSealer {
        let previous = previous.iter().map(|secret| AppSecret::new(*secret)).collect();
        AeadSealer::new(&KeyRing::new(AppSecret::new(current), previous))
    }

    #[test]
    fn sealed_data_can_be_unsealed_and_differs_each_time() {
        let sealer = with(b"one", &[]);
        let (first, second) = (sealer.seal(b"a link"), sealer.seal(b"a link"));
        assert_ne!(first, second);
        assert!(!first.windows(6).any(|part| part == b"a link"));
        assert_eq!(sealer.unseal(&first).unwrap().as_slice(), b"a link");
        assert_eq!(sealer.unseal(&sealer.seal(b"")).unwrap().as_slice(), b"");
    }

    #[test]
    fn any_changed_byte_is_detected() {
        let sealer = with(b"one", &[]);
        let bytes = sealer.seal(b"a link");
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert_eq!(sealer.unseal(&changed), Err(UnsealError), "byte {place}");
        }
        for length in 0..bytes.len() {
            assert_eq!(sealer.unseal(&bytes[..length]), Err(UnsealError), "cut to {length}");
        }
    }

    #[test]
    fn a_previous_key_unseals_and_a_removed_key_does_not() {
        let sealed = with(b"one", &[]).seal(b"a link");
        assert_eq!(with(b"two", &[b"one"]).unseal(&sealed).unwrap().as_slice(), b"a link");
        assert_eq!(with(b"two", &[]).unseal(&sealed), Err(UnsealError));
    }
}
