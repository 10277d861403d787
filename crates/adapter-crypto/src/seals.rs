use domain::audit::SealMaker;
use hmac::Mac;
use sha2::{Digest, Sha256};

use crate::{
    keys::{KeyRing, SubKey},
    tokens::hex,
};

/// Computes the digests (SHA-256) and tags (HMAC-SHA-256) of the seals of the audit log. A seal proves that a part of
/// the log was not changed later. In the input of a digest, the length of each part precedes the part, so that the same
/// bytes with other boundaries between the parts have another digest.
#[derive(Debug)]
pub struct LogSealMaker {
    current: SubKey,
    keys: Vec<SubKey>,
}

impl LogSealMaker {
    /// Creates tags with the current key of the ring, and accepts the tags of any key of the ring.
    #[must_use]
    pub fn new(keys: &KeyRing) -> Self {
        const PURPOSE: &str = "audit-seals";
        Self { current: keys.current(PURPOSE), keys: keys.all(PURPOSE) }
    }
}

impl SealMaker for LogSealMaker {
    fn digest(&self, parts: &[&[u8]]) -> String {
        let digest = parts.iter().fold(Sha256::new(), |digest, part| {
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            digest.chain_update(length.to_be_bytes()).chain_update(part)
        });
        hex(&digest.finalize())
    }

    fn tag(&self, digest: &str) -> String {
        hex(&self.current.mac().chain_update(digest.as_bytes()).finalize().into_bytes())
    }

    fn is_tag(&self, tag: &str, digest: &str) -> bool {
        let Some(tag) = bytes_of(tag) else { return false };
        self.keys.iter().any(|key| key.mac().chain_update(digest.as_bytes()).verify_slice(&tag).is_ok())
    }
}

/// Decodes lower-case hexadecimal text; `None` for any other text.
fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let value = |digit: &u8| match digit {
        b'0'..=b'9' => digit.checked_sub(b'0'),
        b'a'..=b'f' => digit.checked_sub(b'a')?.checked_add(10),
        _ => None,
    };
    let pairs = hex.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => value(high)?.checked_mul(16)?.checked_add(value(low)?),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::AppSecret;

    fn maker(current: &[u8], previous: &[&[u8]]) -> LogSealMaker {
        let previous = previous.iter().map(|secret| AppSecret::new(*secret)).collect();
        LogSealMaker::new(&KeyRing::new(AppSecret::new(current), previous))
    }

    #[test]
    fn the_digest_is_sha_256_over_parts_and_their_lengths() {
        let maker = maker(b"one", &[]);
        // The SHA-256 of no bytes, and of eight zero bytes, which encode the length of one empty part.
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let empty = "af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc";
        assert_eq!((maker.digest(&[]), maker.digest(&[b""])), (nothing.to_owned(), empty.to_owned()));
        assert_ne!(maker.digest(&[b"ab", b"c"]), maker.digest(&[b"a", b"bc"]));
    }

    #[test]
    fn only_the_tag_of_the_digest_is_accepted() {
        let maker = maker(b"one", &[]);
        let tag = maker.tag("digest");
        assert!(maker.is_tag(&tag, "digest"));
        assert!(!maker.is_tag(&tag, "digesu"));
        for bad in ["", "0", "é", &tag[..62], &tag.to_uppercase(), &format!("{}g", &tag[..63])] {
            assert!(!maker.is_tag(bad, "digest"), "{bad}");
        }
    }

    #[test]
    fn tags_of_a_previous_key_are_accepted_and_those_of_a_removed_key_are_not() {
        let tag = maker(b"one", &[]).tag("digest");
        assert!(maker(b"two", &[b"one"]).is_tag(&tag, "digest"));
        assert!(!maker(b"two", &[]).is_tag(&tag, "digest"));
    }
}
