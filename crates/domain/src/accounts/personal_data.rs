use async_trait::async_trait;

use crate::{
    accounts::{KnownDevice, LinkKind, RefreshToken, Session, UserDetails},
    audit::AuditRecord,
    catalog::MovieReaction,
    id::{CommentId, MovieId, UserId},
    store::StoreError,
    time::Instant,
};

/// What a user has, or had, of a movie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldMovie {
    /// The movie.
    pub id: MovieId,
    /// What it is called.
    pub name: String,
    /// Since when.
    pub since: Instant,
    /// Until when, where that is over.
    pub until: Option<Instant>,
}

/// A comment that the user wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenComment {
    /// Its identifier.
    pub id: CommentId,
    /// The movie that it is about.
    pub movie_id: MovieId,
    /// The text.
    pub text: String,
    /// When it was written.
    pub created_at: Instant,
    /// When the text was changed last.
    pub edited_at: Option<Instant>,
}

/// What the user thinks of movies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opinions {
    /// The reactions, oldest first.
    pub reactions: Vec<(HeldMovie, MovieReaction)>,
    /// The ratings with their scores, oldest first.
    pub ratings: Vec<(HeldMovie, i16)>,
    /// The favourites, oldest first.
    pub favorites: Vec<HeldMovie>,
    /// The comments, oldest first.
    pub comments: Vec<WrittenComment>,
    /// The comments that the user likes, and since when; oldest first.
    pub liked_comments: Vec<(CommentId, Instant)>,
}

/// A link in a mail that was not followed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenLink {
    /// What it is for.
    pub kind: LinkKind,
    /// From when on it is refused.
    pub expires_at: Instant,
}

/// All that is stored of a user (quality B13), but for what only lets the user in: hashes of passwords and tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalData {
    /// The account, and what its owner says of themselves.
    pub user: UserDetails,
    /// The sign-ins, ended ones too, oldest first.
    pub sessions: Vec<Session>,
    /// Their refresh tokens, oldest first.
    pub refresh_tokens: Vec<RefreshToken>,
    /// The devices that the user signed in from.
    pub devices: Vec<KnownDevice>,
    /// Links that were mailed.
    pub links: Vec<OpenLink>,
    /// What is in the cart.
    pub cart: Vec<HeldMovie>,
    /// What was bought.
    pub purchases: Vec<HeldMovie>,
    /// What the user thinks of movies.
    pub opinions: Opinions,
    /// The audit log, where it names the user as the one who did something, or whom it was done to; oldest first.
    pub audit: Vec<AuditRecord>,
    /// How many mails wait to be sent.
    pub pending_mails: u64,
}

/// Reads all that is stored of one user, outside a unit of work.
#[async_trait]
pub trait PersonalDataQueries: Send + Sync {
    /// All of it, or `None` when there is no such user. MUST hold nothing of another user but what the audit log says.
    async fn personal_data(&self, user_id: UserId) -> Result<Option<PersonalData>, StoreError>;
}

/// Forgets users. Callers hold the lock of the user.
#[async_trait]
pub trait PersonalDataRepository: Send {
    /// Makes a nameless row of the user, which purchases may refer to for ever: its address MUST be free for others at
    /// once, and no other method of any port MUST find the user again. Profile, sign-ins, tokens, cart, opinions of
    /// movies and mails that wait MUST go, counters of movies included; purchases and the audit log MUST stay.
    async fn erase_user(&mut self, user_id: UserId, at: Instant) -> Result<(), StoreError>;
}
