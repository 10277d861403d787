//! Implements ports of the domain: password hashing with Argon2id, session tokens (JSON Web Tokens), encryption,
//! signatures, identifiers, random secrets, and the clock.

mod backoff;
mod clock;
mod ids;
mod keys;
mod passwords;
mod sealing;
mod seals;
mod session_tokens;
mod signing;
mod tokens;

pub use backoff::RandomBackoff;
pub use clock::SystemClock;
pub use ids::UuidGenerator;
pub use keys::{AppSecret, KeyRing, SubKey};
pub use passwords::{Argon2Hasher, HashCost, HasherError};
pub use sealing::AeadSealer;
pub use seals::LogSealMaker;
pub use session_tokens::JwtTokens;
pub use signing::HmacSigner;
pub use tokens::{SecretTokens, fresh_secret};
