//! Chance, and what is made of it, as ports.

use std::fmt;

use zeroize::Zeroizing;

/// A secret that is handed out once: the text in a link, or the id in a refresh token. Hidden in `Debug`, wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct PlainToken(Zeroizing<String>);

impl PlainToken {
    /// Takes the text that was made or received.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself, to hand out or to digest.
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

/// What is stored of a token: its SHA-256, in lower-case hexadecimal (64 characters). The plain text cannot be had back.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TokenDigest(String);

impl TokenDigest {
    /// For the port that makes digests, and for adapters that read them back.
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

/// One of the server's secrets, by its age: a changed one still holds for a while, beside the one in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyAge(usize);

impl KeyAge {
    /// The secret in force.
    pub const CURRENT: Self = Self(0);

    /// So many secrets came after it.
    #[must_use]
    pub const fn new(later: usize) -> Self {
        Self(later)
    }

    /// How many secrets came after it.
    #[must_use]
    pub const fn later(self) -> usize {
        self.0
    }
}

/// Makes and digests the secrets that are handed out once.
pub trait TokenGenerator: Send + Sync {
    /// A new token. MUST have 256 bits of the operating system's entropy and be safe in a URL.
    fn generate(&self) -> PlainToken;
    /// The token that follows `token` when it is rotated. MUST be the same each time for the same token, and not
    /// to be foreseen without the server's secret.
    fn successor(&self, token: &PlainToken) -> PlainToken;
    /// What was made its successor while each of the server's secrets was in force, the present one first.
    fn successors(&self, token: &PlainToken) -> Vec<(KeyAge, PlainToken)>;
    /// What is stored of the token. MUST be SHA-256.
    fn digest(&self, token: &PlainToken) -> TokenDigest;
}

/// The sealed bytes were altered, or sealed with a key that is not known any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the sealed data cannot be opened with the present keys")]
pub struct UnsealError;

/// Keeps what must not be read in the database: mails carry tokens.
pub trait Sealer: Send + Sync {
    /// Encrypts and authenticates. MUST give other bytes each time.
    fn seal(&self, plain: &[u8]) -> Vec<u8>;
    /// The plain bytes again.
    ///
    /// # Errors
    /// When the bytes were altered or no present or previous key opens them.
    fn unseal(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, UnsealError>;
}

/// Proves that a text came from us: for cursors.
pub trait Signer: Send + Sync {
    /// A 32-byte message authentication code over the parts. MUST differ when a boundary between parts moves.
    fn sign(&self, parts: &[&[u8]]) -> [u8; 32];
    /// Whether the code is the parts' own, with a present or previous key, in constant time.
    fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool;
}
