mod pool;

use argon2::{
    ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, PasswordHash as Phc, Version,
    password_hash::phc::{Output, ParamsString, Salt},
};
use async_trait::async_trait;
use domain::accounts::{HashError, PasswordHash, PasswordHasher, PlainPassword};
use pool::{HashPool, Limits, Memory};

use crate::tokens::random;

/// The cost of computing one hash with Argon2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashCost {
    /// The memory, in KiB; at least 8.
    pub memory_kib: u32,
    /// The number of passes over the memory.
    pub passes: u32,
}

impl HashCost {
    /// 19 MiB and two passes: one of the costs that OWASP's "Password Storage Cheat Sheet" recommends for Argon2id.
    pub const OWASP: Self = Self { memory_kib: 19_456, passes: 2 };

    /// The lowest cost that Argon2 accepts. This is only for tests with many users, and never for real passwords.
    pub const LEAST: Self = Self { memory_kib: 8, passes: 1 };
}

const LANES: u32 = 1;

/// The number of bytes of a hash.
const OUTPUT: usize = 32;

/// The maximum memory that a stored hash may require, so that a wrong row in the database cannot exhaust the memory.
const MAX_MEMORY_KIB: u32 = 256 * 1024;

/// Why the hasher cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum HasherError {
    /// Argon2 does not accept the cost.
    #[error("Argon2 refuses its parameters: {0}")]
    Parameters(argon2::Error),
    /// The operating system refuses to start a thread.
    #[error("no thread for hashing passwords: {0}")]
    Thread(#[from] std::io::Error),
}

/// Hashes passwords with Argon2id on separate threads, so that other work need not wait for the hashing.
#[derive(Debug)]
pub struct Argon2Hasher {
    pool: HashPool,
    params: Params,
    /// A hash that no password matches. If the user does not exist or has no usable password, the given password is
    /// verified against this hash, so that this login takes as long as a login with a hash of the current cost.
    dummy: Stored,
}

impl Argon2Hasher {
    /// Starts `slots` threads (at least one), each of which hashes one password at a time. Up to 64 more callers wait
    /// in a queue, for at most two seconds.
    ///
    /// # Errors
    /// When Argon2 refuses the cost, or the threads cannot be started.
    pub fn new(slots: usize, cost: HashCost) -> Result<Self, HasherError> {
        Self::with_limits(Limits { slots, ..Limits::default() }, cost)
    }

    /// Returns how many times the threads have begun to hash or verify a password, for metrics. Calls that have not
    /// ended yet are included.
    #[must_use]
    pub fn passwords_done(&self) -> u64 {
        self.pool.jobs_done()
    }

    fn with_limits(limits: Limits, cost: HashCost) -> Result<Self, HasherError> {
        let params = Params::new(cost.memory_kib, cost.passes, LANES, Some(OUTPUT));
        let params = params.map_err(HasherError::Parameters)?;
        let dummy = Stored {
            params: params.clone(),
            version: Version::V0x13,
            algorithm: Algorithm::Argon2id,
            salt: random::<16>().to_vec(),
            output: random::<OUTPUT>().to_vec(),
            can_match: false,
        };
        Ok(Self { pool: HashPool::start(limits)?, params, dummy })
    }

    fn stored(&self, hash: Option<&PasswordHash>) -> Result<Stored, HashError> {
        match hash.filter(|hash| hash.is_usable()) {
            Some(hash) => Stored::read(hash),
            None => Ok(self.dummy.clone()),
        }
    }
}

/// A parsed hash, with everything that is needed to verify a password.
#[derive(Debug, Clone)]
struct Stored {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    output: Vec<u8>,
    can_match: bool,
}

impl Stored {
    fn read(hash: &PasswordHash) -> Result<Self, HashError> {
        let phc = Phc::new(hash.as_str()).map_err(failed)?;
        let params = Params::try_from(&phc).map_err(failed)?;
        if params.m_cost() > MAX_MEMORY_KIB {
            return Err(HashError::Failed("the stored hash asks for too much memory".into()));
        }
        let (Some(salt), Some(output)) = (phc.salt, phc.hash) else {
            return Err(HashError::Failed("the stored hash has no salt or no output".into()));
        };
        Ok(Self {
            algorithm: Algorithm::try_from(phc.algorithm.as_str()).map_err(failed)?,
            version: phc.version.map_or(Ok(Version::V0x10), Version::try_from).map_err(failed)?,
            params,
            salt: salt.to_vec(),
            output: output.as_bytes().to_vec(),
            can_match: true,
        })
    }

    fn verify(&self, password: &PlainPassword, memory: &mut Memory) -> Result<bool, argon2::Error> {
        let mut output = vec![0; self.output.len()];
        Argon2::new(self.algorithm, self.version, self.params.clone()).hash_password_into_with_memory(
            password.expose().as_bytes(),
            &self.salt,
            &mut output,
            memory.blocks(self.params.block_count()),
        )?;
        // The comparison of two `Output`s takes constant time: its duration does not reveal where they differ.
        let is_same = match (Output::new(&output), Output::new(&self.output)) {
            (Ok(ours), Ok(theirs)) => ours == theirs,
            _ => false,
        };
        Ok(is_same && self.can_match)
    }
}

fn failed(source: impl std::error::Error + Send + Sync + 'static) -> HashError {
    HashError::Failed(Box::new(source))
}

