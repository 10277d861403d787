use async_trait::async_trait;

use crate::{
    accounts::{KnownDevice, LinkKind, RefreshToken, Session, UserDetails},
    audit::AuditRecord,
    id::{MovieId, UserId},
    store::StoreError,
    time::Instant,
};

/// A movie that a user has or had, for example in the cart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldMovie {
    /// The movie.
    pub id: MovieId,
    /// Its title.
    pub name: String,
    /// Since when.
    pub since: Instant,
    /// Until when; `None` while the user has it.
    pub until: Option<Instant>,
}

/// A link in a mail that was not used yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenLink {
    /// Its purpose.
    pub kind: LinkKind,
    /// When it expires.
    pub expires_at: Instant,
}

/// Everything that is stored about a user, except hashes of passwords and tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalData {
    /// The account with its profile.
    pub user: UserDetails,
    /// The sign-ins, ended ones too, oldest first.
    pub sessions: Vec<Session>,
    /// Their refresh tokens, oldest first.
    pub refresh_tokens: Vec<RefreshToken>,
    /// The devices that the user signed in from.
    pub devices: Vec<KnownDevice>,
    /// Links that were mailed and not used yet.
    pub links: Vec<OpenLink>,
    /// The movies in the cart.
    pub cart: Vec<HeldMovie>,
    /// The movies that were bought.
    pub purchases: Vec<HeldMovie>,
    /// The entries of the audit log that name the user as actor or object, oldest first.
    pub audit: Vec<AuditRecord>,
    /// How many mails wait to be sent.
    pub pending_mails: u64,
}

/// Reads everything that is stored about one user, outside a unit of work.
#[async_trait]
pub trait PersonalDataQueries: Send + Sync {
    /// All of it, or `None` when there is no such user. MUST hold nothing of another user but what the audit log says.
    async fn personal_data(&self, user_id: UserId) -> Result<Option<PersonalData>, StoreError>;
}

/// Erases users. Callers hold the lock of the user.
#[async_trait]
pub trait PersonalDataRepository: Send {
    /// Makes a nameless row of the user, which purchases may refer to for ever: its address MUST be free for others at
    /// once, and no other method of any port MUST find the user again. Profile, sign-ins, tokens, cart and mails that
    /// wait MUST go; purchases and the audit log MUST stay.
    async fn erase_user(&mut self, user_id: UserId, at: Instant) -> Result<(), StoreError>;
}
