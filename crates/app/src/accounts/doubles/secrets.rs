use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use chrono::DateTime;
use domain::{
    accounts::{
        AccessClaims, AccessTokenError, HashError, PasswordHash, PasswordHasher, PlainPassword,
        RefreshClaims, RefreshTokenError, SessionTokens,
    },
    entropy::{KeyAge, PlainToken, TokenDigest, TokenGenerator},
    time::Instant,
};

use crate::doubles::storage::TestStorage;

/// "Hashes" a password by prefixing it with the current parameters. Panics if it hashes or verifies a password while a
/// unit of work is open.
pub(crate) struct PlainHasher {
    store: Arc<TestStorage>,
    parameters: AtomicU64,
    is_full: AtomicBool,
    is_busy: AtomicBool,
    count: AtomicUsize,
}

impl PlainHasher {
    pub(crate) fn beside(store: &Arc<TestStorage>) -> Self {
        Self {
            store: store.clone(),
            parameters: AtomicU64::new(1),
            is_full: AtomicBool::new(false),
            is_busy: AtomicBool::new(false),
            count: AtomicUsize::new(0),
        }
    }

    /// Returns how many passwords were hashed or verified since the last call of this method.
    pub(crate) fn take_count(&self) -> usize {
        self.count.swap(0, Ordering::Relaxed)
    }

    pub(crate) fn change_parameters(&self) {
        self.parameters.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes `check_room` fail from now on, as if the queue of the hasher were full.
    pub(crate) fn be_full(&self) {
        self.is_full.store(true, Ordering::Relaxed);
    }

    /// Makes every `hash` and `verify` fail as busy from now on.
    pub(crate) fn be_busy(&self) {
        self.is_busy.store(true, Ordering::Relaxed);
    }

    fn work(&self) -> Result<(), HashError> {
        assert!(!self.store.has_open_unit(), "no unit of work may be open while a password is hashed");
        if self.is_busy.load(Ordering::Relaxed) {
            return Err(HashError::Busy);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[async_trait]
impl PasswordHasher for PlainHasher {
    fn check_room(&self) -> Result<(), HashError> {
        if self.is_full.load(Ordering::Relaxed) { Err(HashError::Busy) } else { Ok(()) }
    }

    async fn hash(&self, password: &PlainPassword) -> Result<PasswordHash, HashError> {
        self.work()?;
        let parameters = self.parameters.load(Ordering::Relaxed);
        Ok(PasswordHash::from_phc(format!("{parameters}${}", password.expose())))
    }

    async fn verify(&self, hash: Option<&PasswordHash>, password: &PlainPassword) -> Result<bool, HashError> {
        self.work()?;
        let hashed = hash.and_then(|hash| hash.as_str().split_once('$'));
        Ok(hashed.is_some_and(|(_, hashed)| hashed == password.expose()))
    }

    fn needs_rehash(&self, hash: &PasswordHash) -> bool {
        let parameters = self.parameters.load(Ordering::Relaxed).to_string();
        hash.as_str().split_once('$').is_some_and(|(made_with, _)| made_with != parameters)
    }
}

/// Makes tokens that a test can read. For example, a generated token is `secret1`, its digest is `#secret1`, and the
/// token that replaces it after a refresh is `secret1'0` if the server's key has the number 0. A session token consists
/// of its claims as text.
#[derive(Default)]
pub(crate) struct ReadableTokens {
    made: AtomicU64,
    key: AtomicUsize,
}

impl ReadableTokens {
    /// Rotates the server's key: the current key becomes an old one.
    pub(crate) fn change_key(&self) {
        self.key.fetch_add(1, Ordering::Relaxed);
    }

    fn key(&self, age: KeyAge) -> usize {
        self.key.load(Ordering::Relaxed).checked_sub(age.later()).unwrap()
    }
}

impl TokenGenerator for ReadableTokens {
    fn generate(&self) -> PlainToken {
        PlainToken::new(format!("secret{}", self.made.fetch_add(1, Ordering::Relaxed)))
    }

    fn successor(&self, token: &PlainToken) -> PlainToken {
        PlainToken::new(format!("{}'{}", token.expose(), self.key(KeyAge::CURRENT)))
    }

    fn successors(&self, token: &PlainToken) -> Vec<(KeyAge, PlainToken)> {
        let ages = (0..=self.key(KeyAge::CURRENT)).map(KeyAge::new);
        let made = |age| PlainToken::new(format!("{}'{}", token.expose(), self.key(age)));
        ages.map(|age| (age, made(age))).collect()
    }

    fn digest(&self, token: &PlainToken) -> TokenDigest {
        TokenDigest::from_hex(format!("#{}", token.expose()))
    }
}

impl SessionTokens for ReadableTokens {
    fn sign_access(&self, claims: &AccessClaims) -> String {
        let AccessClaims { user_id, session_id, role, id, issued_at, expires_at } = claims;
        let role = role.as_str();
        format!("at {user_id} {session_id} {role} {id} {} {}", issued_at.timestamp(), expires_at.timestamp())
    }

    fn verify_access(&self, token: &str, now: Instant) -> Result<AccessClaims, AccessTokenError> {
        let claims = read_access(token).ok_or(AccessTokenError::Invalid)?;
        if now >= claims.expires_at { Err(AccessTokenError::Expired) } else { Ok(claims) }
    }

    fn sign_refresh(&self, claims: &RefreshClaims, key: KeyAge) -> String {
        let RefreshClaims { user_id, session_id, token, issued_at, expires_at } = claims;
        let (token, key) = (token.expose(), self.key(key));
        let (issued_at, expires_at) = (issued_at.timestamp(), expires_at.timestamp());
        format!("rt {user_id} {session_id} {token} {issued_at} {expires_at} signed-with-{key}")
    }

    fn verify_refresh(&self, token: &str) -> Result<RefreshClaims, RefreshTokenError> {
        read_refresh(token).ok_or(RefreshTokenError)
    }
}

fn read_access(token: &str) -> Option<AccessClaims> {
    let mut words = token.strip_prefix("at ")?.split(' ');
    Some(AccessClaims {
        user_id: words.next()?.parse().ok()?,
        session_id: words.next()?.parse().ok()?,
        role: words.next()?.parse().ok()?,
        id: words.next()?.parse().ok()?,
        issued_at: instant(words.next()?)?,
        expires_at: instant(words.next()?)?,
    })
}

fn read_refresh(token: &str) -> Option<RefreshClaims> {
    let mut words = token.strip_prefix("rt ")?.split(' ');
    Some(RefreshClaims {
        user_id: words.next()?.parse().ok()?,
        session_id: words.next()?.parse().ok()?,
        token: PlainToken::new(words.next()?.to_owned()),
        issued_at: instant(words.next()?)?,
        expires_at: instant(words.next()?)?,
    })
}

fn instant(word: &str) -> Option<Instant> {
    DateTime::from_timestamp(word.parse().ok()?, 0)
}