#[async_trait]
impl PasswordHasher for Argon2Hasher {
    fn check_room(&self) -> Result<(), HashError> {
        if self.pool.has_room() { Ok(()) } else { Err(HashError::Busy) }
    }

    async fn hash(&self, password: &PlainPassword) -> Result<PasswordHash, HashError> {
        let (password, params) = (password.clone(), self.params.clone());
        self.pool.run(move |memory| hash(&password, &params, memory)).await?.map_err(HashError::Failed)
    }

    async fn verify(&self, hash: Option<&PasswordHash>, password: &PlainPassword) -> Result<bool, HashError> {
        let (stored, password) = (self.stored(hash)?, password.clone());
        self.pool.run(move |memory| stored.verify(&password, memory)).await?.map_err(failed)
    }

    fn needs_rehash(&self, hash: &PasswordHash) -> bool {
        hash.is_usable()
            && !Stored::read(hash).is_ok_and(|stored| {
                stored.algorithm == Algorithm::Argon2id
                    && stored.version == Version::V0x13
                    && stored.params.m_cost() == self.params.m_cost()
                    && stored.params.t_cost() == self.params.t_cost()
                    && stored.params.p_cost() == self.params.p_cost()
                    && stored.salt.len() == self.dummy.salt.len()
                    && stored.output.len() == self.dummy.output.len()
            })
    }
}

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

fn hash(password: &PlainPassword, params: &Params, memory: &mut Memory) -> Result<PasswordHash, BoxedError> {
    let salt = random::<16>();
    let mut output = [0; OUTPUT];
    let blocks: &mut [Block] = memory.blocks(params.block_count());
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone()).hash_password_into_with_memory(
        password.expose().as_bytes(),
        &salt,
        &mut output,
        blocks,
    )?;
    let phc = Phc {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params)?,
        salt: Some(Salt::new(&salt)?),
        hash: Some(Output::new(&output)?),
    };
    Ok(PasswordHash::from_phc(phc.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher() -> Argon2Hasher {
        Argon2Hasher::new(1, HashCost::OWASP).unwrap()
    }

    fn password(text: &str) -> PlainPassword {
        PlainPassword::new(text)
    }

    #[tokio::test]
    async fn only_the_hashed_password_matches() {
        let hasher = hasher();
        let hash = hasher.hash(&password("пароль123456🎬")).await.unwrap();
        assert!(hasher.verify(Some(&hash), &password("пароль123456🎬")).await.unwrap());
        assert!(!hasher.verify(Some(&hash), &password("пароль12345🎬")).await.unwrap());
        assert!(!hasher.verify(Some(&hash), &password("")).await.unwrap());
    }

    #[tokio::test]
    async fn the_hash_contains_its_parameters_and_a_unique_salt() {
        let hasher = hasher();
        let one = hasher.hash(&password("a1b2c3d4e5")).await.unwrap();
        let other = hasher.hash(&password("a1b2c3d4e5")).await.unwrap();
        assert_ne!(one, other);
        assert!(one.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", one.as_str());
        assert_eq!(Stored::read(&one).unwrap().salt.len(), 16);
        assert!(!hasher.needs_rehash(&one));
    }

    #[tokio::test]
    async fn a_hash_with_other_parameters_verifies_and_needs_a_rehash() {
        let made = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(256, 1, 1, None).unwrap());
        let mut output = [0; 32];
        made.hash_password_into(b"password", b"somesalt", &mut output).unwrap();
        let phc = Phc {
            algorithm: ARGON2ID_IDENT,
            version: Some(19),
            params: "m=256,t=1,p=1".parse().unwrap(),
            salt: Some(Salt::new(b"somesalt").unwrap()),
            hash: Some(Output::new(&output).unwrap()),
        };
        let hash = PasswordHash::from_phc(phc.to_string());
        assert!(hasher().verify(Some(&hash), &password("password")).await.unwrap());
        assert!(hasher().needs_rehash(&hash));
    }

    #[tokio::test]
    async fn for_an_unknown_user_the_same_work_is_done_and_nothing_matches() {
        let hasher = hasher();
        let known = hasher.hash(&password("a1b2c3d4e5")).await.unwrap();
        let known = hasher.stored(Some(&known)).unwrap();
        for hash in [None, Some(PasswordHash::unusable())] {
            let before = hasher.passwords_done();
            assert!(!hasher.verify(hash.as_ref(), &password("a1b2c3d4e5")).await.unwrap());
            assert_eq!(hasher.passwords_done(), before + 1);
            let stand_in = hasher.stored(hash.as_ref()).unwrap();
            assert_eq!(stand_in.params, known.params);
            assert_eq!(stand_in.salt.len(), known.salt.len());
            assert_eq!(stand_in.output.len(), known.output.len());
        }
        assert!(!hasher.needs_rehash(&PasswordHash::unusable()));
    }

    #[tokio::test]
    async fn a_malformed_or_too_expensive_hash_is_a_failure_and_not_a_match() {
        let hasher = hasher();
        for broken in [
            "",
            "plain",
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ",
            "$argon2id$v=19$m=4000000000,t=2,p=1$c29tZXNhbHRzYWx0$Hoc9qNyVJnJgAFzQnKJIXw",
        ] {
            let hash = PasswordHash::from_phc(broken.to_owned());
            let verdict = hasher.verify(Some(&hash), &password("a1b2c3d4e5")).await;
            assert!(matches!(verdict, Err(HashError::Failed(_))), "{broken}: {verdict:?}");
        }
    }
}
