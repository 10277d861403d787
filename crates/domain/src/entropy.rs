//! Secrets and random values, and the ports that generate, encrypt and verify them.

use std::fmt;

use zeroize::Zeroizing;

/// A secret that is issued to one user, such as the token in a link or the identifier in a refresh token. `Debug` does
/// not show it, and its memory is overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct PlainToken(Zeroizing<String>);

impl PlainToken {
    /// Creates a token from the text that was generated or received.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, to issue it or to compute its digest.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainToken(…)")
    }
}

/// The stored form of a token: its SHA-256 digest in lower-case hexadecimal (64 characters). The token cannot be
/// recovered from the digest.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TokenDigest(String);

impl TokenDigest {
    /// Creates a digest from the text that was computed or stored.
    #[must_use]
    pub const fn from_hex(hex: String) -> Self {
        Self(hex)
    }

    /// The text to store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(…)")
    }
}

/// Identifies one of the server's secrets by its age: the number of newer secrets. After a secret is replaced, it stays
/// valid for some time next to the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyAge(usize);

impl KeyAge {
    /// The current secret.
    pub const CURRENT: Self = Self(0);

    /// The secret for which there are `later` newer secrets.
    #[must_use]
    pub const fn new(later: usize) -> Self {
        Self(later)
    }

    /// The number of newer secrets.
    #[must_use]
    pub const fn later(self) -> usize {
        self.0
    }
}

/// Generates tokens and computes their digests.
pub trait TokenGenerator: Send + Sync {
    /// A new token. MUST have 256 bits of the operating system's entropy and be safe in a URL.
    fn generate(&self) -> PlainToken;
    /// The token that replaces `token` when a session is refreshed. MUST be the same for the same token until the
    /// server's secret is replaced, and MUST be unpredictable without that secret.
    fn successor(&self, token: &PlainToken) -> PlainToken;
    /// The successors of the token, one for each of the server's secrets, the current secret first.
    fn successors(&self, token: &PlainToken) -> Vec<(KeyAge, PlainToken)>;
    /// The digest of the token. MUST be SHA-256.
    fn digest(&self, token: &PlainToken) -> TokenDigest;
}

/// The bytes were altered, or were encrypted with a key that is no longer known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the data was altered, or was encrypted with a key that is no longer known")]
pub struct UnsealError;

/// Encrypts data that must not be readable in the database, such as mails that contain tokens.
pub trait Sealer: Send + Sync {
    /// Encrypts and authenticates the bytes. MUST return different bytes each time.
    fn seal(&self, plain: &[u8]) -> Vec<u8>;
    /// Decrypts the output of [`Sealer::seal`].
    ///
    /// # Errors
    /// When the bytes were altered, or cannot be decrypted with the current or a previous key.
    fn unseal(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, UnsealError>;
}

/// Signs texts that clients send back, such as pagination cursors.
pub trait Signer: Send + Sync {
    /// A 32-byte message authentication code over the parts. MUST differ when a boundary between parts moves.
    fn sign(&self, parts: &[&[u8]]) -> [u8; 32];
    /// Whether the code belongs to the parts, with the current or a previous key. MUST compare codes in constant time.
    fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool;
}
